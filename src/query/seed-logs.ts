import type { LogRow, LogRowFilter, LogRowQuery } from '../model/log.js'
import { columnSql, type ResolvedColumns } from '../schema/columns.js'
import type { SqlReader } from '../schema/inspect.js'
import { LOG_TABLE } from '../schema/logs.js'

type Columns = ResolvedColumns<LogRow>

interface Conditions {
  sql: string
  params: (string | number)[]
}

/** Rows of the log table as Codex's state runtime asks for them (its `query_logs`). */
export function readLogs(reader: SqlReader, columns: Columns, query: LogRowQuery): LogRow[] {
  const { sql, params } = compileFilter(columns, query)
  const selected = Object.entries(columns).map(([name, column]) => `${columnSql(column)} AS ${name}`)
  const limit = query.limit === undefined ? '' : 'LIMIT ?'
  return reader.all<LogRow>(
    `SELECT ${selected.join(', ')} FROM ${LOG_TABLE} WHERE ${sql}
     ORDER BY ${columnSql(columns.id)} ${query.descending ? 'DESC' : 'ASC'} ${limit}`,
    ...params,
    // A negative limit would be none to SQLite.
    ...(query.limit === undefined ? [] : [Math.max(0, query.limit)]),
  )
}

/** The highest id among the rows of the filter, 0 when there are none. */
export function readMaxLogId(reader: SqlReader, columns: Columns, filter: LogRowFilter): number {
  const { sql, params } = compileFilter(columns, filter)
  const [row] = reader.all<{ id: number }>(
    `SELECT coalesce(max(${columnSql(columns.id)}), 0) AS id FROM ${LOG_TABLE} WHERE ${sql}`,
    ...params,
  )
  return row!.id
}

function compileFilter(columns: Columns, filter: LogRowFilter): Conditions {
  const all: Conditions[] = []
  const add = (sql: string, ...params: (string | number)[]) => all.push({ sql, params })
  const id = columnSql(columns.id)
  const ts = columnSql(columns.tsSeconds)
  const threadId = columnSql(columns.threadId)

  if (filter.level !== undefined) add(`upper(${columnSql(columns.level)}) = ?`, filter.level.toUpperCase())
  if (filter.fromSeconds !== undefined) add(`${ts} >= ?`, filter.fromSeconds)
  if (filter.toSeconds !== undefined) add(`${ts} <= ?`, filter.toSeconds)
  addAnyLike(columnSql(columns.modulePath), filter.moduleLike)
  addAnyLike(columnSql(columns.file), filter.fileLike)

  const threadIds = nonEmpty(filter.threadIds)
  const threads = threadIds.map(() => `${threadId} = ?`)
  if (filter.includeThreadless) threads.push(`${threadId} IS NULL`)
  if (threads.length > 0) add(`(${threads.join(' OR ')})`, ...threadIds)

  if (filter.search) add(`instr(coalesce(${columnSql(columns.body)}, ''), ?) > 0`, filter.search)
  if (filter.afterId !== undefined) add(`${id} > ?`, filter.afterId)

  function addAnyLike(column: string, parts: readonly string[] | undefined): void {
    const wanted = nonEmpty(parts)
    if (wanted.length === 0) return
    add(`(${wanted.map(() => `${column} LIKE '%' || ? || '%'`).join(' OR ')})`, ...wanted)
  }

  return {
    sql: all.map(({ sql }) => sql).join(' AND ') || 'TRUE',
    params: all.flatMap(({ params }) => params),
  }
}

function nonEmpty(values: readonly string[] | undefined): string[] {
  return (values ?? []).filter((value) => value !== '')
}
