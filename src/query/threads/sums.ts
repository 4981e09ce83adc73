import type { ThreadRow } from '../../model/thread.js'
import { asTextSql, columnSql } from '../../schema/columns.js'
import { THREAD_TABLE } from '../../schema/threads.js'
import { findThreads } from './find.js'
import { LONG_TEXTS, MAX_PAGE_BYTES, textBytesSql } from './list.js'
import type { ThreadTable } from './table.js'

/** What the row of a thread says that it used, and how much there is of its texts. */
export interface TokenRow {
  id: string
  tokensUsed: number
  textBytes: number
}

export function readTokenRows(threads: ThreadTable): TokenRow[] {
  const { connection, columns } = threads
  return connection.all<TokenRow>(
    `SELECT ${asTextSql(columns.id)} AS id, coalesce(CAST(${columnSql(columns.tokensUsed)} AS INTEGER), 0) AS tokensUsed,
       ${textBytesSql(threads, LONG_TEXTS)} AS textBytes FROM ${THREAD_TABLE}`,
  )
}

const PAGE_ROWS = 500

/** Entries with their rows, page by page, so that no more texts are in memory than a page may have. */
export function* pageWithRows<Entry extends { id: string }>(
  threads: ThreadTable,
  entries: readonly Entry[],
  textBytesOf: (id: string) => number,
): Generator<(Entry & { row: ThreadRow | undefined })[], void, undefined> {
  let page: Entry[] = []
  let pageBytes = 0
  for (const [index, entry] of entries.entries()) {
    page.push(entry)
    pageBytes += textBytesOf(entry.id)
    const next = entries[index + 1]
    if (next && page.length < PAGE_ROWS && pageBytes + textBytesOf(next.id) <= MAX_PAGE_BYTES) continue
    const ids = page.map(({ id }) => id)
    const rows = new Map(findThreads(threads, ids).map((row) => [row.id, row]))
    yield page.map((entry) => ({ ...entry, row: rows.get(entry.id) }))
    page = []
    pageBytes = 0
  }
}
