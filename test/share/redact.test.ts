import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { createRedactor, redactEach } from '../../src/share/redact.js'
import { SECRET_NAME_TAILS } from '../../src/share/secret-rules.js'
import { createSecrets, type MadeUpSecret } from './made-up-secrets.js'

/** Where a secret stands in a text; each is tried with every secret. */
const PLACES: Record<string, (text: string) => string> = {
  prose: (text) => `I tried it with ${text} and it worked, 3 of 4 times.`,
  'end of a sentence': (text) => `Use ${text}.`,
  quoted: (text) => `it says "${text}" there`,
  'a JSON text': (text) => JSON.stringify({ note: `use ${text} now`, id: 7 }),
  'JSON in JSON': (text) => JSON.stringify({ arguments: JSON.stringify({ cmd: `run ${text} now` }) }),
  'JSON that escapes more than it has to': (text) =>
    JSON.stringify({ note: `use ${text} now` })
      .replaceAll('/', '\\/')
      .replaceAll('=', '\\u003d'),
  'a Rust debug text': (text) => `Some(Call { cmd: ${JSON.stringify(`run ${text}`)}, code: 0 })`,
  'a command line': (text) => `tool --verbose ${text} --retries 3`,
  'an environment': (text) => `HOME=/tmp\nNEXT=1 ${text}\nLANG=C`,
  'behind an escaped line end': (text) => `Output:\\n${text}\\nexit 0`,
  'behind an escaped tab': (text) => `a\\t${text}\\tb`,
  'behind an escaped quote': (text) => `a \\u0022${text}\\u0022 b`,
  'in colour': (text) => `a \x1b[31m${text}\x1b[0m b`,
  'in escaped colour': (text) => `a \\u001b[1;31m${text}\\u001b[0m b`,
}

/** What may stand within a secret: it is put into each at three places. */
const CUTS: Record<string, (secret: string, at: number) => string> = {}
for (const [name, cut] of Object.entries({
  'a colour': '\x1b[31m',
  'the end of a colour and of a line, as grep writes them': '\x1b[m\x1b[K',
  'a colour in JSON': '\\u001b[1;31m',
  'a colour in JSON in JSON': '\\\\u001b[1;31m',
  'a colour in a Rust debug text': '\\u{1b}[31m',
  'a colour in Python': '\\x1b[38;5;1m',
  'a colour in a shell': '\\033[0m',
  'a title of a terminal': '\x1b]0;shop\x07',
  'a line that goes on': '\\\n',
})) {
  CUTS[name] = (secret, at) => secret.slice(0, at) + cut + secret.slice(at)
}
CUTS.backslashes = (secret) => secret.replaceAll(/[-_/.=+~:]/g, '\\$&')
CUTS['backslashes in JSON'] = (secret) => secret.replaceAll(/[-_/.=+~:]/g, '\\\\$&')
CUTS['numbers of characters'] = (secret) =>
  secret.replaceAll(/[-_/=+]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`)
CUTS['percent signs'] = (secret) => secret.replaceAll(/[-_/=+:]/g, encodeAscii)

function encodeAscii(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

function place({ secret, around }: MadeUpSecret): string {
  return around === undefined
    ? secret
    : around.replace('@', around.includes('://@') ? `${secret}@db.example.com` : secret)
}

/** What of a secret must not be left: any eight characters of it in a row. */
function leftOf(secret: string, text: string): string | undefined {
  const pieces = secret
    .split(/\s+|-----[A-Z ]+-----|(?:x-access-token|demo|sid|session)[:=]|; theme=dark|services\//)
    .filter((piece) => piece.length >= 3)
  for (const piece of pieces) {
    for (let start = 0; start + 8 <= Math.max(8, piece.length); start += 1) {
      if (text.includes(piece.slice(start, start + 8))) return piece.slice(start, start + 8)
    }
  }
  return undefined
}

const secrets = [1, 2].flatMap((seed) => createSecrets(seed))

describe.each(Object.entries(PLACES))('in %s', (_, write) => {
  test.each([...new Set(secrets.map(({ kind }) => kind))])('no %s is left', async (kind) => {
    for (const madeUp of secrets.filter((secret) => secret.kind === kind)) {
      const text = write(place(madeUp))
      const redacted = await createRedactor().redact(text)
      expect({ text, left: leftOf(madeUp.secret, redacted), redacted }).toMatchObject({ left: undefined })
    }
  })
})

test.each(Object.keys(CUTS))('no secret is left that is cut by %s', async (name) => {
  const cutSecrets = secrets.flatMap(({ secret, around, kind }) =>
    [0.2, 0.5, 0.8].map((part) => {
      const cut = CUTS[name]!(secret, Math.floor(secret.length * part))
      return {
        kind,
        part,
        secret,
        cut,
        text: place({ kind, secret: cut, ...(around !== undefined && { around }) }),
      }
    }),
  )
  const texts = cutSecrets.map(({ text }) => `I tried ${text} and went on.`)
  const redacted = await redactEach(createRedactor(), texts)
  const left = cutSecrets.filter(
    ({ secret, cut }, at) =>
      leftOf(secret, redacted[at]!) !== undefined || leftOf(cut, redacted[at]!) !== undefined,
  )
  expect(left.map(({ kind, part }) => `${kind} at ${part}`)).toEqual([])
})

describe('a redactor', () => {
  test('gives the same value the same placeholder, in all texts', async () => {
    const redactor = createRedactor()
    expect(await redactor.redact('password=first-1 password=second-2 token=first-1')).toBe(
      'password=[secret:1] password=[secret:2] token=[secret:1]',
    )
    expect(await redactor.redact('again second-2: password=second-2')).toBe(
      'again second-2: password=[secret:2]',
    )
    expect(redactor.counts()).toEqual({ secret: 2, home: 0, user: 0, host: 0, mail: 0, path: 0 })
  })

  test.each([
    ['cwd=/home/nils/projects/shop', 'cwd=[home]/projects/shop'],
    ['/Users/nils.k/Library and C:\\Users\\Nils K\\AppData', '[home]/Library and [home]\\AppData'],
    [String.raw`{"cwd":"C:\\Users\\nils\\x"}`, String.raw`{"cwd":"[home]\\x"}`],
    ['/mnt/c/Users/nils/x', '[home]/x'],
    [
      '/home/nils/x owned by nils, not nilsson or nils-bot',
      '[home]/x owned by [user:1], not nilsson or nils-bot',
    ],
    ['"LOGNAME": "nils", USER=nils', '"LOGNAME": "[user:1]", USER=[user:1]'],
    [
      'installation_id=30e1ba7b-9570-4d8f-bcea-25c402b59662 server_name=lab-7 state=1 new{server_name=files}',
      'installation_id=30e1ba7b-9570-4d8f-bcea-25c402b59662 server_name=[host:1] state=1 new{server_name=files}',
    ],
    ['HOSTNAME=lab-7 x', 'HOSTNAME=[host:1] x'],
    ['mail nils@example.com and git@github.com:a/b.git', 'mail [mail:1] and git@github.com:a/b.git'],
    [String.raw`a\nnils@example.com\n`, String.raw`a\n[mail:1]\n`],
    [String.raw`"\u003cnils@example.com\u003e"`, String.raw`"\u003c[mail:1]\u003e"`],
    [String.raw`"\u001b[1mnils@example.com"`, String.raw`"\u001b[1m[mail:1]"`],
    ['/Volumes/Backup/x', '[path:1]/x'],
    ['/home/runner/.cargo/registry/src/x.rs', '/home/runner/.cargo/registry/src/x.rs'],
  ])('takes people and places out of %j', async (text, expected) => {
    expect(await createRedactor().redact(text)).toBe(expected)
  })

  test.each([
    ['/home/\x1b[01;31m\x1b[Knils\x1b[m\x1b[K/shop', '[home]\x1b[m\x1b[K/shop'],
    ['/home/ni\x1b[1mls\x1b[0m/shop of nils and ni', '[home]\x1b[0m/shop of [user:1] and ni'],
    [
      '\x1b[1mnils\x1b[0m@example.com of \x1b[1mnils@example.com\x1b[0m',
      '\x1b[1m[mail:1] of \x1b[1m[mail:1]\x1b[0m',
    ],
    ['{"cwd":"\\/home\\/nils\\/shop"}', '{"cwd":"[home]\\/shop"}'],
    ['file:///home%2Fnils%2Fshop', 'file://[home]%2Fshop'],
  ])('takes people and places out of %j, whatever cuts their names', async (text, expected) => {
    expect(await createRedactor().redact(text)).toBe(expected)
  })

  test('gives a value the same placeholder in colour and without', async () => {
    expect(await createRedactor().redact('password=first-1 password=fir\x1b[31mst-1')).toBe(
      'password=[secret:1] password=[secret:1]',
    )
  })

  test('takes a name that begins like an escape, in each text after the one that told it', async () => {
    const redactor = createRedactor({ users: ['nils', 'bob'] })
    expect(
      await redactor.redact(String.raw`D:\bob\x, \nils, \\nils, %2Fnils, nils of /home/tina/x, tina`),
    ).toBe(String.raw`D:\[user:1]\x, \[user:2], \\[user:2], %2F[user:2], [user:2] of [home]/x, [user:3]`)
    expect(await redactor.redact(String.raw`D:\tina\x of \n\tina`)).toBe(
      String.raw`D:\[user:3]\x of \n\[user:3]`,
    )
  })

  test('takes the value of every name that tells a secret', async () => {
    const names = SECRET_NAME_TAILS.map((tail) => (/^[-_]/.test(tail) ? `my_token${tail}` : `my_${tail}`))
    const redacted = await redactEach(
      createRedactor(),
      [...names, ...names.map((name) => name.toUpperCase())].map((name) => `${name}="Zq7-bottle"`),
    )
    expect(redacted.filter((text) => !text.endsWith('="[secret:1]"'))).toEqual([])
  })

  test('takes the names that it is given', async () => {
    const redactor = createRedactor({
      users: ['nils', 'root'],
      hosts: ['lab-7'],
      homes: ['/srv/people/nils'],
    })
    expect(await redactor.redact('nils@lab-7:/srv/people/nils/x$ ls as root')).toBe(
      '[user:1]@[host:1]:[home]/x$ ls as root',
    )
  })

  test.each([
    '/backup/home/state_5.sqlite and /backup/home/sessions/2026/11',
    'post sampling token usage: 5672 tokens, compaction at 244800',
    'event.kind=response.output_text.delta token=Token(3554) token_limit_reached=false total_usage_tokens=5672',
    'auth_header_attached=true auth_header_name="authorization" auth_mode="ApiKey" password: None, bearer_token: None',
    'token: missing; secret: required; the token is invalid, the password was wrong',
    'API_TOKEN=$TOKEN password=$PW token=<your token> secret=*** key=value',
    'const token = readToken(path); api_key: os.environ["X"]',
    'PWD=/srv/shop OLDPWD=/srv "PWD": "/srv"',
    'git@github.com:acme/shop.git https://api.github.com/repos/x?page=2',
    'gpt-5.2-codex task-runner disk-usage-report-of-2026 sk-spinner-animation-container',
    'model=gpt-5.1-codex-max session_id=01a1fb71-8b7b-7f23-a852-149551519dd4 call_id=call_mock_0001',
    'codex_core::tools::router core/src/session/turn.rs:1204 sha256:9f86d081884c7d659a2feaa0c55ad015',
  ])('leaves %j as it is', async (text) => {
    expect(await createRedactor().redact(text)).toBe(text)
  })

  test('leaves JSON what it was: JSON with the same keys', async () => {
    for (const madeUp of secrets) {
      const record = { id: 7, body: `a ${place(madeUp)} b`, nested: JSON.stringify({ x: [place(madeUp)] }) }
      const redacted = JSON.parse(await createRedactor().redact(JSON.stringify(record))) as typeof record
      expect(Object.keys(redacted)).toEqual(Object.keys(record))
      expect(Object.keys(JSON.parse(redacted.nested))).toEqual(['x'])
    }
  })
})

test('a value that was replaced keeps nothing of the text in memory that it stood in', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const redactor = createRedactor()
  const fill = 'x y '.repeat(250_000)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 40; n++)
    await redactor.redact(
      Buffer.from(`password=first-secret-${n} /home/a-long-name-${n}/x ${fill}`).toString(),
    )
  collect()
  expect(redactor.counts()).toMatchObject({ secret: 40, home: 40 })
  // Each text is a megabyte.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10e6)
})

test('texts that are redacted together stay apart, whatever they hold', async () => {
  const texts = ['password=one-1', 'a\u001e', '', '\u001epassword=two-2', 'password=one-1']
  expect(await redactEach(createRedactor(), texts)).toEqual([
    'password=[secret:1]',
    'a\u001e',
    '',
    '\u001epassword=[secret:2]',
    'password=[secret:1]',
  ])
})
