import type { SqlValue } from '../../db/connection.js'
import { INTERACTIVE_SOURCES } from '../../model/releases.js'
import type { ThreadRow } from '../../model/thread.js'
import type { ThreadFilter as PageFilter } from '../../model/thread-page.js'
import { columnSql } from '../../schema/columns.js'
import { timeBoundSql } from '../../schema/threads.js'
import type { ThreadTable } from './table.js'

/** Which threads are asked for: every part that is given must hold. */
export interface ThreadSelection {
  /** `all` rows (the default), or only those that the Codex of this layout lists. */
  listed?: 'all' | 'asCodex'
  isArchived?: boolean
  /**
   * `stored`: whole texts; `word`: those, and of a JSON source its kind (`subagent`) or what it says (`review`).
   */
  sources?: { match: 'stored' | 'word'; values: readonly string[] }
  providers?: readonly string[]
  /** Stored texts. */
  cwds?: readonly string[]
  branches?: readonly string[]
  /** Unix milliseconds, inclusive, on the time that sorts. */
  sinceMs?: number
  untilMs?: number
  /**
   * `literal`: a part of title, preview or name, in exact case, as Codex searches; `anyCase`: also of the first
   * message or the id, ASCII letters in any case, or one of the threads that are named so elsewhere.
   */
  search?:
    | { match: 'literal'; text: string }
    | { match: 'anyCase'; text: string; namedIds: readonly string[] }
  /** Threads that another thread spawned: only these, or all but these. */
  isChild?: boolean
  /** Threads of automatic reviewers, which repeat what others said: all but these, or only these. */
  reviewers?: 'without' | 'only'
  id?: string
}

/** The filter that a query of the library means: it lists as Codex does. */
export function toThreadFilter(query: PageFilter): ThreadSelection {
  const { archivedOnly = false, allowedSources = [], modelProviders = [], searchTerm } = query
  return {
    listed: 'asCodex',
    isArchived: archivedOnly,
    ...(allowedSources.length > 0 ? { sources: { match: 'stored', values: allowedSources } } : {}),
    ...(modelProviders.length > 0 ? { providers: modelProviders } : {}),
    ...(searchTerm ? { search: { match: 'literal', text: searchTerm } } : {}),
  }
}

/** Interactive sources of one provider: what the picker asks for. */
export function pickerFilter(provider: string): Pick<ThreadSelection, 'sources' | 'providers'> {
  return { sources: { match: 'stored', values: INTERACTIVE_SOURCES }, providers: [provider] }
}

export interface CompiledFilter {
  conditions: string[]
  params: SqlValue[]
}

export function compileFilter(
  threads: ThreadTable,
  filter: ThreadSelection,
  sortedColumn: string,
): CompiledFilter {
  const { columns } = threads
  const conditions: string[] = []
  const params: SqlValue[] = []
  const add = (condition: string, ...values: SqlValue[]) => {
    conditions.push(condition)
    params.push(...values)
  }
  const addIn = (column: string, values: readonly string[] | undefined) => {
    if (values) add(`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(values))
  }
  // With `+` no index of such a column is taken, which would sort all rows anew for each page: most rows have these.
  const common = (name: keyof ThreadRow) => `+${columnSql(columns[name])}`
  if (filter.isArchived !== undefined) add(`${common('isArchived')} = ?`, filter.isArchived ? 1 : 0)
  if (filter.listed === 'asCodex') conditions.push(...listedConditions(threads, filter.isArchived ?? false))
  addIn(common('modelProvider'), filter.providers)
  addIn(columnSql(columns.cwd), filter.cwds)
  addIn(columnSql(columns.gitBranch), filter.branches)
  if (filter.id !== undefined) add(`${columnSql(columns.id)} = ?`, filter.id)
  if (filter.sources?.match === 'stored') addIn(common('source'), filter.sources.values)
  else if (filter.sources) {
    const source = columnSql(columns.source)
    const forms = filter.sources.values.map((word) => {
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
  if (filter.sinceMs !== undefined) addBound('notBefore', filter.sinceMs)
  if (filter.untilMs !== undefined) addBound('notAfter', filter.untilMs)
  if (filter.search) addSearch(filter.search)
  if (filter.isChild !== undefined) {
    const isChild = [
      `${columnSql(columns.source)} LIKE '{"subagent":%'`,
      ...(threads.hasSpawnEdges
        ? [`${columnSql(columns.id)} IN (SELECT child_thread_id FROM thread_spawn_edges)`]
        : []),
    ].join(' OR ')
    conditions.push(filter.isChild ? `(${isChild})` : `NOT (${isChild})`)
  }
  if (filter.reviewers !== undefined) {
    const source = `coalesce(${columnSql(columns.source)}, '')`
    add(`${source} ${filter.reviewers === 'only' ? 'LIKE' : 'NOT LIKE'} '${REVIEWER_SOURCES}'`)
  }
  return { conditions, params }

  function addBound(bound: 'notBefore' | 'notAfter', epochMs: number): void {
    const { sql, params: values } = timeBoundSql(sortedColumn, bound, epochMs)
    add(sql, ...values)
  }

  function addSearch(search: NonNullable<ThreadSelection['search']>): void {
    const present = (names: readonly (keyof ThreadRow)[]) =>
      names.flatMap((name) => (columns[name] === undefined ? [] : [columnSql(columns[name])]))
    if (search.match === 'literal') {
      const texts = present(LITERALLY_SEARCHED)
      add(
        `(${texts.map((column) => `instr(${column}, ?) > 0`).join(' OR ')})`,
        ...texts.map(() => search.text),
      )
      return
    }
    const pattern = `%${escapeLike(search.text)}%`
    const texts = present(['title', 'firstUserMessage', 'preview', 'name', 'id'])
    add(
      `(${texts.map((column) => `${column} LIKE ? ESCAPE '\\'`).join(' OR ')} OR ${columnSql(columns.id)} IN (SELECT value FROM json_each(?)))`,
      ...texts.map(() => pattern),
      JSON.stringify(search.namedIds),
    )
  }
}

/** As a release writes it: JSON without blanks. */
const REVIEWER_SOURCES = '{"subagent":{"other":"guardian"%'

/** What Codex searches, where the layout has it. */
const LITERALLY_SEARCHED = ['title', 'preview', 'name'] as const satisfies readonly (keyof ThreadRow)[]

/** What of its rows a Codex lists, as far as the rows tell. */
export function listedConditions(threads: ThreadTable, isArchived: boolean): string[] {
  const { columns, release } = threads
  const conditions: string[] = []
  if (!(isArchived && release.listsEmptyArchived)) conditions.push(contentSql(threads))
  if (release.hidesAttached && columns.attachedThreadParentId !== undefined)
    conditions.push(`${columnSql(columns.attachedThreadParentId)} IS NULL`)
  return conditions
}

/** Whether a thread has something to show; which column tells so came and went. */
export function contentSql({ columns, release }: ThreadTable): string {
  const column = columns[release.content]
  // A column that is not there says nothing against a thread.
  if (column === undefined) return '1'
  return release.content === 'hasUserEvent' ? `${columnSql(column)} = 1` : `${columnSql(column)} <> ''`
}

/** The part of a filter that a row made from a rollout's head can be held against. */
export function matchesPageFilter(row: ThreadRow, filter: PageFilter): boolean {
  const { allowedSources = [], modelProviders = [], searchTerm } = filter
  if (allowedSources.length > 0 && !allowedSources.includes(row.source)) return false
  if (modelProviders.length > 0 && !modelProviders.includes(row.modelProvider)) return false
  return !searchTerm || LITERALLY_SEARCHED.some((name) => row[name]?.includes(searchTerm))
}

export function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&')
}
