import type { HistoryCures, HistoryState, ThreadHistory } from '../model/history.js'
import type { ProjectedRows } from '../query/history.js'
import type { RolloutHead } from '../rollout/head.js'
import type { LineageBase, MissingBase } from '../rollout/lineage.js'
import { findFault, type Projection, type ProjectionFault } from '../rollout/projection.js'

export interface Judged {
  state: HistoryState
  line: ThreadHistory['line']
  /** No line stops releases up to 0.153 when they begin anew. */
  isStrictlySound: boolean
  projection: Projection
}

export function judgeProjected(rows: ProjectedRows, projection: Projection, head: RolloutHead): Judged {
  const start = { offset: 0, ordinal: head.base?.endOrdinal ?? 0 }
  const isStrictlySound = findFault(projection.lines, start) === undefined
  return { ...judgeState(rows, projection, start.ordinal), isStrictlySound, projection }
}

/** The states in the order in which one hides another. */
function judgeState(
  { cursor, turns, items }: ProjectedRows,
  projection: Projection,
  firstOrdinal: number,
): Pick<Judged, 'state' | 'line'> {
  const { lines, endOffset } = projection
  const last = lines.findLast(({ isReadable }) => isReadable)
  if (last?.ordinal === null) return { state: 'lastOrdinalMissing', line: at(last, 'has no ordinal') }
  if (cursor === null) {
    const hasRows = turns.size > 0 || items.size > 0
    return { state: hasRows ? 'rowsWithoutCursor' : 'notProjected', line: null }
  }
  if (cursor.offset > endOffset) return { state: 'cursorPastEnd', line: null }
  const isAtLine =
    cursor.offset === 0 ||
    lines.some(({ offset, endOffset: end }) => offset === cursor.offset || end === cursor.offset)
  if (!isAtLine) {
    const cut = lines.find(({ endOffset: end }) => end > cursor.offset)
    return { state: 'cursorInLine', line: cut ? at(cut, 'is where it stands') : null }
  }
  const wrong = judgeCursor(cursor, projection, firstOrdinal)
  if (wrong) return wrong
  const fault = cursor.offset < endOffset ? findFault(lines, cursor) : undefined
  if (fault) return { state: fault.kind, line: at(fault.line, describeFault(fault)) }
  if (hasMissingRows(cursor.ordinal, turns, items, projection)) return { state: 'rowsMissing', line: null }
  if (hasStaleRows(cursor.ordinal, turns, projection)) return { state: 'rowsStale', line: null }
  const next = lines.find(({ offset }) => offset >= cursor.offset)
  if (!next) return { state: 'complete', line: null }
  const bad = lines.find(({ offset, isReadable }) => offset >= cursor.offset && !isReadable)
  return bad
    ? { state: 'badLine', line: at(bad, 'cannot be read') }
    : { state: 'behind', line: at(next, 'is the first that is not shown') }
}

/** The cursor's ordinal must follow on the line before it, or be that of the line behind it. */
function judgeCursor(
  cursor: { offset: number; ordinal: number },
  { lines }: Projection,
  firstOrdinal: number,
): Pick<Judged, 'state' | 'line'> | undefined {
  let following = firstOrdinal
  let greatest = firstOrdinal
  let unread = 0
  for (const { offset, ordinal, isReadable } of lines) {
    if (offset >= cursor.offset) break
    if (!isReadable) unread += 1
    if (ordinal === null) continue
    following = ordinal + 1
    greatest = Math.max(greatest, following)
    unread = 0
  }
  const fits = (expected: number) => cursor.ordinal >= expected && cursor.ordinal <= expected + unread
  if (fits(following) || fits(greatest)) return undefined
  const next = lines.find(({ offset, ordinal }) => offset >= cursor.offset && ordinal !== null)
  if (next?.ordinal === cursor.ordinal) return undefined
  const isLow = cursor.ordinal < (next?.ordinal ?? greatest)
  return {
    state: isLow ? 'cursorTooLow' : 'cursorTooHigh',
    line: next ? at(next, `has ordinal ${next.ordinal}, the cursor expects ${cursor.ordinal}`) : null,
  }
}

function at({ lineNumber, offset }: { lineNumber: number; offset: number }, reason: string) {
  return { lineNumber, offset, reason }
}

function describeFault({ kind, line, expected }: ProjectionFault): string {
  return kind === 'ordinalMissing'
    ? 'has no ordinal'
    : `has ordinal ${line.ordinal}, where ${expected} is expected`
}

function hasMissingRows(
  before: number,
  turns: ProjectedRows['turns'],
  items: ProjectedRows['items'],
  projection: Projection,
): boolean {
  for (const { turnId, ordinal } of projection.turns.values())
    if (ordinal < before && !turns.has(turnId)) return true
  return projection.items.some(
    ({ turnId, itemId, ordinal }) => ordinal < before && !items.has(`${turnId} ${itemId}`),
  )
}

function hasStaleRows(before: number, turns: ProjectedRows['turns'], projection: Projection): boolean {
  for (const { turnId, statuses } of projection.turns.values()) {
    const row = turns.get(turnId)
    const expected = statuses.findLast(({ ordinal }) => ordinal < before)?.status
    if (row !== undefined && expected !== undefined && row.status !== expected) return true
  }
  return false
}

/** What a fork shows of a base: what stands before it left. */
export function beforeOrdinal(end: number, rows: ProjectedRows, projection: Projection) {
  const shown = [...rows.turns].filter(([, { ordinal }]) => ordinal < end).map(([id]) => id)
  const there = [...projection.turns.values()]
    .filter(({ ordinal }) => ordinal < end)
    .map(({ turnId }) => turnId)
  return {
    shown,
    there,
    itemsShown: [...rows.items.values()].filter((ordinal) => ordinal < end).length,
    itemsThere: projection.items.filter(({ ordinal }) => ordinal < end).length,
    isShort: hasMissingRows(end, rows.turns, rows.items, projection),
  }
}

/** A base that was superseded by a revert is brought up to date by nothing. */
export function judgeBase(
  base: LineageBase,
  judged: Judged,
  superseded: ReadonlySet<string>,
): Pick<ThreadHistory, 'state' | 'cures' | 'line' | 'affectedRolloutId' | 'affectedThreadId' | 'baseState'> {
  const isSuperseded = superseded.has(base.rolloutId)
  const cures = curesOf(judged)
  const ofBase = (cure: HistoryCures['until153']) => (cure === 'resume' ? 'resumeBase' : cure)
  return {
    state: isSuperseded ? 'supersededBaseShort' : 'baseShort',
    cures: isSuperseded
      ? CURES.supersededBaseShort
      : { until153: ofBase(cures.until153), from155: ofBase(cures.from155) },
    line: judged.line,
    affectedRolloutId: base.rolloutId,
    affectedThreadId: base.head.threadId,
    baseState: judged.state,
  }
}

const both = (cure: HistoryCures['until153']): HistoryCures => ({ until153: cure, from155: cure })

export const CURES: Record<HistoryState, HistoryCures> = {
  complete: both('none'),
  notProjected: both('resume'),
  rowsWithoutCursor: both('resume'),
  behind: both('resume'),
  cursorInLine: both('resume'),
  ordinalAgain: { until153: 'newerCodex', from155: 'resume' },
  ordinalGap: { until153: 'newerCodex', from155: 'resume' },
  ordinalMissing: { until153: 'newerCodex', from155: 'resume' },
  lastOrdinalMissing: both('ordinals'),
  badLine: both('resume'),
  cursorTooLow: { until153: 'reset', from155: 'resume' },
  cursorTooHigh: both('reset'),
  cursorPastEnd: both('reset'),
  rowsMissing: both('reset'),
  rowsStale: both('reset'),
  baseShort: both('resumeBase'),
  supersededBaseShort: both('unknown'),
  baseMissing: both('restoreFile'),
  baseUnreadable: both('restoreFile'),
  baseCircle: both('unknown'),
}

export function withoutBase(reason: MissingBase['reason']): Pick<ThreadHistory, 'state' | 'cures'> {
  const state = BASE_STATES[reason]
  return { state, cures: CURES[state] }
}

const BASE_STATES = {
  'not found': 'baseMissing',
  unreadable: 'baseUnreadable',
  circle: 'baseCircle',
} as const satisfies Record<MissingBase['reason'], HistoryState>

/** Where a line stops releases up to 0.153, to begin anew would show less than before. */
export function curesOf({ state, isStrictlySound }: Judged): HistoryCures {
  const cures = CURES[state]
  const beginsAnew = cures.until153 === 'reset' || state === 'notProjected' || state === 'rowsWithoutCursor'
  return beginsAnew && !isStrictlySound ? { ...cures, until153: 'newerCodex' } : cures
}
