import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import { METADATA_RULES } from '../../src/model/releases.js'
import type { DynamicTool, ThreadMetadata } from '../../src/model/thread.js'
import { listRollouts } from '../../src/rollout/list.js'
import { extractMetadata } from '../../src/rollout/metadata.js'
import { copyHome, HOMES, type HomeName, UNUSED_THREADS } from '../helpers/homes.js'
import { listExceptions } from '../helpers/row-exceptions.js'

/** The rules of the release that wrote the rows, and how many rollouts it left, active and archived. */
const EXPECTED: Record<
  HomeName,
  { rules: keyof typeof METADATA_RULES; active: number; archived: number; tools?: readonly string[] }
> = {
  'codex-0.93.0': { rules: '0.93', active: 23, archived: 2 },
  'codex-0.98.0': { rules: '0.96', active: 23, archived: 2 },
  'codex-0.99.0': { rules: '0.99', active: 22, archived: 2 },
  'codex-0.100.0': { rules: '0.100', active: 22, archived: 2 },
  'codex-0.113.0': { rules: '0.108', active: 22, archived: 2 },
  'codex-0.120.0': { rules: '0.120', active: 22, archived: 2 },
  'codex-0.140.0': { rules: '0.136', active: 22, archived: 2 },
  'codex-0.169.0': { rules: '0.165', active: 23, archived: 2 },
  'codex-0.140.0-killed': { rules: '0.136', active: 4, archived: 0, tools: [] },
  'codex-0.169.0-killed': { rules: '0.165', active: 4, archived: 0, tools: [] },
  'codex-0.169.0-compressed': { rules: '0.165', active: 3, archived: 0, tools: [] },
  'codex-0.98.0-then-0.169.0': { rules: '0.165', active: 25, archived: 2 },
  'codex-0.95.0': { rules: '0.95', active: 47, archived: 4 },
  'codex-0.111.0': { rules: '0.108', active: 41, archived: 5 },
  'codex-0.125.0': { rules: '0.124', active: 43, archived: 6 },
  'codex-0.135.0': { rules: '0.135', active: 42, archived: 5 },
  'codex-0.148.0': {
    rules: '0.148',
    active: 42,
    archived: 5,
    tools: ['lookup_ticket', 'close_ticket', 'lookup_ticket'],
  },
  'codex-0.160.1': {
    rules: '0.159',
    active: 40,
    archived: 6,
    tools: ['lookup_ticket', 'close_ticket', 'lookup_ticket'],
  },
}

type Row = Record<string, string | number | null>

/** What a row of each column must say, given the metadata. File times are whole seconds in the tarballs. */
const COLUMNS: Record<string, (metadata: ThreadMetadata) => string | number | null> = {
  id: (m) => m.id,
  rollout_path: (m) => m.rolloutPath,
  created_at: (m) => Math.floor(m.createdAtMs / 1000),
  created_at_ms: (m) => m.createdAtMs,
  updated_at: (m) => m.updatedAtMs / 1000,
  source: (m) => m.source,
  model_provider: (m) => m.modelProvider,
  cwd: (m) => m.cwd,
  title: (m) => m.title,
  sandbox_policy: (m) => m.sandboxPolicy,
  approval_mode: (m) => m.approvalMode,
  tokens_used: (m) => m.tokensUsed,
  has_user_event: (m) => Number(m.hasUserEvent),
  archived: (m) => Number(m.archivedAtSeconds !== null),
  archived_at: (m) => m.archivedAtSeconds,
  git_sha: (m) => m.gitSha,
  git_branch: (m) => m.gitBranch,
  git_origin_url: (m) => m.gitOriginUrl,
  cli_version: (m) => m.cliVersion,
  first_user_message: (m) => m.firstUserMessage ?? '',
  agent_nickname: (m) => m.agentNickname,
  agent_role: (m) => m.agentRole,
  agent_path: (m) => m.agentPath,
  memory_mode: (m) => m.memoryMode ?? 'enabled',
  model: (m) => m.model,
  reasoning_effort: (m) => m.reasoningEffort,
  thread_source: (m) => m.threadSource,
  preview: (m) => m.preview ?? '',
  history_mode: (m) => m.historyMode,
  originator: (m) => m.originator,
  creator_user_id: (m) => m.creatorUserId,
  creator_account_id: (m) => m.creatorAccountId,
}

describe.each(HOMES)('rows of %s', (name) => {
  const wanted = EXPECTED[name]
  const home = copyHome(name)
  const { threads: all, tools } = readState(home)
  const threads = all.filter(({ id }) => !UNUSED_THREADS.includes(id as string))
  const rules = METADATA_RULES[wanted.rules]
  afterAll(() => rmSync(dirname(home), { recursive: true }))

  const extractRow = (row: Row) =>
    extractMetadata((row.rollout_path as string).replace('/home/demo/.codex', home), {
      defaultProvider: 'mock',
      rules,
      isArchived: row.archived === 1,
    })

  test('are told by the rollouts, field by field, except as listed', async () => {
    const differences: { home: HomeName; thread: string; column: string }[] = []
    for (const row of threads) {
      const { metadata, lineCounts } = await extractRow(row)
      expect(lineCounts).toMatchObject({ unknown: 0, malformed: 0 })
      for (const [column, tell] of Object.entries(COLUMNS)) {
        if (!(column in row)) continue
        const told = tell(metadata)
        const stored =
          column === 'rollout_path' ? (row[column] as string).replace('/home/demo/.codex', home) : row[column]
        if (told !== stored) differences.push({ home: name, thread: row.id as string, column })
      }
    }
    const expected = listExceptions(name, (column) => column in COLUMNS)
    const byThread = (a: { thread: string; column: string }, b: { thread: string; column: string }) =>
      `${a.thread} ${a.column}` < `${b.thread} ${b.column}` ? -1 : 1
    expect(differences.sort(byThread)).toEqual(expected.sort(byThread))
  })

  test('begin between the time in the id and that of the session_meta', async () => {
    for (const row of threads.filter(({ created_at_ms }) => created_at_ms !== undefined)) {
      const { metadata } = await extractRow(row)
      const idMs = Number.parseInt((row.id as string).replace('-', '').slice(0, 12), 16)
      expect(row.created_at_ms).toBeGreaterThanOrEqual(idMs)
      expect(row.created_at_ms).toBeLessThanOrEqual(metadata.createdAtMs)
    }
  })

  test('have the dynamic tools of the first session_meta, where the release stored them', async () => {
    const told: (DynamicTool & { threadId: string })[] = []
    for (const row of threads) {
      const { dynamicTools } = await extractRow(row)
      told.push(...dynamicTools.map((tool) => ({ threadId: row.id as string, ...tool })))
    }
    const stored = tools.map((row) => ({
      threadId: row.thread_id,
      position: row.position,
      name: row.name,
      description: row.description,
      inputSchema: row.input_schema,
      deferLoading: row.defer_loading === 1,
      namespace: null,
    }))
    // 0.93 knows no such table, and from 0.136 only the rollout has them.
    if (stored.length > 0) expect(told).toEqual(stored)
    else expect(told.map(({ name }) => name)).toEqual(wanted.tools ?? ['lookup_ticket', 'close_ticket'])
  })

  test('stand for the rollouts that are listed', async () => {
    const { files, unreadable } = await listRollouts(home)
    expect(unreadable).toEqual([])
    expect({
      active: files.filter((file) => file.root === 'sessions').length,
      archived: files.filter((file) => file.root === 'archived_sessions').length,
    }).toEqual({ active: wanted.active, archived: wanted.archived })
    const listed = files.map((file) => file.path.replace(/\.zst$/, ''))
    expect(listed).toEqual(
      expect.arrayContaining(
        threads.map((row) => (row.rollout_path as string).replace('/home/demo/.codex', home)),
      ),
    )
  })
})

function readState(home: string): { threads: Row[]; tools: Row[] } {
  const states = readdirSync(home).filter((file) => /^state(_\d)?\.sqlite$/.test(file))
  const db = new Database(join(home, states.sort().at(-1)!))
  try {
    const hasTools = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'thread_dynamic_tools'").get()
    return {
      threads: db.prepare('SELECT * FROM threads ORDER BY id').all() as Row[],
      tools: hasTools
        ? (db.prepare('SELECT * FROM thread_dynamic_tools ORDER BY thread_id, position').all() as Row[])
        : [],
    }
  } finally {
    db.close()
  }
}
