import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { findThreadPath, initStateStore, type StateRuntime, type TelemetryCount } from '../../src/index.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { sessionMeta, userMessage } from '../helpers/rollouts.js'
import { writeSession } from '../helpers/sessions.js'
import { threadId } from '../helpers/threads.js'

const ONE = threadId(1)
const TWO = threadId(2)

/** A home with two threads and their rows; what is found, and which discrepancies were counted. */
async function makeStore() {
  const home = temporaryFolder()
  const one = writeSession(home, 1)
  const two = writeSession(home, 2)
  const counts: TelemetryCount[] = []
  const warnings: string[] = []
  const runtime = await initStateStore({
    codexHome: home,
    defaultProvider: 'openai',
    telemetry: (count) => counts.push(count),
    onWarning: (text) => warnings.push(text),
  })
  counts.length = 0
  const find = async (id: string, options = {}) => ({
    path: await runtime.findThreadPath(id, options),
    discrepancies: counts.splice(0).map(({ tags }) => `${tags.stage}: ${tags.reason}`),
  })
  return { home, one, two, runtime, find, warnings }
}

const FIND = 'find_thread_path_by_id_str_in_subdir'
const REPAIR = 'read_repair_rollout_path'

function setPath(runtime: StateRuntime, id: string, path: string): void {
  const database = new Database(runtime.dbPath)
  database.prepare('UPDATE threads SET rollout_path = ? WHERE id = ?').run(path, id)
  database.close()
}

describe('findThreadPath', () => {
  test('gives the file of the row, whatever its name', async () => {
    const { one, runtime, find } = await makeStore()
    expect(await find(ONE)).toEqual({ path: one, discrepancies: [] })
    const renamed = join(temporaryFolder(), 'mine.txt')
    renameSync(one, renamed)
    setPath(runtime, ONE, renamed)
    expect(await find(ONE)).toEqual({ path: renamed, discrepancies: [] })
    runtime.close()
  })

  test('gives a compressed file under its own name, and leaves the row', async () => {
    const { one, runtime, find } = await makeStore()
    writeFileSync(`${one}.zst`, zstdCompressSync(readFileSync(one)))
    rmSync(one)
    expect(await find(ONE)).toEqual({ path: `${one}.zst`, discrepancies: [] })
    expect(runtime.getThread(ONE)?.rolloutPath).toBe(one)
    runtime.close()
  })

  test('stale_db_path, falling_back: searches the folders when the file of the row is gone, and repairs the row', async () => {
    const { home, one, runtime, find } = await makeStore()
    const archived = writeSession(home, 1, { root: 'archived_sessions' })
    rmSync(one)
    const before = runtime.getThread(ONE)!
    expect(await find(ONE)).toEqual({
      path: archived,
      discrepancies: [
        `${FIND}: stale_db_path`,
        `${FIND}: falling_back`,
        `${REPAIR}: upsert_needed (fast path)`,
      ],
    })
    expect(runtime.getThread(ONE)).toEqual({
      ...before,
      rolloutPath: archived,
      isArchived: true,
      archivedAtSeconds: Math.floor(before.updatedAtMs / 1000),
    })
    expect(await find(ONE)).toEqual({ path: archived, discrepancies: [] })
    runtime.close()
  })

  test('mismatched_db_path: never gives the file of another thread', async () => {
    const { one, two, runtime, find } = await makeStore()
    setPath(runtime, ONE, two)
    expect(await find(ONE)).toEqual({
      path: one,
      discrepancies: [
        `${FIND}: mismatched_db_path`,
        `${FIND}: falling_back`,
        `${REPAIR}: upsert_needed (fast path)`,
      ],
    })
    expect(runtime.getThread(ONE)?.rolloutPath).toBe(one)
    setPath(runtime, ONE, two)
    rmSync(one)
    expect(await find(ONE)).toEqual({ path: undefined, discrepancies: [`${FIND}: mismatched_db_path`] })
    runtime.close()
  })

  test('never gives a file that is only named after the thread', async () => {
    const { one, runtime, find } = await makeStore()
    rmSync(one)
    writeFileSync(one.replace('T10-05', 'T10-06'), `${sessionMeta({ id: TWO })}\n`)
    expect(await find(ONE)).toEqual({ path: undefined, discrepancies: [`${FIND}: stale_db_path`] })
    runtime.close()
  })

  test('makes the row of a thread that has none', async () => {
    const { home, runtime, find } = await makeStore()
    const path = writeSession(home, 5)
    expect(await find(threadId(5))).toEqual({
      path,
      discrepancies: [`${FIND}: falling_back`, `${REPAIR}: upsert_needed (slow path)`],
    })
    expect(runtime.getThread(threadId(5))).toMatchObject({ title: 'message 5', rolloutPath: path })
    runtime.close()
  })

  test('gives the file of the row as a last resort when it does not say whose it is', async () => {
    const { one, runtime, find } = await makeStore()
    writeFileSync(one, `${userMessage('who am I')}\n`)
    expect(await find(ONE)).toEqual({ path: one, discrepancies: [] })
    runtime.close()
  })

  test('looks where it is told to', async () => {
    const { home, one, runtime, find } = await makeStore()
    expect((await find(ONE, { archivedOnly: true })).path).toBeUndefined()
    expect((await find(ONE, { archivedOnly: false })).path).toBe(one)
    const archived = writeSession(home, 6, { root: 'archived_sessions' })
    expect((await find(threadId(6), { archivedOnly: false })).path).toBeUndefined()
    expect((await find(threadId(6), { archivedOnly: true })).path).toBe(archived)
    runtime.close()
  })

  test('gives what it found when the row cannot be written, and warns', async () => {
    const { home, one, runtime, find, warnings } = await makeStore()
    const path = writeSession(home, 1, { root: 'archived_sessions' })
    rmSync(one)
    const database = new Database(runtime.dbPath)
    database.exec(`CREATE TRIGGER no BEFORE UPDATE ON threads BEGIN SELECT raise(ABORT, 'no'); END`)
    database.close()
    expect((await find(ONE)).path).toBe(path)
    expect(warnings).toEqual([expect.stringContaining('its row could not be repaired')])
    expect(runtime.getThread(ONE)?.rolloutPath).toBe(one)
    runtime.close()
  })

  test('works without a database', async () => {
    const home = temporaryFolder()
    const path = writeSession(home, 1)
    const source = { codexHome: home, runtime: undefined }
    expect(await findThreadPath(source, ONE)).toBe(path)
    expect(await findThreadPath(source, TWO)).toBeUndefined()
  })
})
