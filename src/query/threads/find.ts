import type { SqlValue } from '../../db/connection.js'
import { normalizePath } from '../../model/paths.js'
import type { ThreadMetadata, ThreadRow } from '../../model/thread.js'
import { asTextSql, columnSql } from '../../schema/columns.js'
import { epochMsSql, THREAD_TABLE } from '../../schema/threads.js'
import { escapeLike, listedConditions } from './filter.js'
import { type StoredThread, type ThreadTable, threadColumnList, toThreadRow } from './table.js'

/** Rows for a set of ids, in no particular order. */
export function findThreads(threads: ThreadTable, ids: readonly string[]): ThreadRow[] {
  const { connection, columns } = threads
  return connection
    .all<StoredThread>(
      `SELECT ${threadColumnList(columns)} FROM ${THREAD_TABLE}
       WHERE ${columnSql(columns.id)} IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    )
    .map((stored) => toThreadRow(stored, columns))
}

export function findThread({ connection, columns }: ThreadTable, id: string): ThreadRow | undefined {
  const stored = connection.get<StoredThread>(
    `SELECT ${threadColumnList(columns)} FROM ${THREAD_TABLE} WHERE ${columnSql(columns.id)} = ?`,
    id,
  )
  return stored && toThreadRow(stored, columns)
}

/** Whether the table has more rows than so many. */
export function hasMoreThreads({ connection }: ThreadTable, count: number): boolean {
  return connection.get(`SELECT 1 FROM ${THREAD_TABLE} LIMIT 1 OFFSET ?`, count) !== undefined
}

export function hasThread({ connection, columns }: ThreadTable, id: string): boolean {
  return connection.get(`SELECT 1 FROM ${THREAD_TABLE} WHERE ${columnSql(columns.id)} = ?`, id) !== undefined
}

/** Whether by this thread's row Codex would list it, among the archived ones if it is archived. */
export function isListed(threads: ThreadTable, { id, isArchived }: ThreadRow): boolean {
  const { connection, columns } = threads
  const conditions = [`${columnSql(columns.id)} = ?`, ...listedConditions(threads, isArchived)]
  return connection.get(`SELECT 1 FROM ${THREAD_TABLE} WHERE ${conditions.join(' AND ')}`, id) !== undefined
}

/** The rollout path of a row; `isArchived`: only of a thread that is, or is not; `undefined` finds either. */
export function findRolloutPath(
  { connection, columns }: ThreadTable,
  id: string,
  isArchived: boolean | undefined,
): string | undefined {
  const conditions = [`${columnSql(columns.id)} = ?`]
  const params: SqlValue[] = [id]
  if (isArchived !== undefined) {
    conditions.push(`${columnSql(columns.isArchived)} = ?`)
    params.push(isArchived ? 1 : 0)
  }
  const row = connection.get<{ path: string | null }>(
    `SELECT ${asTextSql(columns.rolloutPath)} AS path FROM ${THREAD_TABLE} WHERE ${conditions.join(' AND ')}`,
    ...params,
  )
  return row?.path ?? undefined
}

/**
 * Ids of the threads that a text can mean: the one with this id, else those whose id begins so and those whose
 * title or name it is (ASCII letters in any case), `namedIds` included.
 */
export function findThreadIds(
  threads: ThreadTable,
  text: string,
  namedIds: readonly string[],
  limit: number,
): string[] {
  const { connection, columns } = threads
  const id = text.toLowerCase()
  if (hasThread(threads, id)) return [id]
  if (text === '') return []
  const column = columnSql(columns.id)
  const rows = connection.all<{ id: string }>(
    `SELECT ${column} AS id FROM ${THREAD_TABLE}
     WHERE ${column} LIKE ? ESCAPE '\\' OR ${columnSql(columns.title)} = ? COLLATE NOCASE
       OR ${columnSql(columns.name)} = ? COLLATE NOCASE OR ${column} IN (SELECT value FROM json_each(?))
     ORDER BY ${column} DESC LIMIT ?`,
    `${escapeLike(id)}%`,
    text,
    text,
    JSON.stringify(namedIds),
    limit,
  )
  return rows.map((row) => row.id)
}

/** What tells whether a row needs a look at its rollout. */
export interface ThreadFile {
  id: string
  rolloutPath: string
  /** Unix seconds. */
  updatedAtSeconds: number
  isArchived: boolean
}

/** Of all threads, by rollout path in the spelling of `normalizePath`. */
export function readThreadFiles(threads: ThreadTable): ReadonlyMap<string, ThreadFile> {
  const { connection, columns } = threads
  const rows = connection.all<{
    id: string
    path: string
    seconds: number
    archived: number
  }>(
    `SELECT ${asTextSql(columns.id)} AS id, coalesce(${asTextSql(columns.rolloutPath)}, '') AS path,
            ${epochMsSql(columns.updatedAtMs)} / 1000 AS seconds,
            ${columnSql(columns.isArchived)} AS archived
     FROM ${THREAD_TABLE}`,
  )
  return new Map(
    rows.map(({ id, path, seconds, archived }) => [
      normalizePath(path),
      {
        id,
        rolloutPath: path,
        updatedAtSeconds: seconds,
        isArchived: archived !== 0,
      },
    ]),
  )
}

/** The path of a thread whose rollout is not below `folder`. */
export function findForeignRollout({ connection, columns }: ThreadTable, folder: string): string | undefined {
  const path = asTextSql(columns.rolloutPath)
  const rows = connection.all<{ path: string }>(
    `SELECT ${path} AS path FROM ${THREAD_TABLE} WHERE substr(${path}, 1, ?) <> ?`,
    folder.length,
    folder,
  )
  const home = normalizePath(folder)
  return rows.find((row) => !isBelow(home, normalizePath(row.path)))?.path
}

/** Both as `normalizePath` spells them. */
function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder) && /[\\/]/.test(path[folder.length] ?? '')
}

/** What a rollout would have to say for this row; columns that only the database has are left out. */
export function metadataFromRow(row: ThreadRow): ThreadMetadata {
  const {
    isArchived: _archived,
    recencyAtMs: _recency,
    name: _name,
    isPinned: _pinned,
    threadSectionId: _section,
    sectionPosition: _position,
    sectionEnteredAtMs: _entered,
    projectId: _project,
    daybreakEnabled: _daybreak,
    attachedThreadParentId: _parent,
    ...derived
  } = row
  return {
    ...derived,
    hasUserEvent: row.hasUserEvent ?? false,
    cliVersion: row.cliVersion ?? '',
    firstUserMessage: row.firstUserMessage || null,
    preview: row.preview || null,
    historyMode: row.historyMode ?? 'legacy',
  }
}
