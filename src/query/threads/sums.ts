import type { TokenGroup } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import { columnSql } from '../../schema/columns.js'
import { epochMsSql, THREAD_TABLE } from '../../schema/threads.js'
import { findThreads } from './find.js'
import { LONG_TEXTS, MAX_PAGE_BYTES, textBytesSql } from './list.js'
import type { ThreadTable } from './table.js'

export interface TokenSum {
  /** `null` where the threads have none. */
  key: string | null
  tokens: number
  threadCount: number
}

/** Sums over threads, most tokens first; days by when a thread began, newest first. */
export function readTokenSums(
  { connection, columns }: ThreadTable,
  group: TokenGroup,
  options: { ids?: readonly string[] | undefined; isLocal: boolean },
): TokenSum[] {
  const keys: Record<TokenGroup, string> = {
    cwd: columnSql(columns.cwd),
    source: columnSql(columns.source),
    provider: columnSql(columns.modelProvider),
    model: columnSql(columns.model),
    branch: columnSql(columns.gitBranch),
    day: `date(${epochMsSql(columns.createdAtMs)} / 1000, 'unixepoch'${options.isLocal ? ", 'localtime'" : ''})`,
    total: `'all'`,
  }
  return connection.all<TokenSum>(
    `SELECT ${keys[group]} AS key, sum(${columnSql(columns.tokensUsed)}) AS tokens, count(*) AS threadCount
     FROM ${THREAD_TABLE} ${options.ids ? `WHERE ${columnSql(columns.id)} IN (SELECT value FROM json_each(?))` : ''}
     GROUP BY 1 ORDER BY ${group === 'day' ? '1 DESC' : '2 DESC, 1'}`,
    ...(options.ids ? [JSON.stringify(options.ids)] : []),
  )
}

const PAGE_ROWS = 500

/** All threads, most tokens first. There is no index on tokens: the ids are sorted once, rows come in pages. */
export function* readTokenThreads(threads: ThreadTable): Generator<ThreadRow[], void, undefined> {
  const id = columnSql(threads.columns.id)
  const entries = threads.connection.all<{ id: string; bytes: number }>(
    `SELECT ${id} AS id, ${textBytesSql(threads, LONG_TEXTS)} AS bytes
     FROM ${THREAD_TABLE} ORDER BY ${columnSql(threads.columns.tokensUsed)} DESC, ${id} DESC`,
  )
  let page: string[] = []
  let pageBytes = 0
  for (const [index, { id, bytes }] of entries.entries()) {
    page.push(id)
    pageBytes += bytes
    const next = entries[index + 1]
    if (next && page.length < PAGE_ROWS && pageBytes + next.bytes <= MAX_PAGE_BYTES) continue
    const rows = new Map(findThreads(threads, page).map((row) => [row.id, row]))
    yield page.map((id) => rows.get(id)).filter((row) => row !== undefined)
    page = []
    pageBytes = 0
  }
}
