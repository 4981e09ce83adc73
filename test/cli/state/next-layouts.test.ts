import { copyFileSync, cpSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { listStateReaders } from '../../helpers/commands.js'
import { sampleOf } from '../../helpers/everything.js'
import { copyFixtureHome, copyHome } from '../../helpers/homes.js'
import { temporaryFolder } from '../../helpers/layouts.js'
import { type RunResult, runState } from '../../helpers/run.js'
import { fingerprintFolder } from '../../helpers/seed.js'

const STATE = 'state_5.sqlite'
const COMMANDS = sampleOf(await listStateReaders(), 40)

const original = copyHome('codex-0.169.0-compressed')
afterAll(() => rmSync(dirname(original), { recursive: true }))

const TRIGGERS = ['created_at_ms', 'updated_at_ms'].flatMap((column) =>
  ['insert', 'update'].map((event) => `DROP TRIGGER threads_${column}_after_${event};`),
)
const WITHOUT_TRIGGERS = `${TRIGGERS.join(' ')} DROP TRIGGER threads_recency_at_after_insert;`

/** The table as it is, but without a rule for what a column may hold. */
const WITHOUT_RULES = `${WITHOUT_TRIGGERS} PRAGMA foreign_keys = OFF;
  CREATE TABLE loose AS SELECT * FROM threads; DROP TABLE threads; ALTER TABLE loose RENAME TO threads;`

/** Every column that the first release had, and some that came later. */
const COLUMNS = [
  'rollout_path',
  'created_at',
  'updated_at',
  'source',
  'model_provider',
  'cwd',
  'title',
  'sandbox_policy',
  'approval_mode',
  'tokens_used',
  'archived',
  'archived_at',
  'cli_version',
  'first_user_message',
  'memory_mode',
  'created_at_ms',
  'updated_at_ms',
  'preview',
  'recency_at',
  'recency_at_ms',
  'history_mode',
  'name',
  'agent_nickname',
]

const setAll = (value: string) =>
  `${WITHOUT_RULES} UPDATE threads SET ${COLUMNS.map((column) => `${column} = ${value}`).join(', ')};`

function changeHome(sql: string): string {
  const home = join(temporaryFolder(), 'home')
  cpSync(original, home, { recursive: true, preserveTimestamps: true })
  const database = new Database(join(home, STATE))
  database.exec(sql)
  // All in one file, so that the tests can copy it.
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  return home
}

const run = (home: string, ...argv: string[]): Promise<RunResult> => runState([...argv, '--codex-home', home])

describe.each<{ what: string; sql: string; notice: string; exitCode?: number }>([
  {
    what: 'whose texts and times have other names',
    sql: `${WITHOUT_RULES} ${COLUMNS.filter((column) => column !== 'created_at')
      .map((column) => `ALTER TABLE threads RENAME COLUMN ${column} TO x_${column};`)
      .join(' ')}`,
    notice:
      'has no rollout_path, source, model_provider, cwd, title, sandbox_policy, approval_mode, updated_at, tokens_used, archived, of which nothing is shown; not known in it: x_rollout_path, ',
  },
  {
    what: 'whose ids have another name',
    sql: `PRAGMA foreign_keys = OFF; ALTER TABLE threads RENAME COLUMN id TO thread_id;`,
    notice: 'has no column id',
    exitCode: 3,
  },
  { what: 'with rows of nothing', sql: setAll('NULL'), notice: '' },
  {
    what: 'with rows of bytes',
    sql: setAll(`x'fffe00'`),
    notice: 'sandbox_policy is not valid JSON, shown as text',
  },
  { what: 'with rows of numbers', sql: setAll('-9007199254740995.5'), notice: 'is not a valid time' },
  {
    what: 'with more columns, tables and migrations',
    sql: `ALTER TABLE threads ADD COLUMN zeal TEXT NOT NULL DEFAULT 'high'; CREATE TABLE zeals (id BLOB, "ti me" ANY) STRICT;
      INSERT INTO zeals VALUES (x'ff', 1.5); CREATE VIRTUAL TABLE words USING fts5(text);
      INSERT INTO _sqlx_migrations VALUES (63, 'zeal', '2027-01-01 00:00:00', 1, x'00', 5), (64, x'ff', NULL IS NULL, 0, 'text', -1);`,
    notice: '',
  },
  {
    what: 'whose migrations are recorded in another form',
    sql: `ALTER TABLE _sqlx_migrations RENAME COLUMN checksum TO digest;
      ALTER TABLE _sqlx_migrations RENAME COLUMN success TO state; ALTER TABLE _sqlx_migrations RENAME COLUMN installed_on TO at;`,
    notice: '',
  },
  {
    what: 'whose times are computed',
    sql: `${WITHOUT_RULES} ALTER TABLE threads RENAME COLUMN updated_at TO changed;
      ALTER TABLE threads DROP COLUMN updated_at_ms;
      ALTER TABLE threads ADD COLUMN updated_at INTEGER NOT NULL AS (changed);`,
    notice: '',
  },
  {
    what: 'whose keys point to nothing',
    sql: `${WITHOUT_RULES} DROP TABLE thread_spawn_edges; DROP TABLE backfill_state;`,
    notice: '',
  },
  {
    what: 'without any time',
    sql: `${WITHOUT_RULES} ${['created_at', 'updated_at', 'recency_at'].map((name) => `ALTER TABLE threads DROP COLUMN ${name}; ALTER TABLE threads DROP COLUMN ${name}_ms;`).join(' ')}`,
    notice: 'has no updated times to sort by',
    exitCode: 3,
  },
])('a state database $what', ({ sql, notice, exitCode = 0 }) => {
  const home = changeHome(sql)

  test('is listed as far as it can be, with what cannot be', async () => {
    const found = await run(home, 'threads', 'list', '--json')
    expect(found.stderr).toContain(notice)
    if (notice === '') expect(found.stderr).toBe('')
    expect(found.exitCode).toBe(exitCode)
    if (exitCode === 0) expect(JSON.parse(found.stdout)).toHaveLength(3)
  })

  test('ends no reading command in an unexpected error, and stays as it is', async () => {
    const before = fingerprintFolder(home)
    for (const argv of COMMANDS) {
      const { stderr, exitCode } = await run(home, ...argv)
      const told = `${argv.join(' ')}: ${stderr}`
      expect(stderr, told).not.toContain('unexpected error')
      // The code of `history list` is the worst of what it found.
      expect(argv[0] === 'history' ? [0, 1, 2, 3] : [0, 1, 3], told).toContain(exitCode)
    }
    expect(fingerprintFolder(home)).toEqual(before)
  })
})

describe('a newer state database', () => {
  test('without tables is passed over, which is said', async () => {
    const home = changeHome('')
    writeFileSync(join(home, 'state_6.sqlite'), '')
    const { stdout, stderr, exitCode } = await run(home, 'threads', 'list', '-q')
    expect(stdout.trim().split('\n')).toHaveLength(3)
    expect(stderr).toBe(
      `codex-state: ${home}/state_6.sqlite has no table threads, so ${home}/state_5.sqlite is read\n`,
    )
    expect(exitCode).toBe(0)
  })

  test('without threads is read, and which older one has some is said', async () => {
    const home = changeHome('')
    copyFileSync(join(home, STATE), join(home, 'state_6.sqlite'))
    const database = new Database(join(home, 'state_6.sqlite'))
    database.exec('DELETE FROM threads')
    database.close()
    const { stdout, stderr } = await run(home, 'threads', 'list', '-q')
    expect(stdout).toBe('')
    expect(stderr).toBe(
      `codex-state: ${home}/state_6.sqlite is of a newer layout than this version knows; it is read by its columns\n` +
        `codex-state: ${home}/state_6.sqlite holds no thread; ${home}/state_5.sqlite holds 3 threads: --db shows them\n`,
    )
  })

  test('answers for itself: what an older one has beside threads is not taken for its own', async () => {
    const home = changeHome('')
    copyFileSync(join(home, STATE), join(home, 'state_6.sqlite'))
    const database = new Database(join(home, 'state_6.sqlite'))
    database.exec('DROP TABLE backfill_state')
    database.close()
    const { stdout } = await run(home, 'backfill', 'status', '--json=verdict,status,database')
    expect(JSON.parse(stdout)).toEqual({
      verdict: 'unknown',
      status: null,
      database: `${home}/state_6.sqlite`,
    })
  })
})

test('a thread is shown where the tables of edges and tools are not those that are known', async () => {
  const home = changeHome(`ALTER TABLE thread_spawn_edges RENAME COLUMN parent_thread_id TO of_thread;
    ALTER TABLE thread_dynamic_tools RENAME COLUMN thread_id TO of_thread;`)
  const notice = `codex-state: the table thread_spawn_edges of ${join(home, STATE)} has other columns than those known: who spawned whom is told without it\n`
  for (const argv of [
    ['threads', 'show', 'last'],
    ['threads', 'tree'],
    ['threads', 'list', '--no-children'],
  ]) {
    const { stderr, exitCode } = await run(home, ...argv)
    expect({ argv, stderr, exitCode }).toEqual({ argv, stderr: notice, exitCode: 0 })
  }
})

test('a thread whose id is stored in upper case has its rollout', async () => {
  const home = changeHome('PRAGMA foreign_keys = OFF; UPDATE threads SET id = upper(id);')
  const { stdout, stderr, exitCode } = await run(home, 'threads', 'path', 'last')
  expect(stdout).toMatch(/\.jsonl(\.zst)?\n$/)
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
})

test('what Codex shows of a thread is not called less than all where it is all', async () => {
  const home = changeHome('')
  const database = new Database(join(home, 'thread_history_1.sqlite'))
  database.exec('UPDATE thread_history_projection_state SET next_rollout_byte_offset = 5')
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  const { stderr } = await run(home, 'threads', 'show', 'last')
  expect(stderr).toContain(
    'what Codex shows of it is not in order, since the cursor stands in the middle of a line',
  )
  expect((await run(home, 'verify')).stderr).toMatch(
    /what Codex shows of \d threads? is not in order: see 'codex-state history'/,
  )
})

test('a home without a state database says so where its backfill is asked for', async () => {
  const home = changeHome('')
  rmSync(join(home, STATE))
  const { stdout } = await run(home, 'backfill', 'status', '--json=verdict,meaning,database')
  expect(JSON.parse(stdout)).toEqual({
    verdict: 'unknown',
    meaning: 'there is no state database here; 3 files of 3 have no row',
    database: null,
  })
})

describe('a database of memories', () => {
  function changeMemories(sql: string): string {
    const home = copyFixtureHome('memories', 'codex-0.169.0-memories')
    onTestFinished(() => rmSync(dirname(home), { recursive: true }))
    const database = new Database(join(home, 'memories_v2_1.sqlite'))
    database.exec(sql)
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.close()
    return home
  }

  test('whose columns have other names tells what it has, and no time and no status of its own', async () => {
    const home = changeMemories(
      `ALTER TABLE stage1_outputs RENAME COLUMN source_updated_at TO changed_at;
       ALTER TABLE jobs RENAME COLUMN status TO phase;`,
    )
    const memories = await run(home, 'memories', 'list', '--json=remembered_at,state')
    const [memory] = JSON.parse(memories.stdout)
    expect(memory).toEqual({ remembered_at: null, state: expect.any(String) })
    const jobs = await run(home, 'memories', 'jobs', '--json=state,words,status')
    expect(new Set(JSON.parse(jobs.stdout).map((job: unknown) => JSON.stringify(job)))).toEqual(
      new Set(['{"state":"unknown","words":"its status is not stored","status":null}']),
    )
  })

  test('that cannot be read takes nothing else of a thread along', async () => {
    const home = changeMemories('ALTER TABLE stage1_outputs RENAME COLUMN thread_id TO of_thread;')
    const { stdout, stderr, exitCode } = await run(home, 'threads', 'show', 'last', '--json=id,memory,goal')
    expect(JSON.parse(stdout)).toEqual({ id: expect.any(String), memory: null, goal: null })
    expect(stderr).toContain('memories_v2_1.sqlite: no such column: thread_id')
    expect(exitCode).toBe(1)
  })
})

test.each(['goals_1.sqlite', 'memories_1.sqlite', 'thread_history_1.sqlite'])(
  'a thread is shown where %s is damaged, which is said',
  async (name) => {
    const home = changeHome('')
    for (const suffix of ['-wal', '-shm']) rmSync(join(home, name + suffix), { force: true })
    writeFileSync(join(home, name), 'no database'.repeat(1000))
    const { stdout, stderr, exitCode } = await run(home, 'threads', 'show', 'last', '--json=id')
    expect(JSON.parse(stdout)).toEqual({ id: expect.any(String) })
    expect(stderr).toContain(`${name} is not an SQLite database`)
    expect(exitCode).toBe(1)
  },
)
