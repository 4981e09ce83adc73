import type { ThreadMetadata, ThreadRow } from '../model/thread.js'
import type {
  ThreadAnchor,
  ThreadFilter,
  ThreadPage,
  ThreadPageQuery,
  ThreadSortKey,
} from '../model/thread-page.js'
import { columnSql, type ResolvedColumns } from '../schema/columns.js'
import type { SqlReader } from '../schema/inspect.js'
import { isMillisColumn, THREAD_TABLE } from '../schema/threads.js'
import { type StoredThread, threadColumnList, toThreadRow } from './thread-rows.js'

type Columns = ResolvedColumns<ThreadRow>

export function findThread(reader: SqlReader, columns: Columns, id: string): ThreadRow | undefined {
  const [stored] = reader.all<StoredThread>(
    `SELECT ${threadColumnList(columns)} FROM ${THREAD_TABLE} WHERE ${columnSql(columns.id)} = ?`,
    id,
  )
  return stored && toThreadRow(stored, columns)
}

/** `archivedOnly` as in a list; `undefined` finds either. */
export function findRolloutPath(
  reader: SqlReader,
  columns: Columns,
  id: string,
  archivedOnly: boolean | undefined,
): string | undefined {
  const conditions = [`${columnSql(columns.id)} = ?`]
  if (archivedOnly !== undefined) conditions.push(archivedCondition(columns, archivedOnly))
  const [row] = reader.all<{ path: string }>(
    `SELECT ${columnSql(columns.rolloutPath)} AS path FROM ${THREAD_TABLE} WHERE ${conditions.join(' AND ')}`,
    id,
  )
  return row?.path
}

/**
 * One page of the threads that have something to show, newest first, as Codex lists them: by the sort key and,
 * where two are the same, by id. One row more than the page is read, which only tells whether there is a next.
 */
export function readThreadPage(reader: SqlReader, columns: Columns, query: ThreadPageQuery): ThreadPage {
  const { sortKey = 'created_at', anchor } = query
  const pageSize = Math.max(0, query.pageSize)
  const conditions = compileConditions(columns, query)
  const sortColumn = sortColumnOf(columns, sortKey)
  const id = columnSql(columns.id)
  if (anchor) {
    const bound = isMillisColumn(sortColumn) ? anchor.timestampMs : Math.floor(anchor.timestampMs / 1000)
    conditions.push({
      sql: `(${columnSql(sortColumn)}, ${id}) < (?, ?)`,
      params: [bound, anchor.id],
    })
  }
  const rows = reader
    .all<StoredThread>(
      `SELECT ${threadColumnList(columns)} FROM ${THREAD_TABLE}
       WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}
       ORDER BY ${columnSql(sortColumn)} DESC, ${id} DESC LIMIT ?`,
      ...conditions.flatMap(({ params }) => params),
      pageSize + 1,
    )
    .map((stored) => toThreadRow(stored, columns))
  const items = rows.slice(0, pageSize)
  const last = items.at(-1)
  return {
    items,
    nextAnchor: rows.length > pageSize && last ? anchorFromItem(last, sortKey) : undefined,
    numScannedRows: rows.length,
  }
}

/** Where a page that ends with this thread ends. */
export function anchorFromItem(
  item: Pick<ThreadRow, 'id' | 'createdAtMs' | 'updatedAtMs'>,
  sortKey: ThreadSortKey,
): ThreadAnchor {
  return { timestampMs: sortKey === 'created_at' ? item.createdAtMs : item.updatedAtMs, id: item.id }
}

/** What a rollout would have to say for this row; columns that belong to the database alone are left out. */
export function metadataFromRow(row: ThreadRow): ThreadMetadata {
  const {
    isArchived: _archived,
    recencyAtMs: _recency,
    name: _name,
    isPinned: _pinned,
    threadSectionId: _section,
    sectionPosition: _position,
    sectionEnteredAtMs: _entered,
    projectId: _project,
    daybreakEnabled: _daybreak,
    attachedThreadParentId: _parent,
    ...derived
  } = row
  return {
    ...derived,
    hasUserEvent: row.hasUserEvent ?? false,
    cliVersion: row.cliVersion ?? '',
    firstUserMessage: row.firstUserMessage || null,
    preview: row.preview || null,
    historyMode: row.historyMode ?? 'legacy',
  }
}

interface Condition {
  sql: string
  params: (string | number)[]
}

function compileConditions(columns: Columns, filter: ThreadFilter): Condition[] {
  const { archivedOnly = false, allowedSources = [], modelProviders = [], searchTerm } = filter
  const conditions: Condition[] = [{ sql: archivedCondition(columns, archivedOnly), params: [] }]
  addOneOf(columns.source, allowedSources)
  addOneOf(columns.modelProvider, modelProviders)

  conditions.push({ sql: contentCondition(columns), params: [] })
  if (columns.attachedThreadParentId !== undefined)
    conditions.push({ sql: `${columns.attachedThreadParentId} IS NULL`, params: [] })

  if (searchTerm) {
    const texts = [columns.title, columns.preview, columns.name].filter((column) => column !== undefined)
    conditions.push({
      sql: `(${texts.map((column) => `instr(${columnSql(column)}, ?) > 0`).join(' OR ')})`,
      params: texts.map(() => searchTerm),
    })
  }

  function addOneOf(column: string | undefined, values: readonly string[]): void {
    if (values.length === 0) return
    conditions.push({
      sql: `${columnSql(column)} IN (SELECT value FROM json_each(?))`,
      params: [JSON.stringify(values)],
    })
  }

  return conditions
}

/** A thread without content is not listed; which column tells so came and went. */
export function contentCondition(columns: Columns): string {
  if (columns.preview !== undefined) return `${columns.preview} <> ''`
  if (columns.firstUserMessage !== undefined) return `${columns.firstUserMessage} <> ''`
  return `${columnSql(columns.hasUserEvent)} = 1`
}

function archivedCondition(columns: Columns, archivedOnly: boolean): string {
  return `${columnSql(columns.isArchived)} = ${archivedOnly ? 1 : 0}`
}

function sortColumnOf(columns: Columns, sortKey: ThreadSortKey): string | undefined {
  return sortKey === 'created_at' ? columns.createdAtMs : columns.updatedAtMs
}
