import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join, win32 } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type CodexHome,
  type HomeRequest,
  readConfiguredProvider,
  resolveHome,
} from '../../src/schema/home.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { requirePrograms } from '../helpers/programs.js'

const nowhere: HomeRequest = { typedHome: undefined, env: {}, userHome: '/users/me', workingFolder: '/cwd' }

const at = (codexHome: string, rule: CodexHome['rule'], sqliteHome = codexHome): CodexHome => ({
  codexHome,
  sqliteHome,
  rule,
})

test.each<[string, Partial<HomeRequest>, CodexHome]>([
  ['nothing given', {}, at('/users/me/.codex', 'default')],
  ['CODEX_HOME', { env: { CODEX_HOME: '/env' } }, at('/env', 'CODEX_HOME')],
  ['a relative CODEX_HOME', { env: { CODEX_HOME: 'env' } }, at('/cwd/env', 'CODEX_HOME')],
  ['a blank CODEX_HOME', { env: { CODEX_HOME: '  ' } }, at('/users/me/.codex', 'default')],
  ['~ in CODEX_HOME', { env: { CODEX_HOME: '~/c' } }, at('/users/me/c', 'CODEX_HOME')],
  ['a typed home', { typedHome: '/typed', env: { CODEX_HOME: '/env' } }, at('/typed', '--codex-home')],
  ['a relative typed home', { typedHome: '../typed' }, at('/typed', '--codex-home')],
  ['~ typed in quotes', { typedHome: '~' }, at('/users/me', '--codex-home')],
  ['~name is a name', { typedHome: '~name' }, at('/cwd/~name', '--codex-home')],
  ['a blank typed home', { typedHome: ' ', env: { CODEX_HOME: '/env' } }, at('/env', 'CODEX_HOME')],
  [
    'CODEX_SQLITE_HOME',
    { env: { CODEX_SQLITE_HOME: '/db' } },
    at('/users/me/.codex', 'CODEX_SQLITE_HOME', '/db'),
  ],
  [
    'CODEX_SQLITE_HOME, relative to the working folder and trimmed',
    { env: { CODEX_HOME: '/env', CODEX_SQLITE_HOME: ' db ' } },
    at('/env', 'CODEX_SQLITE_HOME', '/cwd/db'),
  ],
  ['a blank CODEX_SQLITE_HOME', { env: { CODEX_SQLITE_HOME: '\t' } }, at('/users/me/.codex', 'default')],
  [
    'what is typed wins over CODEX_SQLITE_HOME',
    { typedHome: '/typed', env: { CODEX_SQLITE_HOME: '/db' } },
    at('/typed', '--codex-home'),
  ],
])('%s', (_title, request, expected) => {
  expect(resolveHome({ ...nowhere, ...request })).toEqual(expected)
})

function withConfig(toml: string, request: Partial<HomeRequest> = {}) {
  const home = join(temporaryFolder(), 'home')
  mkdirSync(home)
  writeFileSync(join(home, 'config.toml'), toml)
  const { codexHome, ...rest } = resolveHome({ ...nowhere, env: { CODEX_HOME: home }, ...request })
  return { ...rest, sqliteHome: rest.sqliteHome.replace(home, 'HOME'), isHome: codexHome === home }
}

test.each<[string, string, string]>([
  ['relative to the home', 'sqlite_home = "db"', 'HOME/db'],
  ['absolute', 'model = "x"\nsqlite_home = "/var/db"\n[features]\na = true', '/var/db'],
  ['with ~', "sqlite_home = '~/db'", '/users/me/db'],
  ['in another spelling', '"sqlite_home" = "db" # comment', 'HOME/db'],
])('sqlite_home %s', (_title, toml, sqliteHome) => {
  expect(withConfig(toml)).toEqual({ sqliteHome, rule: 'sqlite_home', isHome: true })
})

test.each([
  ['blank', 'sqlite_home = " "'],
  ['of another table', '[other]\nsqlite_home = "db"'],
  ['in a comment', '# sqlite_home = "db"'],
  ['not there', 'model = "x"'],
])('a sqlite_home that is %s counts as unset', (_title, toml) => {
  expect(withConfig(toml)).toEqual({ sqliteHome: 'HOME', rule: 'CODEX_HOME', isHome: true })
})

test('the file wins over CODEX_SQLITE_HOME, also beside a typed home', () => {
  const home = temporaryFolder()
  writeFileSync(join(home, 'config.toml'), 'sqlite_home = "db"')
  const env = { CODEX_HOME: home, CODEX_SQLITE_HOME: '/env' }
  expect(resolveHome({ ...nowhere, env })).toEqual(at(home, 'sqlite_home', join(home, 'db')))
  expect(resolveHome({ ...nowhere, env, typedHome: home })).toEqual(at(home, 'sqlite_home', join(home, 'db')))
})

test.each(['5', '["db"]', 'true'])('a sqlite_home of %s is said to be no text', (value) => {
  const home = temporaryFolder()
  writeFileSync(join(home, 'config.toml'), `sqlite_home = ${value}`)
  expect(resolveHome({ ...nowhere, env: { CODEX_HOME: home } })).toEqual({
    ...at(home, 'CODEX_HOME'),
    notice: `sqlite_home in ${join(home, 'config.toml')} is not a text, so it is not used`,
  })
})

test('a file that is no TOML is said to be so and passed over', () => {
  const home = temporaryFolder()
  writeFileSync(join(home, 'config.toml'), 'sqlite_home = "db\n')
  const { notice, ...rest } = resolveHome({ ...nowhere, env: { CODEX_HOME: home } })
  expect(rest).toEqual(at(home, 'CODEX_HOME'))
  expect(notice).toMatch(/config\.toml is not valid TOML, so its sqlite_home is not used: [^\n]+$/)
})

describe('a config.toml that cannot be used is said to be so and passed over', () => {
  const resolveIn = (home: string) => resolveHome({ ...nowhere, env: { CODEX_HOME: home } })
  const makers: Record<string, [make: (path: string) => void, reason: string]> = {
    'a named pipe': [
      (path) => {
        requirePrograms('mkfifo')
        execFileSync('mkfifo', [path])
      },
      'cannot read PATH: it is not a regular file, so a sqlite_home in it is not used',
    ],
    'a folder': [
      (path) => mkdirSync(path),
      'cannot read PATH: it is a folder, so a sqlite_home in it is not used',
    ],
    'of gigabytes': [
      (path) => {
        writeFileSync(path, 'sqlite_home = "db"\n')
        truncateSync(path, 3_000_000_000)
      },
      'PATH is larger than 16 MiB, so a sqlite_home in it is not used',
    ],
  }

  test.each(Object.entries(makers))('%s', (_title, [make, reason]) => {
    const home = temporaryFolder()
    const path = join(home, 'config.toml')
    make(path)
    const { notice, ...rest } = resolveIn(home)
    expect(rest).toEqual(at(home, 'CODEX_HOME'))
    expect(notice?.replace(path, 'PATH')).toBe(reason)
    const notices: string[] = []
    expect(readConfiguredProvider(home, (text) => notices.push(text.replace(path, 'PATH')))).toBe('openai')
    expect(notices).toEqual([reason.replace(/so a sqlite.*/, 'so the provider is taken to be openai')])
  })
})

describe('on Windows', () => {
  const request = {
    typedHome: undefined,
    userHome: 'C:\\Users\\demo',
    workingFolder: 'D:\\work',
    paths: win32,
  }

  test.each<[typed: string | undefined, env: Record<string, string>, codexHome: string, sqliteHome: string]>([
    [undefined, {}, 'C:\\Users\\demo\\.codex', 'C:\\Users\\demo\\.codex'],
    ['~\\homes\\a', {}, 'C:\\Users\\demo\\homes\\a', 'C:\\Users\\demo\\homes\\a'],
    ['~/homes/a', {}, 'C:\\Users\\demo\\homes\\a', 'C:\\Users\\demo\\homes\\a'],
    ['E:/codex', {}, 'E:\\codex', 'E:\\codex'],
    ['..\\codex', {}, 'D:\\codex', 'D:\\codex'],
    ['\\\\server\\share\\codex', {}, '\\\\server\\share\\codex', '\\\\server\\share\\codex'],
    [undefined, { CODEX_HOME: 'codex', CODEX_SQLITE_HOME: 'E:\\db' }, 'D:\\work\\codex', 'E:\\db'],
  ])('--codex-home %j and %j', (typedHome, env, codexHome, sqliteHome) => {
    expect(resolveHome({ ...request, typedHome, env })).toMatchObject({ codexHome, sqliteHome })
  })
})
