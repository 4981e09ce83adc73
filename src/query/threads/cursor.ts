import { StateError } from '../../errors.js'
import { THREAD_SORTS, type ThreadSort } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import type { ThreadAnchor } from '../../model/thread-page.js'
import { isUuid } from '../../model/uuid.js'
import { columnSql } from '../../schema/columns.js'
import { isMillisColumn, toStoredTime } from '../../schema/threads.js'
import { type ThreadTable, UNKNOWN_LAYOUT_HINT } from './table.js'

export const SORT_PROPERTY = {
  updated: 'updatedAtMs',
  created: 'createdAtMs',
  recency: 'recencyAtMs',
} as const satisfies Record<ThreadSort, keyof ThreadRow>

/** A place in a list: the stored value of the column that sorts, in its stored unit, and an id. */
export interface ThreadCursor {
  value: number | null
  /** `null`: all of the rows with this value lie behind. */
  id: string | null
}

export interface ListedThread {
  thread: ThreadRow
  /** Stored value of the column that sorts. */
  sortValue: number | null
}

export function sortColumn({ columns, connection }: ThreadTable, sort: ThreadSort): string {
  const column = columns[SORT_PROPERTY[sort]]
  if (column !== undefined) return columnSql(column)
  const others = THREAD_SORTS.filter((other) => columns[SORT_PROPERTY[other]] !== undefined)
  const message = `${connection.path} has no ${sort} times to sort by`
  if (others.length === 0) throw new StateError('DB_NO_TABLE', message, { hint: UNKNOWN_LAYOUT_HINT })
  throw new StateError('USAGE', message, { hint: `It can be sorted by ${others.join(' or ')}.` })
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
export function parseCursor(token: string, threads: ThreadTable, sort: ThreadSort): ThreadCursor {
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

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/

/** As in the names of rollout files; UTC here. */
const FILE_NAME_TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2})$/

/** `<time>|<uuid>`, as Codex to 0.121 hands it to clients; the time is RFC 3339 in UTC. */
export function encodeCursor({ timestampMs, id }: ThreadAnchor): string {
  return `${new Date(timestampMs).toISOString().replace('.000Z', 'Z')}|${id}`
}

/**
 * The time may be RFC 3339, or `YYYY-MM-DDTHH-MM-SS` in UTC. Anything else is no anchor, so that a list with
 * such a token begins at its beginning, as Codex has it.
 */
export function decodeCursor(token: string): ThreadAnchor | undefined {
  const [time, id, ...rest] = token.split('|')
  if (time === undefined || id === undefined || rest.length > 0 || !isUuid(id)) return undefined
  const timestampMs = parseCursorTime(time)
  return Number.isNaN(timestampMs) ? undefined : { timestampMs, id: id.toLowerCase() }
}

/** Unix milliseconds; `NaN` for what is neither form of a time. */
export function parseCursorTime(time: string): number {
  const text = time.replace(FILE_NAME_TIME, '$1T$2:$3:$4Z')
  return RFC_3339.test(text) ? Date.parse(text) : Number.NaN
}
