import {
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { listDatabases } from '../../../src/schema/files.js'
import { describeFolder } from '../../helpers/folder.js'
import {
  copyFixtureHome,
  copyHome,
  HOMES,
  type HomeName,
  makeCase,
  UNUSED_THREADS,
} from '../../helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'
import { readStored, writeSession, writeSessions } from '../../helpers/sessions.js'
import { asOrdinaryUser, binPath, runBin, startBin, startProcess, waitUntil } from '../../helpers/spawn.js'
import { threadId } from '../../helpers/threads.js'

const run = (home: string, ...args: string[]) => runState(['backfill', 'run', '--codex-home', home, ...args])

function statePath(home: string): string {
  return listDatabases(home).find(({ role }) => role === 'state')!.path
}

/** A copy of a real home whose rows name the files of the copy, as they did where it was. */
function moveIn(name: HomeName): { home: string; path: string } {
  const home = copyHome(name)
  const path = statePath(home)
  const database = new Database(path)
  database
    .prepare(`UPDATE threads SET rollout_path = replace(rollout_path, '/home/demo/.codex', ?)`)
    .run(home)
  // What has no file cannot be brought back.
  for (const id of UNUSED_THREADS) database.prepare('DELETE FROM threads WHERE id = ?').run(id)
  database.close()
  return { home, path }
}

/** Every row of every table, for a comparison of whole databases. */
function dump(path: string): Record<string, unknown[]> {
  const database = new Database(path)
  const tables = database
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
    .pluck()
    .all() as string[]
  const rows = tables.map((name) => [name, database.prepare(`SELECT * FROM ${name} ORDER BY 1, 2`).all()])
  database.close()
  return Object.fromEntries(rows)
}

/** None while the database is being made. */
function countThreads(path: string): number {
  try {
    return readStored(path).threads.length
  } catch {
    return 0
  }
}

function execute(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

const NOTHING_TO_DO = 'codex-state: nothing to do: no difference found between rollouts and rows\n'

describe.each(HOMES)('on %s', (name) => {
  test('finds nothing to do where rollouts and rows agree', async () => {
    const { home, path } = moveIn(name)
    const before = dump(path)
    const result = await run(home, '--yes')
    expect(result).toEqual({
      stdout: '',
      stderr: NOTHING_TO_DO,
      exitCode: 0,
    })
    expect(dump(path)).toEqual(before)
    expect(readdirSync(home)).not.toContain('db-backups')
  })

  test('brings back rows that vanished, and takes them away again', async () => {
    const { home, path } = moveIn(name)
    const complete = dump(path)
    const isOrdinary = (table: string) => table !== 'sqlite_sequence'
    execute(path, 'DELETE FROM threads WHERE rowid % 2 = 0')
    const vanished = dump(path)
    const lost = new Set(complete.threads!.map((row) => (row as { id: string }).id))
    for (const row of vanished.threads!) lost.delete((row as { id: string }).id)

    const bytes = describeFolder(home)
    const dryRun = await run(home, '--dry-run')
    expect(describeFolder(home)).toEqual(bytes)
    expect(dryRun).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing was written') })
    expect(dump(path)).toEqual(vanished)
    const real = await run(home, '--yes')
    expect(real.exitCode).toBe(0)
    expect(real.stdout).toBe(dryRun.stdout)
    const inserted = real.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(new Set(inserted.map(([kind, id]) => `${kind} ${id}`))).toEqual(
      new Set([...lost].map((id) => `insert ${id}`)),
    )
    const after = dump(path)
    const known = new Set(vanished.threads!.map((row) => (row as { id: string }).id))
    // What was there stays as it was, to the last column.
    expect(after.threads!.filter((row) => known.has((row as { id: string }).id))).toEqual(vanished.threads)
    expect(after.threads!.map((row) => (row as { id: string }).id)).toEqual(
      complete.threads!.map((row) => (row as { id: string }).id),
    )
    for (const table of Object.keys(vanished)) {
      if (['threads', 'thread_spawn_edges', 'thread_dynamic_tools'].includes(table)) continue
      expect({ table, rows: after[table] }).toEqual({ table, rows: vanished[table] })
    }

    const [copy] = readdirSync(join(home, 'db-backups'))
    const copyPath = join(home, 'db-backups', copy!, basename(path))
    expect(real.stderr).toContain(`a copy of the database is at ${copyPath}\n`)
    expect(dump(copyPath)).toEqual(vanished)
    const undone = await run(home, '--undo')
    expect(undone).toMatchObject({ stdout: '', exitCode: 0 })
    expect(dump(path)).toEqual(vanished)
    const saved = readdirSync(join(home, 'db-backups')).find((folder) => folder.endsWith('-before-undo'))!
    expect(Object.keys(dump(join(home, 'db-backups', saved, basename(path)))).filter(isOrdinary)).toEqual(
      Object.keys(after).filter(isOrdinary),
    )
    expect(dump(join(home, 'db-backups', saved, basename(path)))).toEqual(after)
    expect(await run(home, '--undo')).toEqual({
      stdout: '',
      stderr: `codex-state: no copy to put back beside ${path}. --undo NAME puts back one of these: ${saved}, ${copy}-undone.\n`,
      exitCode: 1,
    })
    expect(await run(home, '--undo', saved)).toMatchObject({ stdout: '', exitCode: 0 })
    expect(dump(path)).toEqual(after)
  })

  test('repairs what diff names, and nothing else', async () => {
    const { home, path } = moveIn(name)
    execute(
      path,
      `UPDATE threads SET rollout_path = '/gone' || rollout_path WHERE rowid % 3 = 0;
       UPDATE threads SET rollout_path = '/gone' || rollout_path, archived = 1 - archived, archived_at = iif(archived = 0, 5, NULL) WHERE rowid % 3 = 1;
       UPDATE threads SET tokens_used = 1, updated_at = 5 WHERE rowid % 3 = 2`,
    )
    const before = readStored(path).threads
    const { stdout } = await runState(['diff', '--codex-home', home, '--json'])
    const named = new Set(
      (JSON.parse(stdout) as { id: string; field: string }[]).map(({ id, field }) => `${id} ${field}`),
    )
    expect((await run(home, '--yes')).exitCode).toBe(0)
    const after = readStored(path).threads
    const changed = after.flatMap((row, index) =>
      Object.keys(row)
        .filter((column) => row[column] !== before[index]![column])
        .map((column) => `${row.id} ${column}`),
    )
    expect(changed.length).toBeGreaterThan(0)
    // A path is repaired where Codex would find nothing; diff follows it to where the home is now. Columns that go
    // together: whether and when archived, and both units of a time.
    const unnamed = changed
      .map((change) => change.replace(/ archived$/, ' archived_at').replace(/updated_at_ms$/, 'updated_at'))
      .filter((change) => !named.has(change) && !change.endsWith(' rollout_path'))
    expect(unnamed).toEqual([])
    expect(after.filter(({ rollout_path }) => String(rollout_path).startsWith('/gone'))).toEqual([])
    expect((await run(home, '--dry-run')).stderr).toBe(NOTHING_TO_DO)
  })

  test('builds a database elsewhere and leaves the home as it is, byte for byte', async () => {
    const home = copyHome(name)
    const before = describeFolder(home)
    const folder = join(temporaryFolder(), 'built')
    const path = join(folder, basename(statePath(home)))
    const threads = readStored(join(copyHome(name), basename(path))).threads.filter(
      ({ id }) => !UNUSED_THREADS.includes(String(id)),
    ).length
    const { stdout, stderr, exitCode } = await run(home, '--into', folder)
    expect({ stdout, exitCode }).toEqual({ stdout: `${path}\n`, exitCode: 0 })
    expect(stderr).toMatch(
      new RegExp(`^codex-state: ${threads} threads stored from ${threads} rollouts in \\d\\.\\d s\\n$`),
    )
    expect(describeFolder(home)).toEqual(before)
    expect(readStored(path).threads).toHaveLength(threads)
    expect((await run(home, '--into', folder)).stderr).toBe(
      'codex-state: nothing to do: it has every rollout as it is now\n',
    )
    const listed = await runState(['threads', 'list', '-q', '--db', path, '--codex-home', home])
    expect(listed.stdout.trim().split('\n')).toHaveLength(threads)
  })
})

describe('what a user gave the home', () => {
  test('stays: names, sections, pins, projects, memory modes', async () => {
    const { home, path } = moveIn('codex-0.169.0')
    const kept = [
      'name',
      'title',
      'thread_section_id',
      'section_position',
      'is_pinned',
      'project_id',
      'memory_mode',
    ]
    execute(
      path,
      `UPDATE threads SET name = 'mine', title = 'my title', memory_mode = 'disabled', is_pinned = 1,
         project_id = (SELECT id FROM projects), section_position = 7, rollout_path = '/gone', tokens_used = 1, updated_at = 5`,
    )
    const before = readStored(path).threads
    const { stdout } = await run(home, '--yes', '--json')
    const changes = JSON.parse(stdout) as { change: string; columns: string }[]
    expect(new Set(changes.map(({ change }) => change))).toEqual(new Set(['repair']))
    for (const [index, row] of readStored(path).threads.entries()) {
      for (const column of kept)
        expect({ column, value: row[column] }).toEqual({ column, value: before[index]![column] })
      expect(row.rollout_path).not.toBe('/gone')
    }
  })

  test('a stuck backfill is marked as done, as every rollout has its row now', async () => {
    const { home, path } = moveIn('codex-0.140.0')
    execute(
      path,
      `UPDATE backfill_state SET status = 'running', updated_at = unixepoch(), last_watermark = NULL`,
    )
    const result = await run(home, '--yes')
    expect(result).toMatchObject({ stdout: 'finish\t\t\tbackfill_state\t\n', exitCode: 0 })
    expect(dump(path).backfill_state).toMatchObject([
      { status: 'complete', last_watermark: expect.stringMatching(/^sessions\/.*\.jsonl$/) },
    ])
  })

  test('a row that names the file of another thread gets its own', async () => {
    const home = temporaryFolder()
    const paths = writeSessions(home, 3)
    await run(home, '--into', join(home, '../built'))
    const built = `${join(home, '../built')}`
    cpSync(built, home, { recursive: true })
    rmSync(built, { recursive: true })
    const path = statePath(home)
    execute(path, `UPDATE threads SET rollout_path = '${paths[1]}' WHERE id = '${threadId(0)}'`)
    expect((await run(home, '--yes')).stdout).toBe(
      `repair\t${threadId(0)}\tmessage 0\trollout_path\t${paths[0]}\n`,
    )
  })

  test('of two rollouts of one thread the row keeps its own', async () => {
    const { home, path } = moveIn('codex-0.140.0')
    const [row] = readStored(path).threads.filter(({ archived }) => archived === 0)
    const copy = String(row!.rollout_path).replace('rollout-2026', 'rollout-2027')
    cpSync(String(row!.rollout_path), copy)
    expect((await run(home, '--yes')).stderr).toBe(NOTHING_TO_DO)
  })
})

describe('a home that is in use', () => {
  test('is refused while a process has its database open, and is served when that has ended', async () => {
    const { home, path } = moveIn('codex-0.140.0')
    execute(path, 'DELETE FROM threads')
    const holder = startProcess(
      process.execPath,
      [
        '-e',
        `const db = new (require('better-sqlite3'))(process.argv[1]); db.prepare('SELECT 1 FROM threads').get()
       console.log('open'); setInterval(() => {}, 1000)`,
        path,
      ],
      { cwd: dirname(binPath('codex-state')) },
    )
    await holder.until(() => holder.stdout !== '')
    for (const way of ['--yes', '--undo']) {
      if (way === '--undo') {
        mkdirSync(join(home, 'db-backups/codex-state-20260101T000000.000Z'), { recursive: true })
        cpSync(path, join(home, 'db-backups/codex-state-20260101T000000.000Z', basename(path)))
      }
      const refused = await runBin('codex-state', ['backfill', 'run', '--codex-home', home, way])
      expect(refused).toMatchObject({ stdout: '', exitCode: 3 })
      expect(refused.stderr).toContain(`${path} is open in process ${holder.child.pid} (`)
    }
    expect(readStored(path).threads).toEqual([])
    // Looking is always allowed.
    expect((await run(home, '--dry-run')).stdout.split('\n')).toHaveLength(25)
    await holder.end('SIGKILL')
    expect((await run(home, '--yes')).exitCode).toBe(0)
    expect(readStored(path).threads).toHaveLength(24)
  })
})

describe('a build that was ended', () => {
  test('by SIGKILL, again and again, has the rows of one run in the end', async () => {
    const home = temporaryFolder()
    writeSessions(home, 1500)
    const folder = temporaryFolder()
    const path = join(folder, 'state_4.sqlite')
    const args = ['backfill', 'run', '--codex-home', home, '--into', folder]
    let kills = 0
    for (const atLeast of [1, 400, 800]) {
      const running = startBin('codex-state', args)
      await waitUntil(() => countThreads(path) >= atLeast || running.child.exitCode !== null)
      const { signal } = await running.end('SIGKILL')
      if (signal === 'SIGKILL') kills += 1
    }
    expect(kills).toBeGreaterThan(0)
    expect((await runBin('codex-state', args)).exitCode).toBe(0)
    const fresh = temporaryFolder()
    await run(home, '--into', fresh)
    expect(readStored(path)).toEqual(readStored(join(fresh, 'state_4.sqlite')))
  })
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a build that was ended by %s says how to go on', async (signal, code) => {
  const home = temporaryFolder()
  writeSessions(home, 3000)
  const folder = temporaryFolder()
  const args = ['backfill', 'run', '--codex-home', home, '--into', folder]
  const running = startBin('codex-state', args)
  await waitUntil(() => countThreads(join(folder, 'state_4.sqlite')) > 0)
  expect(await running.end(signal)).toEqual({
    stdout: '',
    stderr:
      'codex-state: reading rollouts was aborted. What was stored until then stays; the next run goes on.\n',
    exitCode: code,
    signal: null,
  })
  expect((await run(home, '--into', folder)).exitCode).toBe(0)
  expect(readStored(join(folder, 'state_4.sqlite')).threads).toHaveLength(3000)
})

test('a reverted thread of a home that was moved gets the rollout that is in force', async () => {
  const home = copyFixtureHome('turns', 'forks-0.169.0')
  const inForce = (await runState(['threads', 'path', '01a21336-d43c', '--codex-home', home])).stdout.trim()
  expect(inForce).toMatch(/_01a21336-d5d1-[-0-9a-f]+\.jsonl$/)
  expect((await run(home, '--dry-run', '--json=id,path')).stderr).toBe(
    'codex-state: 0 threads would be inserted, 28 repaired, of 29 rollouts\ncodex-state: nothing was written; --yes does it\n',
  )
  expect((await run(home, '--yes')).exitCode).toBe(0)
  const stored = readStored(statePath(home)).threads.find(({ id }) => String(id).startsWith('01a21336-d43c'))
  expect(stored?.rollout_path).toBe(inForce)
  expect((await run(home, '--yes')).stderr).toBe(NOTHING_TO_DO)
})

test('bad lines are named by file, number and reason, and the rollout is taken over all the same', async () => {
  const { home } = moveIn('codex-0.169.0')
  const path = (await runState(['threads', 'path', 'last', '--codex-home', home])).stdout.trim()
  const lines = readFileSync(path).toString('latin1').split('\n')
  for (const number of [6, 9, 12, 13, 14, 15]) lines[number - 1] = '{"timestamp":"2026'
  lines[6] = '{"a":"\xff"}'
  writeFileSync(path, lines.join('\n'), 'latin1')
  const told = `codex-state: ${path}: line 6: not JSON; line 7: not UTF-8; line 9: not JSON; line 12: not JSON; line 13: not JSON; and 2 more\n`
  expect((await run(home, '--dry-run')).stderr).toContain(told)
  const built = await run(home, '--into', temporaryFolder())
  expect(built.stderr).toContain(told)
  expect(built.exitCode).toBe(0)
  expect((await runState(['diff', '--codex-home', home])).stderr).toContain(told)
})

test('folders and files that cannot be read are told of, and the others are stored', async () => {
  const home = temporaryFolder()
  const paths = [writeSession(home, 0), writeSession(home, 300), writeSession(home, 600)]
  chmodSync(dirname(paths[1]!), 0o000)
  chmodSync(paths[2]!, 0o000)
  const folder = temporaryFolder()
  const args = [binPath('codex-state'), 'backfill', 'run', '--codex-home', home, '--into', folder]
  const result = await startProcess(...asOrdinaryUser(process.execPath, args)).end()
  expect(result).toMatchObject({ stdout: `${join(folder, 'state_4.sqlite')}\n`, exitCode: 1 })
  expect(result.stderr).toContain(`codex-state: ${dirname(paths[1]!)}: permission denied`)
  expect(result.stderr).toContain(
    `codex-state: ${paths[2]}: cannot read rollout ${paths[2]}: permission denied`,
  )
  expect(result.stderr).toContain('codex-state: 1 thread stored from 2 rollouts')
  chmodSync(dirname(paths[1]!), 0o755)
  chmodSync(paths[2]!, 0o644)
  expect((await run(home, '--into', folder)).stderr).toContain('2 threads stored from 2 rollouts')
})

test('a home whose database is damaged gets another one built', async () => {
  const { home, path } = moveIn('codex-0.140.0')
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
  writeFileSync(path, 'this is not a database, though it is long enough to have been one\n'.repeat(100))
  const folder = temporaryFolder()
  const result = await run(home, '--into', folder)
  const built = join(folder, 'state_5.sqlite')
  expect(result).toMatchObject({ stdout: `${built}\n`, exitCode: 0 })
  expect(result.stderr).toContain(`${path} is not an SQLite database`)
  expect(result.stderr).toContain('every newer Codex brings it up to date when it starts')
  expect(readStored(built).threads).toHaveLength(24)
  // As 0.140 stores them.
  expect(new Set(readStored(built).threads.map(({ sandbox_policy }) => sandbox_policy))).toContain(
    '{"type":"disabled"}',
  )
  expect((await run(home, '--into', folder)).stderr).toContain(
    'nothing to do: it has every rollout as it is now',
  )
})

test.each([
  ['other databases of later releases', 'logs_2.sqlite', '0.99.0', 'state_5.sqlite'],
  ['the version that rollouts name', undefined, '0.121.0', 'state_5.sqlite'],
  ['nothing later', undefined, '0.99.0', 'state_4.sqlite'],
])('the generation of a new database is told by %s', async (_, file, version, name) => {
  const home = temporaryFolder()
  writeSession(home, 1, { meta: { cli_version: version } })
  if (file !== undefined) writeFileSync(join(home, file), '')
  const folder = temporaryFolder()
  const result = await run(home, '--into', folder)
  expect(result.stdout).toBe(`${join(folder, name)}\n`)
  expect(result.stderr).toContain(
    name === 'state_4.sqlite' ? 'no newer Codex reads it' : 'every newer Codex brings it up to date',
  )
})

test('a progress bar is shown on a terminal alone', async () => {
  const home = temporaryFolder()
  writeSessions(home, 201)
  const args = ['backfill', 'run', '--codex-home', home, '--into', temporaryFolder()]
  const { stderr } = await runState(args, { isTerminal: true })
  expect(stderr).toMatch(
    /^\r░{24} 0 of 201 rollouts\r█{24} 200 of 201 rollouts\r█{24} 201 of 201 rollouts\r\x1b\[Kcodex-state: 201 /,
  )
})

test.each([
  [
    [],
    `codex-state: backfill run would write to the home's own database. Say --dry-run to see what it would change, --yes to do it, or --into DIR to build another one.\n`,
  ],
  [['--into', '/x', '--yes'], 'codex-state: --into and --yes exclude each other\n'],
  [['--yes', '--dry-run'], 'codex-state: --yes and --dry-run exclude each other\n'],
  [
    ['--dry-run', '--fields=nonsense'],
    `codex-state: 'nonsense' is not a field of a change. There are: change, id, title, columns, path.\n`,
  ],
])('wrong words are refused: %j', async (args, stderr) => {
  const { home, path } = moveIn('codex-0.140.0')
  execute(path, 'DELETE FROM threads')
  const before = describeFolder(home)
  expect(await run(home, ...args)).toEqual({ stdout: '', stderr, exitCode: 2 })
  expect(describeFolder(home)).toEqual(before)
})

test('a folder of the home is refused as the place of a new database', async () => {
  const { home } = moveIn('codex-0.140.0')
  for (const folder of [home, join(home, 'new')]) {
    expect(await run(home, '--into', folder)).toMatchObject({ stdout: '', exitCode: 2 })
  }
  expect(readdirSync(home)).not.toContain('new')
})

test('the home under another name is refused as the place of a new database, and stays as it is', async () => {
  const { home, path } = moveIn('codex-0.140.0')
  const folder = temporaryFolder()
  symlinkSync(home, join(folder, 'link'))
  symlinkSync(join(home, 'sessions'), join(folder, 'deeper'))
  mkdirSync(join(folder, 'linked'))
  symlinkSync(path, join(folder, 'linked', basename(path)))
  mkdirSync(join(folder, 'dangling'))
  symlinkSync(join(home, 'state_9.sqlite'), join(folder, 'dangling', basename(path)))
  mkdirSync(join(folder, 'hard'))
  linkSync(path, join(folder, 'hard', basename(path)))
  const before = describeFolder(home)
  for (const [place, reason] of [
    ['link', 'is in the home, which this command does not change'],
    ['link/new/deep', 'is in the home, which this command does not change'],
    ['deeper/new', 'is in the home, which this command does not change'],
    ['linked', 'is a link, and what it points to must not be changed'],
    ['dangling', 'is a link, and what it points to must not be changed'],
    ['hard', 'is a database of the home under another name'],
  ] as const) {
    const result = await run(home, '--into', join(folder, place))
    expect(result).toMatchObject({ stdout: '', exitCode: 2, stderr: expect.stringContaining(reason) })
    expect(describeFolder(home)).toEqual(before)
  }
})

test('another home, or a database of somebody else, is refused as the place of a new database', async () => {
  const { home } = moveIn('codex-0.140.0')
  const other = copyHome('codex-0.100.0')
  const before = describeFolder(other)
  expect(await run(home, '--into', other)).toMatchObject({ stdout: '', exitCode: 2 })
  expect(describeFolder(other)).toEqual(before)
  const folder = temporaryFolder()
  execute(join(folder, 'state_5.sqlite'), 'CREATE TABLE mine (x)')
  const bytes = describeFolder(folder)
  expect(await run(home, '--into', folder)).toMatchObject({ stdout: '', exitCode: 1 })
  expect(describeFolder(folder)).toEqual(bytes)
})

test('a home without a database is told of', async () => {
  const home = temporaryFolder()
  writeSessions(home, 1)
  expect(await run(home, '--yes')).toEqual({
    stdout: '',
    stderr: `codex-state: no state database in ${home}. Codex makes one when it starts; --into DIR builds one elsewhere.\n`,
    exitCode: 3,
  })
})

test('the databases of a sqlite_home are the ones that are repaired, with their copies beside them', async () => {
  const { home, path } = moveIn('codex-0.140.0')
  const sqliteHome = temporaryFolder()
  for (const suffix of ['', '-wal', '-shm']) {
    try {
      renameSync(path + suffix, join(sqliteHome, basename(path) + suffix))
    } catch {}
  }
  const config = join(home, 'config.toml')
  writeFileSync(config, `sqlite_home = ${JSON.stringify(sqliteHome)}\n${readFileSync(config, 'utf8')}`)
  execute(join(sqliteHome, basename(path)), 'DELETE FROM threads')
  expect((await run(home, '--yes')).exitCode).toBe(0)
  expect(readStored(join(sqliteHome, basename(path))).threads).toHaveLength(24)
  expect(readdirSync(sqliteHome)).toContain('db-backups')
  expect(readdirSync(home)).not.toContain('db-backups')
})

test('compressed rollouts of several frames are read whole, and what is no whole frame is named', async () => {
  const home = makeCase('zst-frames', 'codex-0.140.0')
  const result = await run(home, '--yes', '--json')
  expect(result.exitCode).toBe(1)
  const inserted = (JSON.parse(result.stdout) as { change: string; id: string }[]).filter(
    ({ change }) => change === 'insert',
  )
  const tokens = new Map(readStored(statePath(home)).threads.map((row) => [row.id, row.tokens_used]))
  const original = readStored(statePath(copyHome('codex-0.140.0'))).threads
  expect(inserted.map(({ id }) => id.slice(0, 13)).sort()).toEqual(['01a1fb74-6a3d', '01a1fb74-7632'])
  for (const { id } of inserted)
    expect(tokens.get(id)).toBe(original.find((row) => row.id === id)!.tokens_used)
  expect(result.stderr).toMatch(/01a1fb74-83c0-\S+\.zst: cannot read rollout \S+\.zst: it is cut off\n/)
  expect(result.stderr).toMatch(/01a1fb74-686c-\S+\.zst: cannot read rollout \S+\.zst: it is not zstd\n/)
})

test('rows that were archived in the database alone stay so, and that is said', async () => {
  const home = makeCase('bulk-archive-ms', 'codex-0.140.0')
  const path = statePath(home)
  const before = dump(path)
  const said = expect.stringMatching(
    /^codex-state: nothing to do for the other rows\ncodex-state: 14 threads archived only in the database, or only in the files, stay so: the files are where the rows say\n$/,
  )
  for (const way of ['--dry-run', '--yes'])
    expect(await run(home, way)).toEqual({ stdout: '', stderr: said, exitCode: 0 })
  expect(dump(path)).toEqual(before)
})

describe('what Codex could not read is not written', () => {
  const layout = LAYOUTS.find(({ name }) => name === '0.169')!
  const paginated = { history_mode: 'paginated' }

  test('a rollout of an unknown history mode gets no row and is named, and the others get theirs', async () => {
    const home = createHome(layout)
    const path = writeSession(home, 1, { meta: { history_mode: 'holographic' } })
    writeSession(home, 2, { meta: paginated })
    for (const [way, exitCode] of [
      ['--dry-run', 1],
      ['--yes', 1],
    ] as const) {
      const result = await run(home, way)
      expect(result).toMatchObject({ exitCode })
      expect(result.stderr).toContain(`${path}: its history mode "holographic" is not known here`)
    }
    expect(readStored(statePath(home)).threads.map(({ id, history_mode }) => [id, history_mode])).toEqual([
      [threadId(2), 'paginated'],
    ])
  })

  test('the memory mode of a rollout reaches the row of a legacy thread, and no row of a paginated one', async () => {
    const home = createHome(layout)
    for (const number of [1, 2, 3, 4]) writeSession(home, number, { meta: number === 2 ? paginated : {} })
    await run(home, '--yes')
    for (const number of [1, 2, 3])
      writeSession(home, number, {
        meta: { ...(number === 2 ? paginated : {}), memory_mode: number === 3 ? 'enabled' : 'disabled' },
      })
    const path = statePath(home)
    execute(path, `UPDATE threads SET memory_mode = 'polluted' WHERE id = '${threadId(3)}'`)
    const result = await run(home, '--yes')
    expect(result.stdout).toMatch(new RegExp(`^repair\t${threadId(1)}\tmessage 1\tmemory_mode\t`))
    expect(readStored(path).threads.map(({ memory_mode }) => memory_mode)).toEqual([
      'disabled',
      'enabled',
      'polluted',
      'enabled',
    ])
  })

  test('blank values that a file tells are filled, whatever the times say', async () => {
    const home = makeCase('blank-provider', 'codex-0.169.0')
    const { stdout } = await run(home, '--yes', '--json')
    const changes = JSON.parse(stdout) as { change: string; columns: string }[]
    expect(changes.map(({ change, columns }) => `${change} ${columns}`).sort()).toEqual([
      'repair cwd, cli_version',
      'repair model_provider',
    ])
    expect((await run(home, '--dry-run')).stderr).toBe(
      'codex-state: nothing to do: no difference found between rollouts and rows\n',
    )
  })
})

describe('a rollout that the database does not take', () => {
  /** As of a text that is longer than SQLite allows: this takes a row, and that of no other. */
  const REFUSE = `CREATE TRIGGER refuse BEFORE INSERT ON threads WHEN new.title = 'message 2'
    BEGIN SELECT raise(ABORT, 'no such thread here'); END`

  test.each(['--yes', '--into'])('is named, and stops no other (%s)', async (way) => {
    const home = createHome(LAYOUTS.find(({ name }) => name === '0.140')!)
    execute(statePath(home), REFUSE)
    const paths = [1, 2, 3].map((number) => writeSession(home, number))
    const folder = temporaryFolder()
    const result = await run(home, ...(way === '--into' ? [way, folder] : [way]))
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toContain(`codex-state: ${paths[1]}: it cannot be stored: `)
    const path = way === '--into' ? join(folder, 'state_5.sqlite') : statePath(home)
    expect(readStored(path).threads.map(({ title }) => title)).toEqual(['message 1', 'message 3'])
    if (way === '--yes') expect(result.stderr).toContain('2 threads inserted, 0 repaired, of 3 rollouts')
    else expect(result.stderr).toContain('2 threads stored from 3 rollouts')
  })
})
