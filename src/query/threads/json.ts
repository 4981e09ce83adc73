import { StateError } from '../../errors.js'
import type { ThreadSort } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import { THREAD_OUTPUT, type ThreadField, type ThreadFieldName } from '../../model/thread-output.js'
import { columnSql } from '../../schema/columns.js'
import { isMillisColumn, REQUIRED_TEXTS, SMALLEST_MILLIS } from '../../schema/threads.js'
import { type ListedThread, sortColumn, type ThreadCursor } from './cursor.js'
import type { ThreadSelection } from './filter.js'
import {
  compileThreadPage,
  createPageFitter,
  type ListWindow,
  LONG_TEXTS,
  nextBehindTimes,
  type OnDamage,
  readListPage,
} from './list.js'
import type { ThreadTable } from './table.js'

/** A page of a list as JSON objects, separated by a comma and a line feed. */
export interface ThreadJsonPage {
  bytes: Uint8Array
  rowCount: number
}

export interface ThreadJsonRequest {
  filter: ThreadSelection
  sort: ThreadSort
  fields: readonly ThreadFieldName[]
  names: ReadonlyMap<string, string>
  cursor: ThreadCursor | undefined
  /** At most so many rows in all. */
  limit: number
  onDamage?: OnDamage | undefined
}

const PAGE_ROWS = 2000

/**
 * Lets SQLite write the list, and gives each page as one buffer: no JavaScript value is made for a row. A page
 * with a row that holds what only the other way can show and name (broken JSON, an impossible time, a value of
 * another type) comes as rows.
 */
export function* readThreadJson(
  threads: ThreadTable,
  request: ThreadJsonRequest,
): Generator<ThreadJsonPage | ListedThread[], void, undefined> {
  const { filter, sort } = request
  const fitPage = createPageFitter(
    threads,
    filter,
    sort,
    LONG_TEXTS.filter((name) => propertiesOf(request.fields).has(name)),
  )
  let remaining = request.limit
  let cursor = request.cursor
  while (remaining > 0) {
    const window = { cursor, limit: fitPage({ cursor, limit: Math.min(remaining, PAGE_ROWS) }) }
    const written = writePage(threads, request, window)
    let next: ThreadCursor | undefined
    if (written) {
      yield written
      remaining -= written.rowCount
      if (written.rowCount === window.limit) next = readAnchor(threads, filter, sort, window)
    } else {
      const page = readListPage(threads, filter, sort, window, request.onDamage)
      if (page.rows.length > 0) yield page.rows
      remaining -= page.rows.length
      next = page.next
    }
    next ??= nextBehindTimes(threads, sort, cursor)
    if (!next) return
    cursor = next
  }
}

/** What these fields are made of. */
export function propertiesOf(fields: readonly ThreadFieldName[]): ReadonlySet<keyof ThreadRow> {
  return new Set(
    fields.flatMap((name): (keyof ThreadRow)[] => {
      const field: ThreadField = THREAD_OUTPUT[name]
      if ('property' in field) return [field.property]
      return propertiesOfMade(field.made)
    }),
  )
}

function propertiesOfMade(made: Extract<ThreadField, { made: unknown }>['made']): (keyof ThreadRow)[] {
  switch (made) {
    case 'cursor':
    case 'tokensFrom':
      return []
    case 'name':
      return ['name']
    case 'label':
      return ['name', 'title', 'preview', 'firstUserMessage']
    case 'totalTokens':
      return ['tokensUsed']
    default:
      return made satisfies never
  }
}

function writePage(
  threads: ThreadTable,
  { filter, sort, fields, names }: ThreadJsonRequest,
  window: ListWindow,
): ThreadJsonPage | undefined {
  const forms = fields.map((name) => formOf(THREAD_OUTPUT[name], threads, sort))
  const record = forms
    .map(({ json }, index) => `'${index === 0 ? '{' : ','}"${fields[index]}":', ${json}`)
    .join(', ')
  const sorting = sortColumn(threads, sort)
  const needed = ['id', sorting, ...[...propertiesOf(fields)].map((name) => threads.columns[name])]
  const columns = new Set(needed.filter((column) => column !== undefined).map(columnSql))
  const selected = [...columns, `${timeSql(sorting)} AS ${SORT_TIME}`].join(', ')
  const page = compileThreadPage(threads, filter, sort, window, selected)
  const odd = forms.flatMap((form) => form.odd)
  const sql = `WITH names(thread_id, text) AS MATERIALIZED (SELECT key, value FROM json_each(?))
SELECT CAST(group_concat(concat(${record}, '}'), char(44, 10)) AS BLOB) AS bytes, count(*) AS n,
  max(${odd.length === 0 ? '0' : odd.join('\n    OR ')}) AS isOdd
FROM (${page.sql}) LEFT JOIN names ON thread_id = id`
  try {
    const row = threads.connection.get<{ bytes: Uint8Array | null; n: number; isOdd: number | null }>(
      sql,
      JSON.stringify(Object.fromEntries(names)),
      ...page.params,
    )
    return row?.bytes && row.isOdd === 0 ? { bytes: row.bytes, rowCount: row.n } : undefined
  } catch (error) {
    // `json_quote` refuses a BLOB, which a damaged row may hold.
    if (error instanceof Error && /JSON cannot hold BLOB/.test(error.message)) return undefined
    if (error instanceof StateError && error.code === 'DB_CORRUPT') return undefined
    throw error
  }
}

/** The last row of a full page. */
function readAnchor(
  threads: ThreadTable,
  filter: ThreadSelection,
  sort: ThreadSort,
  window: ListWindow,
): ThreadCursor | undefined {
  const { sql, params } = compileThreadPage(threads, filter, sort, window, 'id')
  const row = threads.connection.get<{ id: string; sortValue: number | null }>(
    `SELECT id, sortValue FROM (${sql}) LIMIT 1 OFFSET ?`,
    ...params,
    window.limit - 1,
  )
  return row && { id: row.id, value: row.sortValue }
}

interface Form {
  json: string
  /** Conditions under which `json` would not be what the other way prints. */
  odd: string[]
}

function formOf(field: ThreadField, threads: ThreadTable, sort: ThreadSort): Form {
  if (!('made' in field)) {
    const column = threads.columns[field.property]
    return columnForm(columnSql(column), field, sortColumn(threads, sort))
  }
  const { title, preview, firstUserMessage, name, tokensUsed } = threads.columns
  switch (field.made) {
    case 'name':
      return { json: `json_quote(coalesce(${columnSql(name)}, text))`, odd: [] }
    case 'label': {
      const texts = [
        `coalesce(${columnSql(name)}, text)`,
        ...[title, preview, firstUserMessage].map(columnSql),
      ]
      return {
        json: `json_quote(coalesce(${texts.map((text) => `nullif(${text}, '')`).join(', ')}, ''))`,
        odd: [],
      }
    }
    // No rollout is read for a list that SQLite writes.
    case 'totalTokens':
      return { json: `json_quote(${columnSql(tokensUsed)})`, odd: [] }
    case 'tokensFrom':
      return { json: `'"row"'`, odd: [] }
    case 'cursor': {
      const column = sortColumn(threads, sort)
      return {
        json: `json_quote(concat(${SORT_TIME}, '|', id))`,
        odd: [`${column} IS NULL OR ${isOddTime(column)}`],
      }
    }
    default:
      return field satisfies never
  }
}

function columnForm(
  stored: string,
  { kind, property }: Extract<ThreadField, { kind: unknown }>,
  sorting: string,
): Form {
  const column = REQUIRED.has(property) && kind !== 'json' ? `coalesce(${stored}, '')` : stored
  const isBroken = `NOT json_valid(${column})`
  switch (kind) {
    case 'text':
    case 'id':
    case 'path':
    case 'number':
      return { json: `json_quote(${column})`, odd: [] }
    case 'flag':
      return {
        json: `CASE WHEN ${column} IS NULL THEN 'null' WHEN ${column} = 0 THEN 'false' ELSE 'true' END`,
        odd: [],
      }
    case 'millis':
    case 'seconds':
      return {
        json: `CASE WHEN ${column} IS NULL THEN 'null' ELSE concat('"', ${sharedTimeSql(column, sorting)}, '"') END`,
        odd: [`${column} IS NOT NULL AND ${isOddTime(column)}`],
      }
    case 'json':
      return { json: `coalesce(nullif(${column}, ''), 'null')`, odd: [`${column} <> '' AND ${isBroken}`] }
    case 'wordOrJson':
      return {
        json: `CASE WHEN ${column} LIKE '{%' THEN ${column} ELSE json_quote(${column}) END`,
        odd: [`${column} LIKE '{%' AND ${isBroken}`],
      }
    default:
      return kind satisfies never
  }
}

/** They read as empty where a row, or the layout, lacks them. */
const REQUIRED: ReadonlySet<keyof ThreadRow> = new Set(REQUIRED_TEXTS)

/** The time that the list is sorted by, as text: of each row it is made once. */
const SORT_TIME = 'sortTime'

/** To make a text of a time takes long, and the times of a thread are often the same. */
function sharedTimeSql(column: string, sorting: string): string {
  if (column === sorting) return SORT_TIME
  return isMillisColumn(column) === isMillisColumn(sorting)
    ? `iif(${column} = ${sorting}, ${SORT_TIME}, ${timeSql(column)})`
    : timeSql(column)
}

function timeSql(column: string): string {
  return isMillisColumn(column)
    ? `strftime('%Y-%m-%dT%H:%M:%fZ', ${column} / 1000.0, 'unixepoch')`
    : `strftime('%Y-%m-%dT%H:%M:%S.000Z', ${column}, 'unixepoch')`
}

/** Outside of the times that Codex writes (the year 4000 is far enough), or no number at all. */
function isOddTime(column: string): string {
  const [first, last] = isMillisColumn(column) ? [SMALLEST_MILLIS, 64e12] : [0, 64e9]
  return `${column} NOT BETWEEN ${first} AND ${last}`
}
