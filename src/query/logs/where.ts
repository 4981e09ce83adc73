import type { BodyFieldName } from '../../body/meanings.js'
import type { SqlValue } from '../../db/connection.js'
import type { FieldCondition, LogFilter, LogRow } from '../../model/log.js'
import { LOG_FIELDS, type LogField } from '../../model/log-records.js'
import { columnSql, type ResolvedColumns } from '../../schema/columns.js'
import { LONGEST_TEXT } from './store.js'

/** Conditions joined by AND, with the values bound to their `?` in order. */
export interface Conditions {
  sql: string[]
  params: SqlValue[]
}

/** Names under which SQLite knows what only JavaScript can tell of a body, and of a column. */
export const HOLDS_FUNCTION = 'codex_holds'
export const COLUMN_MATCHES_FUNCTION = 'codex_column_matches'

type ColumnCondition = FieldCondition & { field: LogField }
export type BodyCondition = FieldCondition & { field: BodyFieldName }

/** What a filter asks of columns and bodies by the names of their fields, as SQL. */
export function compileWhere(
  { where = [], onlyFailures = false }: LogFilter,
  columns: ResolvedColumns<LogRow>,
): Conditions {
  const sql: string[] = []
  const params: SqlValue[] = []
  for (const [index, condition] of where.entries()) {
    const compiled = isOfColumn(condition)
      ? compileColumn(condition, index, columns)
      : compileNarrowing(condition as BodyCondition, columns)
    sql.push(...compiled.sql)
    params.push(...compiled.params)
  }
  if (onlyFailures || where.some((condition) => !isOfColumn(condition))) {
    const [body, target, level] = (['body', 'target', 'level'] as const).map((name) =>
      columnSql(columns[name]),
    )
    const start = `iif(octet_length(${body}) > ${LONGEST_TEXT}, substr(${body}, 1, ${LONGEST_TEXT}), ${body})`
    // As bytes, where a database has UTF-8: most bodies that hold a text are refused by what stands before it.
    sql.push(
      `${HOLDS_FUNCTION}(iif(octet_length('a') = 1, CAST(${start} AS BLOB), ${start}), ${target}, ${level}, ${columns.body === 'message' ? 1 : 0})`,
    )
  }
  return { sql, params }
}

export function isOfColumn(condition: FieldCondition): condition is ColumnCondition {
  return Object.hasOwn(LOG_FIELDS, condition.field)
}

function compileColumn(
  { field, operator, anyOf }: ColumnCondition,
  index: number,
  columns: ResolvedColumns<LogRow>,
): Conditions {
  const column = columnSql(columns[LOG_FIELDS[field].property])
  const text = `coalesce(CAST(+${column} AS TEXT), '')`
  const collation = field === 'level' ? ' COLLATE NOCASE' : ''
  const places = anyOf.map(() => '?').join(', ')
  switch (operator) {
    case '=':
      return { sql: [`${text}${collation} IN (${places})`], params: [...anyOf] }
    case '!=':
      return { sql: [`${text}${collation} NOT IN (${places})`], params: [...anyOf] }
    case '~':
      return { sql: [`${COLUMN_MATCHES_FUNCTION}(${index}, ${text})`], params: [] }
    case '^=':
      return {
        sql: [`(${anyOf.map(() => `substr(${text}, 1, length(?)) = ?`).join(' OR ')})`],
        params: anyOf.flatMap((value) => [value, value]),
      }
    case '>':
    case '<':
      return { sql: [`CAST(+${column} AS INTEGER) ${operator} ?`], params: anyOf.slice(0, 1).map(Number) }
    default:
      return operator satisfies never
  }
}

/** Bodies that lack the text are not parsed: that costs what a search costs. */
function compileNarrowing(
  { field, operator, anyOf }: BodyCondition,
  columns: ResolvedColumns<LogRow>,
): Conditions {
  const texts = textsHeld({ field, operator, anyOf })
  if (texts.length === 0) return { sql: [], params: [] }
  const one = `instr(CAST(${columnSql(columns.body)} AS TEXT), ?) > 0`
  return { sql: [`(${texts.map(() => one).join(' OR ')})`], params: texts }
}

/** The texts one of which a body must hold as they are; none where nothing can be said of it. */
export function textsHeld({
  field,
  operator,
  anyOf,
}: Pick<BodyCondition, 'field' | 'operator' | 'anyOf'>): string[] {
  const isWritten = (operator === '=' || operator === '^=') && field !== 'spans' && field !== 'event_fields'
  const texts = isWritten ? anyOf.map(longestPlainRun) : []
  return texts.includes('') ? [] : texts
}

/** What stands in a body as it is, quoted or not: Rust escapes the rest within quotes. */
function longestPlainRun(text: string): string {
  return text
    .split(/[^\x20-\x7e]|["'\\]/)
    .reduce((longest, run) => (run.length > longest.length ? run : longest), '')
}
