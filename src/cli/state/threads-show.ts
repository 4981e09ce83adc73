import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { StateError } from '../../errors.js'
import { formatJsonRow, formatTime, isPossibleTime } from '../../format/fields.js'
import { MEMORY_KIND } from '../../format/memory-fields.js'
import { GOAL_KIND } from '../../format/stored-fields.js'
import { THREAD_DETAIL_KIND, type ThreadDetails } from '../../format/thread-details.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { listMemories } from '../../inspect/memories.js'
import { readFamily } from '../../inspect/thread-family.js'
import { findThreadPlaces } from '../../inspect/thread-places.js'
import { findDynamicTools } from '../../inspect/thread-tools.js'
import { readCheapTokens } from '../../inspect/token-ledger.js'
import type { ThreadHistory } from '../../model/history.js'
import { readRows } from '../../query/stored-rows.js'
import { findThreads } from '../../query/threads/find.js'
import { defineRecordCommand } from '../records.js'
import { findHistory, tellHiddenTurnsOf } from './history-look.js'
import { describeState } from './history-words.js'
import { writeRecord } from './output.js'
import type { Session } from './session.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'
import { writeThreadSheet } from './thread-sheet.js'

export const command = defineRecordCommand({
  examples: ['threads show last'],
  kind: THREAD_DETAIL_KIND,
  args: { thread: THREAD_ARGUMENT },
  tables: ['threads', 'thread_spawn_edges', 'thread_goals', 'thread_dynamic_tools', 'stage1_outputs', 'logs'],
  async read(session, _, args) {
    const found = await requireThread(args.thread, session)
    if (!found.thread) {
      // Without a table of threads no thread has a row, and that is what is wrong.
      session.openThreads()
      throw new StateError('NOT_FOUND', `thread ${found.id} has a rollout and no row`, {
        hint: `'codex-state threads path ${found.id}' prints where its rollout is; 'codex-state why' explains what that means.`,
      })
    }
    const history = await findHistory(session, found.id)
    tellHiddenTurnsOf(history, session)
    return readDetails(found.thread, history, session)
  },
  write: (details, flags, session) =>
    session.io.stdout.isTerminal
      ? writeThreadSheet(details, flags, session)
      : writeRecord(THREAD_DETAIL_KIND, details, flags, session),
})

async function readDetails(
  thread: ThreadDetails['thread'],
  history: ThreadHistory | undefined,
  session: Session,
): Promise<ThreadDetails> {
  const { codexHome, home, notice } = session
  const threads = session.openThreads()
  const name = session.nameOf(thread)
  const edges = await readFamily(threads, codexHome)
  const childEdges = edges.filter(({ parentId }) => parentId === thread.id)
  const childIds = childEdges.map(({ childId }) => childId)
  const childRows = new Map(findThreads(threads, childIds).map((row) => [row.id, row]))
  const { rollout, isHidden } = await findRollout(codexHome, { id: thread.id, thread }, notice)
  const told = (await readCheapTokens(codexHome, new Set([thread.id])))?.get(thread.id)
  const missed = (failure: StateError) => {
    notice(failure.message)
    session.fail()
  }
  /** A database beside that of the threads: where it cannot be read, the thread is shown without it. */
  const beside = <Part>(read: () => Part): Part | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof StateError)) throw error
      missed(error)
      return undefined
    }
  }
  const places = findThreadPlaces(home.databases, thread.id, notice, missed)
  const goal = beside(() => {
    const goals = session.tryOpen('thread_goals')
    return goals && readRows(goals.connection, 'thread_goals', 'WHERE thread_id = ?', thread.id)[0]
  })
  const memory = beside(
    () => listMemories(session.memories(), { threadId: thread.id, pipelines: 'inUse' })[0],
  )
  const toolTable = beside(() => {
    const table = session.tryOpen('thread_dynamic_tools')
    return table?.columns.has('thread_id') ? table : undefined
  })
  const tools = await findDynamicTools(toolTable, thread.id, rollout, notice)
  const asObject = <Row>(kind: Parameters<typeof formatJsonRow<Row>>[0], row: Row | undefined) =>
    row === undefined ? null : JSON.parse(formatJsonRow(kind, kind.fields, row, notice))
  const lock = join(session.home.sqliteHome, 'thread-writer-locks', `${thread.id}.lock`)
  return {
    thread,
    name,
    cursor: null,
    totalTokens: told?.usage.total,
    rollout: {
      path: rollout?.path ?? thread.rolloutPath,
      exists: rollout === undefined && isHidden ? null : rollout !== undefined,
      archived: rollout?.isArchived ?? thread.isArchived,
      compressed: rollout?.isCompressed ?? false,
      size_bytes: rollout?.sizeBytes ?? null,
      modified_at: rollout && isPossibleTime(rollout.modifiedAtMs) ? formatTime(rollout.modifiedAtMs) : null,
    },
    forkedFromId: told?.rollouts.find(({ forkedFromId }) => forkedFromId !== null)?.forkedFromId ?? null,
    rollouts: (told?.rollouts ?? [])
      .map(({ path }) => path)
      .sort((a, b) => Number(b === rollout?.path) - Number(a === rollout?.path)),
    history: history
      ? {
          state: history.state,
          problem: describeState(history),
          turns_shown: history.turnsShown,
          turns: history.turnsThere,
        }
      : null,
    tokens: told ? { ...told.usage, responses: told.responses } : null,
    parentId: edges.find(({ childId }) => childId === thread.id)?.parentId ?? null,
    children: childEdges.map(({ childId, status }) => {
      const row = childRows.get(childId)
      return { id: childId, status, agent_nickname: row?.agentNickname ?? null, title: row?.title ?? null }
    }),
    dynamicTools: tools.map(({ name }) => name),
    goal: asObject(GOAL_KIND, goal),
    memory: asObject(MEMORY_KIND, memory),
    logRowCount: places
      .filter(({ table }) => table === 'logs')
      .reduce((sum, { rowCount }) => sum + rowCount, 0),
    places: [
      ...places.map(({ database, table, rowCount }) => ({
        place: `${basename(database)}:${table}`,
        rows: rowCount,
      })),
      ...(rollout ? [{ place: rollout.path, rows: null }] : []),
      ...(session.names().has(thread.id) ? [{ place: 'session_index.jsonl', rows: null }] : []),
      ...(existsSync(lock) ? [{ place: lock, rows: null }] : []),
    ],
  }
}
