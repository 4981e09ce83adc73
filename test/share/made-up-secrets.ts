/** Secrets that nobody ever used, made when the tests run, so that no scanner of repositories takes them for real. */

/** A small generator of numbers: the same seed gives the same secrets. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const ALPHABETS = {
  any: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  hex: '0123456789abcdef',
  url: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-',
  digits: '0123456789',
} as const

export interface MadeUpSecret {
  readonly kind: string
  /** What must not be left. */
  readonly secret: string
  /** What stands around it where its kind is known by that alone: `@` is the secret. */
  readonly around?: string
}

export function createSecrets(seed: number): MadeUpSecret[] {
  const random = createRandom(seed)
  const draw = (alphabet: keyof typeof ALPHABETS, count: number): string => {
    const letters = ALPHABETS[alphabet]
    // A digit and letters of both cases, as in real ones of this length.
    const text = Array.from({ length: count }, () => letters[Math.floor(random() * letters.length)]!)
    text[1] = alphabet === 'hex' ? 'a' : '7'
    return text.join('')
  }
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const base64url = (text: string) => Buffer.from(text).toString('base64url')
  const jwt = () =>
    `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(`{"sub":"${draw('any', 12)}"}`)}.${draw('url', 43)}`

  const prefixed: [kind: string, secret: string][] = [
    ['OpenAI', `sk-${draw('any', 48)}`],
    ['OpenAI project', `sk-proj-${draw('url', 80)}`],
    ['OpenAI service account', `sk-svcacct-${draw('url', 60)}`],
    ['OpenAI admin', `sk-admin-${draw('url', 60)}`],
    ['OpenAI session', `sess-${draw('any', 40)}`],
    ['Anthropic', `sk-ant-api03-${draw('url', 90)}AA`],
    ['Anthropic OAuth', `sk-ant-oat01-${draw('url', 90)}`],
    ['OpenRouter', `sk-or-v1-${draw('hex', 64)}`],
    ['xAI', `xai-${draw('any', 80)}`],
    ['Groq', `gsk_${draw('any', 52)}`],
    ['Perplexity', `pplx-${draw('any', 48)}`],
    ['Replicate', `r8_${draw('any', 37)}`],
    ['Hugging Face', `hf_${draw('any', 34)}`],
    ['Google API', `AIza${draw('url', 35)}`],
    ['Google OAuth', `ya29.${draw('url', 80)}`],
    ['Google client secret', `GOCSPX-${draw('url', 28)}`],
    ['Google refresh', `1//0${draw('url', 60)}`],
    ['AWS access key', `AKIA${draw('upper', 16)}`],
    ['AWS temporary key', `ASIA${draw('upper', 16)}`],
    ['GitHub', `ghp_${draw('any', 36)}`],
    ['GitHub app', `ghs_${draw('any', 36)}`],
    ['GitHub fine-grained', `github_pat_${draw('any', 22)}_${draw('any', 59)}`],
    ['GitLab', `glpat-${draw('url', 20)}`],
    ['Slack bot', `xoxb-${draw('digits', 12)}-${draw('digits', 12)}-${draw('any', 24)}`],
    ['Slack user', `xoxp-${draw('digits', 12)}-${draw('any', 32)}`],
    ['Slack app', `xapp-1-${draw('upper', 11)}-${draw('digits', 13)}-${draw('hex', 64)}`],
    ['JWT', jwt()],
    ['1Password service account', `ops_eyJ${draw('any', 200)}`],
    [
      '1Password secret key',
      `A3-${draw('upper', 6)}-${draw('upper', 6)}-${draw('upper', 5)}-${draw('upper', 5)}-${draw('upper', 5)}`,
    ],
    ['Twilio', `SK${draw('hex', 32)}`],
    ['Twilio account', `AC${draw('hex', 32)}`],
    ['SendGrid', `SG.${draw('url', 22)}.${draw('url', 43)}`],
    ['Mailgun', `key-${draw('hex', 32)}`],
    ['Stripe live', `sk_live_${draw('any', 24)}`],
    ['Stripe restricted', `rk_live_${draw('any', 24)}`],
    ['Stripe webhook', `whsec_${draw('any', 32)}`],
    ['Shopify', `shpat_${draw('hex', 32)}`],
    ['PyPI', `pypi-AgEIcHlwaS5vcmc${draw('url', 100)}`],
    ['npm', `npm_${draw('any', 36)}`],
    ['RubyGems', `rubygems_${draw('hex', 48)}`],
    ['Docker', `dckr_pat_${draw('url', 27)}`],
    ['DigitalOcean', `dop_v1_${draw('hex', 64)}`],
    ['Databricks', `dapi${draw('hex', 32)}`],
    ['Linear', `lin_api_${draw('any', 40)}`],
    ['Notion', `ntn_${draw('any', 46)}`],
    ['Figma', `figd_${draw('url', 40)}`],
    ['Atlassian', `ATATT3xFfGF0${draw('url', 100)}`],
    ['Postman', `PMAK-${draw('hex', 24)}-${draw('hex', 34)}`],
    ['New Relic', `NRAK-${draw('upper', 27)}`],
    ['Grafana', `glsa_${draw('any', 32)}_${draw('hex', 8)}`],
    ['Sentry', `sntrys_${draw('any', 60)}`],
    ['Vault', `hvs.${draw('url', 90)}`],
    ['Doppler', `dp.pt.${draw('any', 43)}`],
    ['Tailscale', `tskey-auth-${draw('any', 17)}-${draw('any', 32)}`],
    ['age', `AGE-SECRET-KEY-1${draw('upper', 58)}`],
    ['Telegram', `AA${draw('url', 33)}`],
    ['Discord bot', `M${draw('any', 25)}.G${draw('any', 5)}.${draw('url', 38)}`],
    ['Azure client secret', `${draw('any', 3)}8Q~${draw('any', 34)}`],
    ['Airtable', `pat${draw('any', 14)}.${draw('hex', 64)}`],
    ['planted in the demo homes', 'sk-demo-not-a-real-key-0001'],
  ]
  const named: [kind: string, secret: string, around: string][] = [
    ['bearer', draw('any', 24), 'Authorization: Bearer @'],
    ['bearer, lower case', draw('url', 40), 'authorization: bearer @'],
    ['basic', base64(`demo:${draw('any', 12)}`), 'Authorization: Basic @'],
    ['cookie', `sid=${draw('any', 20)}; theme=dark`, 'Cookie: @'],
    ['set-cookie', `session=${draw('any', 30)}`, 'Set-Cookie: @'],
    ['user of a URL', `demo:${draw('any', 14)}`, 'postgres://@/orders'],
    ['token of a URL', `x-access-token:${draw('any', 30)}`, 'https://@/acme/shop.git'],
    ['password', draw('any', 10), 'password=@'],
    ['password in YAML', `${draw('any', 8)}!`, 'password: @'],
    ['password of an env dump', draw('any', 16), 'PGPASSWORD=@'],
    ['token', draw('any', 18), 'token=@'],
    ['secret', draw('any', 18), 'client_secret=@'],
    ['AWS secret', draw('any', 40), 'AWS_SECRET_ACCESS_KEY=@'],
    ['api key', draw('hex', 32), 'api-key: @'],
    ['x-api-key', draw('any', 30), 'x-api-key: @'],
    ['option', draw('any', 20), '--api-key @'],
    ['option with =', draw('any', 20), '--password=@'],
    ['connection string', draw('any', 20), 'Server=db;Uid=app;Pwd=@'],
    ['Azure storage', `${draw('any', 60)}==`, 'AccountName=acme;AccountKey=@'],
    ['Azure signature', `${draw('any', 40)}%3D`, 'sv=2024-01-01&sig=@'],
    ['AWS signature', draw('hex', 64), 'X-Amz-Signature=@'],
    [
      'Slack webhook',
      `services/T${draw('upper', 9)}/B${draw('upper', 9)}/${draw('any', 24)}`,
      'hooks.slack.com/@',
    ],
    ['curl', `demo:${draw('any', 12)}`, 'curl -s -u @'],
    ['sshpass', draw('any', 12), 'sshpass -p @'],
    ['netrc', draw('any', 14), 'machine api.example.com login demo password @'],
    ['npmrc', draw('any', 36), '_authToken=@'],
    ['session token', `${draw('any', 60)}`, '__Secure-next-auth.session-token=@'],
    ['said in prose', `${draw('any', 9)}`, 'the password is @'],
  ]
  const keyBody = Array.from({ length: 3 }, () => draw('any', 64)).join('\n')
  const privateKeys: [kind: string, secret: string][] = ['RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED ', ''].map(
    (type) => [
      `private key ${type}`,
      `-----BEGIN ${type}PRIVATE KEY-----\n${keyBody}\n-----END ${type}PRIVATE KEY-----`,
    ],
  )
  return [
    ...prefixed.map(([kind, secret]) => ({
      kind,
      secret,
      ...(kind === 'Telegram' && { around: `${draw('digits', 10)}:@` }),
    })),
    ...named.map(([kind, secret, around]) => ({ kind, secret, around })),
    ...privateKeys.map(([kind, secret]) => ({ kind, secret })),
    ...privateKeys.map(([kind, secret]) => ({
      kind: `${kind} in one line`,
      secret: secret.replaceAll('\n', ' '),
    })),
  ]
}
