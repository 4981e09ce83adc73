import type { ThreadRow } from '../model/thread.js'
import { columnSql, type ResolvedColumns } from '../schema/columns.js'
import { isMillisColumn } from '../schema/threads.js'

/** A row as SQLite gives it for `threadColumnList`. */
export type StoredThread = Record<string, unknown>

/** The stored columns under our names. */
export function threadColumnList(columns: ResolvedColumns<ThreadRow>): string {
  return Object.entries(columns)
    .map(([name, column]) => `${columnSql(column)} AS ${name}`)
    .join(', ')
}

const BOOLEANS = ['hasUserEvent', 'isArchived', 'isPinned', 'daybreakEnabled'] as const
const TIMES = ['createdAtMs', 'updatedAtMs', 'recencyAtMs'] as const

/** 2020-01-01: a smaller number in a column of milliseconds was written as seconds, and Codex takes it so. */
export const SMALLEST_MILLIS = 1_577_836_800_000

/** Takes the row over and changes it. A time that is no number (a damaged row) stays what it is. */
export function toThreadRow(stored: StoredThread, columns: ResolvedColumns<ThreadRow>): ThreadRow {
  for (const name of BOOLEANS) {
    const value = stored[name]
    if (value !== null) stored[name] = value !== 0
  }
  for (const name of TIMES) {
    const value = stored[name]
    if (typeof value !== 'number') continue
    stored[name] = isMillisColumn(columns[name]) && value >= SMALLEST_MILLIS ? value : value * 1000
  }
  return stored as unknown as ThreadRow
}
