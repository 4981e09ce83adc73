import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { findLiveness, readPosixStartMs, readStartMs } from '../../src/inspect/liveness.js'
import { type LogActivity, readLogActivity } from '../../src/inspect/log-activity.js'
import { openLogStore } from '../../src/query/logs/store.js'
import { listDatabases } from '../../src/schema/files.js'
import { copyFixtureHome } from '../helpers/homes.js'
import { openTurn, startIdle, turnRow } from '../helpers/live-log.js'
import { createLogHome, LOG_LAYOUTS, NEWEST_LAYOUT, THREAD_A, THREAD_B } from '../helpers/log-layouts.js'

const FLUSH_MS = 10_000

function read(home: string, nowMs: number, includesGone = false): LogActivity {
  const store = openLogStore(listDatabases(home))!
  try {
    return readLogActivity(store, { nowMs, flushMs: FLUSH_MS, includesGone })
  } finally {
    store.connection.close()
  }
}

describe('a process that logged', () => {
  test('runs while it is there, and is gone with its end', async () => {
    const { running, uuid } = await startIdle()
    const lastMs = Date.now()
    const ask = (later: number) =>
      findLiveness({ processUuid: uuid, lastMs }, { nowMs: lastMs + later, flushMs: FLUSH_MS }).state
    expect(ask(60_000)).toBe('running')
    await running.end('SIGKILL')
    expect(ask(60_000)).toBe('gone')
    // It may be in a container that ends it a moment later: what was written just now is no lie.
    expect(ask(1000)).toBe('unknown')
  })

  test('is gone when another one has its number, which began later than its last row', async () => {
    const { uuid } = await startIdle()
    const lastMs = Date.now() - 3_600_000
    const found = findLiveness({ processUuid: uuid, lastMs }, { nowMs: Date.now(), flushMs: FLUSH_MS })
    expect(found).toMatchObject({ state: 'gone', reason: expect.stringContaining('another one') })
  })

  test('is not known where rows do not name it', () => {
    const found = findLiveness({ processUuid: null, lastMs: 0 }, { nowMs: 5, flushMs: FLUSH_MS })
    expect(found).toMatchObject({ state: 'unknown', pid: undefined })
  })

  test.each(['pid:0:x', 'pid:-1:x', 'pid:99999999999:x', 'nonsense', ''])(
    'asks the system for no process called %s',
    (processUuid) => {
      const found = findLiveness({ processUuid, lastMs: 0 }, { nowMs: 1e9, flushMs: FLUSH_MS })
      expect(found.pid).toBeUndefined()
    },
  )

  test.skipIf(!existsSync('/bin/ps'))('began when ps and /proc say so alike', async () => {
    const { running } = await startIdle()
    const pid = running.child.pid!
    expect(Math.abs(readPosixStartMs(pid)! - readStartMs(pid)!)).toBeLessThanOrEqual(2000)
  })
})

describe('what threads do now', () => {
  test.each(['0.113.0-killed', '0.120.0-killed', '0.140.0-killed', '0.155.0-killed'])(
    'in a home whose Codex was killed is told of the process that is gone alone: %s',
    (name) => {
      const home = copyFixtureHome('failures', name)
      const nowMs = Date.parse('2026-11-26T00:00:00Z')
      expect(read(home, nowMs).threads).toEqual([])
      const { threads } = read(home, nowMs, true)
      expect(
        threads.filter(({ step }) => step).map(({ step, silentMs }) => [step!.kind, silentMs < 30_000]),
      ).toEqual(
        expect.arrayContaining([
          ['tool', true],
          ['stream', true],
        ]),
      )
    },
  )

  test.each([
    '0.113.0-locked',
    '0.140.0-locked',
    '0.155.0-locked',
    '0.169.0-locked',
    '0.169.0-full',
    '0.140.0-full',
  ])('is nothing where all turns had ended: %s', (name) => {
    const { threads } = read(copyFixtureHome('failures', name), Date.parse('2026-11-26T00:00:00Z'), true)
    expect(threads.length).toBeGreaterThan(0)
    expect(threads.filter(({ step }) => step)).toEqual([])
  })

  test('is known of a running process but for its last flush', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome(openTurn(ms, uuid))
    const silence = (later: number) =>
      read(home, ms + 100 + later).threads.map(({ step, silentMs }) => [step?.kind, silentMs])
    expect(silence(5000)).toEqual([['tool', 0]])
    expect(silence(60_000)).toEqual([['tool', 60_000 - FLUSH_MS]])
  })

  test('is known up to the newest row of the process, in whichever thread', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome([
      ...openTurn(ms, uuid),
      turnRow(ms + 30_100, 'something else', { processUuid: uuid, threadId: THREAD_B }),
    ])
    const [open] = read(home, ms + 31_000).threads.filter(({ step }) => step)
    expect(open).toMatchObject({ threadId: THREAD_A, silentMs: 30_000 })
  })

  test('is waiting, not silence, as long as a retry waits', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const retry =
      'stream disconnected - retrying sampling request (2/5 in 45s)... turn_id=T1 retries=2 max_retries=5'
    const { home } = createLogHome([
      ...openTurn(ms, uuid).slice(0, 2),
      turnRow(ms + 1000, retry, { processUuid: uuid, target: 'codex_core::responses_retry', level: 'WARN' }),
    ])
    const [soon] = read(home, ms + 40_000).threads
    expect(soon).toMatchObject({
      silentMs: 0,
      step: { kind: 'retry', attempt: 2, most: 5, untilMs: ms + 46_000 },
    })
    const [late] = read(home, ms + 76_000).threads
    expect(late).toMatchObject({ silentMs: 30_000 - FLUSH_MS })
  })

  test('goes on while parts of the answer come in rows without a thread', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome([
      ...openTurn(ms, uuid).slice(0, 3),
      {
        tsSeconds: Math.floor(ms / 1000) + 100,
        level: 'TRACE',
        target: 'codex_app_server::outgoing_message',
        body: 'app-server event: item/agentMessage/delta targeted_connections=1',
        processUuid: uuid,
      },
    ])
    const [open] = read(home, ms + 101_000).threads
    expect(open?.step?.kind).toBe('stream')
    expect(open?.silentMs).toBe(0)
    expect(open?.isSignShared).toBe(false)
  })

  test('is waiting for an agent as long as the agent is at work', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const [submission, request, answer] = openTurn(ms, uuid)
    const { home } = createLogHome([
      ...[submission!, request!, answer!],
      turnRow(ms + 100, 'ToolCall: multi_agent_v1wait_agent {"ids":["x"]}', { processUuid: uuid }),
      ...openTurn(ms + 290_000, uuid, THREAD_B),
    ])
    const silence = Object.fromEntries(
      read(home, ms + 300_000).threads.map(({ threadId, silentMs }) => [threadId, silentMs]),
    )
    expect(silence).toEqual({ [THREAD_A]: 0, [THREAD_B]: 0 })
  })

  test('of two processes with one number is told of the one that runs', async () => {
    const { running, uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome([
      ...openTurn(ms - 86_400_000, `pid:${running.child.pid}:earlier`, THREAD_B),
      ...openTurn(ms, uuid),
    ])
    expect(read(home, ms + 1000).threads.map(({ threadId }) => threadId)).toEqual([THREAD_A])
    expect(read(home, ms + 1000, true).threads).toHaveLength(2)
  })

  test('is looked for among rows that are out of the order of time', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome(openTurn(ms, uuid).reverse())
    expect(read(home, ms + 1000).threads[0]?.step).toMatchObject({
      kind: 'tool',
      calls: [{ name: 'exec_command' }],
    })
  })

  test.each(LOG_LAYOUTS.map((layout) => [layout.name, layout] as const))(
    'is told of every layout as far as it names threads and processes: %s',
    async (_name, layout) => {
      const { uuid } = await startIdle()
      const ms = Date.now()
      const { home, hasThreads, hasProcesses } = createLogHome(openTurn(ms, uuid), layout)
      const found = read(home, ms + 1000)
      expect({ hasThreads: found.hasThreads, hasProcesses: found.hasProcesses }).toEqual({
        hasThreads,
        hasProcesses,
      })
      expect(found.threads.map(({ process }) => process.state)).toEqual(
        hasThreads ? [hasProcesses ? 'running' : 'unknown'] : [],
      )
    },
  )

  test('is nothing in an empty log', () => {
    const { home } = createLogHome([], NEWEST_LAYOUT)
    expect(read(home, Date.now(), true)).toMatchObject({ processes: [], threads: [] })
  })
})
