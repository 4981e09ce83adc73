import { appendFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { initStateStore, StateRuntime, type SyncFailure, type SyncProgress } from '../../src/index.js'
import { startChild } from '../helpers/child.js'
import { TEST_EVERYTHING } from '../helpers/everything.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { sessionMeta, userMessage } from '../helpers/rollouts.js'
import { readStored, tokenCount, writeSession, writeSessions } from '../helpers/sessions.js'
import { threadId } from '../helpers/threads.js'

const DATABASE = 'state_4.sqlite'
const LEASE_MS = 900_000

type Options = Partial<Parameters<typeof initStateStore>[0]>

/** Runs the backfill of a home; gives what it told. */
async function run(codexHome: string, options: Options = {}) {
  const failures: SyncFailure[] = []
  const progress: SyncProgress[] = []
  using runtime = StateRuntime.init({ codexHome, defaultProvider: 'openai', ...options })
  const result = await runtime.backfill({
    onFailure: (failure) => failures.push(failure),
    onProgress: (step) => progress.push(step),
    ...options,
  })
  return { result, failures, progress, state: runtime.getBackfillState() }
}

/** A home with these sessions, and what one run makes of the same in another. */
async function homeAndExpected(count: number) {
  const home = temporaryFolder()
  writeSessions(home, count)
  const twin = temporaryFolder()
  writeSessions(twin, count)
  await run(twin)
  return { home, expected: rowsOf(twin), expectedState: readState(twin) }
}

/** Rows with the root of their paths taken off. */
function rowsOf(home: string): Pick<ReturnType<typeof readStored>, 'threads' | 'tools'> {
  const { threads, tools } = readStored(join(home, DATABASE))
  return {
    threads: threads.map((row) => ({ ...row, rollout_path: String(row.rollout_path).replace(home, '') })),
    tools,
  }
}

function readState(home: string): unknown {
  const database = new Database(join(home, DATABASE), { readonly: true })
  const state = database.prepare('SELECT status, last_watermark FROM backfill_state').get()
  database.close()
  return state
}

describe('a backfill', () => {
  test('stores every rollout, counts them, and marks the time of its success', async () => {
    const home = temporaryFolder()
    writeSessions(home, 3)
    writeSession(home, 3, { root: 'archived_sessions' })
    const nowMs = Date.UTC(2026, 5, 1, 12, 0, 0, 700)
    const { result, progress, failures, state } = await run(home, { now: () => nowMs })
    expect(result).toEqual({
      kind: 'ran',
      scanned: 4,
      upserted: 4,
      failed: 0,
      durationMs: expect.any(Number),
    })
    expect(progress).toEqual([
      { done: 0, total: 4 },
      { done: 4, total: 4 },
    ])
    expect(failures).toEqual([])
    expect(state).toEqual({
      status: 'complete',
      // By bytes the archived ones come first.
      lastWatermark: `sessions/2026/02/05/rollout-2026-02-05T10-10-00-${threadId(2)}.jsonl`,
      lastSuccessAtSeconds: Math.floor(nowMs / 1000),
      updatedAtSeconds: Math.floor(nowMs / 1000),
    })
    expect(rowsOf(home).threads.map(({ title, archived }) => [title, archived])).toEqual([
      ['message 0', 0],
      ['message 1', 0],
      ['message 2', 0],
      ['message 3', 1],
    ])
  })

  test('of an empty home is complete at once, without a watermark', async () => {
    const { result, state } = await run(temporaryFolder())
    expect(result).toMatchObject({ kind: 'ran', scanned: 0 })
    expect(state).toMatchObject({ status: 'complete', lastWatermark: null })
  })

  test('that is complete is not run again', async () => {
    const home = temporaryFolder()
    writeSessions(home, 2)
    await run(home)
    writeSession(home, 2)
    expect((await run(home)).result).toEqual({ kind: 'alreadyComplete' })
    expect(rowsOf(home).threads).toHaveLength(2)
  })

  test('gives the same rows with any number of threads', async () => {
    const { home, expected } = await homeAndExpected(450)
    await run(home, { workerCount: 0 })
    expect(rowsOf(home)).toEqual(expected)
    const other = temporaryFolder()
    writeSessions(other, 450)
    await run(other, { workerCount: 3 })
    expect(rowsOf(other)).toEqual(expected)
  })

  test.each([0, 200, 400, 600])(
    'stopped after %i rollouts and run again leaves the rows of one run',
    async (stopAt) => {
      const { home, expected, expectedState } = await homeAndExpected(650)
      const controller = new AbortController()
      const stopping = run(home, {
        signal: controller.signal,
        onProgress: ({ done }) => void (done === stopAt && controller.abort()),
      })
      await expect(stopping).rejects.toMatchObject({ code: 'ABORTED' })
      expect(rowsOf(home).threads).toHaveLength(stopAt)
      expect(readState(home)).toMatchObject({ status: 'pending' })
      const { result } = await run(home)
      expect(result).toMatchObject({ kind: 'ran', scanned: 650 - stopAt })
      expect(rowsOf(home)).toEqual(expected)
      expect(readState(home)).toEqual(expectedState)
    },
  )

  test('stops while it reads, in threads of its own too', async () => {
    const home = temporaryFolder()
    writeSessions(home, 250)
    for (const workerCount of [0, 2]) {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 1)
      await expect(run(home, { signal: controller.signal, workerCount })).rejects.toMatchObject({
        code: 'ABORTED',
      })
    }
  })

  test('is not disturbed by a clock that steps back', async () => {
    const { home, expected, expectedState } = await homeAndExpected(450)
    let nowMs = Date.now()
    await run(home, {
      now: () => {
        nowMs -= 3_600_000
        return nowMs
      },
    })
    expect(rowsOf(home)).toEqual(expected)
    expect(readState(home)).toEqual(expectedState)
  })

  test('keeps the git values of a row where the file has none', async () => {
    const home = temporaryFolder()
    const path = writeSession(home, 0, { meta: { git: { commit_hash: 'abc', branch: 'main' } } })
    {
      using runtime = StateRuntime.init({ codexHome: home, defaultProvider: 'openai' })
      await runtime.backfill()
      runtime.markBackfillRunning()
    }
    writeFileSync(
      path,
      `${sessionMeta({ id: threadId(0), git: { branch: 'other' } })}\n${userMessage('new')}\n`,
    )
    const database = new Database(join(home, DATABASE))
    database.exec(`UPDATE backfill_state SET status = 'pending', last_watermark = NULL`)
    database.close()
    await run(home)
    expect(rowsOf(home).threads).toMatchObject([
      { title: 'new', git_sha: 'abc', git_branch: 'other', git_origin_url: null },
    ])
  })

  test('stores the tools of a client', async () => {
    const home = temporaryFolder()
    const tool = { name: 'lookup', description: 'Looks it up.', inputSchema: { type: 'object' } }
    writeSession(home, 0, { meta: { dynamic_tools: [tool] } })
    await run(home)
    expect(rowsOf(home).tools).toEqual([
      {
        thread_id: threadId(0),
        position: 0,
        name: 'lookup',
        description: 'Looks it up.',
        input_schema: '{"type":"object"}',
      },
    ])
  })
})

describe('of several that backfill one home', () => {
  test('one gets the claim', async () => {
    const home = temporaryFolder()
    StateRuntime.init({ codexHome: home, defaultProvider: 'openai' }).close()
    const at = String(Date.now() + 1500)
    const children = [1, 2, 3, 4].map(() => startChild('backfill', [home, 'claim', at]))
    const claims = await Promise.all(children.map((child) => child.nextLine()))
    expect(claims.toSorted()).toEqual(['false', 'false', 'false', 'true'])
  })

  test('one runs, and the other waits for it and finds it complete', async () => {
    const { home, expected } = await homeAndExpected(1000)
    const child = startChild('backfill', [home, 'never'])
    expect(await child.nextLine()).toBe('0')
    let waits = 0
    const { result } = await run(home, { pollMs: 20, onWait: () => void waits++ })
    expect(result).toEqual({ kind: 'waited' })
    expect(waits).toBe(1)
    expect(await child.end()).toEqual({ exitCode: 0, stderr: '' })
    expect(rowsOf(home)).toEqual(expected)
  })

  test('the start-up gate gives up after its bound, and hands out nothing', async () => {
    const home = temporaryFolder()
    using other = StateRuntime.init({ codexHome: home, defaultProvider: 'openai' })
    expect(other.claimBackfill()).toBe(true)
    const startedAt = performance.now()
    await expect(
      initStateStore({ codexHome: home, defaultProvider: 'openai', waitMs: 200 }),
    ).rejects.toMatchObject({
      code: 'BACKFILL_TIMEOUT',
      message: `timed out waiting for state db backfill at ${join(home, DATABASE)} after 0.2s (status: running)`,
    })
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199)
  })

  test('a wait can be ended', async () => {
    const home = temporaryFolder()
    using other = StateRuntime.init({ codexHome: home, defaultProvider: 'openai' })
    other.claimBackfill()
    await expect(run(home, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('one that was killed leaves its lease, and what it stored; the next goes on when the lease ends', async () => {
    const { home, expected, expectedState } = await homeAndExpected(650)
    const child = startChild('backfill', [home, '400'])
    expect([await child.nextLine(), await child.nextLine(), await child.nextLine()]).toEqual([
      '0',
      '200',
      '400',
    ])
    await child.kill()
    expect(rowsOf(home).threads).toHaveLength(400)
    await expect(run(home, { waitMs: 50 })).rejects.toMatchObject({ code: 'BACKFILL_TIMEOUT' })
    const { result } = await run(home, { now: () => Date.now() + LEASE_MS })
    expect(result).toMatchObject({ kind: 'ran', scanned: 250 })
    expect(rowsOf(home)).toEqual(expected)
    expect(readState(home)).toEqual(expectedState)
  })

  test('a lease that lies in the future holds until its time has come and passed', () => {
    const home = temporaryFolder()
    const nowMs = Date.now()
    const claimAt = (ms: number) => {
      using runtime = StateRuntime.init({ codexHome: home, defaultProvider: 'openai', now: () => ms })
      return runtime.claimBackfill()
    }
    expect(claimAt(nowMs)).toBe(true)
    // The clock was set back, by less than a lease lasts and by more.
    expect(claimAt(nowMs - LEASE_MS)).toBe(false)
    expect(claimAt(nowMs - 4 * LEASE_MS)).toBe(false)
    expect(claimAt(nowMs + LEASE_MS)).toBe(true)
  })

  test('one that could not give its lease back when it failed goes on with it the next time', async () => {
    const home = temporaryFolder()
    writeSessions(home, 201)
    using runtime = StateRuntime.init({ codexHome: home, defaultProvider: 'openai' })
    const other = new Database(runtime.dbPath)
    const backfill = (onProgress?: (step: SyncProgress) => void) =>
      runtime.backfill({ ...(onProgress && { onProgress }), waitMs: 0, workerCount: 0 })
    const failed = backfill(({ done }) => {
      // From now on nothing can be written there, as on a full disk.
      if (done === 200)
        other.exec(
          `CREATE TRIGGER full BEFORE UPDATE ON backfill_state BEGIN SELECT RAISE(ABORT, 'full'); END`,
        )
    })
    await expect(failed).rejects.toMatchObject({ code: 'INVALID' })
    other.exec('DROP TRIGGER full')
    expect(runtime.getBackfillState().status).toBe('running')
    expect(await backfill()).toMatchObject({ kind: 'ran', scanned: 1 })
    // The lease of another process is none of ours.
    other.exec(`UPDATE backfill_state SET status = 'running', updated_at = updated_at + 1`)
    await expect(backfill()).rejects.toMatchObject({ code: 'BACKFILL_TIMEOUT' })
    other.close()
  })

  test('one that lost its lease meanwhile leaves the rest to the other', async () => {
    const { home, expected } = await homeAndExpected(650)
    let isStolen = false
    const { result } = await run(home, {
      async onProgress({ done }) {
        if (done !== 200 || isStolen) return
        isStolen = true
        // What another process does that found the lease expired: it goes on from the checkpoint, and is done.
        const database = new Database(join(home, DATABASE))
        database.exec(`UPDATE backfill_state SET last_watermark = 'sessions/9999', status = 'complete'`)
        database.close()
      },
    })
    expect(isStolen).toBe(true)
    expect(result).toEqual({ kind: 'waited' })
    expect(rowsOf(home).threads).toEqual(expected.threads.slice(0, 200))
  })
})

describe('odd files', () => {
  test('do not stop it: each is told of, and the others are stored', async () => {
    const home = temporaryFolder()
    const empty = join(home, 'sessions/2026/02/05', `rollout-2026-02-05T10-20-30-${threadId(7)}.jsonl`)
    const bare = join(home, 'sessions/rollout-old.jsonl')
    writeSessions(home, 2)
    writeFileSync(empty, '')
    writeFileSync(bare, '{"id":"x","timestamp":"2025-05-01T00:00:00Z","instructions":null}\n')
    // A folder that is named like a rollout, a loop of links, and a link that leads nowhere.
    mkdirSync(join(home, `sessions/2026/02/05/rollout-2026-02-05T11-00-00-${threadId(8)}.jsonl`))
    symlinkSync(join(home, 'sessions'), join(home, 'sessions/2026/loop'))
    symlinkSync(join(home, 'nowhere'), join(home, 'sessions/rollout-nowhere.jsonl'))
    const { result, failures, state } = await run(home)
    expect(result).toMatchObject({ scanned: 4, upserted: 2, failed: 2 })
    expect(failures).toEqual([
      { path: empty, reason: `no usable line in rollout ${empty}` },
      { path: bare, reason: `no usable line in rollout ${bare}` },
    ])
    expect(rowsOf(home).threads.map(({ title }) => title)).toEqual(['message 0', 'message 1'])
    // A file that yields nothing can be the last one all the same.
    expect(state).toMatchObject({ status: 'complete', lastWatermark: 'sessions/rollout-old.jsonl' })
  })

  test('of two files of one thread the one with the later watermark is the thread’s', async () => {
    const home = temporaryFolder()
    writeSession(home, 1, { root: 'archived_sessions', message: 'archived' })
    const path = writeSession(home, 2, { id: threadId(1), message: 'later' })
    const { result } = await run(home)
    expect(result).toMatchObject({ scanned: 2, upserted: 2 })
    expect(readStored(join(home, DATABASE)).threads).toMatchObject([
      { id: threadId(1), title: 'later', archived: 0, rollout_path: path },
    ])
  })

  test.each([0, 1])('a file that grows is read up to where it was (%i threads)', async (workerCount) => {
    const home = temporaryFolder()
    const path = writeSession(home, 0)
    const filler = `${JSON.stringify({ timestamp: 'x', type: 'response_item', payload: { type: 'other', text: 'x'.repeat(4000) } })}\n`
    appendFileSync(path, filler.repeat(500))
    let total = 1000
    const grow = () => appendFileSync(path, `${filler}${tokenCount(++total)}\n`)
    for (let count = 0; count < 50; count++) grow()
    const atLeast = total
    const timer = setInterval(grow, 1)
    const { result, failures } = await run(home, { workerCount })
    clearInterval(timer)
    expect({ result, failures }).toMatchObject({ result: { upserted: 1, failed: 0 }, failures: [] })
    const [row] = rowsOf(home).threads
    expect(row!.tokens_used).toBeGreaterThanOrEqual(atLeast)
    expect(row!.tokens_used).toBeLessThanOrEqual(total)
    // Not later than it is, so that what came after shows as a change.
    expect(row!.updated_at).toBeLessThanOrEqual(Math.floor(statSync(path).mtimeMs / 1000))
  })
})

test.runIf(TEST_EVERYTHING)(
  '20,000 rollouts take less than 300 MiB',
  async () => {
    const home = temporaryFolder()
    // The same file again and again: identities come from the names where the session_meta has no time.
    const line = sessionMeta({ timestamp: 'lost' })
    const folder = join(home, 'sessions/2026/02/05')
    mkdirSync(folder, { recursive: true })
    for (let number = 0; number < 20_000; number++) {
      const path = join(folder, `rollout-2026-02-05T10-20-30-${threadId(number)}.jsonl`)
      writeFileSync(path, `${line}\n${userMessage(`message ${number}`)}\n`)
    }
    const child = startChild('backfill', [home, 'never'])
    const lines: string[] = []
    for (let next = await child.nextLine(); next !== undefined; next = await child.nextLine())
      lines.push(next)
    expect(await child.end()).toEqual({ exitCode: 0, stderr: '' })
    expect(lines.slice(0, -1)).toEqual(Array.from({ length: 101 }, (_, batch) => String(batch * 200)))
    const { kind, peakMiB } = JSON.parse(lines.at(-1)!) as { kind: string; peakMiB: number }
    expect(kind).toBe('ran')
    expect(peakMiB).toBeLessThan(300)
    expect(rowsOf(home).threads).toHaveLength(20_000)
  },
  60_000,
)

test('a store is handed out when its backfill is complete, and not before', async () => {
  const home = temporaryFolder()
  writeSessions(home, 250)
  using runtime = await initStateStore({ codexHome: home, defaultProvider: 'openai' })
  expect(runtime.getBackfillState().status).toBe('complete')
  expect(runtime.listThreads({ pageSize: 1000 }).items).toHaveLength(250)
})

test('a database that is opened if it is present is not backfilled', () => {
  const home = temporaryFolder()
  writeSessions(home, 2)
  expect(StateRuntime.openIfPresent({ codexHome: home, defaultProvider: 'openai' })).toBeUndefined()
  StateRuntime.init({ codexHome: home, defaultProvider: 'openai' }).close()
  using runtime = StateRuntime.openIfPresent({ codexHome: home, defaultProvider: 'openai' })!
  expect(runtime.getBackfillState().status).toBe('pending')
  expect(runtime.listThreads({ pageSize: 10 }).items).toEqual([])
})
