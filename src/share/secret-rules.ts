/**
 * What counts as a secret, as data. No rule begins with an open class: each starts at a literal, so that a text without
 * secrets is passed at the speed of a literal search (measured: an open start took two thirds of the time).
 */

/** A secret that is known by how it begins. */
export interface PrefixRule {
  readonly name: string
  /** How it begins, exactly. */
  readonly prefixes: readonly string[]
  /** What has to follow the prefix, at once; all of it is the secret. */
  readonly rest: RegExp
  /** `false`: it looks like one, but is not. */
  accept?(secret: string): boolean
}

const hasDigit = (secret: string): boolean => /\d/.test(secret)

/** Letters of both cases or a digit: no word of a text, no name of a CSS class. */
const looksRandom = (secret: string): boolean =>
  /\d/.test(secret) || (/[a-z]/.test(secret) && /[A-Z]/.test(secret.slice(4)))

export const PREFIX_RULES: readonly PrefixRule[] = [
  // OpenAI (sk-, sk-proj-, sk-svcacct-, sk-admin-, sk-None-), Anthropic (sk-ant-), OpenRouter (sk-or-), DeepSeek …
  { name: 'model provider key', prefixes: ['sk-'], rest: /[A-Za-z0-9_-]{16,}/y, accept: hasDigit },
  { name: 'masked provider key', prefixes: ['sk-'], rest: /[A-Za-z0-9_-]*\*{3,}[A-Za-z0-9_-]*/y },
  { name: 'OpenAI session', prefixes: ['sess-'], rest: /[A-Za-z0-9_-]{24,}/y, accept: hasDigit },
  { name: 'xAI key', prefixes: ['xai-'], rest: /[A-Za-z0-9_-]{20,}/y, accept: hasDigit },
  { name: 'Groq key', prefixes: ['gsk_'], rest: /[A-Za-z0-9]{20,}/y },
  { name: 'Perplexity key', prefixes: ['pplx-'], rest: /[A-Za-z0-9]{20,}/y },
  { name: 'Replicate token', prefixes: ['r8_'], rest: /[A-Za-z0-9]{20,}/y },
  { name: 'Fireworks key', prefixes: ['fw_'], rest: /[A-Za-z0-9]{20,}/y },
  { name: 'NVIDIA key', prefixes: ['nvapi-'], rest: /[A-Za-z0-9_-]{20,}/y },
  { name: 'LangSmith key', prefixes: ['lsv2_pt_', 'lsv2_sk_'], rest: /[A-Za-z0-9_]{20,}/y },
  { name: 'Hugging Face token', prefixes: ['hf_', 'api_org_'], rest: /[A-Za-z0-9]{20,}/y },
  { name: 'Google API key', prefixes: ['AIza'], rest: /[A-Za-z0-9_-]{30,}/y },
  { name: 'Google OAuth token', prefixes: ['ya29.'], rest: /[A-Za-z0-9_.-]{20,}/y },
  { name: 'Google OAuth client secret', prefixes: ['GOCSPX-'], rest: /[A-Za-z0-9_-]{16,}/y },
  {
    name: 'AWS access key',
    prefixes: ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
    rest: /[A-Z0-9]{16}(?![A-Za-z0-9])/y,
  },
  {
    name: 'GitHub token',
    prefixes: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'],
    rest: /[A-Za-z0-9_]{20,}/y,
    accept: looksRandom,
  },
  { name: 'GitHub fine-grained token', prefixes: ['github_pat_'], rest: /[A-Za-z0-9_]{20,}/y },
  {
    name: 'GitLab token',
    prefixes: ['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glcbt-', 'glsoat-', 'glagent-', 'gloas-', 'glft-'],
    rest: /[A-Za-z0-9_.-]{16,}/y,
  },
  {
    name: 'Slack token',
    prefixes: ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxe-', 'xoxe.', 'xoxc-', 'xoxd-', 'xapp-'],
    rest: /[A-Za-z0-9.%-]{10,}/y,
  },
  // JSON and claims are base64 of `{"…`; two or more parts, as a truncated one still gives its claims away.
  { name: 'JSON web token', prefixes: ['eyJ'], rest: /[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{4,}){1,4}/y },
  { name: '1Password service account', prefixes: ['ops_eyJ'], rest: /[A-Za-z0-9_+/=-]{20,}/y },
  { name: '1Password secret key', prefixes: ['A3-'], rest: /[A-Z0-9]{6}-(?:[A-Z0-9]{5,11}-?){3,5}/y },
  { name: 'Twilio key', prefixes: ['SK'], rest: /[0-9a-f]{32}(?![A-Za-z0-9])/y },
  { name: 'Twilio account', prefixes: ['AC'], rest: /[0-9a-f]{32}(?![A-Za-z0-9])/y },
  { name: 'SendGrid key', prefixes: ['SG.'], rest: /[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/y },
  { name: 'Mailgun key', prefixes: ['key-'], rest: /[0-9a-f]{32}(?![A-Za-z0-9])/y },
  { name: 'Mailchimp key', prefixes: ['mc-'], rest: /[0-9a-f]{32}-us\d+/y },
  {
    name: 'Stripe key',
    prefixes: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'pk_live_', 'whsec_'],
    rest: /[A-Za-z0-9+/=]{16,}/y,
  },
  { name: 'Square token', prefixes: ['sq0atp-', 'sq0csp-', 'EAAAE', 'EAAAl'], rest: /[A-Za-z0-9_-]{20,}/y },
  {
    name: 'Shopify token',
    prefixes: ['shpat_', 'shpss_', 'shpca_', 'shppa_'],
    rest: /[A-Fa-f0-9]{24,}/y,
  },
  { name: 'PyPI token', prefixes: ['pypi-'], rest: /[A-Za-z0-9_-]{32,}/y, accept: hasDigit },
  { name: 'npm token', prefixes: ['npm_'], rest: /[A-Za-z0-9]{30,}/y },
  { name: 'RubyGems key', prefixes: ['rubygems_'], rest: /[0-9a-f]{32,}/y },
  {
    name: 'crates.io token',
    prefixes: ['cio'],
    rest: /[A-Za-z0-9]{32}(?![A-Za-z0-9])/y,
    accept: looksRandom,
  },
  { name: 'Docker token', prefixes: ['dckr_pat_', 'dckr_oat_'], rest: /[A-Za-z0-9_-]{20,}/y },
  { name: 'DigitalOcean token', prefixes: ['dop_v1_', 'doo_v1_', 'dor_v1_'], rest: /[0-9a-f]{32,}/y },
  { name: 'Heroku key', prefixes: ['HRKU-'], rest: /[A-Za-z0-9_-]{30,}/y },
  { name: 'Netlify token', prefixes: ['nfp_'], rest: /[A-Za-z0-9_-]{30,}/y },
  { name: 'Vercel token', prefixes: ['vcp_', 'vca_', 'vci_', 'vcr_', 'vck_'], rest: /[A-Za-z0-9]{20,}/y },
  { name: 'Fly.io token', prefixes: ['fm1_', 'fm2_', 'fm1r_', 'fo1_'], rest: /[A-Za-z0-9_+/=,-]{20,}/y },
  { name: 'Cloudflare token', prefixes: ['cfut_', 'cfat_', 'v1.0-'], rest: /[A-Za-z0-9_-]{40,}/y },
  { name: 'Supabase key', prefixes: ['sbp_', 'sb_secret_'], rest: /[A-Za-z0-9_]{20,}/y },
  {
    name: 'PlanetScale token',
    prefixes: ['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'],
    rest: /[\w.=-]{24,}/y,
  },
  { name: 'Databricks token', prefixes: ['dapi', 'dose'], rest: /[0-9a-f]{32}(?:-\d)?(?![A-Za-z0-9])/y },
  { name: 'Linear key', prefixes: ['lin_api_', 'lin_oauth_'], rest: /[A-Za-z0-9]{30,}/y },
  { name: 'Notion secret', prefixes: ['ntn_', 'secret_'], rest: /[A-Za-z0-9]{40,}/y },
  { name: 'Figma token', prefixes: ['figd_', 'figo_', 'figu_'], rest: /[A-Za-z0-9_-]{24,}/y },
  { name: 'Airtable token', prefixes: ['pat'], rest: /[A-Za-z0-9]{14}\.[0-9a-f]{64}/y },
  { name: 'Atlassian token', prefixes: ['ATATT3x', 'ATCTT3x', 'ATBB'], rest: /[A-Za-z0-9_=-]{20,}/y },
  { name: 'Postman key', prefixes: ['PMAK-'], rest: /[0-9a-f]{20,}-[0-9a-f]{20,}/y },
  { name: 'New Relic key', prefixes: ['NRAK-', 'NRJS-', 'NRII-'], rest: /[A-Za-z0-9_-]{16,}/y },
  { name: 'Grafana token', prefixes: ['glsa_', 'glc_'], rest: /[A-Za-z0-9_+/=-]{24,}/y },
  { name: 'Sentry token', prefixes: ['sntrys_', 'sntryu_', 'sntrya_'], rest: /[A-Za-z0-9_+/=-]{24,}/y },
  { name: 'Vault token', prefixes: ['hvs.', 'hvb.', 'hvr.'], rest: /[A-Za-z0-9_-]{20,}/y },
  { name: 'Doppler token', prefixes: ['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.'], rest: /[A-Za-z0-9._-]{20,}/y },
  { name: 'Pulumi token', prefixes: ['pul-'], rest: /[0-9a-f]{40}/y },
  { name: 'Tailscale key', prefixes: ['tskey-'], rest: /[a-z]+-[A-Za-z0-9]+-[A-Za-z0-9]{16,}/y },
  { name: 'Dropbox token', prefixes: ['sl.'], rest: /[A-Za-z0-9_-]{60,}/y },
  { name: 'Facebook token', prefixes: ['EAACEdEose0cBA', 'EAAG', 'EAAB'], rest: /[A-Za-z0-9]{40,}/y },
  { name: 'age secret key', prefixes: ['AGE-SECRET-KEY-1'], rest: /[A-Z0-9]{40,}/y },
  { name: 'AWS session token', prefixes: ['IQoJb3JpZ2lu'], rest: /[\w%+/=-]{40,}/y },
]

/** A secret with something in it or before it that is rare enough to be looked for as it is. */
export interface NeedleRule {
  readonly name: string
  /** Each holds punctuation: a text is looked at closely only there. */
  readonly needles: readonly string[]
  /** Tried at the needle; group 1 is the secret. With `before`, the secret begins up to so many characters earlier. */
  readonly pattern: RegExp
  readonly before?: number
  readonly kind?: 'secret' | 'host'
}

export const NEEDLE_RULES: readonly NeedleRule[] = [
  // `<bot id>:AA…`; the id in front names the bot and stays.
  { name: 'Telegram bot token', needles: [':AA'], pattern: /:(AA[A-Za-z0-9_-]{30,})/dy },
  {
    name: 'Google refresh token',
    needles: ['1//0', '1\\/\\/0'],
    pattern: /(1\\?\/\\?\/0[A-Za-z0-9_-]{24,})/dy,
  },
  {
    name: 'webhook of Slack or Discord',
    needles: ['hooks.slack', 'hooks/', 'hooks\\'],
    pattern: /hooks(?:\.slack\.com\\*\/(?=[a-z]+\\*\/)|\\*\/(?=\d+\\*\/))((?:[\w-]+\\*\/)+[\w-]{16,})/dy,
  },
  {
    name: 'signature of a URL',
    needles: ['X-Amz', 'X-Goog'],
    pattern: /X-(?:Amz|Goog)-(?:Signature|Security-Token|Credential)(?:=|\\+u003d)([\w%+/=-]{16,})/dy,
  },
  // Azure AD client secrets have `8Q~` or `7Q~` behind three characters, and shared access signatures a `sig`.
  { name: 'Azure client secret', needles: ['Q~'], pattern: /(Q~[A-Za-z0-9_.~-]{28,})/dy, before: 4 },
  {
    name: 'Azure signature',
    needles: ['sig=', 'sig\\u003d'],
    pattern: /sig(?:=|\\u003d)([A-Za-z0-9%+/=_-]{20,})/dy,
  },
  // What Codex calls this machine when others may control it; elsewhere a `server_name` is one of MCP.
  {
    name: 'name of the machine',
    needles: ['installation_id='],
    pattern: /installation_id=\S+ server_name=([^\s,"\\]+)/dy,
    kind: 'host',
  },
  // With line ends as they are, as `\n`, as blanks or without any; a text that was cut may end within it.
  {
    name: 'private key',
    needles: ['-----BEGIN '],
    pattern:
      /(-----BEGIN (?:[A-Z0-9 ]{1,40} )?PRIVATE KEY(?: BLOCK)?-----(?:(?:[^"'`<>{}]|u\{1[bB]\}){0,16000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|(?:[A-Za-z0-9+/=:,.\s-]|\\[nr/])*))/dy,
  },
  {
    name: 'PuTTY private key',
    needles: ['Private-Lines:'],
    pattern: /Private-Lines: *\d+((?:\s|\\[nr]|[A-Za-z0-9+/=])+)/dy,
  },
]

/** A Discord bot token begins with the base64 of digits, which is no literal: its two dots and lengths tell. */
export const DISCORD_TOKEN = /[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}/y

/** Words behind which a value follows after a blank. */
export const AUTHORIZATION_SCHEMES = [
  'Bearer',
  'Basic',
  'Digest',
  'Negotiate',
  'ApiKey',
  'Token',
  'OAuth',
] as const

/** Commands that take a password without naming it: group 1 is the password. */
export const PASSWORD_COMMANDS: Readonly<Record<string, RegExp>> = {
  curl: /curl\b[^\n"]{0,200}?\s(?:-u|--user|--proxy-user|-U)[ =]?\s*\\*["']?([^\s"'\\:]+:[^\s"'\\]{3,})/dy,
  wget: /wget\b[^\n"]{0,200}?\s--(?:http-|ftp-)?password[ =]\\*["']?([^\s"'\\]{3,})/dy,
  sshpass: /sshpass\s+-p\s*\\*["']?([^\s"'\\]{3,})/dy,
  mysql: /mysql\b[^\n"]{0,120}?\s-p\\*["']?([^\s"'\\]{3,})/dy,
  mysqldump: /mysqldump\b[^\n"]{0,120}?\s-p\\*["']?([^\s"'\\]{3,})/dy,
  'redis-cli': /redis-cli\b[^\n"]{0,80}?\s-a\s+\\*["']?([^\s"'\\]{3,})/dy,
  htpasswd: /htpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+\\*["']?([^\s"'\\]{3,})/dy,
  machine: /machine\s+\S+\s+login\s+\S+\s+password\s+([^\s"'\\]{3,})/dy,
}

/** Kinds of keys that are secrets: `api_key`, `api-key` and `apikey`. */
const SECRET_KEYS = [
  ...['api', 'access', 'account', 'private', 'signing', 'encryption', 'subscription', 'master', 'auth'],
  ...['license', 'session'],
].flatMap((kind) => [`${kind}key`, `${kind}-key`, `${kind}_key`])

/** How a name ends whose value is a secret, whatever stands before it (`AWS_`, `x-`). */
const SECRET_NAMES = [
  ...['password', 'passwd', 'passphrase', 'passcode', 'pass', 'pwd', 'secret', 'token', 'cookie'],
  ...['credential', 'credentials', 'authorization', 'sessionid', 'sessid', 'connect.sid', 'api.key'],
  ...['session-secret', 'session_secret', 'sessionsecret', 'proxy-key', 'proxy_key', 'provider-key'],
  ...['provider_key', ...SECRET_KEYS],
]

/** What may follow such a name behind `-` or `_`; nothing else may: a `token_count` is a number. */
const SECRET_NAME_SUFFIXES = [
  ...[
    'accesskey',
    'access-key',
    'access_key',
    'key',
    'base',
    'value',
    'data',
    'string',
    'text',
    'plain',
    'hash',
  ],
]

/** The end of a name whose value is a secret. */
export const SECRET_NAME_END = new RegExp(
  `(?:${SECRET_NAMES.map((name) => name.replace('.', '\\.')).join('|')}|(?:^|_)auth)(?:[-_](?:${SECRET_NAME_SUFFIXES.join('|')}))*$`,
  'i',
)

/** How such names end, in lower case: each name that has a secret for a value ends with one of these. */
export const SECRET_NAME_TAILS = [
  ...SECRET_NAMES,
  'auth',
  ...SECRET_NAME_SUFFIXES.flatMap((suffix) => [`-${suffix}`, `_${suffix}`]),
]

/** Names of accounts, whose values say who it is. */
export const ACCOUNT_NAMES: Readonly<Record<string, 'user' | 'host'>> = {
  chatgpt_user_id: 'user',
  chatgpt_account_id: 'user',
  account_id: 'user',
  user_account_id: 'user',
  user_email: 'user',
  LOGNAME: 'user',
  USERNAME: 'user',
  USER: 'user',
  HOSTNAME: 'host',
  COMPUTERNAME: 'host',
}

/** Values that are no secret though they stand behind such a name. */
export const NO_SECRET =
  /^(?:true|false|null|nil|none|undefined|yes|no|on|off|some|ok|default|required|optional|string|str|bool|boolean|number|integer|object|array|file|keyring|keychain|auto|ephemeral|redacted|masked|hidden|missing|present|absent|invalid|expired|env|unset|empty|self|this|your|the|a|an|is|was|and|or|bearer|basic|digest|apikey|api_key|chatgpt|x+|\*+|\.+|-+|_+)$/i
