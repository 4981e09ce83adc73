import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import {
  initStateStore,
  listThreadsWithFallback,
  type StateRuntime,
  type TelemetryCount,
  type ThreadListQuery,
  type ThreadRow,
} from '../../src/index.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { event, line, sessionMeta, userMessage } from '../helpers/rollouts.js'
import { writeSession, writeSessions } from '../helpers/sessions.js'
import { threadId } from '../helpers/threads.js'

const OPTIONS = { defaultProvider: 'openai' }

/** All pages of a list, from the database or the folders. */
async function listAll(
  codexHome: string,
  runtime: StateRuntime | undefined,
  query: Omit<ThreadListQuery, 'pageSize'> = {},
  pageSize = 7,
): Promise<ThreadRow[]> {
  const rows: ThreadRow[] = []
  let page = await listThreadsWithFallback({ codexHome, runtime, ...OPTIONS }, { ...query, pageSize })
  rows.push(...page.items)
  while (page.nextAnchor) {
    expect(page.items).toHaveLength(pageSize)
    page = await listThreadsWithFallback(
      { codexHome, runtime, ...OPTIONS },
      { ...query, pageSize, anchor: page.nextAnchor },
    )
    rows.push(...page.items)
  }
  return rows
}

const ids = (rows: readonly ThreadRow[]) => rows.map(({ id }) => id)

describe('without a database', () => {
  test('gives threads whose files changed at the same time by id, newest id first', async () => {
    const home = temporaryFolder()
    for (const number of [3, 1, 4, 2]) utimesSync(writeSession(home, number), 1_800_000_000, 1_800_000_000)
    const listed = await listAll(home, undefined, { sortKey: 'updated_at' }, 3)
    expect(ids(listed)).toEqual([4, 3, 2, 1].map(threadId))
  })

  test.each(['created_at', 'updated_at'] as const)(
    'gives the pages that a database gives, by %s',
    async (sortKey) => {
      const home = temporaryFolder()
      writeSessions(home, 20)
      writeSession(home, 30, { root: 'archived_sessions' })
      // The oldest was changed last.
      utimesSync(writeSession(home, 21), 1_800_000_000, 1_800_000_000)
      using runtime = await initStateStore({ codexHome: home, ...OPTIONS })
      for (const archivedOnly of [false, true]) {
        const fromDatabase = await listAll(home, runtime, { sortKey, archivedOnly })
        const fromFiles = await listAll(home, undefined, { sortKey, archivedOnly })
        expect(fromDatabase).toHaveLength(archivedOnly ? 1 : 21)
        expect(ids(fromFiles)).toEqual(ids(fromDatabase))
        const shown = ({
          id,
          title,
          preview,
          firstUserMessage,
          rolloutPath,
          source,
          isArchived,
        }: ThreadRow) => ({
          id,
          title,
          preview: preview ?? firstUserMessage,
          rolloutPath,
          source,
          isArchived,
        })
        expect(fromFiles.map(shown)).toEqual(fromDatabase.map(shown))
      }
    },
  )

  test('goes on where a page of the database ended', async () => {
    const home = temporaryFolder()
    writeSessions(home, 10)
    using runtime = await initStateStore({ codexHome: home, ...OPTIONS })
    const first = await runtime.listThreadsWithFallback({ pageSize: 4 })
    const rest = await listAll(home, undefined, { anchor: first.nextAnchor })
    expect([...ids(first.items), ...ids(rest)]).toEqual(ids(await listAll(home, runtime)))
  })

  test('goes on after a thread that is gone by now', async () => {
    const home = temporaryFolder()
    const paths = writeSessions(home, 6)
    const first = await listThreadsWithFallback(
      { codexHome: home, runtime: undefined, ...OPTIONS },
      { pageSize: 3 },
    )
    expect(ids(first.items)).toEqual([5, 4, 3].map(threadId))
    rmSync(paths[3]!)
    expect(ids(await listAll(home, undefined, { anchor: first.nextAnchor }))).toEqual([2, 1, 0].map(threadId))
  })

  test('shows what has a user message within the lines that are looked at', async () => {
    const home = temporaryFolder()
    const path = (number: number) => writeSession(home, number)
    const filler = `${line('response_item', { type: 'other' })}\n`
    const meta = (number: number) => `${sessionMeta({ id: threadId(number) })}\n`
    writeFileSync(path(1), `${meta(1)}${filler.repeat(208)}${userMessage('just in time')}\n`)
    writeFileSync(path(2), `${meta(2)}${filler.repeat(209)}${userMessage('too late')}\n`)
    writeFileSync(path(3), `${filler.repeat(9)}${meta(3)}${userMessage('late meta')}\n`)
    writeFileSync(path(4), `${filler.repeat(10)}${meta(4)}${userMessage('too late meta')}\n`)
    writeFileSync(path(5), `${meta(5)}${event('task_started', {})}\n`)
    writeFileSync(path(6), '')
    const rows = await listAll(home, undefined)
    expect(rows.map(({ title }) => title)).toEqual(['late meta', 'just in time'])
  })

  test('filters by source, provider and text', async () => {
    const home = temporaryFolder()
    writeSession(home, 1, { meta: { source: 'exec' } })
    writeSession(home, 2, { meta: { model_provider: 'acme' } })
    writeSession(home, 3, { message: 'Needle here' })
    expect(ids(await listAll(home, undefined, { allowedSources: ['exec'] }))).toEqual([threadId(1)])
    expect(ids(await listAll(home, undefined, { modelProviders: ['acme'] }))).toEqual([threadId(2)])
    expect(ids(await listAll(home, undefined, { searchTerm: 'Needle' }))).toEqual([threadId(3)])
    expect(ids(await listAll(home, undefined, { searchTerm: 'needle' }))).toEqual([])
  })

  test('looks at 10,000 files and no more', async () => {
    const home = temporaryFolder()
    const folder = join(home, 'sessions/2026/02/05')
    mkdirSync(folder, { recursive: true })
    for (let number = 0; number < 10_001; number++) {
      writeFileSync(join(folder, `rollout-2026-02-05T10-20-30-${threadId(number)}.jsonl`), '')
    }
    const oldest = threadId(0)
    const text = `${sessionMeta({ id: oldest })}\n${userMessage('the oldest')}\n`
    writeFileSync(join(folder, `rollout-2026-02-05T10-20-30-${oldest}.jsonl`), text)
    const page = await listThreadsWithFallback(
      { codexHome: home, runtime: undefined, ...OPTIONS },
      { pageSize: 1 },
    )
    expect(page).toEqual({ items: [], nextAnchor: undefined, numScannedRows: 10_000 })
  })
})

/** A home of seven threads with a complete database; `discrepancies` gives what was counted since. */
async function makeStore() {
  const home = temporaryFolder()
  const paths = writeSessions(home, 7)
  const counts: TelemetryCount[] = []
  const runtime = await initStateStore({
    codexHome: home,
    ...OPTIONS,
    telemetry: (count) => counts.push(count),
  })
  counts.length = 0
  const discrepancies = () => counts.splice(0).map(({ tags }) => `${tags.stage}: ${tags.reason}`)
  return { home, paths, runtime, discrepancies }
}

describe('with a database', () => {
  test('falling_back: asks the folders while the backfill is not complete', async () => {
    const { home, runtime, discrepancies } = await makeStore()
    runtime.markBackfillRunning()
    writeSession(home, 8)
    expect(ids(await listAll(home, runtime, {}, 100))).toEqual([8, 6, 5, 4, 3, 2, 1, 0].map(threadId))
    expect(discrepancies()).toEqual(['list_threads_with_db_fallback: falling_back'])
    runtime.markBackfillComplete()
    expect(ids(await listAll(home, runtime, {}, 100))).toHaveLength(7)
    expect(discrepancies()).toEqual([])
    runtime.close()
  })

  test('asks the folders when the database cannot be read', async () => {
    const { home, runtime, discrepancies } = await makeStore()
    const database = new Database(runtime.dbPath)
    database.exec('ALTER TABLE threads RENAME TO gone')
    database.close()
    expect(await listAll(home, runtime, {}, 100)).toHaveLength(7)
    expect(discrepancies()).toEqual(['list_threads_with_db_fallback: falling_back'])
    runtime.close()
  })

  test('a row whose file is gone falls out of the page, which is filled up; it stays in the table', async () => {
    const { home, paths, runtime, discrepancies } = await makeStore()
    for (const number of [6, 4, 3]) rmSync(paths[number]!)
    const page = await runtime.listThreadsWithFallback({ pageSize: 2 })
    expect(ids(page.items)).toEqual([5, 2].map(threadId))
    expect(page.nextAnchor).toMatchObject({ id: threadId(2) })
    expect(discrepancies()).toEqual(Array(3).fill('list_threads_db: stale_db_path_retained'))
    expect(ids(await listAll(home, runtime, {}, 2))).toEqual([5, 2, 1, 0].map(threadId))
    expect(runtime.listThreads({ pageSize: 10 }).items).toHaveLength(7)
    runtime.close()
  })

  test('a row whose file was moved is repaired, and shown where it belongs', async () => {
    const { home, paths, runtime } = await makeStore()
    const moved = join(home, 'sessions/2026/03/01', basename(paths[6]!))
    const archived = join(home, 'archived_sessions', basename(paths[5]!))
    for (const [from, to] of [
      [paths[6]!, moved],
      [paths[5]!, archived],
    ] as const) {
      mkdirSync(dirname(to), { recursive: true })
      renameSync(from, to)
    }
    const rows = await listAll(home, runtime, {}, 100)
    expect(ids(rows)).toEqual([6, 4, 3, 2, 1, 0].map(threadId))
    expect(rows[0]?.rolloutPath).toBe(moved)
    expect(runtime.getThread(threadId(5))).toMatchObject({ rolloutPath: archived, isArchived: true })
    expect(ids(await listAll(home, runtime, { archivedOnly: true }))).toEqual([threadId(5)])
    runtime.close()
  })
})
