import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  builderFromItems,
  buildMetadata,
  parseRolloutLine,
  type RolloutItem,
  SEED_RULES,
  StateError,
  StateRuntime,
  stateDbFilename,
  stateDbPath,
  type TelemetryCount,
} from '../src/index.js'
import { BACKFILL_LEASE_SECONDS } from '../src/model/backfill.js'
import { startChild } from './helpers/child.js'
import { TEST_EVERYTHING } from './helpers/everything.js'
import { copyFixtureHome, copyHome, expectedPath, HOMES } from './helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from './helpers/layouts.js'
import { sampleMetadata, threadId } from './helpers/threads.js'

const NOW_MS = 1_780_000_000_500
const NOW_SECONDS = 1_780_000_000

const opened: StateRuntime[] = []
let counts: TelemetryCount[]
let warnings: string[]
let nowMs: number

beforeEach(() => {
  counts = []
  warnings = []
  nowMs = NOW_MS
})

afterEach(() => {
  for (const runtime of opened.splice(0)) runtime.close()
})

const options = {
  defaultProvider: 'openai',
  telemetry: (count: TelemetryCount) => void counts.push(count),
  onWarning: (message: string) => void warnings.push(message),
  now: () => nowMs,
}

function init(codexHome = join(temporaryFolder(), '.codex')): StateRuntime {
  const runtime = StateRuntime.init({ codexHome, ...options })
  opened.push(runtime)
  return runtime
}

function openExisting(where: { codexHome: string } | { dbPath: string }): StateRuntime {
  const runtime = StateRuntime.openExisting({ ...where, ...options })
  opened.push(runtime)
  return runtime
}

function failureOf(work: () => unknown): StateError {
  try {
    work()
  } catch (error) {
    return error as StateError
  }
  throw new Error('did not fail')
}

function logRow(tsSeconds: number, body = 'text') {
  return {
    tsSeconds,
    tsNanos: 0,
    level: 'INFO',
    target: 'test',
    body,
    threadId: null,
    processUuid: null,
    modulePath: null,
    file: null,
    line: null,
  }
}

describe('init', () => {
  test('makes the folder and the database, in the modes that Codex uses', () => {
    const home = join(temporaryFolder(), 'not', 'there', 'yet')
    const runtime = init(home)
    expect(stateDbFilename()).toBe('state_4.sqlite')
    expect(runtime.dbPath).toBe(join(home, 'state_4.sqlite'))
    expect(stateDbPath(home)).toBe(runtime.dbPath)
    expect(runtime.codexHome).toBe(home)
    const database = new Database(runtime.dbPath, { readonly: true })
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal')
    database.close()
    expect(counts).toEqual([
      { metric: 'codex.db.init', value: 1, tags: { status: 'opened' } },
      { metric: 'codex.db.init', value: 1, tags: { status: 'created' } },
    ])
  })

  test('opens it again as it was', () => {
    const home = init().codexHome
    init(home).upsertThread(sampleMetadata(1))
    expect(init(home).getThread(threadId(1))?.id).toBe(threadId(1))
    expect(counts.map(({ tags }) => tags.status)).toEqual(['opened', 'created', 'opened', 'opened'])
  })

  test('removes log rows older than 90 days, to the second', () => {
    const home = init().codexHome
    const limit = NOW_SECONDS - 90 * 86_400
    init(home).insertLogs([logRow(limit - 1), logRow(limit)])
    expect(
      init(home)
        .queryLogs()
        .map(({ tsSeconds }) => tsSeconds),
    ).toEqual([limit])
  })

  test('refuses the state_4 of release 0.99, which stays as it is', () => {
    const home = copyHome('codex-0.99.0')
    writeFileSync(join(home, 'state_2.sqlite'), 'older')
    const readAll = () => {
      const database = new Database(stateDbPath(home), { readonly: true })
      const tables = ['sqlite_schema', '_sqlx_migrations', 'threads', 'logs', 'backfill_state']
      const rows = tables.map((table) => database.prepare(`SELECT * FROM ${table}`).all())
      database.close()
      return rows
    }
    const before = readAll()
    const failure = failureOf(() => init(home))
    expect(failure.code).toBe('MIGRATION_MISMATCH')
    expect(failure.message).toContain('migration 6 (memories)')
    expect(readAll()).toEqual(before)
    expect(existsSync(join(home, 'state_2.sqlite'))).toBe(true)
    expect(counts).toEqual([{ metric: 'codex.db.init', value: 1, tags: { status: 'open_error' } }])
  })

  test('refuses a file that is no database', () => {
    const home = temporaryFolder()
    writeFileSync(stateDbPath(home), 'not a database, but long enough to look like something')
    expect(failureOf(() => init(home)).code).toBe('DB_NOT_A_DATABASE')
  })
})

describe('files of other generations', () => {
  const legacy = [
    'state.sqlite',
    'state.sqlite-wal',
    'state.sqlite-shm',
    'state_2.sqlite',
    'state_2.sqlite-journal',
    'state_3.sqlite',
    'state_03.sqlite',
    'state_0.sqlite',
  ]
  const others = [
    'state_5.sqlite',
    'state_5.sqlite-wal',
    'state_10.sqlite',
    'state_99999999999999999999.sqlite',
    'state_abc.sqlite',
    'state_.sqlite',
    'state_2.sqlite_backup',
    'state.sqlite.bak',
    'state.sqlite-wal-wal',
    'mystate_2.sqlite',
    'State_2.sqlite',
    'logs_1.sqlite',
    'logs.sqlite',
    'goals_1.sqlite',
  ]

  function createDecoys(): string {
    const home = temporaryFolder()
    for (const name of [...legacy, ...others]) writeFileSync(join(home, name), name)
    mkdirSync(join(home, 'state_1.sqlite'))
    mkdirSync(join(home, 'sessions'))
    writeFileSync(join(home, 'sessions', 'state_2.sqlite'), 'deeper')
    writeFileSync(join(home, 'target'), 'linked')
    symlinkSync(join(home, 'target'), join(home, 'state_02.sqlite'))
    return home
  }

  test('init takes away lower ones and the unversioned one, tells each, and nothing is lost', () => {
    const home = createDecoys()
    init(home).close()
    const kept = [
      ...others,
      'state_1.sqlite',
      'state_02.sqlite',
      'sessions',
      'target',
      'state_4.sqlite',
      'db-backups',
    ]
    expect(readdirSync(home).sort()).toEqual(kept.sort())
    expect(readdirSync(join(home, 'sessions'))).toEqual(['state_2.sqlite'])
    for (const name of others) expect(readFileSync(join(home, name), 'utf8')).toBe(name)
    const moved = readdirSync(join(home, 'db-backups'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    )
    expect(moved.map(({ name }) => name).sort()).toEqual(legacy.toSorted())
    for (const { name, parentPath } of moved) expect(readFileSync(join(parentPath, name), 'utf8')).toBe(name)
    expect(warnings).toHaveLength(5)
    for (const main of legacy.filter((name) => name.endsWith('.sqlite')))
      expect(warnings.filter((warning) => warning.startsWith(`moved ${join(home, main)} to `))).toHaveLength(
        1,
      )
  })

  test('openIfPresent and openExisting remove nothing', () => {
    const home = createDecoys()
    for (const name of others) if (/^state_\d+\.sqlite/.test(name)) writeFileSync(join(home, name), '')
    const own = init(temporaryFolder())
    own.close()
    writeFileSync(stateDbPath(home), readFileSync(own.dbPath))
    const before = readdirSync(home)
    StateRuntime.openIfPresent({ codexHome: home, ...options })!.close()
    openExisting({ dbPath: stateDbPath(home) }).close()
    expect(readdirSync(home)).toEqual(before)
  })
})

describe('openIfPresent', () => {
  test('makes nothing where nothing is', () => {
    const home = join(temporaryFolder(), '.codex')
    expect(StateRuntime.openIfPresent({ codexHome: home, ...options })).toBeUndefined()
    expect(existsSync(home)).toBe(false)
  })

  test('opens without migrating or removing rows', () => {
    const home = copyHome('codex-0.99.0')
    const runtime = StateRuntime.openIfPresent({ codexHome: home, ...options })!
    opened.push(runtime)
    expect(runtime.listThreads({ pageSize: 100 }).items).toHaveLength(22)
    expect(runtime.getBackfillState().status).toBe('complete')
    expect(runtime.queryLogs()).toHaveLength(617)
  })
})

describe('openExisting', () => {
  test('takes the newest state database of a home, and the log database with it', () => {
    const home = copyHome('codex-0.98.0-then-0.169.0')
    const runtime = openExisting({ codexHome: home })
    expect(runtime.dbPath).toBe(join(home, 'state_5.sqlite'))
    expect(runtime.queryLogs()).toHaveLength(127)
  })

  test('an older database beside a newer one has its own logs', () => {
    const home = copyHome('codex-0.98.0-then-0.169.0')
    expect(openExisting({ dbPath: join(home, 'state_2.sqlite') }).queryLogs()).toHaveLength(1424)
  })

  test('one of our own keeps to its own logs, whatever lies beside it', () => {
    const home = init().codexHome
    init(home).insertLog(logRow(NOW_SECONDS, 'ours'))
    writeFileSync(join(home, 'logs_2.sqlite'), '')
    const ways = [
      () => openExisting({ codexHome: home }),
      () => openExisting({ dbPath: stateDbPath(home) }),
      () => StateRuntime.openIfPresent({ codexHome: home, ...options })!,
    ]
    for (const open of ways) {
      const runtime = open()
      expect(runtime.queryLogs().map(({ body }) => body)).toEqual(['ours'])
      runtime.close()
    }
  })

  test('a database elsewhere can be told its home', () => {
    const home = temporaryFolder()
    const { dbPath } = init()
    const runtime = StateRuntime.openExisting({ dbPath, codexHome: home, ...options })
    opened.push(runtime)
    runtime.upsertThread(sampleMetadata(1))
    runtime.renameThread(threadId(1), 'Named')
    expect(readdirSync(home)).toEqual(['session_index.jsonl'])
  })

  test('goes where config.toml says that the databases are', () => {
    const home = temporaryFolder()
    const elsewhere = init().codexHome
    writeFileSync(join(home, 'config.toml'), `sqlite_home = ${JSON.stringify(elsewhere)}\n`)
    const runtime = openExisting({ codexHome: home })
    expect([runtime.codexHome, runtime.dbPath]).toEqual([home, stateDbPath(elsewhere)])
  })

  test('is told where config.toml cannot be used', () => {
    const { codexHome } = init()
    writeFileSync(join(codexHome, 'config.toml'), 'sqlite_home = "db\n')
    const warnings: string[] = []
    StateRuntime.openExisting({ codexHome, ...options, onWarning: (text) => warnings.push(text) }).close()
    expect(warnings).toEqual([
      expect.stringMatching(/config\.toml is not valid TOML, so its sqlite_home is not used/),
    ])
  })

  test('makes nothing: without a database it fails', () => {
    const home = temporaryFolder()
    expect(failureOf(() => openExisting({ codexHome: home })).code).toBe('DB_NOT_FOUND')
    expect(failureOf(() => openExisting({ dbPath: join(home, 'x.sqlite') })).code).toBe('DB_NOT_FOUND')
    expect(readdirSync(home)).toEqual([])
  })

  test('refuses a database without threads', () => {
    const home = copyHome('codex-0.140.0')
    const failure = failureOf(() => openExisting({ dbPath: join(home, 'goals_1.sqlite') }))
    expect(counts).toEqual([{ metric: 'codex.db.init', value: 1, tags: { status: 'open_error' } }])
    expect(failure).toMatchObject({
      code: 'DB_NO_TABLE',
      message: `${join(home, 'goals_1.sqlite')} has no table threads`,
    })
  })

  test('keeps a journal mode that is not WAL', () => {
    const home = init().codexHome
    opened.pop()!.close()
    const database = new Database(stateDbPath(home))
    database.pragma('journal_mode = DELETE')
    database.close()
    const runtime = openExisting({ codexHome: home })
    runtime.upsertThread(sampleMetadata(1))
    expect(readdirSync(home)).toEqual(['state_4.sqlite'])
  })

  test('does not mind migrations from the future', () => {
    const home = init().codexHome
    opened.pop()!.close()
    const database = new Database(stateDbPath(home))
    database.exec(
      `INSERT INTO _sqlx_migrations VALUES (99, 'from the future', '2030-01-01 00:00:00', 1, x'00', 1)`,
    )
    database.close()
    const runtime = openExisting({ codexHome: home })
    runtime.upsertThread(sampleMetadata(1))
    expect(runtime.getThread(threadId(1))?.id).toBe(threadId(1))
    expect(failureOf(() => init(home)).message).toContain('migration 99 (from the future)')
  })

  test.each(LAYOUTS)('writes threads and logs where $name has them', (layout) => {
    const home = createHome(layout)
    const runtime = openExisting({ codexHome: home })
    runtime.upsertThread(sampleMetadata(1))
    runtime.insertLog({ ...logRow(NOW_SECONDS, 'of a thread'), threadId: threadId(1) })
    runtime.insertLog(logRow(NOW_SECONDS, 'of none'))
    expect(runtime.dbPath).toBe(join(home, layout.stateFile))
    expect(runtime.listThreadIds({ pageSize: 10 })).toEqual([threadId(1)])
    const database = new Database(join(home, layout.logsFile), { readonly: true })
    expect(database.prepare('SELECT count(*) FROM logs').pluck().get()).toBe(2)
    database.close()
    expect(runtime.deleteThread(threadId(1))).toBe(true)
    const hasOwnFile = layout.logsFile !== layout.stateFile
    expect(runtime.queryLogs().map(({ body }) => body)).toEqual(
      hasOwnFile ? ['of none'] : ['of a thread', 'of none'],
    )
  })

  test('refuses a log table with a column that must have a value and is unknown', () => {
    const home = createHome(LAYOUTS.find(({ name }) => name === '0.140')!)
    const database = new Database(join(home, 'logs_2.sqlite'))
    const sql = database.prepare(`SELECT sql FROM sqlite_schema WHERE name = 'logs'`).pluck().get() as string
    database.exec(`DROP TABLE logs; ${sql.replace('target TEXT', 'mood TEXT NOT NULL, target TEXT')}`)
    database.close()
    expect(failureOf(() => openExisting({ codexHome: home }))).toMatchObject({
      code: 'SCHEMA_UNKNOWN',
      message: `${join(home, 'logs_2.sqlite')} requires a value that this version does not know: logs.mood`,
    })
  })

  test('what a layout lacks is said', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS[0]!) })
    for (const call of [
      () => runtime.getBackfillState(),
      () => runtime.getThreadMemory('x'),
      () => runtime.persistDynamicTools('x', [tool(0)]),
    ]) {
      expect(failureOf(call).code).toBe('DB_NO_TABLE')
    }
    expect(counts.filter(({ metric }) => metric === 'codex.db.error').map(({ tags }) => tags.stage)).toEqual([
      'get_backfill_state',
      'get_thread_memory',
      'persist_dynamic_tools',
    ])
  })
})

describe('backfill state', () => {
  test('is kept from one opening to the next', () => {
    const home = init().codexHome
    const runtime = init(home)
    expect(runtime.getBackfillState()).toMatchObject({
      status: 'pending',
      lastWatermark: null,
      lastSuccessAtSeconds: null,
    })
    runtime.markBackfillRunning()
    expect(init(home).getBackfillState()).toEqual({
      status: 'running',
      lastWatermark: null,
      lastSuccessAtSeconds: null,
      updatedAtSeconds: NOW_SECONDS,
    })
    nowMs += 5000
    runtime.checkpointBackfill('sessions/2026/01/27/rollout-a.jsonl')
    expect(init(home).getBackfillState()).toEqual({
      status: 'running',
      lastWatermark: 'sessions/2026/01/27/rollout-a.jsonl',
      lastSuccessAtSeconds: null,
      updatedAtSeconds: NOW_SECONDS + 5,
    })
    nowMs += 5000
    runtime.markBackfillComplete()
    expect(init(home).getBackfillState()).toEqual({
      status: 'complete',
      lastWatermark: 'sessions/2026/01/27/rollout-a.jsonl',
      lastSuccessAtSeconds: NOW_SECONDS + 10,
      updatedAtSeconds: NOW_SECONDS + 10,
    })
    runtime.markBackfillComplete('sessions/2026/01/28/rollout-b.jsonl')
    expect(runtime.getBackfillState().lastWatermark).toBe('sessions/2026/01/28/rollout-b.jsonl')
  })

  test('is claimed by one, until its lease has run out', () => {
    const home = init().codexHome
    const [one, other] = [init(home), init(home)]
    expect([one.claimBackfill(), other.claimBackfill(), one.claimBackfill()]).toEqual([true, false, false])
    nowMs += (BACKFILL_LEASE_SECONDS - 1) * 1000
    expect(other.claimBackfill()).toBe(false)
    one.checkpointBackfill('a')
    nowMs += 1000
    expect(other.claimBackfill()).toBe(false)
    nowMs += (BACKFILL_LEASE_SECONDS - 1) * 1000
    expect(other.claimBackfill()).toBe(true)
    other.markBackfillComplete()
    nowMs += 10 * BACKFILL_LEASE_SECONDS * 1000
    expect(one.claimBackfill()).toBe(false)
  })

  test('comes back as pending where its row is missing, whatever is asked first', () => {
    for (const first of [
      'getBackfillState',
      'claimBackfill',
      'markBackfillRunning',
      'markBackfillComplete',
    ] as const) {
      const runtime = init()
      const database = new Database(runtime.dbPath)
      database.exec('DELETE FROM backfill_state')
      runtime[first]()
      expect(database.prepare('SELECT id, status FROM backfill_state').all()).toEqual([
        {
          id: 1,
          status: {
            getBackfillState: 'pending',
            claimBackfill: 'running',
            markBackfillRunning: 'running',
            markBackfillComplete: 'complete',
          }[first],
        },
      ])
      database.close()
    }
  })

  test('with a status that is none cannot be read', () => {
    const runtime = init()
    const database = new Database(runtime.dbPath)
    database.exec(`UPDATE backfill_state SET status = 'resting'`)
    database.close()
    expect(failureOf(() => runtime.getBackfillState())).toMatchObject({
      code: 'INVALID',
      message: `backfill_state in ${runtime.dbPath} has the unknown status "resting"`,
    })
  })

  test.each([
    { upserted: 3, failed: 0, status: 'success' },
    { upserted: 0, failed: 2, status: 'failed' },
    { upserted: 3, failed: 2, status: 'partial_failure' },
  ])('of $upserted and $failed is counted as $status', ({ upserted, failed, status }) => {
    const runtime = init()
    counts = []
    runtime.recordBackfill({ upserted, failed, durationMs: 12 })
    expect(counts).toEqual([
      { metric: 'codex.db.backfill', value: upserted, tags: { status: 'upserted' } },
      { metric: 'codex.db.backfill', value: failed, tags: { status: 'failed' } },
      { metric: 'codex.db.backfill.duration_ms', value: 12, tags: { status } },
    ])
  })
})

describe('threads', () => {
  test('a provider that is not named is the default one', () => {
    const runtime = init()
    runtime.upsertThread(sampleMetadata(1, { modelProvider: '' }))
    expect(runtime.getThread(threadId(1))?.modelProvider).toBe('openai')
  })

  test('are archived with the time of the file, or keep their own where it is gone', () => {
    const runtime = init()
    runtime.upsertThread(sampleMetadata(1))
    const path = join(runtime.codexHome, 'rollout.jsonl')
    writeFileSync(path, '')
    utimesSync(path, 1_779_000_000.75, 1_779_000_000.75)
    expect(runtime.markArchived(threadId(1), path)).toBe(true)
    const archived = {
      isArchived: true,
      archivedAtSeconds: NOW_SECONDS,
      rolloutPath: path,
      updatedAtMs: 1_779_000_000_000,
    }
    expect(runtime.getThread(threadId(1))).toMatchObject(archived)
    expect(runtime.findRolloutPathById(threadId(1), true)).toBe(path)
    expect(runtime.findRolloutPathById(threadId(1), false)).toBeUndefined()
    expect(runtime.markUnarchived(threadId(1), '/gone.jsonl')).toBe(true)
    expect(runtime.getThread(threadId(1))).toMatchObject({
      isArchived: false,
      archivedAtSeconds: null,
      rolloutPath: '/gone.jsonl',
      updatedAtMs: 1_779_000_000_000,
    })
    runtime.markArchived(threadId(1), '/gone.jsonl', 1_779_500_000)
    expect(runtime.getThread(threadId(1))?.archivedAtSeconds).toBe(1_779_500_000)
    expect(runtime.markArchived(threadId(2), path)).toBe(false)
    expect(runtime.markUnarchived(threadId(2), path)).toBe(false)
  })

  test('are named in the index of the home as well', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS.find(({ name }) => name === '0.140')!) })
    runtime.upsertThread(sampleMetadata(1))
    expect(runtime.renameThread(threadId(1), 'Näme')).toBe(true)
    expect(runtime.renameThread(threadId(2), 'nobody')).toBe(false)
    expect(runtime.getThread(threadId(1))?.title).toBe('Näme')
    expect(readFileSync(join(runtime.codexHome, 'session_index.jsonl'), 'utf8')).toBe(
      `{"id":"${threadId(1)}","thread_name":"Näme","updated_at":"${new Date(NOW_MS).toISOString()}"}\n`,
    )
  })

  test('deleting one takes its tools and memory along', () => {
    const runtime = init()
    runtime.upsertThread(sampleMetadata(1))
    runtime.persistDynamicTools(threadId(1), [tool(0)])
    runtime.upsertThreadMemory({ threadId: threadId(1), traceSummary: 't', memorySummary: 'm' })
    expect(runtime.deleteThread(threadId(1))).toBe(true)
    expect(runtime.deleteThread(threadId(1))).toBe(false)
    expect(runtime.getThread(threadId(1))).toBeUndefined()
    expect(runtime.getDynamicTools(threadId(1))).toEqual([])
    expect(runtime.getThreadMemory(threadId(1))).toBeUndefined()
    expect(runtime.getLastNThreadMemoriesForCwd('/srv/demo', 5)).toEqual([])
  })
})

describe('deleting from a home of many databases', () => {
  test('takes the rows about the thread from each, and those of no other', () => {
    const home = createHome(LAYOUTS.find(({ name }) => name === '0.169')!)
    const runtime = openExisting({ codexHome: home })
    const inserts = {
      'goals_1.sqlite': (id: string) =>
        `INSERT INTO thread_goals (thread_id, goal_id, objective, status, created_at_ms, updated_at_ms)
         VALUES ('${id}', 'g', 'o', 'active', 1, 1)`,
      'memories_1.sqlite': (id: string) =>
        `INSERT INTO stage1_outputs (thread_id, source_updated_at, raw_memory, rollout_summary, generated_at)
         VALUES ('${id}', 1, 'r', 's', 1)`,
      'queue_1.sqlite': (id: string) => `INSERT INTO queued_items VALUES ('q ${id}', '${id}', '{}', 1, 1, 1)`,
    }
    const tables = {
      'goals_1.sqlite': 'thread_goals',
      'memories_1.sqlite': 'stage1_outputs',
      'queue_1.sqlite': 'queued_items',
    }
    for (const number of [1, 2]) {
      runtime.upsertThread(sampleMetadata(number))
      for (const [file, insert] of Object.entries(inserts)) {
        const database = new Database(join(home, file))
        database.exec(insert(threadId(number)))
        database.close()
      }
    }
    expect(runtime.deleteThread(threadId(1))).toBe(true)
    for (const [file, table] of Object.entries(tables)) {
      const database = new Database(join(home, file), { readonly: true })
      expect(database.prepare(`SELECT thread_id FROM ${table}`).pluck().all(), file).toEqual([threadId(2)])
      database.close()
    }
  })
})

describe('memories of a home that made some', () => {
  /** When the home was left. */
  const leftMs = 1_795_623_802_000
  let home: string
  let runtime: StateRuntime

  beforeAll(() => {
    home = copyFixtureHome('memories', 'codex-0.169.0-dual-memories')
    runtime = StateRuntime.openExisting({ codexHome: home, defaultProvider: 'openai', now: () => leftMs })
  })

  afterAll(() => {
    runtime.close()
    rmSync(dirname(home), { recursive: true })
  })

  const readAll = (file: string, sql: string) => {
    const database = new Database(join(home, file), { readonly: true })
    try {
      return database.prepare(sql).all() as Record<string, unknown>[]
    } finally {
      database.close()
    }
  }

  test('are those of the pipeline in use, or of both when asked', () => {
    const listed = runtime.listMemories()
    expect(listed).toHaveLength(11)
    expect(new Set(listed.map(({ pipeline, isInUse }) => `${pipeline} ${isInUse}`))).toEqual(
      new Set(['v1 true']),
    )
    expect(listed[0]).toMatchObject({
      state: 'newer-waiting',
      usageCount: 2,
      cwd: '/home/demo/projects/web-shop',
    })
    expect(listed[0]!.rawMemory).toContain('### Task 1')
    expect(
      runtime.listMemories({ pipelines: 'v2' }).map(({ rawMemory, usageCount }) => [rawMemory, usageCount]),
    ).toEqual(listed.map(() => ['', null]))
    expect(runtime.listMemories({ pipelines: 'all' })).toHaveLength(22)
    expect(runtime.listMemories({ states: ['archived'] }).map(({ isArchived }) => isArchived)).toEqual([true])
    expect(runtime.listMemories({ isUsed: true })).toHaveLength(2)
  })

  test('a thread without one has a reason, with each condition', () => {
    const [remembered] = runtime.listMemories()
    expect(runtime.memoryReason(remembered!.threadId).reason).toBe('has-memory')
    const gone = runtime.memoryReason('00000000-0000-7000-8000-000000000000')
    expect(gone.reason).toBe('no-row')
    expect(gone.checks.find(({ name }) => name === 'feature')?.outcome).toBe('pass')
  })

  test('deleting a thread takes its jobs along, and asks for a consolidation where its text was part of one', () => {
    const consolidated = runtime.listMemories({ states: ['consolidated'] }).at(-1)!
    const unselected = runtime.listMemories({ states: ['waiting'] })[0]!
    const files = ['memories_1.sqlite', 'memories_v2_1.sqlite']
    const readGlobal = (file: string) =>
      readAll(file, `SELECT * FROM jobs WHERE kind = 'memory_consolidate_global'`)[0]!
    const before = files.map(readGlobal)

    expect(runtime.deleteThread(unselected.threadId)).toBe(true)
    expect(files.map(readGlobal)).toEqual(before)
    expect(runtime.deleteThread(consolidated.threadId)).toBe(true)
    for (const [index, file] of files.entries()) {
      expect(readGlobal(file)).toEqual({
        ...before[index],
        status: 'pending',
        retry_at: null,
        input_watermark: Math.max(leftMs / 1000, Number(before[index]!.input_watermark) + 1),
      })
      for (const id of [consolidated.threadId, unselected.threadId]) {
        expect(readAll(file, `SELECT 1 FROM stage1_outputs WHERE thread_id = '${id}'`)).toEqual([])
        expect(readAll(file, `SELECT 1 FROM jobs WHERE job_key = '${id}'`)).toEqual([])
      }
    }
  })
})

describe('rollout items', () => {
  const meta = (changes: object = {}) => ({
    timestamp: '2026-02-05T10:20:30.123Z',
    type: 'session_meta',
    payload: {
      id: threadId(1),
      timestamp: '2026-02-05T10:20:30.100Z',
      cwd: '/srv/demo',
      originator: 'codex_cli_rs',
      cli_version: '0.99.0',
      source: 'cli',
      dynamic_tools: [{ name: 'lookup', description: 'Looks up.', inputSchema: { type: 'object' } }],
      ...changes,
    },
  })
  const said = (message: string) => ({
    timestamp: '2026-02-05T10:20:31.000Z',
    type: 'event_msg',
    payload: { type: 'user_message', message },
  })
  const items = (...lines: object[]) =>
    lines.map((line, index) => parseRolloutLine(JSON.stringify(line), index + 1) as RolloutItem)

  function rolloutPath(runtime: StateRuntime): string {
    const path = join(runtime.codexHome, `rollout-2026-02-05T10-20-30-${threadId(1)}.jsonl`)
    writeFileSync(path, '')
    utimesSync(path, 1_779_000_000, 1_779_000_000)
    return path
  }

  test('make the row, its tools, and then change it', () => {
    const runtime = init()
    const path = rolloutPath(runtime)
    const first = items(meta(), said('fix the build'))
    const builder = builderFromItems(first, path, SEED_RULES)!
    expect(builder).toMatchObject({
      id: threadId(1),
      rolloutPath: path,
      createdAtMs: Date.UTC(2026, 1, 5, 10, 20, 30, 100),
    })
    runtime.applyRolloutItems(builder, first)
    expect(runtime.getThread(threadId(1))).toMatchObject({
      rolloutPath: path,
      createdAtMs: Date.UTC(2026, 1, 5, 10, 20, 30),
      updatedAtMs: 1_779_000_000_000,
      source: 'cli',
      modelProvider: 'openai',
      title: 'fix the build',
      firstUserMessage: 'fix the build',
      cliVersion: '0.99.0',
    })
    expect(runtime.getDynamicTools(threadId(1)).map(({ position, name }) => [position, name])).toEqual([
      [0, 'lookup'],
    ])

    const later = items(said('and the tests'), {
      timestamp: '2026-02-05T10:20:33.100Z',
      type: 'event_msg',
      payload: { type: 'token_count', info: { total_token_usage: { total_tokens: 15 } } },
    })
    const metadata = runtime.applyRolloutItems(builder, later)
    expect(metadata).toMatchObject({ title: 'fix the build', tokensUsed: 15, cwd: '/srv/demo' })
    expect(runtime.getThread(threadId(1))).toMatchObject({ title: 'fix the build', tokensUsed: 15 })
  })

  test.each(LAYOUTS)('are applied to the rows of $name', (layout) => {
    const runtime = openExisting({ codexHome: createHome(layout) })
    const first = items(meta(), said('hello'))
    runtime.applyRolloutItems(builderFromItems(first, rolloutPath(runtime), runtime.rules), first)
    expect(runtime.getThread(threadId(1))).toMatchObject({ title: 'hello', source: 'cli', cwd: '/srv/demo' })
    expect(runtime.listThreadIds({ pageSize: 5 })).toEqual([threadId(1)])
  })

  test('in files of 0.131 on, change the thread now, and leave its tools to the rollout', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS.find(({ name }) => name === '0.140')!) })
    const path = rolloutPath(runtime)
    const first = items(meta(), said('hello'))
    runtime.applyRolloutItems(builderFromItems(first, path, SEED_RULES), first)
    expect(runtime.getThread(threadId(1))).toMatchObject({ updatedAtMs: NOW_MS, preview: 'hello' })
    expect(runtime.getDynamicTools(threadId(1))).toEqual([])
  })

  test('name a folder as it really is, where it is there', () => {
    const runtime = init()
    const real = temporaryFolder()
    symlinkSync(real, join(runtime.codexHome, 'link'))
    const first = items(meta({ cwd: join(runtime.codexHome, 'link') }), said('hello'))
    const path = rolloutPath(runtime)
    expect(runtime.applyRolloutItems(builderFromItems(first, path, SEED_RULES), first)?.cwd).toBe(real)
    expect(runtime.getThread(threadId(1))?.cwd).toBe(real)
  })

  test('give a builder all that their session_meta says, and a thread that changed when it was made', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS.find(({ name }) => name === '0.169')!) })
    const path = join(runtime.codexHome, `rollout-2026-02-05T11-20-30-${threadId(1)}.jsonl`)
    const first = items(
      meta({
        source: { subagent: 'review' },
        model_provider: 'azure',
        git: { commit_hash: 'abc', branch: 'main', repository_url: 'git@example.org:x/y.git' },
        agent_nickname: 'Ada',
        thread_source: 'subagent',
        memory_mode: 'disabled',
        history_mode: 'paginated',
      }),
      said('not the builder’s'),
    )
    const builder = builderFromItems(first, path, runtime.rules)!
    expect(builder).toMatchObject({
      id: threadId(1),
      source: '{"subagent":"review"}',
      modelProvider: 'azure',
      cwd: '/srv/demo',
      cliVersion: '0.99.0',
      gitSha: 'abc',
      gitBranch: 'main',
      gitOriginUrl: 'git@example.org:x/y.git',
      agentNickname: 'Ada',
      threadSource: 'subagent',
      memoryMode: 'disabled',
      historyMode: 'paginated',
      originator: 'codex_cli_rs',
      title: '',
    })
    const createdAtMs = Date.UTC(2026, 1, 5, 10, 20, 30, 100)
    const built = buildMetadata(builder, { defaultProvider: 'openai', rules: runtime.rules })
    expect(built).toMatchObject({ createdAtMs, updatedAtMs: createdAtMs, modelProvider: 'azure' })
    const bare = { id: threadId(2), rolloutPath: path, createdAtMs }
    expect(buildMetadata(bare, { defaultProvider: 'openai', rules: runtime.rules })).toMatchObject({
      updatedAtMs: createdAtMs,
      modelProvider: 'openai',
    })
    // A file that cannot be looked at tells no time of change.
    runtime.applyRolloutItems({ ...bare, rolloutPath: '/gone.jsonl' }, [])
    expect(runtime.getThread(threadId(2))?.createdAtMs).toBe(createdAtMs)
  })

  test('carry a memory mode into the row of a legacy thread, and not into that of a paginated one', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS.find(({ name }) => name === '0.169')!) })
    for (const [historyMode, memoryMode] of [
      ['legacy', 'disabled'],
      ['paginated', 'enabled'],
    ] as const) {
      const first = items(meta({ history_mode: historyMode }), said('hello'))
      const builder = builderFromItems(first, rolloutPath(runtime), runtime.rules)!
      runtime.deleteThread(threadId(1))
      runtime.applyRolloutItems(builder, first)
      runtime.applyRolloutItems(builder, items(meta({ history_mode: historyMode, memory_mode: 'disabled' })))
      expect(runtime.getThread(threadId(1))?.memoryMode).toBe(memoryMode)
    }
  })

  test('without anything that tells the thread are a discrepancy', () => {
    const runtime = init()
    counts = []
    const nobodys = items(said('hello'))
    const builder = builderFromItems(nobodys, '/x/notes.jsonl', SEED_RULES)
    expect(builder).toBeUndefined()
    expect(runtime.applyRolloutItems(builder, nobodys)).toBeUndefined()
    expect(counts).toEqual([
      {
        metric: 'codex.db.compare_error',
        value: 1,
        tags: { stage: 'apply_rollout_items', reason: 'missing_builder' },
      },
    ])
  })
})

function tool(position: number, name = `tool ${position}`) {
  return { position, name, description: 'd', inputSchema: '{}', deferLoading: null, namespace: null }
}

describe('dynamic tools', () => {
  test('come in their order, and keep the place that they have', () => {
    const runtime = init()
    runtime.upsertThread(sampleMetadata(1))
    runtime.persistDynamicTools(threadId(1), [tool(1), tool(0)])
    runtime.persistDynamicTools(threadId(1), [tool(0, 'late'), tool(2)])
    runtime.persistDynamicTools(threadId(1), [])
    expect(runtime.getDynamicTools(threadId(1))).toEqual([tool(0), tool(1), tool(2)])
    expect(runtime.getDynamicTools(threadId(2))).toEqual([])
  })

  test('of an unknown thread are refused, all of them', () => {
    const runtime = init()
    expect(failureOf(() => runtime.persistDynamicTools(threadId(1), [tool(0)])).code).toBe('INVALID')
    runtime.upsertThread(sampleMetadata(1))
    const broken = { ...tool(1), name: null as unknown as string }
    expect(failureOf(() => runtime.persistDynamicTools(threadId(1), [tool(0), broken])).code).toBe('INVALID')
    expect(runtime.getDynamicTools(threadId(1))).toEqual([])
  })

  test('have a flag and a namespace where the layout has', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS.find(({ name }) => name === '0.140')!) })
    runtime.upsertThread(sampleMetadata(1))
    const full = { ...tool(0), deferLoading: true, namespace: 'ns' }
    runtime.persistDynamicTools(threadId(1), [full, tool(1)])
    expect(runtime.getDynamicTools(threadId(1))).toEqual([full, { ...tool(1), deferLoading: false }])
  })
})

describe('memory', () => {
  const memory = (number: number, text: string) => ({
    threadId: threadId(number),
    traceSummary: `trace ${text}`,
    memorySummary: `memory ${text}`,
  })

  test('is inserted, replaced and read, its time always later', () => {
    const runtime = init()
    runtime.upsertThread(sampleMetadata(1))
    expect(runtime.getThreadMemory(threadId(1))).toBeUndefined()
    expect(runtime.upsertThreadMemory(memory(1, 'a'))).toEqual({
      ...memory(1, 'a'),
      updatedAtSeconds: NOW_SECONDS,
    })
    expect(runtime.upsertThreadMemory(memory(1, 'b'))).toEqual({
      ...memory(1, 'b'),
      updatedAtSeconds: NOW_SECONDS + 1,
    })
    nowMs -= 60_000
    expect(runtime.upsertThreadMemory(memory(1, 'c')).updatedAtSeconds).toBe(NOW_SECONDS + 2)
    nowMs += 120_000
    expect(runtime.upsertThreadMemory(memory(1, 'd')).updatedAtSeconds).toBe(NOW_SECONDS + 60)
    expect(runtime.getThreadMemory(threadId(1))).toEqual({
      ...memory(1, 'd'),
      updatedAtSeconds: NOW_SECONDS + 60,
    })
  })

  test('of an unknown thread is refused', () => {
    const runtime = init()
    expect(failureOf(() => runtime.upsertThreadMemory(memory(7, 'a')))).toMatchObject({
      code: 'INVALID',
      message: `thread not found: ${threadId(7)}`,
    })
    expect(runtime.getThreadMemory(threadId(7))).toBeUndefined()
  })

  test('of a folder is that of exactly this folder, newest first, as many as asked for', () => {
    const runtime = init()
    for (const [number, cwd] of [
      [1, '/srv/demo'],
      [2, '/srv/demo'],
      [3, '/srv/demo/sub'],
      [4, '/srv/Demo'],
      [5, '/srv/demo/'],
    ] as const) {
      runtime.upsertThread(sampleMetadata(number, { cwd }))
      runtime.upsertThreadMemory(memory(number, cwd))
    }
    nowMs += 1000
    runtime.upsertThreadMemory(memory(1, 'again'))
    const last = (n: number, cwd = '/srv/demo') =>
      runtime.getLastNThreadMemoriesForCwd(cwd, n).map((found) => Number(found.threadId.slice(-12)))
    expect(last(5)).toEqual([1, 2])
    expect(last(1)).toEqual([1])
    expect(last(0)).toEqual([])
    expect(last(-1)).toEqual([])
    expect(last(5, '/srv')).toEqual([])
    expect(last(5, '/srv/dem_')).toEqual([])
  })
})

describe('the end', () => {
  test('of a block closes, and closing twice does no harm', () => {
    const home = init().codexHome
    opened.pop()!.close()
    {
      using runtime = StateRuntime.init({ codexHome: home, ...options })
      runtime.upsertThread(sampleMetadata(1))
      runtime.close()
    }
    // The last connection takes the log file away.
    expect(readdirSync(home)).toEqual(['state_4.sqlite'])
  })
})

describe('a wrong argument', () => {
  const wrong = <T>(value: unknown) => value as T
  const calls: Record<string, (runtime: StateRuntime) => unknown> = {
    'getThread()': (runtime) => runtime.getThread(wrong(undefined)),
    'getThread({})': (runtime) => runtime.getThread(wrong({})),
    'listThreads()': (runtime) => runtime.listThreads(wrong(undefined)),
    'a page of 0': (runtime) => runtime.listThreads({ pageSize: 0 }),
    'a page of 1.5': (runtime) => runtime.listThreadIds({ pageSize: 1.5 }),
    'a page of "5"': (runtime) => runtime.listThreads({ pageSize: wrong('5') }),
    'no page size': (runtime) => runtime.listThreads(wrong({})),
    'a bogus sort key': (runtime) => runtime.listThreads({ pageSize: 1, sortKey: wrong('title') }),
    'a bogus anchor': (runtime) => runtime.listThreads({ pageSize: 1, anchor: wrong('2026|x') }),
    'a source that is no text': (runtime) => runtime.listThreads({ pageSize: 1, allowedSources: [wrong(1)] }),
    'a page of 0 with fallback': (runtime) => runtime.listThreadsWithFallback({ pageSize: 0 }),
    'a bogus sort key with fallback': (runtime) =>
      runtime.listThreadsWithFallback({ pageSize: 1, sortKey: wrong('recency') }),
    'findThreadPath(1)': (runtime) => runtime.findThreadPath(wrong(1)),
    'findRolloutPathById(null)': (runtime) => runtime.findRolloutPathById(wrong(null)),
    'upsertThread()': (runtime) => runtime.upsertThread(wrong(undefined)),
    'a thread without id': (runtime) => runtime.upsertThread(sampleMetadata(1, { id: '' })),
    'a thread with a date for a time': (runtime) =>
      runtime.upsertThread(sampleMetadata(1, { createdAtMs: wrong(new Date()) })),
    'a thread that is NaN old': (runtime) =>
      runtime.upsertThread(sampleMetadata(1, { updatedAtMs: Number.NaN })),
    'a thread without title': (runtime) =>
      runtime.upsertThread(sampleMetadata(1, { title: wrong(undefined) })),
    'applyRolloutItems(builder)': (runtime) =>
      runtime.applyRolloutItems({ id: 'x', rolloutPath: '/x', createdAtMs: 1 }, wrong(undefined)),
    'a builder without path': (runtime) => runtime.applyRolloutItems(wrong({ id: 'x', createdAtMs: 1 }), []),
    'markArchived without path': (runtime) => runtime.markArchived('x', wrong(undefined)),
    'renameThread without name': (runtime) => runtime.renameThread('x', wrong(undefined)),
    'deleteThread()': (runtime) => runtime.deleteThread(wrong(undefined)),
    'getDynamicTools()': (runtime) => runtime.getDynamicTools(wrong(undefined)),
    'tools that are none': (runtime) => runtime.persistDynamicTools('x', [wrong('lookup')]),
    'memories in a state that is none': (runtime) => runtime.listMemories({ states: wrong(['lost']) }),
    'memories of a pipeline that is none': (runtime) => runtime.listMemories({ pipelines: wrong('v3') }),
    'memoryReason()': (runtime) => runtime.memoryReason(wrong(undefined)),
    'a memory without text': (runtime) => runtime.upsertThreadMemory(wrong({ threadId: 'x' })),
    'a cwd that is none': (runtime) => runtime.getLastNThreadMemoriesForCwd(wrong(undefined), 1),
    'half a memory': (runtime) => runtime.getLastNThreadMemoriesForCwd('/x', 0.5),
    'a watermark that is none': (runtime) => runtime.checkpointBackfill(wrong(undefined)),
    'log rows that are none': (runtime) => runtime.insertLogs(wrong('rows')),
    'a log row without target': (runtime) => runtime.insertLog({ ...logRow(1), target: wrong(undefined) }),
    'a bogus level': (runtime) => runtime.insertLog({ ...logRow(1), level: 'LOUD' }),
    'a bogus level to ask for': (runtime) => runtime.queryLogs({ level: 'LOUD' }),
    'a bogus level to count': (runtime) => runtime.maxLogId({ level: '' }),
    'a limit below 0': (runtime) => runtime.queryLogs({ limit: -1 }),
    'deleteLogsBefore(NaN)': (runtime) => runtime.deleteLogsBefore(Number.NaN),
  }

  test.each(Object.keys(calls))('%s is INVALID and changes nothing', async (name) => {
    const runtime = init()
    const failure = await (async () => calls[name]!(runtime))().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StateError)
    expect(failure).toMatchObject({ code: 'INVALID' })
    expect((failure as StateError).message).toMatch(/must be /)
    expect(runtime.listThreads({ pageSize: 1 }).items).toEqual([])
    expect(runtime.queryLogs()).toEqual([])
  })

  test('of an opening is INVALID, and nothing is made', () => {
    for (const open of [
      () => StateRuntime.init(wrong(undefined)),
      () => StateRuntime.init(wrong({ defaultProvider: 'openai' })),
      () => StateRuntime.init({ codexHome: temporaryFolder(), defaultProvider: wrong(undefined) }),
      () => StateRuntime.openExisting(wrong({ defaultProvider: 'openai' })),
      () => StateRuntime.openExisting({ dbPath: wrong<string>(5), defaultProvider: 'openai' }),
      () => StateRuntime.openIfPresent(wrong({ codexHome: 5, defaultProvider: 'openai' })),
    ]) {
      expect(failureOf(open)).toMatchObject({ name: 'StateError', code: 'INVALID' })
    }
  })
})

test('every call after close() is CLOSED', async () => {
  const runtime = init()
  runtime.close()
  const page = { pageSize: 1 }
  const calls: [string, () => unknown][] = [
    ['getBackfillState', () => runtime.getBackfillState()],
    ['claimBackfill', () => runtime.claimBackfill()],
    ['markBackfillRunning', () => runtime.markBackfillRunning()],
    ['checkpointBackfill', () => runtime.checkpointBackfill('x')],
    ['markBackfillComplete', () => runtime.markBackfillComplete()],
    ['backfill', () => runtime.backfill()],
    ['getThread', () => runtime.getThread('x')],
    ['listThreads', () => runtime.listThreads(page)],
    ['listThreadIds', () => runtime.listThreadIds(page)],
    ['upsertThread', () => runtime.upsertThread(sampleMetadata(1))],
    ['listThreadsWithFallback', () => runtime.listThreadsWithFallback(page)],
    ['findThreadPath', () => runtime.findThreadPath('x')],
    ['findRolloutPathById', () => runtime.findRolloutPathById('x')],
    ['applyRolloutItems', () => runtime.applyRolloutItems(undefined, [])],
    ['markArchived', () => runtime.markArchived('x', '/x')],
    ['markUnarchived', () => runtime.markUnarchived('x', '/x')],
    ['renameThread', () => runtime.renameThread('x', 'y')],
    ['deleteThread', () => runtime.deleteThread('x')],
    ['listMemories', () => runtime.listMemories()],
    ['memoryReason', () => runtime.memoryReason('x')],
    ['getDynamicTools', () => runtime.getDynamicTools('x')],
    ['persistDynamicTools', () => runtime.persistDynamicTools('x', [tool(0)])],
    ['getThreadMemory', () => runtime.getThreadMemory('x')],
    [
      'upsertThreadMemory',
      () => runtime.upsertThreadMemory({ threadId: 'x', traceSummary: '', memorySummary: '' }),
    ],
    ['getLastNThreadMemoriesForCwd', () => runtime.getLastNThreadMemoriesForCwd('/x', 1)],
    ['insertLog', () => runtime.insertLog(logRow(1))],
    ['insertLogs', () => runtime.insertLogs([])],
    ['queryLogs', () => runtime.queryLogs()],
    ['maxLogId', () => runtime.maxLogId()],
    ['deleteLogsBefore', () => runtime.deleteLogsBefore(1)],
  ]
  // What only counts touches no database.
  const others = ['constructor', 'close', 'recordBackfill', 'recordDiscrepancy']
  expect(calls.map(([name]) => name).sort()).toEqual(
    Object.getOwnPropertyNames(StateRuntime.prototype)
      .filter((name) => !others.includes(name))
      .sort(),
  )
  for (const [name, call] of calls) {
    const failure = await (async () => call())().catch((error: unknown) => error)
    expect({ name, failure }).toMatchObject({ name, failure: { name: 'StateError', code: 'CLOSED' } })
  }
})

test('a rollout whose name is too long for any file is applied all the same', () => {
  const runtime = init()
  const rolloutPath = `/${'long'.repeat(2000)}/rollout.jsonl`
  runtime.applyRolloutItems({ id: threadId(1), rolloutPath, createdAtMs: NOW_MS }, [])
  runtime.markArchived(threadId(1), rolloutPath)
  expect(runtime.getThread(threadId(1))).toMatchObject({ rolloutPath, isArchived: true })
})

describe('the index of names', () => {
  const line = (number: number, name: string) =>
    `{"id":"${threadId(number)}","thread_name":"${name}","updated_at":"${new Date(NOW_MS).toISOString()}"}\n`

  test('without a final line end gets one before the new line', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS.find(({ name }) => name === '0.140')!) })
    const path = join(runtime.codexHome, 'session_index.jsonl')
    writeFileSync(path, line(7, 'old').trimEnd())
    runtime.upsertThread(sampleMetadata(1))
    runtime.renameThread(threadId(1), 'new')
    runtime.renameThread(threadId(1), 'newer')
    expect(readFileSync(path, 'utf8')).toBe(line(7, 'old') + line(1, 'new') + line(1, 'newer'))
  })

  test('that cannot be written leaves the row with its old name', () => {
    const runtime = openExisting({ codexHome: createHome(LAYOUTS.find(({ name }) => name === '0.140')!) })
    mkdirSync(join(runtime.codexHome, 'session_index.jsonl'))
    runtime.upsertThread(sampleMetadata(1))
    expect(failureOf(() => runtime.renameThread(threadId(1), 'new')).code).toBe('DB_READONLY')
    expect(runtime.getThread(threadId(1))?.title).toBe(sampleMetadata(1).title)
  })
})

describe('several processes', () => {
  test('make and fill one database at once, and nothing is lost', async () => {
    const home = join(temporaryFolder(), '.codex')
    const writers = [0, 1, 2, 3].map((number) => startChild('writer', [home, String(number * 1000), '60']))
    for (const writer of writers) expect(await writer.end()).toEqual({ exitCode: 0, stderr: '' })
    const runtime = init(home)
    expect(runtime.listThreads({ pageSize: 1000 }).items).toHaveLength(240)
    expect(new Set(runtime.queryLogs().map(({ body }) => body)).size).toBe(240)
    const database = new Database(runtime.dbPath, { readonly: true })
    expect(database.prepare('SELECT count(*) FROM _sqlx_migrations').pluck().get()).toBe(8)
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    database.close()
  })

  test.runIf(TEST_EVERYTHING)('a lock that another one holds for too long is an error of its own', () => {
    const runtime = init()
    const other = new Database(runtime.dbPath)
    other.exec('BEGIN IMMEDIATE')
    const startedAt = performance.now()
    const failure = failureOf(() => runtime.upsertThread(sampleMetadata(1)))
    expect(failure).toMatchObject({
      code: 'DB_BUSY',
      message: `cannot write ${runtime.dbPath}: another process holds a lock on it`,
    })
    expect(performance.now() - startedAt).toBeGreaterThan(4500)
    expect(runtime.listThreads({ pageSize: 10 }).items).toEqual([])
    other.exec('ROLLBACK')
    other.close()
    runtime.upsertThread(sampleMetadata(1))
    expect(runtime.listThreadIds({ pageSize: 10 })).toEqual([threadId(1)])
  })
})

describe('a home that cannot be written', () => {
  async function attempt(home: string, way: 'init' | 'openExisting'): Promise<string | undefined> {
    const child = startChild('init', [home, way])
    return child.nextLine()
  }

  function createReadOnlyHome(withDatabase: boolean): string {
    const home = join(temporaryFolder(), '.codex')
    if (withDatabase) {
      init(home)
      opened.pop()!.close()
    } else mkdirSync(home)
    chmodSync(dirname(home), 0o755)
    chmodSync(home, 0o555)
    return home
  }

  test.each([
    { way: 'init', withDatabase: true },
    { way: 'init', withDatabase: false },
    { way: 'openExisting', withDatabase: true },
  ] as const)('is an error of its own ($way, database $withDatabase)', async ({ way, withDatabase }) => {
    const home = createReadOnlyHome(withDatabase)
    const before = readdirSync(home)
    const said = await attempt(home, way)
    expect(said).toBe(`DB_READONLY cannot write ${stateDbPath(home)}: it or its folder is read-only`)
    expect(readdirSync(home)).toEqual(before)
    chmodSync(home, 0o755)
  })

  test('is one too when it cannot even be made', async () => {
    const home = createReadOnlyHome(false)
    expect(await attempt(join(home, 'below'), 'init')).toBe(
      `DB_READONLY cannot create the folder ${join(home, 'below')}: EACCES`,
    )
    chmodSync(home, 0o755)
  })
})

describe.each(['with space', 'ünï-код-项目', '100%41', 'what?mode=ro', 'a#b&c', `quote'"s`])(
  'a path %s',
  (name) => {
    test('is taken literally', () => {
      const home = join(temporaryFolder(), name)
      const runtime = init(home)
      runtime.upsertThread(sampleMetadata(1, { cwd: home, rolloutPath: join(home, 'r.jsonl') }))
      runtime.close()
      expect(readdirSync(dirname(home))).toEqual([name])
      expect(statSync(stateDbPath(home)).isFile()).toBe(true)
      expect(openExisting({ codexHome: home }).getThread(threadId(1))?.cwd).toBe(home)
    })
  },
)

describe.each(HOMES)('the home that Codex left as %s', (name) => {
  // These look into the head of each rollout and leave out what shows no user message there: a review; and in 0.93
  // a thread that was never used, whose row counts the injected AGENTS.md as a message.
  const unlisted = { 'codex-0.93.0': 2, 'codex-0.95.0': 6, 'codex-0.98.0': 1 }[name as string] ?? 0

  test.each([
    { sortKey: 'created_at', archivedOnly: false },
    { sortKey: 'created_at', archivedOnly: true },
    { sortKey: 'updated_at', archivedOnly: false },
    { sortKey: 'updated_at', archivedOnly: true },
  ] as const)(
    'is listed as it listed it, by $sortKey, archived $archivedOnly',
    ({ sortKey, archivedOnly }) => {
      const file = `thread-list.${archivedOnly ? 'archived' : 'active'}.${sortKey}.json`
      const { data } = JSON.parse(readFileSync(join(expectedPath(name), file), 'utf8')) as {
        data: { id: string }[]
      }
      const runtime = openExisting({ codexHome: copyHome(name) })
      const listed = runtime.listThreadIds({ pageSize: 100, sortKey, archivedOnly })
      const theirs = data.map(({ id }) => id)
      expect(listed.filter((id) => theirs.includes(id))).toEqual(theirs)
      expect(listed.length).toBe(theirs.length + (archivedOnly ? 0 : unlisted))
    },
  )
})
