import type { SqlValue } from '../../db/connection.js'
import { StateError } from '../../errors.js'
import { THREAD_SORTS, type ThreadSort } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import { columnSql, type ResolvedColumns } from '../../schema/columns.js'
import { isMillisColumn, THREAD_TABLE } from '../../schema/threads.js'
import { type ListedThread, SORT_PROPERTY, sortColumn, type ThreadCursor } from './cursor.js'
import { compileFilter, type ThreadSelection } from './filter.js'
import { type StoredThread, type ThreadTable, threadColumnList, toThreadRow } from './table.js'

const PAGE_ROWS = 500

/**
 * Newest first. One short read for each page, so a reader that stops in between holds nothing open; a thread
 * that is touched while the list is read may come twice or not at all, as in Codex's own lists.
 *
 * @throws {StateError} `USAGE` when the layout lacks the column that sorts; `DB_NO_TABLE` when it has no times
 */
export function* readThreads(
  threads: ThreadTable,
  filter: ThreadSelection,
  sort: ThreadSort,
  options: {
    cursor?: ThreadCursor | undefined
    pageRows?: number
    onDamage?: OnDamage | undefined
    selected?: ReadonlySet<keyof ThreadRow> | undefined
  } = {},
): Generator<ListedThread[], void, undefined> {
  const { selected, pageRows = PAGE_ROWS } = options
  const texts = LONG_TEXTS.filter((name) => !selected || selected.has(name))
  const fitPage = createPageFitter(threads, filter, sort, texts)
  let cursor = options.cursor
  for (;;) {
    const limit = fitPage({ cursor, limit: pageRows })
    const page = readListPage(threads, filter, sort, { cursor, limit, selected }, options.onDamage)
    if (page.rows.length > 0) yield page.rows
    const next = page.next ?? nextBehindTimes(threads, sort, cursor)
    if (!next) return
    cursor = next
  }
}

/** What can be of any length: a title or a message can hold a whole history that was pasted in front of it. */
export const LONG_TEXTS = [
  'title',
  'firstUserMessage',
  'preview',
] as const satisfies readonly (keyof ThreadRow)[]

/** So much text is read at once, unless one row has more. */
export const MAX_PAGE_BYTES = 16 * 1024 * 1024

/** Below this all of a file's texts fit into memory at once. */
const SMALL_DATABASE_BYTES = 64 * 1024 * 1024

/** Cuts pages so that what they hold of these texts is bounded by bytes. */
export function createPageFitter(
  threads: ThreadTable,
  filter: ThreadSelection,
  sort: ThreadSort,
  texts: readonly (keyof ThreadRow)[],
): (window: ListWindow) => number {
  const sizeBytes = threads.connection.get<{ bytes: number }>(
    'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()',
  )
  if (texts.length === 0 || (sizeBytes?.bytes ?? 0) < SMALL_DATABASE_BYTES) return ({ limit }) => limit
  const bytes = textBytesSql(threads, texts)
  return (window) => {
    const { sql, params } = compileThreadPage(threads, filter, sort, window, `${bytes} AS bytes`)
    let sum = 0
    let count = 0
    for (const { bytes } of threads.connection.all<{ bytes: number }>(sql, ...params)) {
      sum += bytes
      if (sum > MAX_PAGE_BYTES) break
      count += 1
    }
    // Where fewer rows are left than fit, the page stays as large as it was, and is the last.
    return sum > MAX_PAGE_BYTES ? Math.max(1, count) : window.limit
  }
}

/** How many bytes these texts of a row take. */
export function textBytesSql({ columns }: ThreadTable, texts: readonly (keyof ThreadRow)[]): string {
  const stored = texts.map((name) => columns[name]).filter((column) => column !== undefined)
  return ['0', ...stored.map((column) => `coalesce(octet_length(${columnSql(column)}), 0)`)].join(' + ')
}

/** Called with the thread whose row cannot be read: that part of the file is damaged. */
export type OnDamage = (id: string) => void

/** A place to go on from, and how many rows to take. */
export interface ListWindow {
  cursor: ThreadCursor | undefined
  limit: number
  /** What is read of each row; default all. What is left out reads as `null`. */
  selected?: ReadonlySet<keyof ThreadRow> | undefined
}

export interface ListPage {
  rows: ListedThread[]
  /** Where the next page begins; `undefined` when this was the last. */
  next: ThreadCursor | undefined
}

/** @throws {StateError} `DB_CORRUPT` when no row can be told from another any more */
export function readListPage(
  threads: ThreadTable,
  filter: ThreadSelection,
  sort: ThreadSort,
  window: ListWindow,
  onDamage?: OnDamage,
): ListPage {
  try {
    const rows = readList(threads, filter, sort, window)
    const last = rows.length === window.limit ? rows.at(-1) : undefined
    return { rows, next: last && { value: last.sortValue, id: last.thread.id } }
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== 'DB_CORRUPT' || !onDamage) throw error
    return readAroundDamage(threads, filter, sort, window, onDamage)
  }
}

function readList(
  threads: ThreadTable,
  filter: ThreadSelection,
  sort: ThreadSort,
  window: ListWindow,
): ListedThread[] {
  const columns = threadColumnList(threads.columns, window.selected)
  const { sql, params } = compileThreadPage(threads, filter, sort, window, columns)
  return threads.connection
    .all<StoredThread>(sql, ...params)
    .map((stored) => toListedThread(stored, threads.columns))
}

/** The index that sorts has all ids; then each row is read for itself. */
function readAroundDamage(
  threads: ThreadTable,
  filter: ThreadSelection,
  sort: ThreadSort,
  window: ListWindow,
  onDamage: OnDamage,
): ListPage {
  const { sql, params } = compileThreadPage(
    threads,
    {},
    sort,
    window,
    `${columnSql(threads.columns.id)} AS id`,
  )
  const entries = threads.connection.all<{ id: string; sortValue: number | null }>(sql, ...params)
  const rows = entries.flatMap(({ id }) => {
    try {
      return readList(threads, { ...filter, id }, sort, { cursor: undefined, limit: 1 })
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'DB_CORRUPT') throw error
      onDamage(id)
      return []
    }
  })
  const last = entries.length === window.limit ? entries.at(-1) : undefined
  return { rows, next: last && { value: last.sortValue, id: last.id } }
}

/** What has no time at all comes last, out of the reach of comparisons. */
export function nextBehindTimes(
  threads: ThreadTable,
  sort: ThreadSort,
  cursor: ThreadCursor | undefined,
): ThreadCursor | undefined {
  return cursor?.value !== null && isNullable(threads, sort) ? { value: null, id: null } : undefined
}

/** A `_ms` column may be empty where a writer did not know it. */
function isNullable({ columns }: ThreadTable, sort: ThreadSort): boolean {
  return isMillisColumn(columns[SORT_PROPERTY[sort]])
}

export function compileThreadPage(
  threads: ThreadTable,
  filter: ThreadSelection,
  sort: ThreadSort,
  window: ListWindow,
  selected = threadColumnList(threads.columns),
): { sql: string; params: SqlValue[] } {
  const column = sortColumn(threads, sort)
  const id = columnSql(threads.columns.id)
  const { conditions, params } = compileFilter(threads, filter, column)
  const { cursor } = window
  const isByRow = filter.listed === 'asCodex' && threads.release.sortsByTimeAlone && sort !== 'recency'
  if (cursor?.value === null) {
    conditions.push(`${column} IS NULL`)
    if (cursor.id !== null) {
      conditions.push(`${id} < ?`)
      params.push(cursor.id)
    }
  } else {
    conditions.push(`${column} IS NOT NULL`)
    if (cursor && cursor.id !== null && isByRow) {
      conditions.push(
        `${column} <= ? AND (${column} < ? OR rowid > coalesce((SELECT rowid FROM ${THREAD_TABLE} WHERE ${id} = ?), -1))`,
      )
      params.push(cursor.value, cursor.value, cursor.id)
    } else if (cursor && cursor.id !== null) {
      conditions.push(`(${column}, ${id}) < (?, ?)`)
      params.push(cursor.value, cursor.id)
    } else if (cursor) {
      conditions.push(`${column} < ?`)
      params.push(cursor.value)
    }
  }
  return {
    sql: `SELECT ${selected}, ${column} AS sortValue FROM ${THREAD_TABLE}
WHERE ${conditions.join('\n  AND ')}
ORDER BY ${column} DESC, ${isByRow ? 'rowid' : `${id} DESC`} LIMIT ?`,
    params: [...params, window.limit],
  }
}

/** The time to sort by where none was asked for: the first that the table has. */
export function chooseSort({ columns }: ThreadTable, wanted: ThreadSort = 'updated'): ThreadSort {
  const order = [wanted, ...THREAD_SORTS]
  return order.find((sort) => columns[SORT_PROPERTY[sort]] !== undefined) ?? wanted
}

function toListedThread(
  { sortValue, ...stored }: StoredThread,
  columns: ResolvedColumns<ThreadRow>,
): ListedThread {
  return { thread: toThreadRow(stored, columns), sortValue: sortValue as number | null }
}
