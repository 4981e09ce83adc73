import type { SqlValue } from '../db/connection.js'
import type { ThreadMetadata, ThreadRow } from '../model/thread.js'
import { columnSql } from '../schema/columns.js'
import { isMillisColumn, THREAD_COLUMNS } from '../schema/threads.js'
import type { WritableThreadTable } from './thread-table.js'

/** What only the database says of a thread: no rollout does, so no upsert writes it. */
const DATABASE_ONLY = [
  'recencyAtMs',
  'name',
  'isPinned',
  'threadSectionId',
  'sectionPosition',
  'sectionEnteredAtMs',
  'projectId',
  'daybreakEnabled',
  'attachedThreadParentId',
] as const satisfies readonly (keyof ThreadRow)[]

type WrittenName = Exclude<keyof ThreadRow, (typeof DATABASE_ONLY)[number]>

const WRITTEN = Object.keys(THREAD_COLUMNS).filter(
  (name) => !(DATABASE_ONLY as readonly string[]).includes(name),
) as WrittenName[]

type Keep = (column: string, table: WritableThreadTable, metadata: ThreadMetadata) => string

/** Columns of an existing row that an upsert does not simply replace. */
export const KEPT: { readonly [Name in WrittenName]?: 'always' | Keep } = {
  id: 'always',
  memoryMode: 'always',
  gitSha: where('mergesGit', keepUnlessNull),
  gitBranch: where('mergesGit', keepUnlessNull),
  gitOriginUrl: where('mergesGit', keepUnlessNull),
  title: where('keepsTitles', (column, { columns }) => {
    const message = columnSql(columns.firstUserMessage)
    return `iif(threads.${column} NOT IN ('', threads.${message})
      AND excluded.${column} IN ('', excluded.${message}), threads.${column}, excluded.${column})`
  }),
  preview: (column, _, { preview }) =>
    preview ? `excluded.${column}` : `iif(threads.${column} = '', excluded.${column}, threads.${column})`,
  historyMode: (column) => `iif(threads.${column} = 'legacy', excluded.${column}, threads.${column})`,
  originator: keepUnlessNull,
  creatorUserId: keepUnlessNull,
  creatorAccountId: keepUnlessNull,
}

function keepUnlessNull(column: string): string {
  return `coalesce(threads.${column}, excluded.${column})`
}

/** Only in files of releases that do so. */
function where(rule: 'mergesGit' | 'keepsTitles', keep: Keep): Keep {
  return (column, table, metadata) =>
    table.release[rule] ? keep(column, table, metadata) : `excluded.${column}`
}

export interface StoredValue {
  name: WrittenName
  column: string
  value: SqlValue
}

export function storedColumns(table: WritableThreadTable, metadata: ThreadMetadata): StoredValue[] {
  const values: Record<WrittenName, SqlValue> = {
    ...metadata,
    isArchived: metadata.archivedAtSeconds === null ? 0 : 1,
    // Later releases leave it at 0.
    hasUserEvent: table.release.marksUserEvents && metadata.hasUserEvent ? 1 : 0,
    firstUserMessage: metadata.firstUserMessage ?? '',
    // Lists of 0.131 on show nothing without a preview.
    preview: metadata.preview ?? metadata.firstUserMessage ?? '',
    memoryMode: metadata.memoryMode ?? 'enabled',
  }
  return WRITTEN.flatMap((name) => {
    if (name === 'createdAtMs' || name === 'updatedAtMs') return timeColumns(table, name, metadata[name])
    const column = table.columns[name]
    return column === undefined ? [] : { name, column, value: values[name] }
  })
}

/** A time in each unit that the file has a column for: its own triggers repair only rows of older writers. */
export function timeColumns(
  table: WritableThreadTable,
  name: 'createdAtMs' | 'updatedAtMs',
  valueMs: number,
): StoredValue[] {
  return THREAD_COLUMNS[name]
    .filter((column) => table.present.has(column))
    .map((column) => ({
      name,
      column,
      value: isMillisColumn(column) ? valueMs : Math.floor(valueMs / 1000),
    }))
}
