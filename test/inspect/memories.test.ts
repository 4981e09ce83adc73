import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openReadOnly } from '../../src/db/open-read.js'
import { findMissingPart, listMemories, memoryReason } from '../../src/inspect/memories.js'
import { listMemoryFiles } from '../../src/inspect/memory-files.js'
import { readGivenMemory } from '../../src/inspect/memory-given.js'
import { describeMemoryHome } from '../../src/inspect/memory-home.js'
import type { Memories } from '../../src/inspect/open-memories.js'
import type { MemoryReason } from '../../src/model/memory.js'
import type { OpenTable } from '../../src/query/databases.js'
import { type PipelineSource, readMemories, readMemoryJobs } from '../../src/query/memories.js'
import { describeThreadTable } from '../../src/query/threads/table.js'
import { listDatabases } from '../../src/schema/files.js'
import { readConfigTable } from '../../src/schema/home.js'
import { readColumnNames } from '../../src/schema/inspect.js'
import { copyFixtureHome, fixtureNames, fixturePath } from '../helpers/homes.js'

interface Expected {
  release: string
  pipeline_in_use: string
  threads: Record<
    string,
    {
      id: string
      in_threads: boolean
      memory?: Record<string, Record<string, unknown>>
      why_no_memory?: string
    }
  >
  pipelines: Record<string, { stage1_outputs: Record<string, unknown>[]; jobs: Record<string, unknown>[] }>
  files: Record<string, { bytes: number }>
  injected_into_the_next_session: { contains_summary_of: string } | null
}

/** What the words of an expectation mean. */
const REASONS: readonly [RegExp, MemoryReason][] = [
  [/^archived before/, 'archived'],
  [/failed three times/, 'given-up'],
  [/failed once/, 'failed'],
  [/^memory_mode disabled/, 'disabled'],
  [/^memory_mode polluted/, 'polluted'],
  [/^started, never used/, 'no-row'],
  [/is not interactive/, 'source'],
  [/was under way when Codex was killed/, 'running'],
  [/the model gave empty texts/, 'found-nothing'],
  [/^older than max_rollout_age_days/, 'too-old'],
  [/the next start pruned it/, 'pruned'],
  [/^the newest thread/, 'not-idle'],
]

describe.each(fixtureNames('memories'))('%s', (name) => {
  const expected: Expected = JSON.parse(
    readFileSync(join(fixturePath('memories', name), 'expected.json'), 'utf8'),
  )
  let home: string
  let memories: Memories
  const opened: OpenTable[] = []

  beforeAll(() => {
    home = copyFixtureHome('memories', name)
    const open = (path: string, table: string): OpenTable => {
      const file = listDatabases(home).find((candidate) => candidate.path === path)!
      const connection = openReadOnly(path)
      const found = { file, connection, columns: readColumnNames(connection, table) }
      opened.push(found)
      return found
    }
    const state = listDatabases(home).find(({ role }) => role === 'state')!
    const own = listDatabases(home).filter(({ role }) => role === 'memories' || role === 'memories_v2')
    const pipelines: PipelineSource[] =
      own.length > 0
        ? own.map(({ path, role }) => ({
            pipeline: role === 'memories' ? 'v1' : 'v2',
            table: open(path, 'stage1_outputs'),
          }))
        : [{ pipeline: 'v1', table: open(state.path, 'stage1_outputs') }]
    const { connection, columns } = open(state.path, 'threads')
    const threads = describeThreadTable(connection, columns)
    const sources = { pipelines, threadMemory: undefined }
    // The moment at which the home was left.
    const nowMs = 1000 * Math.max(...readMemoryJobs(sources).map(({ started_at }) => Number(started_at)))
    memories = {
      home: describeMemoryHome(
        home,
        expected.release,
        readConfigTable(home, () => {}),
      ),
      nowMs: nowMs + 2000,
      sources,
      threads,
    }
  })

  afterAll(() => {
    for (const { connection } of opened) connection.close()
    rmSync(dirname(home), { recursive: true })
  })

  test('the pipeline in use is the one that Codex reads', () => {
    const path = memories.sources.pipelines.find(({ pipeline }) => pipeline === memories.home.inUse)?.table
      .file.path
    expect(path?.slice(home.length + 1)).toBe(expected.pipeline_in_use)
  })

  test('every memory and every job has its stored values', () => {
    for (const [database, { stage1_outputs, jobs }] of Object.entries(expected.pipelines)) {
      const inDatabase = <Row extends { database: string }>(rows: Row[]) =>
        rows.filter((row) => row.database === join(home, database))
      const found = inDatabase(readMemories(memories.sources))
      expect(found).toHaveLength(stage1_outputs.length)
      for (const row of stage1_outputs) {
        expect(found.find(({ thread_id }) => thread_id === row.thread_id)).toMatchObject(row)
      }
      const foundJobs = inDatabase(readMemoryJobs(memories.sources))
      expect(foundJobs).toHaveLength(jobs.length)
      for (const job of jobs) {
        expect(
          foundJobs.find(({ kind, job_key }) => kind === job.kind && job_key === job.job_key),
        ).toMatchObject(job)
      }
    }
  })

  test('a list has no thread twice, and shows those of the pipeline in use', () => {
    const listed = listMemories(memories, { pipelines: 'inUse' })
    expect(new Set(listed.map(({ thread_id }) => thread_id)).size).toBe(listed.length)
    expect(listed).toHaveLength(expected.pipelines[expected.pipeline_in_use]!.stage1_outputs.length)
    expect(listed.every(({ in_use }) => in_use === 1)).toBe(true)
    const all = listMemories(memories, { pipelines: 'all' })
    expect(all).toHaveLength(
      Object.values(expected.pipelines).reduce((sum, { stage1_outputs }) => sum + stage1_outputs.length, 0),
    )
  })

  test('each thread without a memory has the reason that is true of it', () => {
    const reasons = Object.entries(expected.threads).map(([thread, { id, memory, why_no_memory: why }]) => {
      const { reason } = memoryReason(memories, id)
      const hasMemory = memory?.[expected.pipeline_in_use] !== undefined
      const wanted = hasMemory
        ? 'has-memory'
        : why === undefined
          ? 'no-row'
          : (REASONS.find(([words]) => words.test(why))?.[1] ?? `not known here: ${why}`)
      return { thread, reason, wanted }
    })
    expect(reasons.filter(({ reason, wanted }) => reason !== wanted)).toEqual([])
  })

  test('its files are listed, each summary with its thread', () => {
    const notices: string[] = []
    const files = listMemoryFiles(memories.home, {
      findMissing: findMissingPart(memories),
      onNotice: (text) => notices.push(text),
    })
    expect(notices).toEqual([])
    const listed = files
      .filter(({ kind }) => kind !== 'baseline' && kind !== 'lock' && kind !== 'other')
      .map(({ path, sizeBytes }) => [path.slice(home.length + 1), sizeBytes])
    expect(Object.fromEntries(listed)).toEqual(
      Object.fromEntries(Object.entries(expected.files).map(([path, { bytes }]) => [path, bytes])),
    )
    expect(files.filter(({ kind, threadId }) => kind === 'rollout summary' && threadId === null)).toEqual([])
  })

  test('what the next session is given is the summary of the pipeline in use', () => {
    const given = readGivenMemory(memories.home)
    const root = expected.injected_into_the_next_session?.contains_summary_of
    expect(given).toMatchObject({ isGiven: true, path: join(home, root!, 'memory_summary.md') })
    expect(given.text).toBe(readFileSync(given.path, 'utf8'))
    expect(existsSync(given.path)).toBe(true)
  })
})
