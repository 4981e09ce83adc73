import { rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import { listDatabases } from '../../src/schema/files.js'
import { type BuildOptions, buildStateDatabase } from '../../src/sync/build.js'
import { describeFolder } from '../helpers/folder.js'
import { copyHome, HOMES, UNUSED_THREADS } from '../helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from '../helpers/layouts.js'
import { listExceptions } from '../helpers/row-exceptions.js'
import { describeSchema } from '../helpers/schema.js'
import { readStored, type StoredRow, writeSession, writeSessions } from '../helpers/sessions.js'

/** Columns whose exact value is compared in another way, with the reason. */
const COMPARED_OTHERWISE: Record<string, (stored: StoredRow, built: StoredRow) => boolean> = {
  // The packed homes have file times in whole seconds; a collision is moved on by a millisecond, as Codex does.
  updated_at_ms: (_, built) => Math.floor((built.updated_at_ms as number) / 1000) === built.updated_at,
  // The start of the last turn is a matter of the running Codex; its trigger fills it from the time of change.
  recency_at: (_, built) => built.recency_at === built.updated_at,
  recency_at_ms: (_, built) => built.recency_at_ms === built.updated_at_ms,
}

function buildOptions(codexHome: string, folder: string, changes: Partial<BuildOptions> = {}): BuildOptions {
  return {
    codexHome,
    folder,
    modelPath: listDatabases(codexHome).find(({ role }) => role === 'state')?.path,
    defaultProvider: 'mock',
    isHeld: () => false,
    now: Date.now,
    ...changes,
  }
}

describe.each(HOMES)('a database built from %s', (name) => {
  const home = copyHome(name)
  const folder = join(dirname(home), 'built')
  const options = buildOptions(home, folder)
  const builtPath = join(folder, basename(options.modelPath!))
  afterAll(() => rmSync(dirname(home), { recursive: true }))

  test('has the rows that the release wrote, field by field, except as listed; the home stays as it is', async () => {
    const before = describeFolder(home)
    const counts = await buildStateDatabase(options)
    expect(describeFolder(home)).toEqual(before)
    const built = readStored(builtPath)
    const all = readStored(options.modelPath!)
    const stored = { ...all, threads: all.threads.filter(({ id }) => !UNUSED_THREADS.includes(id as string)) }
    expect(counts).toMatchObject({
      scanned: stored.threads.length,
      upserted: stored.threads.length,
      failed: 0,
    })
    expect(built.threads.map(({ id }) => id)).toEqual(stored.threads.map(({ id }) => id))
    const differences = stored.threads.flatMap((row, index) =>
      Object.keys(row).flatMap((column) => {
        const own = built.threads[index]!
        const value = row[column]
        const expected =
          column === 'rollout_path' ? (value as string).replace('/home/demo/.codex', home) : value
        const isEqual = COMPARED_OTHERWISE[column]?.(row, own) ?? own[column] === expected
        return isEqual ? [] : [{ home: name, thread: row.id, column }]
      }),
    )
    expect(sorted(differences)).toEqual(sorted(listExceptions(name)))
    expect(built.edges).toEqual(stored.edges)
    expect(built.tools).toEqual(stored.tools)
  })

  test('has the schema and migrations of the home, and is complete', () => {
    const describeDatabase = (path: string) => {
      const database = new Database(path)
      const all = <Row>(sql: string, ...params: unknown[]) => database.prepare(sql).all(...params) as Row[]
      const hasState = all(`SELECT 1 FROM sqlite_schema WHERE name = 'backfill_state'`).length > 0
      const described = {
        schema: describeSchema({ all }),
        migrations: all('SELECT * FROM _sqlx_migrations ORDER BY version'),
        autoVacuum: database.pragma('auto_vacuum', { simple: true }),
        journalMode: database.pragma('journal_mode', { simple: true }),
        integrity: database.pragma('integrity_check', { simple: true }),
        foreignKeys: database.pragma('foreign_key_check'),
        status: hasState ? all('SELECT status, last_watermark FROM backfill_state') : [],
      }
      database.close()
      return described
    }
    const model = describeDatabase(options.modelPath!)
    expect(describeDatabase(builtPath)).toEqual({
      ...model,
      status: model.status.length === 0 ? [] : [{ status: 'complete', last_watermark: expect.any(String) }],
    })
  })

  test('takes nothing up in a second run', async () => {
    const before = readStored(builtPath)
    expect(await buildStateDatabase(options)).toMatchObject({ scanned: 0, upserted: 0, failed: 0 })
    expect(readStored(builtPath)).toEqual(before)
  })
})

test('a home without a database gets one of our own generation', async () => {
  const home = temporaryFolder()
  writeSessions(home, 3)
  const folder = join(temporaryFolder(), 'new', 'deep')
  await buildStateDatabase(buildOptions(home, folder))
  const { threads } = readStored(join(folder, 'state_4.sqlite'))
  expect(threads.map(({ title }) => title)).toEqual(['message 0', 'message 1', 'message 2'])
})

test('what is new or was written to since is taken up by the next run', async () => {
  const home = temporaryFolder()
  const folder = temporaryFolder()
  writeSessions(home, 3)
  await buildStateDatabase(buildOptions(home, folder))
  writeSession(home, 1, { tokens: 99, modifiedAtSeconds: 1_800_000_000 })
  writeSession(home, 3)
  expect(await buildStateDatabase(buildOptions(home, folder))).toMatchObject({ scanned: 2, upserted: 2 })
  const path = join(folder, 'state_4.sqlite')
  expect(readStored(path).threads.map(({ tokens_used }) => tokens_used)).toEqual([1, 99, 3, 4])
  const fresh = temporaryFolder()
  await buildStateDatabase(buildOptions(home, fresh))
  expect(readStored(path)).toEqual(readStored(join(fresh, 'state_4.sqlite')))
})

test('rollouts that were changed in the same second get times of their own, in milliseconds', async () => {
  const home = createHome(LAYOUTS.find(({ name }) => name === '0.140')!)
  writeSession(home, 0, { root: 'archived_sessions', modifiedAtSeconds: 1_800_000_000 })
  for (const number of [1, 2, 3]) writeSession(home, number, { modifiedAtSeconds: 1_790_000_000 })
  const folder = temporaryFolder()
  await buildStateDatabase(buildOptions(home, folder))
  const { threads } = readStored(join(folder, 'state_5.sqlite'))
  expect(threads.map(({ updated_at, updated_at_ms }) => [updated_at, updated_at_ms])).toEqual([
    [1_800_000_000, 1_800_000_000_000],
    [1_790_000_000, 1_790_000_000_000],
    [1_790_000_000, 1_790_000_000_001],
    [1_790_000_000, 1_790_000_000_002],
  ])
})

test('a thread that opted out of memories since is one in its row, too', async () => {
  const home = createHome(LAYOUTS.find(({ name }) => name === '0.140')!)
  const folder = temporaryFolder()
  writeSessions(home, 2)
  await buildStateDatabase(buildOptions(home, folder))
  writeSession(home, 1, { meta: { memory_mode: 'disabled' }, modifiedAtSeconds: 1_800_000_000 })
  await buildStateDatabase(buildOptions(home, folder))
  expect(readStored(join(folder, 'state_5.sqlite')).threads.map(({ memory_mode }) => memory_mode)).toEqual([
    'enabled',
    'disabled',
  ])
})

test('a database of another home is refused and stays as it is', async () => {
  const folder = temporaryFolder()
  const home = temporaryFolder()
  writeSessions(home, 1)
  await buildStateDatabase(buildOptions(home, folder))
  const before = readStored(join(folder, 'state_4.sqlite'))
  const other = temporaryFolder()
  writeSessions(other, 2)
  await expect(buildStateDatabase(buildOptions(other, folder))).rejects.toMatchObject({ code: 'INVALID' })
  expect(readStored(join(folder, 'state_4.sqlite'))).toEqual(before)
})

function sorted<T>(values: readonly T[]): T[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
