import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import type { WriteConnection } from '../../src/db/connection.js'
import { migrate } from '../../src/db/migrate.js'
import { loadMigrations, loadStateMigrations, parseMigration } from '../../src/db/migration-files.js'
import { openReadWrite } from '../../src/db/open-write.js'
import type { StateError } from '../../src/errors.js'
import { KNOWN_MIGRATIONS } from '../../src/schema/known-migrations.js'
import { startChild } from '../helpers/child.js'
import { readFrozenSchema, temporaryFolder } from '../helpers/layouts.js'
import { describeSchema } from '../helpers/schema.js'

const migrations = loadMigrations('state')
const open: WriteConnection[] = []

afterEach(() => {
  for (const db of open.splice(0)) db.close()
})

function openAt(path: string): WriteConnection {
  const db = openReadWrite(path, { create: true })
  open.push(db)
  return db
}

function openNew(): WriteConnection {
  return openAt(join(temporaryFolder(), 'state_4.sqlite'))
}

function openFrozen(schema: string, amend = ''): WriteConnection {
  const path = join(temporaryFolder(), 'state_4.sqlite')
  const database = new Database(path)
  database.exec(readFrozenSchema(schema))
  database.exec(amend)
  database.close()
  return openAt(path)
}

function failureOf(work: () => unknown): StateError {
  try {
    work()
  } catch (error) {
    return error as StateError
  }
  throw new Error('did not fail')
}

const RECORDED =
  'SELECT version, description, success, lower(hex(checksum)) AS checksum FROM _sqlx_migrations'

describe('a new database', () => {
  test('has what Codex 0.99 leaves in state_4, with the memory table of 0.98 in place of the later ones', () => {
    const db = openNew()
    migrate(db, migrations)
    const released = describeSchema(openFrozen('0.99.0.state_4'))
    const memory = Object.entries(describeSchema(openFrozen('0.98.0.state_2'))).filter(([name]) =>
      name.includes('thread_memory'),
    )
    const replaced = ['stage1_outputs', 'jobs']
    expect(memory).toHaveLength(2)
    expect(describeSchema(db)).toEqual(
      Object.fromEntries([
        ...Object.entries(released).filter(([name]) => !replaced.some((table) => name.includes(table))),
        ...memory,
      ]),
    )
  })

  test('records what Codex records: 0.99 but for version 6, which is that of 0.98', () => {
    const db = openNew()
    migrate(db, migrations)
    const recorded = (schema: string) => openFrozen(schema).all<{ version: number }>(RECORDED)
    expect(db.all(RECORDED)).toEqual([
      ...recorded('0.99.0.state_4').filter(({ version }) => version < 6),
      ...recorded('0.98.0.state_2').filter(({ version }) => version === 6),
      ...recorded('0.99.0.state_4').filter(({ version }) => version > 6),
    ])
    expect(
      db.all(`SELECT installed_on LIKE '20__-__-__ __:__:__' AS isDated, typeof(checksum) AS type,
        length(checksum) AS length, execution_time > 0 AS isTimed FROM _sqlx_migrations GROUP BY 1, 2, 3, 4`),
    ).toEqual([{ isDated: 1, type: 'blob', length: 48, isTimed: 1 }])
  })

  test('has one pending backfill', () => {
    const db = openNew()
    const before = Math.floor(Date.now() / 1000)
    migrate(db, migrations)
    const [row, ...others] = db.all<{ updated_at: number }>('SELECT * FROM backfill_state')
    expect(others).toEqual([])
    expect(row).toEqual({
      id: 1,
      status: 'pending',
      last_watermark: null,
      last_success_at: null,
      updated_at: expect.any(Number),
    })
    expect(row!.updated_at).toBeGreaterThanOrEqual(before)
  })
})

test('a second run changes nothing', () => {
  const db = openNew()
  migrate(db, migrations)
  db.all('PRAGMA wal_checkpoint(TRUNCATE)')
  const before = readFileSync(db.path)
  migrate(db, migrations)
  db.all('PRAGMA wal_checkpoint(TRUNCATE)')
  expect(readFileSync(db.path).equals(before)).toBe(true)
})

test('an older database of the line is brought to the same schema, its rows kept', () => {
  const older = openFrozen(
    '0.98.0.state_2',
    `INSERT INTO threads (id, rollout_path, created_at, updated_at, source, model_provider, cwd, title,
       sandbox_policy, approval_mode, has_user_event)
     VALUES ('a', 'p', 1, 2, 'cli', 'openai', '/', 'hello', '{}', 'never', 1),
            ('b', 'p', 1, 2, 'cli', 'openai', '/', 'not said', '{}', 'never', 0)`,
  )
  const fresh = openNew()
  migrate(older, migrations)
  migrate(fresh, migrations)
  expect(describeSchema(older)).toEqual(describeSchema(fresh))
  expect(older.all('SELECT id, title, cli_version, first_user_message FROM threads ORDER BY id')).toEqual([
    { id: 'a', title: 'hello', cli_version: '', first_user_message: 'hello' },
    { id: 'b', title: 'not said', cli_version: '', first_user_message: '' },
  ])
})

describe('what is recorded and does not fit is refused, and nothing changed', () => {
  const own6 = migrations.find(({ version }) => version === 6)!.checksums
  const of99 =
    'a203fc4b597e1420bffdc4e00e214798b21cf7fc921d8bd6f089c75248fb6a4b4942c97a1f8e0271eca8cf3b3e5e7a80'

  test.each([
    {
      what: 'the other version 6, of release 0.99',
      schema: '0.99.0.state_4',
      amend: '',
      message: `migration 6 (memories) in PATH is recorded with checksum ${of99}; migration 6 (thread memory) has ${own6.lf} here, or ${own6.crlf} with CR/LF`,
    },
    {
      what: 'another text',
      schema: '0.98.0.state_2',
      amend: `UPDATE _sqlx_migrations SET checksum = x'${'ab'.repeat(48)}' WHERE version = 1`,
      message: `migration 1 (threads) in PATH is recorded with checksum ${'ab'.repeat(48)}; migration 1 (threads) has ${migrations[0]!.checksums.lf} here, or ${migrations[0]!.checksums.crlf} with CR/LF`,
    },
    {
      what: 'a newer version',
      schema: '0.98.0.state_2',
      amend: `INSERT INTO _sqlx_migrations VALUES (9, 'from the future', '2030-01-01 00:00:00', 1, x'00', 1)`,
      message: 'migration 9 (from the future) in PATH is not known here',
    },
    {
      what: 'a migration that was not finished',
      schema: '0.98.0.state_2',
      amend: 'UPDATE _sqlx_migrations SET success = 0 WHERE version = 3',
      message: 'migration 3 (logs thread id) in PATH is recorded as not finished',
    },
    {
      what: 'tables without a record',
      schema: '0.98.0.state_2',
      amend: 'DELETE FROM _sqlx_migrations',
      message: 'migration 1 (threads) does not fit PATH: table threads already exists',
    },
  ])('$what', ({ schema, amend, message }) => {
    const db = openFrozen(schema, amend)
    const before = describeSchema(db)
    const recorded = db.all(RECORDED)
    const failure = failureOf(() => migrate(db, migrations))
    expect({ code: failure.code, message: failure.message }).toEqual({
      code: 'MIGRATION_MISMATCH',
      message: message.replace('PATH', db.path),
    })
    expect(describeSchema(db)).toEqual(before)
    expect(db.all(RECORDED)).toEqual(recorded)
  })
})

test.each([1, 4, 8])('killed in the middle of migration %i, it has left nothing of it', async (version) => {
  const path = join(temporaryFolder(), 'state_4.sqlite')
  const child = startChild('interrupted-migration', [path, String(version)])
  expect(await child.nextLine()).toBe('in the transaction')
  await child.kill()

  const killed = openAt(path)
  const before = openNew()
  migrate(before, migrations.slice(0, version - 1))
  expect(describeSchema(killed)).toEqual(describeSchema(before))

  migrate(killed, migrations)
  const fresh = openNew()
  migrate(fresh, migrations)
  expect(describeSchema(killed)).toEqual(describeSchema(fresh))
  expect(killed.all(RECORDED)).toEqual(fresh.all(RECORDED))
})

test('a full disk ends it between two migrations, and it goes on when there is room', () => {
  const db = openNew()
  db.exec('PRAGMA max_page_count = 10')
  expect(failureOf(() => migrate(db, migrations)).code).toBe('DB_FULL')
  const applied = db.all<{ version: number }>(RECORDED).length
  expect(applied).toBeGreaterThan(0)
  expect(applied).toBeLessThan(8)
  const partial = openNew()
  migrate(partial, migrations.slice(0, applied))
  expect(describeSchema(db)).toEqual(describeSchema(partial))

  db.exec('PRAGMA max_page_count = 1000000')
  migrate(db, migrations)
  expect(db.all(RECORDED)).toHaveLength(8)
})

test.each(['lf', 'crlf'] as const)(
  'a database with %s checksums is accepted, and gets the missing ones in the same form',
  (form) => {
    const db = openNew()
    migrate(db, migrations.slice(0, 3), form)
    migrate(db, migrations, form === 'lf' ? 'crlf' : 'lf')
    migrate(db, migrations)
    expect(db.all<{ checksum: string }>(RECORDED).map(({ checksum }) => checksum)).toEqual(
      migrations.map(({ checksums }) => checksums[form]),
    )
  },
)

test('the checksums of a migration are those that releases are known to record', () => {
  const known = KNOWN_MIGRATIONS.filter(({ role }) => role === 'state')
  for (const { version, description, checksums } of migrations) {
    expect(
      known.find((each) => each.version === version && each.description === description)?.checksums,
    ).toEqual(checksums)
  }
})

describe('a migration file', () => {
  const HEAD = `-- checksum: ${'0f'.repeat(48)}\n-- checksum with CR/LF: ${'f0'.repeat(48)}`

  test('names its version and description, and holds the checksums', () => {
    expect(parseMigration('0012_more_of_it.sql', `-- why\n${HEAD}\nSELECT 1;`)).toEqual({
      version: 12,
      description: 'more of it',
      checksums: { lf: '0f'.repeat(48), crlf: 'f0'.repeat(48) },
      sql: `-- why\n${HEAD}\nSELECT 1;`,
    })
  })

  test('is the same with the line ends of Windows', () => {
    const sql = `-- why\n${HEAD}\nSELECT 1;\n`.replaceAll('\n', '\r\n')
    expect(parseMigration('0001_x.sql', sql).checksums).toEqual({
      lf: '0f'.repeat(48),
      crlf: 'f0'.repeat(48),
    })
  })

  test.each([
    ['readme.md', `-- checksum: ${'0f'.repeat(48)}`],
    ['0001_x.sql', '-- no checksum'],
    ['0001_x.sql', '-- checksum: 0f0f'],
    ['0001_x.sql', `-- checksum: ${'0f'.repeat(48)}`],
  ])('is refused as %s with %j', (name, sql) => {
    expect(() => parseMigration(name, sql)).toThrow(`${name} is not a migration`)
  })

  test('are eight, in order', () => {
    expect(migrations.map(({ version, description }) => `${version} ${description}`)).toEqual([
      '1 threads',
      '2 logs',
      '3 logs thread id',
      '4 thread dynamic tools',
      '5 threads cli version',
      '6 thread memory',
      '7 threads first user message',
      '8 backfill state',
    ])
  })
})

test('the migrations of state_5 make what 0.100 makes, and are recorded as it records them', () => {
  const describeDatabase = (db: WriteConnection) => ({
    schema: describeSchema(db),
    migrations: db.all(
      'SELECT version, description, success, hex(checksum) AS checksum FROM _sqlx_migrations ORDER BY version',
    ),
  })
  const db = openNew()
  migrate(db, loadStateMigrations(5), 'lf')
  expect(describeDatabase(db)).toEqual(describeDatabase(openFrozen('0.100.0.state_5')))
})
