import { normalizePath } from '../model/paths.js'
import type { ThreadRow } from '../model/thread.js'
import { columnSql, type ResolvedColumns } from '../schema/columns.js'
import type { SqlReader } from '../schema/inspect.js'
import { isMillisColumn, THREAD_TABLE } from '../schema/threads.js'
import { contentCondition } from './thread-pages.js'

/** What tells whether a row needs a look at its rollout. */
export interface ThreadFile {
  id: string
  rolloutPath: string
  /** Unix seconds. */
  updatedAtSeconds: number
  isArchived: boolean
  /** Whether Codex lists it: a thread without a message is left out. */
  hasContent: boolean
}

/** Of all threads, by rollout path in the spelling of `normalizePath`. */
export function readThreadFiles(
  reader: SqlReader,
  columns: ResolvedColumns<ThreadRow>,
): ReadonlyMap<string, ThreadFile> {
  const updatedAt = columnSql(columns.updatedAtMs)
  const rows = reader.all<{ id: string; path: string; seconds: number; archived: number; content: number }>(
    `SELECT ${columnSql(columns.id)} AS id, ${columnSql(columns.rolloutPath)} AS path,
            ${isMillisColumn(columns.updatedAtMs) ? `${updatedAt} / 1000` : updatedAt} AS seconds,
            ${columnSql(columns.isArchived)} AS archived, ${contentCondition(columns)} AS content
     FROM ${THREAD_TABLE}`,
  )
  return new Map(
    rows.map(({ id, path, seconds, archived, content }) => [
      normalizePath(path),
      {
        id,
        rolloutPath: path,
        updatedAtSeconds: seconds,
        isArchived: archived !== 0,
        hasContent: content !== 0,
      },
    ]),
  )
}

/** The path of a thread whose rollout is not below `folder`. */
export function findForeignRollout(
  reader: SqlReader,
  columns: ResolvedColumns<ThreadRow>,
  folder: string,
): string | undefined {
  const path = columnSql(columns.rolloutPath)
  const rows = reader.all<{ path: string }>(
    `SELECT ${path} AS path FROM ${THREAD_TABLE} WHERE substr(${path}, 1, ?) <> ?`,
    folder.length,
    folder,
  )
  const home = normalizePath(folder)
  return rows.find(({ path }) => !isBelow(home, normalizePath(path)))?.path
}

/** Both as `normalizePath` spells them. */
function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder) && /[\\/]/.test(path[folder.length] ?? '')
}
