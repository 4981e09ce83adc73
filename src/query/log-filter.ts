import type { SqlValue } from '../db/open.js'
import type { LogFilter, LogRow } from '../model/log.js'
import { columnSql, type ResolvedColumns } from '../schema/columns.js'

/** Conditions joined by AND, with the values bound to their `?` in order. */
export interface Conditions {
  sql: string[]
  params: SqlValue[]
}

/** The name under which the filter's regular expression is known to SQLite. */
export const PATTERN_FUNCTION = 'codex_matches'

/**
 * The filter as SQL. Each column has a `+` before it, which keeps the planner from an index of its own choice:
 * the rows to look at are chosen by id (see log-batches.ts).
 */
export function compileLogFilter(filter: LogFilter, columns: ResolvedColumns<LogRow>): Conditions {
  const conditions: Conditions = { sql: [], params: [] }
  const add = (sql: string, params: readonly SqlValue[]) => {
    conditions.sql.push(sql)
    conditions.params.push(...params)
  }
  const column = (name: keyof LogRow) => `+${columnSql(columns[name])}`
  const anyOf = (
    values: readonly string[] | undefined,
    sql: string,
    toParams: (value: string) => SqlValue[],
  ) => {
    if (values && values.length > 0) add(`(${values.map(() => sql).join(' OR ')})`, values.flatMap(toParams))
  }

  if (filter.levels) {
    const places = filter.levels.map(() => '?').join(', ')
    add(`${column('level')} COLLATE NOCASE IN (${places})`, filter.levels)
  }
  const { from, to } = filter
  if (from) {
    add(`${column('tsSeconds')} >= ?`, [from.seconds])
    if (from.nanos > 0) {
      add(`(${column('tsSeconds')} > ? OR ${column('tsNanos')} >= ?)`, [from.seconds, from.nanos])
    }
  }
  if (to) {
    add(`${column('tsSeconds')} <= ?`, [to.seconds])
    if (to.nanos < 999_999_999) {
      add(`(${column('tsSeconds')} < ? OR ${column('tsNanos')} <= ?)`, [to.seconds, to.nanos])
    }
  }
  anyOf(filter.modules, `${column('modulePath')} LIKE ? ESCAPE '\\'`, toLikePattern)
  anyOf(filter.files, `${column('file')} LIKE ? ESCAPE '\\'`, toLikePattern)
  anyOf(filter.targets, `${column('target')} LIKE ? ESCAPE '\\'`, toLikePattern)
  const threadIds = filter.threadIds ?? []
  const threads = threadIds.map(() => `${column('threadId')} = ?`)
  if (filter.includesThreadless) threads.push(`${column('threadId')} IS NULL`)
  if (threads.length > 0) add(`(${threads.join(' OR ')})`, threadIds)
  anyOf(
    filter.processes,
    `(${column('processUuid')} = ? OR ${column('processUuid')} LIKE ? ESCAPE '\\')`,
    (process) => [process, /^\d+$/.test(process) ? `pid:${process}:%` : ''],
  )
  anyOf(filter.searches, `instr(CAST(coalesce(${column('body')}, '') AS TEXT), ?) > 0`, (text) => [text])
  if (filter.pattern) {
    add(`${PATTERN_FUNCTION}(${column('body')}) = ?`, [filter.pattern.isInverted ? 0 : 1])
  }
  return conditions
}

/** The function that `compileLogFilter` calls for the filter's pattern, for the connection to register. */
export function patternFunctions(filter: LogFilter): Record<string, (body: SqlValue) => SqlValue> {
  if (!filter.pattern) return {}
  const { regExp } = filter.pattern
  return { [PATTERN_FUNCTION]: (body) => (regExp.test(textOf(body)) ? 1 : 0) }
}

function textOf(value: SqlValue): string {
  return value === null ? '' : value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}

function toLikePattern(text: string): SqlValue[] {
  return [`%${text.replaceAll(/[\\%_]/g, '\\$&')}%`]
}
