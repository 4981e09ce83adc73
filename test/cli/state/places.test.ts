import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isSafeOnTerminal } from '../../../src/format/escape.js'
import { startChild } from '../../helpers/child.js'
import { copyHome, makeCase } from '../../helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { type RunResult, runLogs, runState } from '../../helpers/run.js'
import { fingerprintFolder } from '../../helpers/seed.js'

const NEWEST = LAYOUTS.find(({ name }) => name === '0.169')!

function exec(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

function run(command: string, home: string): Promise<RunResult> {
  return runState([...command.split(' '), '--codex-home', home])
}

async function readJson(command: string, home: string) {
  const { stdout, stderr, exitCode } = await run(command, home)
  return { found: JSON.parse(stdout), stderr, exitCode }
}

/** Runs command lines as one whom permissions stop, also where the tests run as root. */
async function runAsOther(lines: readonly string[][]): Promise<RunResult[]> {
  const child = startChild('commands', [JSON.stringify(lines)])
  const results: RunResult[] = []
  for (const _ of lines) {
    const line = await child.nextLine()
    if (line === undefined) throw new Error((await child.end()).stderr)
    results.push(JSON.parse(line))
  }
  await child.end()
  return results
}

/** Lets another user in down to the home, and to nothing in it that has its modes taken away. */
function shut(paths: readonly string[], home: string): void {
  chmodSync(dirname(home), 0o755)
  for (const path of paths) {
    const mode = statSync(path).mode & 0o777
    chmodSync(path, 0)
    // Else it could not be removed where the tests do not run as root.
    onTestFinished(() => chmodSync(path, mode))
  }
}

/** Colours are the program's own. */
const SGR = /\x1b\[[\d;]*m/g

const READING = [
  'where',
  'verify',
  'schema',
  'tables',
  'table threads',
  'locks',
  'du',
  'diff',
  'threads list',
  'threads show last',
  'backfill status',
  'goals',
  'memories list',
  'why last',
]

describe('what cannot be read', () => {
  test('is a home that may not be looked into: said by every command, a tail does not wait for it', async () => {
    const home = copyHome('codex-0.140.0')
    shut([home], home)
    const at = ['--codex-home', home]
    const lines = [
      ...READING.map((command) => ['state', ...command.split(' '), ...at]),
      ...['tail', 'query', 'where'].map((command) => ['logs', command, ...at]),
      ['state', 'verify', '--db', join(home, 'state_5.sqlite')],
    ]
    const results = await runAsOther(lines)
    for (const [index, { stdout, stderr, exitCode }] of results.entries()) {
      expect({ line: lines[index], stdout, says: stderr.includes(': permission denied'), exitCode }).toEqual({
        line: lines[index],
        stdout: '',
        says: true,
        exitCode: 3,
      })
      expect(stderr).not.toMatch(/no Codex|gone|lost|damaged|unexpected/)
    }
  })

  test('is a file that stands where the home should be, and it is not taken for a missing home', async () => {
    const file = join(temporaryFolder(), 'home')
    writeFileSync(file, '')
    for (const command of READING) {
      const { stderr, exitCode } = await run(command, file)
      expect({ command, stderr, exitCode }).toEqual({
        command,
        stderr: expect.stringContaining(`cannot read the folder ${file}: it is a file, not a folder. `),
        exitCode: 3,
      })
    }
    const below = await run('where', join(file, 'below'))
    expect({ stderr: below.stderr, exitCode: below.exitCode }).toEqual({
      stderr: expect.stringContaining('there is no such folder'),
      exitCode: 3,
    })
  })

  test('is one database of several: the others are shown, and nothing is called lost', async () => {
    const home = copyHome('codex-0.140.0')
    const goals = join(home, 'goals_1.sqlite')
    chmodSync(join(home, 'config.toml'), 0o644)
    shut([goals], home)
    const at = ['--codex-home', home]
    const [verify, where, tables, schema] = (await runAsOther([
      ['state', 'verify', '--json', ...at],
      ['state', 'where', '--json', ...at],
      ['state', 'tables', '--json=database', ...at],
      ['state', 'schema', '--json=database', ...at],
    ])) as [RunResult, RunResult, RunResult, RunResult]
    const verdicts = JSON.parse(verify.stdout) as Record<string, unknown>[]
    expect(verdicts.map(({ role, state, meaning }) => [role, state, meaning])).toEqual([
      ['state', 'ok', null],
      ['logs', 'ok', null],
      ['goals', 'unreadable', null],
      ['memories', 'ok', null],
    ])
    expect(verify.exitCode).toBe(1)
    const place = JSON.parse(where.stdout).find(({ path }: { path: string }) => path === goals)
    expect(place).toMatchObject({ migrations: null, error: `cannot read ${goals}: permission denied` })
    for (const { stdout, stderr } of [tables, schema]) {
      expect(stdout).not.toContain(goals)
      expect(stdout).toContain(join(home, 'memories_1.sqlite'))
      expect(stderr).toBe(`codex-state: cannot read ${goals}: permission denied\n`)
    }
  })

  test('is every database: exit code 3, and no claim about any', async () => {
    const home = copyHome('codex-0.140.0')
    shut(
      readdirSync(home)
        .filter((name) => name.includes('.sqlite'))
        .map((name) => join(home, name)),
      home,
    )
    const at = ['--codex-home', home]
    const commands = READING.filter((command) => command !== 'du' && command !== 'locks')
    const results = await runAsOther([
      ...commands.map((command) => ['state', ...command.split(' '), ...at]),
      ['logs', 'tail', ...at],
    ])
    for (const [index, { stderr, exitCode }] of results.entries()) {
      expect({ command: commands[index], exitCode, says: stderr.includes('permission denied') }).toEqual({
        command: commands[index],
        exitCode: 3,
        says: true,
      })
      expect(stderr).not.toMatch(/gone|lost|damaged|unexpected/)
    }
  })

  test('is what a run as root left: what lies there is said not to be known', async () => {
    const home = makeCase('sudo-home', 'codex-0.140.0')
    const day = join(home, 'sessions/2026/11/22')
    const [hidden] = readdirSync(day)
    const unreadable = readdirSync(join(home, 'sessions/2026/11/21')).find((name) =>
      name.includes('01a1fb74-7632'),
    )
    const config = join(home, 'config.toml')
    const index = join(home, 'session_index.jsonl')
    shut([config, index, join(home, 'sessions/2026/11/21', unreadable!), day], home)
    const at = ['--codex-home', home]
    const [hiddenId, unreadableId] = ['01a1fb74-83c0', '01a1fb74-7632']
    const [status, du, list, ...others] = (await runAsOther([
      ['state', 'backfill', 'status', '--json', ...at],
      ['state', 'du', '--json', ...at],
      ['state', 'threads', 'list', '-q', ...at],
      ['state', 'why', hiddenId, ...at],
      ['state', 'why', unreadableId, ...at],
      ['state', 'threads', 'show', '--json=rollout', hiddenId, ...at],
      ['state', 'threads', 'path', hiddenId, ...at],
      ['state', 'threads', 'path', unreadableId, ...at],
      ['state', 'threads', 'tools', unreadableId, ...at],
      ['state', 'diff', '--json=difference,id', ...at],
    ])) as [RunResult, RunResult, RunResult, ...RunResult[]]
    expect(hidden).toContain('01a1fb74-83c0')
    expect({ ...JSON.parse(status.stdout), exitCode: status.exitCode }).toMatchObject({
      verdict: 'unknown',
      meaning:
        "its status is 'complete', but 1 folder of rollouts cannot be looked into: what lies there is not known",
      exitCode: 1,
    })
    expect(du.stderr).toContain('codex-state: 1 folder or file cannot be read, and not counted\n')
    expect(du.exitCode).toBe(1)
    expect(list.stderr).toContain(`cannot read ${config}: permission denied`)
    expect(list.stderr).toContain(`cannot read ${index}: permission denied`)
    const [whyHidden, whyUnreadable, show, pathHidden, pathUnreadable, tools, diff] = others as [
      RunResult,
      RunResult,
      RunResult,
      RunResult,
      RunResult,
      RunResult,
      RunResult,
    ]
    expect(whyHidden.stdout).toContain('whether it has a rollout in this home is not known; ')
    expect(whyUnreadable.stdout).toMatch(
      /whether \S+ belongs to this thread is not known; .*: permission denied/,
    )
    expect(JSON.parse(show.stdout).rollout.exists).toBeNull()
    expect({ ...pathHidden, stderr: pathHidden.stderr.match(/whether thread .* is not known/)?.[0] }).toEqual(
      {
        stdout: '',
        stderr: expect.stringContaining('has a rollout file in'),
        exitCode: 1,
      },
    )
    expect(pathUnreadable.stdout).toContain(unreadable!)
    expect(tools.stderr).toContain('has dynamic tools is not known: its rollout cannot be read')
    const kinds = (id: string) =>
      JSON.parse(diff.stdout)
        .filter((found: { id: string | null }) => found.id?.startsWith(id))
        .map(({ difference }: { difference: string }) => difference)
    expect(kinds(hiddenId!)).toEqual(['unreadable'])
    // A thread with a name of its own.
    expect(kinds('01a1fb74-801a')).toEqual([])
    expect(diff.stderr).toContain('names that users gave cannot be read: 1\n')
    for (const { stdout, stderr } of [status, du, list, ...others]) {
      expect(stdout + stderr).not.toMatch(/\bgone\b|does not say|moved/)
    }
  })

  test('is a write-ahead log that may not be read: it is named, and the rows without it are not shown', async () => {
    const home = copyHome('codex-0.169.0-killed')
    const log = join(home, 'logs_2.sqlite-wal')
    rmSync(join(home, 'logs_2.sqlite-shm'), { force: true })
    shut([log], home)
    // For the copy that is read where a log cannot be read in place.
    const { mode } = statSync(tmpdir())
    chmodSync(tmpdir(), 0o777)
    onTestFinished(() => chmodSync(tmpdir(), mode & 0o777))
    const [read] = await runAsOther([['logs', 'query', '-n', '1', '--codex-home', home]])
    expect(read).toEqual({
      stdout: '',
      stderr: expect.stringContaining(`codex-logs: cannot read ${log}: permission denied. `),
      exitCode: 3,
    })
  })

  test('is told apart from a home that is not there', async () => {
    const { stderr, exitCode } = await run('threads list', '/no/such/home')
    expect({ stderr, exitCode }).toEqual({
      stderr: expect.stringContaining(
        'no Codex database in /no/such/home (found by --codex-home): there is no such folder',
      ),
      exitCode: 3,
    })
  })
})

describe('every SQLite file of the home is a database', () => {
  test('also one that no known release makes', async () => {
    const home = copyHome('codex-0.160.1')
    const agents = join(home, 'agents_1.sqlite')
    exec(
      agents,
      `CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
         installed_on TIMESTAMP NOT NULL, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
       INSERT INTO _sqlx_migrations VALUES (1, 'agents', '2026-12-01 00:00:00', 1, x'01', 1);
       CREATE TABLE agents (thread_id TEXT);`,
    )
    const of = async (command: string) =>
      (await readJson(command, home)).found.filter(
        (row: Record<string, string>) => (row.path ?? row.database) === agents,
      )
    expect(await of('where --json')).toMatchObject([
      { role: 'unknown', generation: 1, age: 'unknown', migrations: 1, error: null },
    ])
    expect(await of('schema --json=database,version,state')).toEqual([
      { database: agents, version: 1, state: 'newer' },
    ])
    expect(await of('verify --json=database,role,state')).toEqual([
      { database: agents, role: 'unknown', state: 'ok' },
    ])
    expect(await of('tables --json=database,name,current')).toEqual([
      { database: agents, name: '_sqlx_migrations', current: true },
      { database: agents, name: 'agents', current: true },
    ])
    const before = (await readJson('du --json=kind,size_bytes', home)).found
    const size = (rows: { kind: string; size_bytes: number }[], kind: string) =>
      rows.find((row) => row.kind === kind)!.size_bytes
    const bytes = statSync(agents).size
    rmSync(agents)
    const after = (await readJson('du --json=kind,size_bytes', home)).found
    expect(size(before, 'databases') - size(after, 'databases')).toBe(bytes)
  })

  test('copies, empty files and text among them: each is called what it is', async () => {
    const home = makeCase('db-oddities', 'codex-0.169.0')
    const before = fingerprintFolder(home)
    const verify = await readJson('verify --json=database,role,state,meaning', home)
    const states = Object.fromEntries(
      verify.found.map(({ database, role, state }: Record<string, string>) => [
        database!.slice(home.length + 1),
        `${role} ${state}`,
      ]),
    )
    expect({ states, exitCode: verify.exitCode }).toEqual({
      states: {
        'state_5.sqlite': 'state ok',
        'logs_3.sqlite': 'logs empty',
        'logs_2.sqlite': 'logs ok',
        'goals_1.sqlite': 'goals empty',
        'memories_1.sqlite': 'memories damaged',
        'queue_1.sqlite': 'queue empty',
        'thread_history_1.sqlite': 'thread_history ok',
        'state_5 (1).sqlite': 'unknown ok',
      },
      exitCode: 1,
    })
    for (const command of ['where', 'schema', 'tables', 'locks', 'du', 'threads list', 'backfill status']) {
      expect({ command, isSound: (await run(command, home)).exitCode <= 1 }).toEqual({
        command,
        isSound: true,
      })
    }
    expect(fingerprintFolder(home)).toEqual(before)
  })

  test('a newer generation is warned of', async () => {
    const home = createHome(NEWEST)
    renameSync(join(home, 'state_5.sqlite'), join(home, 'state_6.sqlite'))
    const { stderr } = await run('threads list', home)
    expect(stderr).toContain(
      `codex-state: ${home}/state_6.sqlite is of a newer layout than this version knows; it is read by its columns\n`,
    )
  })
})

describe('databases in sqlite/, where the Desktop app kept them', () => {
  test('are counted as databases when config.toml says so, the free pages too', async () => {
    const home = makeCase('sqlite-subfolder', 'codex-0.169.0')
    const { found, exitCode, stderr } = await readJson('du --json', home)
    const sizes = Object.fromEntries(
      found.map(({ kind, size_bytes }: { kind: string; size_bytes: number }) => [kind, size_bytes]),
    )
    expect({ exitCode, stderr, lowest: Math.min(...(Object.values(sizes) as number[])) >= 0 }).toEqual({
      exitCode: 0,
      stderr: '',
      lowest: true,
    })
    const logs = statSync(join(home, 'sqlite/logs_2.sqlite')).size
    expect(sizes.logs).toBeLessThan(logs)
    expect(sizes['free pages']).toBeGreaterThan(logs - sizes.logs!)
    expect(sizes.databases).toBeGreaterThan(statSync(join(home, 'sqlite/state_5.sqlite')).size)
    const places = (await readJson('where --json', home)).found as { path: string; rule: string }[]
    expect(places.find(({ path }) => path === join(home, 'state_5.sqlite'))?.rule).toBe('none')
    expect(places.find(({ path }) => path === join(home, 'sqlite/state_5.sqlite'))?.rule).toBe('sqlite_home')
  })

  test('are named where the home itself has none', async () => {
    const home = makeCase('sqlite-subfolder', 'codex-0.169.0')
    for (const name of ['config.toml', 'state_5.sqlite']) rmSync(join(home, name))
    const commands = READING.filter((command) => command !== 'du')
    for (const [program, line] of [
      ...commands.map((command) => [runState, command] as const),
      [runLogs, 'query'] as const,
    ]) {
      const { stderr, exitCode } = await program([...line.split(' '), '--codex-home', home])
      expect({ line, stderr, exitCode }).toEqual({
        line,
        stderr: expect.stringContaining(`There are databases in ${home}/sqlite: state_5.sqlite, `),
        exitCode: 3,
      })
    }
    const built = temporaryFolder()
    const made = await runState(['backfill', 'run', '--into', built, '--codex-home', home])
    expect(made.exitCode).toBe(0)
    expect(readdirSync(built).filter((name) => name.endsWith('.sqlite'))).toEqual(['state_5.sqlite'])
  })

  test('are told of when they were written to after those that are read', async () => {
    const home = makeCase('sqlite-subfolder', 'codex-0.169.0')
    rmSync(join(home, 'config.toml'))
    utimesSync(join(home, 'state_5.sqlite'), 1_790_000_000, 1_790_000_000)
    const text = `${home}/sqlite/state_5.sqlite was written to after ${home}/state_5.sqlite, which is read`
    expect((await run('threads list', home)).stderr).toContain(text)
    const later = Date.now() / 1000 + 60
    utimesSync(join(home, 'state_5.sqlite'), later, later)
    expect((await run('threads list', home)).stderr).not.toContain('was written to after')
  })

  test('and the catalogue of its sidebar is one of them', async () => {
    const home = createHome(NEWEST)
    mkdirSync(join(home, 'sqlite'))
    exec(join(home, 'sqlite/codex-dev.db'), 'CREATE TABLE local_thread_catalog (thread_id TEXT)')
    const { found } = await readJson('where --json', home)
    expect(found.at(-1)).toMatchObject({
      path: join(home, 'sqlite/codex-dev.db'),
      role: 'catalog',
      rule: 'none',
    })
  })
})

test('sessions behind a link are counted as the others', async () => {
  const plain = copyHome('codex-0.140.0')
  const linked = makeCase('sessions-link', 'codex-0.140.0')
  const filesOf = async (home: string) =>
    (await readJson('du --json=kind,files', home)).found.find(
      ({ kind }: { kind: string }) => kind === 'sessions',
    )
  expect(await filesOf(linked)).toEqual(await filesOf(plain))
})

test('databases outside the home are counted, and what else lies beside them is not', async () => {
  const home = copyHome('codex-0.140.0')
  const outside = temporaryFolder()
  for (const name of readdirSync(home).filter((file) => file.includes('.sqlite'))) {
    renameSync(join(home, name), join(outside, name))
  }
  writeFileSync(join(outside, 'a film.mkv'), 'x'.repeat(5_000_000))
  writeFileSync(join(home, 'config.toml'), `sqlite_home = "${outside}"`)
  const { found } = await readJson('du --json=kind,size_bytes', home)
  const other = found.find(({ kind }: { kind: string }) => kind === 'other')
  expect(other.size_bytes).toBeLessThan(5_000_000)
  expect(found.map(({ kind }: { kind: string }) => kind)).toContain('logs')
})

describe('a copy of the state database without sessions beside it', () => {
  const copy = join(temporaryFolder(), 'state_5.sqlite')
  copyFileSync(join(copyHome('codex-0.140.0'), 'state_5.sqlite'), copy)

  test('is not said to agree with rollouts that were not read', async () => {
    const { stdout, stderr, exitCode } = await runState(['diff', '--db', copy])
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: '',
      stderr: expect.stringContaining(`there are no sessions beside ${copy}`),
      exitCode: 3,
    })
  })

  test('is not said to be complete', async () => {
    const { stdout, exitCode } = await runState([
      'backfill',
      'status',
      '--json=verdict,meaning',
      '--db',
      copy,
    ])
    expect({ ...JSON.parse(stdout), exitCode }).toEqual({
      verdict: 'unknown',
      meaning:
        "its status is 'complete'; there are no sessions beside it, so whether they have rows is not known",
      exitCode: 1,
    })
  })

  test('is held against those of the home that is named', async () => {
    const home = copyHome('codex-0.140.0')
    const { stdout, exitCode } = await runState([
      'backfill',
      'status',
      '--json=verdict',
      '--db',
      copy,
      '--codex-home',
      home,
    ])
    expect({ ...JSON.parse(stdout), exitCode }).toEqual({ verdict: 'complete', exitCode: 0 })
  })
})

describe('rollouts that no Codex adds', () => {
  test('because they are of before September 2025 are named so, and are no bad news', async () => {
    const home = makeCase('pre-envelope', 'codex-0.140.0')
    const { found, exitCode } = await readJson(
      'backfill status --json=verdict,meaning,older_form,left,failed',
      home,
    )
    expect({ ...found, exitCode }).toEqual({
      verdict: 'complete',
      meaning:
        'complete, but 3 files unindexed: 3 were written before September 2025: no Codex with a database reads such',
      older_form: 3,
      left: 3,
      failed: 0,
      exitCode: 0,
    })
  })

  test('because nothing is in them are not promised', async () => {
    const home = makeCase('power-loss', 'codex-0.140.0')
    const { found, exitCode } = await readJson('backfill status --json=verdict,meaning,broken', home)
    expect({ ...found, exitCode }).toEqual({
      verdict: 'complete but unindexed',
      meaning: 'complete, but 1 file unindexed: 1 is damaged or empty: Codex never adds it',
      broken: 1,
      exitCode: 1,
    })
  })
})

describe('tables', () => {
  test('with keywords for names, without row numbers or with very high ones, are shown whole', async () => {
    const home = temporaryFolder()
    exec(
      join(home, 'state_5.sqlite'),
      `CREATE TABLE "order" ("group" TEXT, "select" INTEGER, thread_id TEXT);
       INSERT INTO "order" VALUES ('a', 1, 'x');
       CREATE TABLE pairs (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
       INSERT INTO pairs VALUES ('a', 'b'), ('c', 'd');
       CREATE TABLE high (rowid TEXT, rowid_ TEXT);
       INSERT INTO high (oid, rowid, rowid_) VALUES (9007199254740993, 'one', 'first'), (9223372036854775807, 'two', 'second');`,
    )
    expect((await readJson('table order --json', home)).found).toEqual([
      { group: 'a', select: 1, thread_id: 'x' },
    ])
    expect((await readJson('table pairs --json', home)).found).toEqual([
      { k: 'a', v: 'b' },
      { k: 'c', v: 'd' },
    ])
    expect((await readJson('table high --json', home)).found).toEqual([
      { rowid: 'one', rowid_: 'first' },
      { rowid: 'two', rowid_: 'second' },
    ])
    const { found } = await readJson('tables --json=name,rows', home)
    expect(found).toEqual([
      { name: 'high', rows: 2 },
      { name: 'order', rows: 1 },
      { name: 'pairs', rows: 2 },
    ])
  })

  test('with columns and paths that would drive a terminal are shown in escapes there', async () => {
    const home = join(temporaryFolder(), 'a\u009b31mhome')
    mkdirSync(home)
    const path = join(home, 'state_5.sqlite')
    exec(
      path,
      `CREATE TABLE t ("a\u001b]52;c;x\u0007\u202e" TEXT, b TEXT); INSERT INTO t VALUES ('\u009b2J\u200b', 'ok')`,
    )
    for (const command of [
      'table t',
      'table t --json',
      'table t --fields',
      'tables',
      'where',
      'where --json',
    ]) {
      const { stdout, exitCode } = await runState([...command.split(' '), '--codex-home', home], {
        isTerminal: true,
        columns: 200,
      })
      const isSafe = [...stdout.replaceAll(SGR, '')].every(
        (character) => isSafeOnTerminal(character) || character === '\n',
      )
      expect({ command, isSafe, exitCode }).toEqual({ command, isSafe: true, exitCode: 0 })
    }
    const json = (await runState(['table', 't', '--json', '--codex-home', home], { isTerminal: true })).stdout
    expect(JSON.parse(json)).toEqual([{ 'a\u001b]52;c;x\u0007\u202e': '\u009b2J\u200b', b: 'ok' }])
  })

  test('that are views are not read: one that never ends would hold the program for ever', async () => {
    const home = temporaryFolder()
    const path = join(home, 'state_5.sqlite')
    exec(
      path,
      `CREATE VIEW threads AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n`,
    )
    const { stderr, exitCode } = await run('threads list', home)
    expect({ stderr, exitCode }).toEqual({
      stderr: expect.stringContaining(`threads is a view in ${path}, not a table: it is not read`),
      exitCode: 3,
    })
    expect((await run('verify', home)).exitCode).toBe(1)
  })
})

describe('what other programs left in the databases', () => {
  test('is read: rows that a provider switcher rewrote are shown as stored', async () => {
    const home = makeCase('readd-project', 'codex-0.169.0')
    const { found, exitCode } = await readJson('threads list --json=id,source,model_provider', home)
    expect(exitCode).toBeLessThanOrEqual(1)
    const one = (prefix: string) => found.find(({ id }: { id: string }) => id.startsWith(prefix))
    expect([one('01a1fb72-1590').model_provider, one('01a1fb72-1a6a').source]).toEqual(['Mock', 'desktop'])
  })

  test('is read: a log with triggers, a column and a table of its own, no longer in WAL mode', async () => {
    const home = makeCase('log-guard', 'codex-0.169.0')
    const before = fingerprintFolder(home)
    const logs = await runLogs(['query', '-n', '1', '--json', '--codex-home', home])
    expect(logs.stdout.trim().split('\n')).toHaveLength(1)
    for (const command of ['where', 'schema', 'verify', 'tables']) {
      expect({ command, exitCode: (await run(command, home)).exitCode }).toEqual({ command, exitCode: 0 })
    }
    expect((await readJson('table guard_meta --json', home)).found).toEqual([{ k: 'mode', v: 'quiet' }])
    expect(fingerprintFolder(home)).toEqual(before)
  })

  test.each([
    ['\\\\wsl.localhost\\Ubuntu\\home\\demo\\shop', 3],
    ['C:\\Users\\Demo\\shop', 3],
    ['/home/demo/café', 2],
  ])('a folder is found under all spellings that are certainly its own: %s', async (cwd, count) => {
    const home = makeCase('wsl-cwds', 'codex-0.169.0')
    const { found } = await readJson(`threads list --cwd ${cwd} --json=cwd`, home)
    expect(found).toHaveLength(count)
  })
})

test('what the Desktop app keeps has kinds of its own in du', async () => {
  const home = copyHome('codex-0.169.0')
  const files = {
    worktrees: ['worktrees/5f/shop/src/index.ts', 'worktrees/5f/shop/state_5.sqlite'],
    attachments: ['attachments/1/pasted-text.txt'],
    'generated images': ['generated_images/1.png'],
    automations: ['automations/a/automation.toml'],
    'Desktop state': [
      '.codex-global-state.json',
      '.codex-global-state.json.bak',
      '..codex-global-state.json.1.tmp',
    ],
  }
  for (const name of Object.values(files).flat()) {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), 'x'.repeat(1000))
  }
  const { found } = await readJson('du --json=kind,size_bytes,files', home)
  expect(found).toEqual(
    expect.arrayContaining(
      Object.entries(files).map(([kind, { length }]) => ({ kind, size_bytes: length * 1000, files: length })),
    ),
  )
})
