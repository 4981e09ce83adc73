import type { TokenGroup } from '../model/inspection.js'
import type { ThreadRow } from '../model/thread.js'
import { columnSql } from '../schema/columns.js'
import { isMillisColumn } from '../schema/threads.js'
import { findThreads, type ThreadTable } from './thread-list.js'

export interface TokenSum {
  /** `null` where the threads have none. */
  key: string | null
  tokens: number
  threadCount: number
}

/** Sums over threads, most tokens first; days by when a thread began, newest first. */
export function readTokenSums(
  { table, columns }: ThreadTable,
  group: TokenGroup,
  options: { ids?: readonly string[] | undefined; isLocal: boolean },
): TokenSum[] {
  const createdSeconds = isMillisColumn(columns.createdAtMs)
    ? `${columns.createdAtMs} / 1000`
    : columnSql(columns.createdAtMs)
  const keys: Record<TokenGroup, string> = {
    cwd: columnSql(columns.cwd),
    source: columnSql(columns.source),
    provider: columnSql(columns.modelProvider),
    model: columnSql(columns.model),
    branch: columnSql(columns.gitBranch),
    day: `date(${createdSeconds}, 'unixepoch'${options.isLocal ? ", 'localtime'" : ''})`,
    total: `'all'`,
  }
  return table.connection.all<TokenSum>(
    `SELECT ${keys[group]} AS key, sum(${columnSql(columns.tokensUsed)}) AS tokens, count(*) AS threadCount
     FROM threads ${options.ids ? 'WHERE id IN (SELECT value FROM json_each(?))' : ''}
     GROUP BY 1 ORDER BY ${group === 'day' ? '1 DESC' : '2 DESC, 1'}`,
    ...(options.ids ? [JSON.stringify(options.ids)] : []),
  )
}

const PAGE_ROWS = 500

/** All threads, most tokens first. There is no index on tokens: the ids are sorted once, rows come in pages. */
export function* readTokenThreads(threads: ThreadTable): Generator<ThreadRow[], void, undefined> {
  const ids = threads.table.connection
    .all<{ id: string }>(
      `SELECT id FROM threads ORDER BY ${columnSql(threads.columns.tokensUsed)} DESC, id DESC`,
    )
    .map(({ id }) => id)
  for (let start = 0; start < ids.length; start += PAGE_ROWS) {
    const page = ids.slice(start, start + PAGE_ROWS)
    const rows = new Map(findThreads(threads, page).map((row) => [row.id, row]))
    yield page.map((id) => rows.get(id)).filter((row) => row !== undefined)
  }
}
