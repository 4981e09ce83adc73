import { mkdirSync, renameSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { describeFolder } from '../helpers/folder.js'
import { createHome, LAYOUTS, temporaryFolder } from '../helpers/layouts.js'
import { insertInto } from '../helpers/log-rows.js'
import { runLogs, runState } from '../helpers/run.js'

const NEWEST = LAYOUTS.at(-1)!
const at = new Date('2026-02-06T09:15:02.041Z')

function createDatedHome(layout = NEWEST): string {
  const home = createHome(layout)
  for (const name of Object.keys(layout.databases)) utimesSync(join(home, name), at, at)
  return home
}

describe.each([
  ['codex-logs', runLogs],
  ['codex-state', runState],
] as const)('%s where', (name, run) => {
  test('tells of every database, as JSON', async () => {
    const home = createDatedHome()
    const before = describeFolder(home)
    const { stdout, stderr, exitCode } = await run(['where', '--json', '--codex-home', home])
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    const place = (role: string, generation: number, migrations: number) => {
      const path = join(home, `${role}_${generation}.sqlite`)
      return {
        path,
        role,
        generation,
        age: 'known',
        size_bytes: statSync(path).size,
        wal_bytes: 0,
        migrations,
        error: null,
        last_write: '2026-02-06T09:15:02.041Z',
        rule: '--codex-home',
        pipeline: null,
        in_use: null,
      }
    }
    expect(JSON.parse(stdout)).toEqual([
      place('state', 5, 62),
      place('logs', 2, 2),
      place('goals', 1, 2),
      // Without a folder memories/ a release like this one makes memories in the other pipeline.
      { ...place('memories', 1, 2), pipeline: 'v1', in_use: false },
      place('queue', 1, 2),
      place('thread_history', 1, 8),
    ])
    expect(describeFolder(home)).toEqual(before)
  })

  test('in a pipe by tabs, on a terminal in columns', async () => {
    const layout = LAYOUTS.find(({ name }) => name === '0.93 to 0.95')!
    const home = createDatedHome(layout)
    const path = join(home, 'state.sqlite')
    const size = statSync(path).size
    const argv = ['where', '--codex-home', home]
    expect(await run(argv)).toEqual({
      stdout: `state\t0\tolder\t${size}\t0\t3\t2026-02-06T09:15:02.041Z\t--codex-home\t${path}\n`,
      stderr: '',
      exitCode: 0,
    })
    const table = await run([...argv, '--color', 'never'], { isTerminal: true, columns: 400 })
    expect(table.stdout).toBe(
      'FILE          LAYOUT  FOUND BY          SIZE  WAL  MIGRATIONS  LAST WRITE\n' +
        `state.sqlite  older   --codex-home  ${(size / 1024).toFixed(1)} KiB  0 B           3  Feb 06 10:15\n` +
        `In ${home}, found by --codex-home.\n`,
    )
    expect(await run([...argv, '--fields', 'role,migrations', '-n', '1'])).toEqual({
      stdout: 'state\t3\n',
      stderr: '',
      exitCode: 0,
    })
  })

  test('says which rule found them', async () => {
    const home = createDatedHome()
    const rule = async (argv: string[], env: Record<string, string> = {}) =>
      JSON.parse((await run(['where', '--json', ...argv], { env })).stdout)[0].rule
    expect(await rule([], { CODEX_HOME: home })).toBe('CODEX_HOME')
    expect(await rule([], { CODEX_SQLITE_HOME: home })).toBe('CODEX_SQLITE_HOME')
    expect(await rule(['--db', join(home, 'logs_2.sqlite')])).toBe('--db')
    mkdirSync(join(home, 'sub'))
    renameSync(join(home, 'logs_2.sqlite'), join(home, 'sub', 'logs_2.sqlite'))
    writeFileSync(join(home, 'config.toml'), 'sqlite_home = "sub"')
    expect(await rule(['--codex-home', home])).toBe('sqlite_home')
    const user = temporaryFolder()
    mkdirSync(join(user, '.codex'))
    writeFileSync(join(user, '.codex', 'logs_2.sqlite'), '')
    expect(JSON.parse((await run(['where', '--json'], { userHome: user })).stdout)[0].rule).toBe('default')
  })

  test('tells older from newer ones, and what cannot be read from what can', async () => {
    const home = createDatedHome()
    renameSync(join(home, 'goals_1.sqlite'), join(home, 'logs_3.sqlite'))
    truncateSync(join(home, 'memories_1.sqlite'), 4096)
    writeFileSync(join(home, 'queue_1.sqlite'), 'no database at all')
    const broken = { ages: {} as Record<string, string>, errors: {} as Record<string, string> }
    const found = await run(['where', '--json', '--codex-home', home])
    for (const { path, age, error, migrations } of JSON.parse(found.stdout)) {
      broken.ages[path.slice(home.length + 1)] = age
      if (error !== null) broken.errors[path.slice(home.length + 1)] = `${migrations} ${error}`
    }
    expect(found.exitCode).toBe(0)
    expect(broken).toEqual({
      ages: {
        'state_5.sqlite': 'known',
        'logs_3.sqlite': 'newer',
        'logs_2.sqlite': 'known',
        'memories_1.sqlite': 'known',
        'queue_1.sqlite': 'known',
        'thread_history_1.sqlite': 'known',
      },
      errors: {
        'memories_1.sqlite': `null cannot read ${home}/memories_1.sqlite: the file is damaged (database disk image is malformed)`,
        'queue_1.sqlite': `null ${home}/queue_1.sqlite is not an SQLite database`,
      },
    })
    const plain = await run(['where', '--codex-home', home])
    expect(plain.stderr).toBe(
      `${name}: cannot read ${home}/memories_1.sqlite: the file is damaged (database disk image is malformed)\n` +
        `${name}: ${home}/queue_1.sqlite is not an SQLite database\n`,
    )
  })

  test('counts the log, and its time as the last write', async () => {
    const home = createDatedHome()
    const path = join(home, 'logs_2.sqlite')
    const writer = new Database(path)
    onTestFinished(() => void writer.close())
    insertInto(writer, [{}])
    utimesSync(`${path}-wal`, new Date(at.getTime() + 5000), new Date(at.getTime() + 5000))
    const { stdout } = await run(['where', '--json', '--codex-home', home])
    const logs = JSON.parse(stdout).find(({ role }: { role: string }) => role === 'logs')
    expect(logs).toMatchObject({
      wal_bytes: statSync(`${path}-wal`).size,
      last_write: '2026-02-06T09:15:07.041Z',
    })
    expect(logs.wal_bytes).toBeGreaterThan(0)
  })

  test('nothing found', async () => {
    expect(await run(['where', '--codex-home', '/no/such/home'])).toMatchObject({ stdout: '', exitCode: 3 })
    expect(await run(['where', '--db', '/no/such/file'])).toMatchObject({ stdout: '', exitCode: 3 })
    // An empty list for a program, and the same error as without --json.
    expect(await run(['where', '--json', '--codex-home', '/no/such/home'])).toEqual({
      stdout: '[]\n',
      stderr: expect.stringContaining('no Codex database in /no/such/home'),
      exitCode: 3,
    })
  })

  test('a configuration that is no TOML is warned of', async () => {
    const home = createDatedHome()
    writeFileSync(join(home, 'config.toml'), 'sqlite_home = ')
    const { stderr, exitCode } = await run(['where', '--codex-home', home])
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(
      /^codex-(logs|state): .*config\.toml is not valid TOML, so its sqlite_home is not used: .*\n$/,
    )
  })
})
