import type { TurnStatus } from '../model/turn.js'
import type { RolloutHead } from './head.js'
import { readCompletedItem } from './items.js'
import { type LinePlace, scanRolloutLines } from './lines.js'
import type { RolloutEnvelope } from './parse.js'
import { readQuickLine } from './projection-bytes.js'
import type { ReadRolloutOptions, RolloutFileFacts } from './read.js'
import { parseTimestampMs } from './timestamp.js'
import { readError } from './turn-lines.js'
import { isObject, textOrNull } from './values.js'

/** A row that the projection of a rollout should have. */
export interface ExpectedTurn {
  turnId: string
  /** Of the line that makes the row. */
  ordinal: number
  /** As it is after each line, so that the status at a cursor can be told. */
  statuses: { status: TurnStatus; ordinal: number }[]
}

export interface ExpectedItem {
  turnId: string
  itemId: string
  ordinal: number
}

/** A line as the projection meets it. */
export interface ProjectedLine {
  lineNumber: number
  offset: number
  endOffset: number
  /** `null` where the line has none, or cannot be read. */
  ordinal: number | null
  isReadable: boolean
}

/** What Codex would make of a rollout, from its first line to the last complete one. */
export interface Projection {
  /** Own turns and items of the rollout, by the rules from 0.155 on: a line with a used ordinal is passed over. */
  turns: Map<string, ExpectedTurn>
  items: ExpectedItem[]
  /** All turns that the lines tell of, those of passed-over lines too. */
  turnIds: Set<string>
  lines: ProjectedLine[]
  endOffset: number
  endLineNumber: number
  badLines: number
}

/**
 * Reads what the projection of a paginated rollout should hold.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readProjection(
  file: RolloutFileFacts,
  head: RolloutHead,
  options: ReadRolloutOptions = {},
): Promise<Projection> {
  const turns = new Map<string, ExpectedTurn>()
  const items = new Map<string, ExpectedItem>()
  const turnIds = new Set<string>()
  const lines: ProjectedLine[] = []
  let badLines = 0
  let expected = head.base?.endOrdinal ?? 0
  const result = await scanRolloutLines(
    file,
    (line, { lineNumber, offset, endOffset, isTerminated }) => {
      if (!isTerminated) return true
      lines.push({ lineNumber, offset, endOffset, ordinal: line.ordinal, isReadable: true })
      if (line.ordinal === null) {
        noteTurn(line)
        return true
      }
      const isPassedOver = line.ordinal < expected
      if (!isPassedOver) expected = line.ordinal + 1
      if (line.type === 'event_msg' && line.ordinal >= head.startOrdinal)
        addEvent(line, line.ordinal, isPassedOver)
      return true
    },
    ({ lineNumber, offset, endOffset, isIncomplete }) => {
      if (isIncomplete) return
      badLines += 1
      lines.push({ lineNumber, offset, endOffset, ordinal: null, isReadable: false })
    },
    // What is asked for are places and ids.
    { ...options, maxStringBytes: 4096, readBytes },
  )

  /** Most lines make no row, or an item whose ids stand at its beginning. */
  function readBytes(bytes: Buffer, { lineNumber, offset, endOffset, isTerminated }: LinePlace): boolean {
    const line = isTerminated ? readQuickLine(bytes) : undefined
    if (line === undefined || (line.eventType !== null && statusAfter({ type: line.eventType }))) return false
    const { ordinal, item } = line
    lines.push({ lineNumber, offset, endOffset, ordinal, isReadable: true })
    const isPassedOver = ordinal < expected
    if (isPassedOver) return true
    expected = ordinal + 1
    if (item !== null && ordinal >= head.startOrdinal) addItem(item.turnId, item.itemId, ordinal)
    return true
  }

  /** A line without an ordinal makes no row, but tells of its turn. */
  function noteTurn({ type, payload }: RolloutEnvelope): void {
    const turnId = textOrNull(payload.turn_id)
    if (type === 'event_msg' && turnId !== null && statusAfter(payload) !== undefined) turnIds.add(turnId)
  }

  function addEvent({ payload, timestamp }: RolloutEnvelope, ordinal: number, isPassedOver: boolean): void {
    const turnId = textOrNull(payload.turn_id)
    if (turnId === null) return
    const status = statusAfter(payload)
    if (status !== undefined) {
      turnIds.add(turnId)
      if (isPassedOver) return
      const known = turns.get(turnId)
      if (known === undefined) turns.set(turnId, { turnId, ordinal, statuses: [{ status, ordinal }] })
      else if (known.statuses.at(-1)!.status === 'inProgress') known.statuses.push({ status, ordinal })
      return
    }
    // An item without a time cannot be stored.
    if (payload.type !== 'item_completed' || isPassedOver || parseTimestampMs(timestamp) === null) return
    const itemId = isObject(payload.item) && readCompletedItem(payload)?.id
    if (itemId) addItem(turnId, itemId, ordinal)
  }

  function addItem(turnId: string, itemId: string, ordinal: number): void {
    const key = `${turnId} ${itemId}`
    if (!items.has(key)) items.set(key, { turnId, itemId, ordinal })
  }

  return {
    turns,
    items: [...items.values()],
    turnIds,
    lines,
    endOffset: result.endOffset,
    endLineNumber: lines.at(-1)?.lineNumber ?? 0,
    badLines,
  }
}

/** How a turn stands after a line that begins or ends one; `undefined` for other lines. */
export function statusAfter(payload: RolloutEnvelope['payload']): TurnStatus | undefined {
  switch (payload.type) {
    case 'task_started':
    case 'turn_started':
      return 'inProgress'
    case 'task_complete':
    case 'turn_complete':
      return readError(payload.error) ? 'failed' : 'completed'
    case 'turn_aborted':
      return 'interrupted'
    default:
      return undefined
  }
}

export interface ProjectionFault {
  kind: 'ordinalAgain' | 'ordinalGap' | 'ordinalMissing'
  line: ProjectedLine
  expected: number
}

/**
 * The line at which releases up to 0.153 stop for good, reading on from a cursor: each line must have the next
 * ordinal; a line that cannot be read explains one that is missing.
 */
export function findFault(
  lines: readonly ProjectedLine[],
  cursor: { offset: number; ordinal: number },
): ProjectionFault | undefined {
  let expected = cursor.ordinal
  let unread = 0
  for (const line of lines) {
    if (line.offset < cursor.offset) continue
    if (!line.isReadable) {
      unread += 1
      continue
    }
    if (line.ordinal === null) return { kind: 'ordinalMissing', line, expected }
    if (line.ordinal < expected) return { kind: 'ordinalAgain', line, expected }
    if (line.ordinal > expected + unread) return { kind: 'ordinalGap', line, expected }
    unread = 0
    expected = line.ordinal + 1
  }
  return undefined
}
