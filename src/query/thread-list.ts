import type { SqlValue } from '../db/open.js'
import { StateError } from '../errors.js'
import type { ThreadSort } from '../model/inspection.js'
import type { ThreadRow } from '../model/thread.js'
import { columnSql, type ResolvedColumns, resolveColumns } from '../schema/columns.js'
import { isMillisColumn, THREAD_COLUMNS, THREAD_TABLE } from '../schema/threads.js'
import { parseCursorTime } from './cursor.js'
import type { OpenTable } from './databases.js'
import { type StoredThread, threadColumnList, toThreadRow } from './thread-rows.js'

const SORT_PROPERTY = {
  updated: 'updatedAtMs',
  created: 'createdAtMs',
  recency: 'recencyAtMs',
} as const satisfies Record<ThreadSort, keyof ThreadRow>

export interface ThreadFilter {
  isArchived?: boolean
  /** Stored texts, or words: `cli`, or of a JSON source its kind (`subagent`) or what it says (`review`). */
  sources?: readonly string[]
  providers?: readonly string[]
  /** Stored texts. */
  cwds?: readonly string[]
  branches?: readonly string[]
  /** Unix milliseconds, inclusive, on the time that sorts. */
  sinceMs?: number
  untilMs?: number
  /** Part of title, first message, preview, name or id, ASCII letters in any case. */
  search?: { text: string; namedIds: readonly string[] }
  /** Threads that another thread spawned: these alone, or all but these. */
  isChild?: boolean
  id?: string
  /** SQL on stored columns, from data of ours. */
  conditions?: readonly string[]
}

/** A place in a list: the stored value of the column that sorts, in its stored unit, and an id. */
export interface ThreadAnchor {
  value: number | null
  /** `null`: all of the rows with this value lie behind. */
  id: string | null
}

export interface ListedThread {
  thread: ThreadRow
  /** Stored value of the column that sorts. */
  sortValue: number | null
}

const PAGE_ROWS = 500

/** What is asked of one table `threads`: its columns are resolved once. */
export interface ThreadTable {
  readonly table: OpenTable
  readonly columns: ResolvedColumns<ThreadRow>
  readonly hasSpawnEdges: boolean
}

export function describeThreadTable(table: OpenTable): ThreadTable {
  const edges = table.connection.get(
    `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'thread_spawn_edges'`,
  )
  return {
    table,
    columns: resolveColumns(THREAD_COLUMNS, table.columns),
    hasSpawnEdges: edges !== undefined,
  }
}

/**
 * Newest first. One short read for each page, so a reader that stops in between holds nothing open; a thread
 * that is touched while the list is read may come twice or not at all, as in Codex's own lists.
 *
 * @throws {StateError} `USAGE` when the layout lacks the column that sorts
 */
export function* readThreads(
  threads: ThreadTable,
  filter: ThreadFilter,
  sort: ThreadSort,
  options: { after?: ThreadAnchor | undefined; pageRows?: number; onDamage?: OnDamage | undefined } = {},
): Generator<ListedThread[], void, undefined> {
  const limit = options.pageRows ?? PAGE_ROWS
  let after = options.after
  for (;;) {
    const page = readListPage(threads, filter, sort, { after, limit }, options.onDamage)
    if (page.rows.length > 0) yield page.rows
    const next = page.next ?? nextAfterTimes(threads, sort, after)
    if (!next) return
    after = next
  }
}

/** Told of the thread whose row cannot be read: that part of the file is damaged. */
export type OnDamage = (id: string) => void

/** A place to go on from, and how many rows to take. */
export interface ListWindow {
  after: ThreadAnchor | undefined
  limit: number
}

export interface ListPage {
  rows: ListedThread[]
  /** Where the next page begins; `undefined` when this was the last. */
  next: ThreadAnchor | undefined
}

/** @throws {StateError} `DB_CORRUPT` when no row can be told from another any more */
export function readListPage(
  threads: ThreadTable,
  filter: ThreadFilter,
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
  filter: ThreadFilter,
  sort: ThreadSort,
  window: ListWindow,
): ListedThread[] {
  const { sql, params } = compileThreadPage(threads, filter, sort, window)
  return threads.table.connection
    .all<StoredThread>(sql, ...params)
    .map((stored) => toListedThread(stored, threads.columns))
}

/** The index that sorts has all ids; then each row is read for itself. */
function readAroundDamage(
  threads: ThreadTable,
  filter: ThreadFilter,
  sort: ThreadSort,
  window: ListWindow,
  onDamage: OnDamage,
): ListPage {
  const { sql, params } = compileThreadPage(threads, {}, sort, window, 'id')
  const entries = threads.table.connection.all<{ id: string; sortValue: number | null }>(sql, ...params)
  const rows = entries.flatMap(({ id }) => {
    try {
      return readList(threads, { ...filter, id }, sort, { after: undefined, limit: 1 })
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
export function nextAfterTimes(
  threads: ThreadTable,
  sort: ThreadSort,
  after: ThreadAnchor | undefined,
): ThreadAnchor | undefined {
  return after?.value !== null && isNullable(threads, sort) ? { value: null, id: null } : undefined
}

/** A `_ms` column may be empty where a writer did not know it. */
function isNullable({ columns }: ThreadTable, sort: ThreadSort): boolean {
  return isMillisColumn(columns[SORT_PROPERTY[sort]])
}

export function compileThreadPage(
  threads: ThreadTable,
  filter: ThreadFilter,
  sort: ThreadSort,
  window: ListWindow,
  selected = threadColumnList(threads.columns),
): { sql: string; params: SqlValue[] } {
  const column = sortColumn(threads, sort)
  const { conditions, params } = compileFilter(threads, filter, column)
  const { after } = window
  if (after?.value === null) {
    conditions.push(`${column} IS NULL`)
    if (after.id !== null) {
      conditions.push('id < ?')
      params.push(after.id)
    }
  } else {
    conditions.push(`${column} IS NOT NULL`)
    if (after && after.id !== null) {
      conditions.push(`(${column}, id) < (?, ?)`)
      params.push(after.value, after.id)
    } else if (after) {
      conditions.push(`${column} < ?`)
      params.push(after.value)
    }
  }
  return {
    sql: `SELECT ${selected}, ${column} AS sortValue FROM ${THREAD_TABLE}
WHERE ${conditions.join('\n  AND ')}
ORDER BY ${column} DESC, id DESC LIMIT ?`,
    params: [...params, window.limit],
  }
}

/** Whole rows. `clause` is SQL of ours that follows the name of the table. */
export function readThreadPage(threads: ThreadTable, clause: string, ...params: SqlValue[]): ThreadRow[] {
  return threads.table.connection
    .all<StoredThread>(
      `SELECT ${threadColumnList(threads.columns)} FROM ${THREAD_TABLE} ${clause}`,
      ...params,
    )
    .map((stored) => toThreadRow(stored, threads.columns))
}

/** Rows for a set of ids, in no particular order. */
export function findThreads(threads: ThreadTable, ids: readonly string[]): ThreadRow[] {
  return readThreadPage(threads, 'WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
}

export function findThread(threads: ThreadTable, id: string): ThreadRow | undefined {
  return findThreads(threads, [id])[0]
}

export function sortColumn({ columns, table }: ThreadTable, sort: ThreadSort): string {
  const column = columns[SORT_PROPERTY[sort]]
  if (column !== undefined) return column
  throw new StateError('USAGE', `${table.file.path} has no ${sort} times to sort by`, {
    hint: 'Its Codex is older than those; sort by updated or created.',
  })
}

function compileFilter(
  threads: ThreadTable,
  filter: ThreadFilter,
  sortedColumn: string,
): { conditions: string[]; params: SqlValue[] } {
  const { columns } = threads
  const conditions = [...(filter.conditions ?? [])]
  const params: SqlValue[] = []
  const add = (condition: string, ...values: SqlValue[]) => {
    conditions.push(condition)
    params.push(...values)
  }
  const addIn = (column: string | undefined, values: readonly string[] | undefined) => {
    if (values) add(`${columnSql(column)} IN (SELECT value FROM json_each(?))`, JSON.stringify(values))
  }
  if (filter.isArchived !== undefined) add(`${columnSql(columns.isArchived)} = ?`, filter.isArchived ? 1 : 0)
  addIn(columns.modelProvider, filter.providers)
  addIn(columns.cwd, filter.cwds)
  addIn(columns.gitBranch, filter.branches)
  if (filter.id !== undefined) add('id = ?', filter.id)
  if (filter.sources) {
    const source = columnSql(columns.source)
    const forms = filter.sources.map((word) => {
      const escaped = escapeLike(word)
      params.push(
        word,
        `{"${escaped}":%`,
        `{"%":"${escaped}"}`,
        `{"subagent":{"${escaped}":%`,
        `{"subagent":{"%":"${escaped}"}}`,
      )
      return `${source} = ? OR ${source} LIKE ? ESCAPE '\\' OR ${source} LIKE ? ESCAPE '\\' OR ${source} LIKE ? ESCAPE '\\' OR ${source} LIKE ? ESCAPE '\\'`
    })
    conditions.push(`(${forms.join(' OR ')})`)
  }
  if (filter.sinceMs !== undefined)
    add(`${sortedColumn} >= ?`, toStoredTime(filter.sinceMs, sortedColumn, 'ceil'))
  if (filter.untilMs !== undefined)
    add(`${sortedColumn} <= ?`, toStoredTime(filter.untilMs, sortedColumn, 'floor'))
  if (filter.search) {
    const pattern = `%${escapeLike(filter.search.text)}%`
    const searched = [
      columns.title,
      columns.firstUserMessage,
      columns.preview,
      columns.name,
      columns.id,
    ].filter((column) => column !== undefined)
    add(
      `(${searched.map((column) => `${column} LIKE ? ESCAPE '\\'`).join(' OR ')} OR id IN (SELECT value FROM json_each(?)))`,
      ...searched.map(() => pattern),
      JSON.stringify(filter.search.namedIds),
    )
  }
  if (filter.isChild !== undefined) {
    const isChild = [
      `${columnSql(columns.source)} LIKE '{"subagent":%'`,
      ...(threads.hasSpawnEdges ? ['id IN (SELECT child_thread_id FROM thread_spawn_edges)'] : []),
    ].join(' OR ')
    conditions.push(filter.isChild ? `(${isChild})` : `NOT (${isChild})`)
  }
  return { conditions, params }
}

export function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&')
}

/** An instant in the unit of a stored column. */
function toStoredTime(epochMs: number, column: string, rounding: 'ceil' | 'floor'): number {
  return isMillisColumn(column) ? epochMs : Math[rounding](epochMs / 1000)
}

function toListedThread(
  { sortValue, ...stored }: StoredThread,
  columns: ResolvedColumns<ThreadRow>,
): ListedThread {
  return { thread: toThreadRow(stored, columns), sortValue: sortValue as number | null }
}

/** `<time>|<id>`, which Codex's own tokens look like; the value itself where it is no time that can be written. */
export function formatCursor(
  { thread, sortValue }: ListedThread,
  threads: ThreadTable,
  sort: ThreadSort,
): string {
  if (sortValue === null) return `null|${thread.id}`
  const epochMs = isMillisColumn(threads.columns[SORT_PROPERTY[sort]]) ? sortValue : sortValue * 1000
  const isWritable = Number.isInteger(epochMs) && Math.abs(epochMs) < 8.64e15
  const iso = isWritable ? new Date(epochMs).toISOString() : ''
  return `${/^\d{4}-/.test(iso) ? iso : sortValue}|${thread.id}`
}

/**
 * Takes every form that Codex used: RFC 3339 or `YYYY-MM-DDTHH-MM-SS` (UTC), alone or followed by `|<id>`.
 *
 * @throws {StateError} `USAGE`
 */
export function parseCursor(token: string, threads: ThreadTable, sort: ThreadSort): ThreadAnchor {
  const [timeText = '', idText] = token.trim().split('|')
  const id = idText === undefined || idText === '' ? null : idText.toLowerCase()
  if (timeText === 'null' && id !== null) return { value: null, id }
  if (/^-?\d+(\.\d+)?(e\+\d+)?$/.test(timeText)) return { value: Number(timeText), id }
  const epochMs = parseCursorTime(timeText)
  if (Number.isNaN(epochMs)) {
    throw new StateError('USAGE', `'${token}' is not a cursor`, {
      hint: `Pass the "cursor" of a row that 'threads list --json' printed.`,
    })
  }
  return { value: toStoredTime(epochMs, sortColumn(threads, sort), 'floor'), id }
}
