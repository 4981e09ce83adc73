import type { SqlValue } from '../../db/connection.js'
import type { SqlFunctions } from '../../db/driver.js'
import type { LogFilter, LogRow, RowSign, TextMatch } from '../../model/log.js'
import { columnSql, type ResolvedColumns } from '../../schema/columns.js'
import { LONGEST_TEXT } from './store.js'
import { type Conditions, compileWhere } from './where.js'

/** The name under which the filter's regular expression is known to SQLite. */
export const PATTERN_FUNCTION = 'codex_matches'

/**
 * The filter as SQL. Each column has a `+` before it, which keeps the planner from an index of its own choice:
 * the rows to look at are chosen by id (see batches.ts).
 */
export function compileLogFilter(filter: LogFilter, columns: ResolvedColumns<LogRow>): Conditions {
  const conditions: Conditions = { sql: [], params: [] }
  const add = (sql: string, params: readonly SqlValue[]) => {
    conditions.sql.push(sql)
    conditions.params.push(...params)
  }
  const column = (name: keyof LogRow) => `+${columnSql(columns[name])}`
  const addText = (name: keyof LogRow, wanted: TextMatch | undefined) => {
    if (!wanted || wanted.anyOf.length === 0) return
    const { sql, toParam } = MATCHES[wanted.match]
    const one = sql(column(name))
    add(`(${wanted.anyOf.map(() => one).join(' OR ')})`, wanted.anyOf.map(toParam))
  }

  if (filter.levels) {
    const places = filter.levels.map(() => '?').join(', ')
    add(`${column('level')} COLLATE NOCASE IN (${places})`, filter.levels)
  }
  const times = compileTimes(filter, column('tsSeconds'), column('tsNanos'))
  for (const sql of times.sql) conditions.sql.push(sql)
  conditions.params.push(...times.params)
  addText('modulePath', filter.module)
  addText('file', filter.file)
  addText('target', filter.target)
  const threadIds = filter.threadIds ?? []
  const threads = threadIds.map(() => `${column('threadId')} = ?`)
  if (filter.includesThreadless) threads.push(`${column('threadId')} IS NULL`)
  const threadlessOf = filter.threadlessOf ?? []
  if (threadlessOf.length > 0) {
    const places = threadlessOf.map(() => '?').join(', ')
    threads.push(`(${column('threadId')} IS NULL AND ${column('processUuid')} IN (${places}))`)
  }
  if (threads.length > 0) add(`(${threads.join(' OR ')})`, [...threadIds, ...threadlessOf])
  if (filter.processes && filter.processes.length > 0) {
    const one = `(${column('processUuid')} = ? OR ${column('processUuid')} LIKE ? ESCAPE '\\')`
    add(
      `(${filter.processes.map(() => one).join(' OR ')})`,
      filter.processes.flatMap((process) => [process, /^\d+$/.test(process) ? `pid:${process}:%` : '']),
    )
  }
  addText('body', filter.body)
  if (filter.signs) {
    const signs = compileSigns(filter.signs, columns)
    add(signs.sql.join(' OR '), signs.params)
  }
  if (filter.pattern) {
    const body = column('body')
    const start = `iif(octet_length(${body}) > ${LONGEST_TEXT}, substr(${body}, 1, ${LONGEST_TEXT}), ${body})`
    add(`${PATTERN_FUNCTION}(${start}) = ?`, [filter.pattern.isInverted ? 0 : 1])
  }
  // Last: what costs most is asked of the rows that are left.
  const where = compileWhere(filter, columns)
  conditions.sql.push(...where.sql)
  conditions.params.push(...where.params)
  return conditions
}

/**
 * Level by level, so that a row is held to the signs of its own level alone, and then what costs least first. As AND and
 * OR, of which SQLite leaves the rest out once it knows: of a CASE it reckons every part. GLOB takes half the time of
 * instr(). A column that the layout lacks restricts nothing.
 */
function compileSigns(signs: readonly RowSign[], columns: ResolvedColumns<LogRow>): Conditions {
  const conditions: Conditions = { sql: [], params: [] }
  const compare = (
    name: keyof LogRow,
    operator: '=' | '!=' | 'GLOB',
    patterns: readonly string[] | undefined,
  ) => {
    if (!patterns || columns[name] === undefined) return 'TRUE'
    conditions.params.push(...patterns)
    const joint = operator === '!=' ? ' AND ' : ' OR '
    return `(${patterns.map(() => `+${columnSql(columns[name])} ${operator} ?`).join(joint)})`
  }
  const quoteGlob = (text: string) => text.replaceAll(/[*?[]/g, '[$&]')
  const startingWith = (texts?: readonly string[]) => texts?.map((text) => `${quoteGlob(text)}*`)
  const containing = (texts?: readonly string[]) => texts?.map((text) => `*${quoteGlob(text)}*`)
  for (const level of new Set(signs.flatMap(({ levels }) => levels))) {
    const ofLevel = compare('level', '=', [level])
    const those = signs.filter(({ levels }) => levels.includes(level))
    const one = ({ targets, except, texts }: RowSign) =>
      [
        compare('target', 'GLOB', startingWith(targets)),
        compare('target', '!=', except),
        compare('body', 'GLOB', containing(texts)),
      ].join(' AND ')
    conditions.sql.push(`${ofLevel} AND (${those.map(one).join(' OR ')})`)
  }
  return { sql: [`(${conditions.sql.join(' OR ')})`], params: conditions.params }
}

/** The filter's bounds of time over two columns: for rows that are looked at, and for the index over the times. */
export function compileTimes(
  { from, to }: Pick<LogFilter, 'from' | 'to'>,
  seconds: string,
  nanos: string,
): Conditions {
  const sql: string[] = []
  const params: SqlValue[] = []
  if (from) {
    sql.push(`${seconds} >= ?`)
    params.push(from.seconds)
    if (from.nanos > 0) {
      sql.push(`(${seconds} > ? OR ${nanos} >= ?)`)
      params.push(from.seconds, from.nanos)
    }
  }
  if (to) {
    sql.push(`${seconds} <= ?`)
    params.push(to.seconds)
    if (to.nanos < 999_999_999) {
      sql.push(`(${seconds} < ? OR ${nanos} <= ?)`)
      params.push(to.seconds, to.nanos)
    }
  }
  return { sql, params }
}

/** How each way to find a text is said in SQL, and what is bound to it. */
const MATCHES: Record<
  TextMatch['match'],
  { sql: (column: string) => string; toParam: (text: string) => string }
> = {
  literal: {
    sql: (column) => `instr(CAST(coalesce(${column}, '') AS TEXT), ?) > 0`,
    toParam: (text) => text,
  },
  anyCase: {
    sql: (column) => `${column} LIKE ? ESCAPE '\\'`,
    toParam: (text) => `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`,
  },
  like: { sql: (column) => `${column} LIKE ?`, toParam: (text) => `%${text}%` },
}

/** The functions that `compileLogFilter` calls, for the connection to register. What reads bodies is loaded when asked for. */
export async function loadFilterFunctions(filter: LogFilter): Promise<SqlFunctions> {
  const { pattern, where, onlyFailures } = filter
  const functions: Record<string, SqlFunctions[string]> = {}
  if (pattern) functions[PATTERN_FUNCTION] = (body) => (pattern.regExp.test(textOf(body)) ? 1 : 0)
  if (where || onlyFailures) {
    const { whereFunctions } = await import('./where-functions.js')
    Object.assign(functions, whereFunctions(filter))
  }
  return functions
}

function textOf(value: SqlValue | undefined): string {
  return value === null || value === undefined
    ? ''
    : value instanceof Uint8Array
      ? Buffer.from(value).toString()
      : String(value)
}
