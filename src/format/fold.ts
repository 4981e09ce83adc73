import { FAILED_LEVEL, type LogSummary } from '../model/log-summary.js'

/** Neighbours that are shown as one. */
export interface AlikeRows {
  kind: string
  first: LogSummary
  /** The latest of them. */
  last: LogSummary
  count: number
  /** They have the same text and fields. */
  isSame: boolean
  /** How often later rows of the turn say the same. */
  againCount: number
}

/** What is told of them beside the first. */
export type Fold = Pick<AlikeRows, 'last' | 'count' | 'isSame' | 'againCount'>

/** Rows that came again in the order of those just shown. */
export interface Repeats {
  /** How many groups of rows make one round. */
  period: number
  rounds: number
  rowCount: number
  /** How many of the rows are warnings, errors. */
  badCounts: Map<string, number>
  /** They have the same texts and fields as those shown. */
  isSame: boolean
  /** The earliest and the latest of them. */
  first: LogSummary
  last: LogSummary
}

export type Folded = { kind: 'rows'; group: AlikeRows } | { kind: 'repeats'; repeats: Repeats }

/** Folds rows into what is shown of them. Nothing that was given out changes by what comes later. */
export interface Folder {
  /** What is certain by now, in the order of the rows. */
  add(row: LogSummary): readonly Folded[]
  /** All that was held back: to be asked for whenever there are no more rows for now. */
  flush(): readonly Folded[]
}

export interface FoldOptions {
  /** The same text for rows that may be shown as one, when they are of one thread and place. */
  kindOf(row: LogSummary): string
  /** Rows of several days are not folded, as each day has its heading. */
  dayOf(row: LogSummary): string
  /** A warning that comes again in its turn is counted where it first stands. All rows are of one thread. */
  countsInTurn: boolean
}

/** A longer silence between two rows is to be seen. */
const LONGEST_PAUSE_SECONDS = 10
/** Of a turn's rows that are held back, reckoned in characters. */
const MOST_WAITING = 1024 * 1024
const ROW_UNITS = 1000
/** Longer rows are not compared with later ones, so that few characters are remembered. */
const LONGEST_COMPARED = 10_000
const SHORTEST_PERIOD = 2
const LONGEST_PERIOD = 6
/** What comes twice by chance stays as it is: so often it has to come again. */
const LEAST_ROUNDS = 2
const MOST_PENDING = LEAST_ROUNDS * LONGEST_PERIOD
const MOST_RECENT = MOST_PENDING + LONGEST_PERIOD
/** After so many lines that only count, the rows themselves are shown again. */
const MOST_COUNTING_LINES = 10

const NOTHING: readonly Folded[] = []

export function createFolder({ kindOf, dayOf, countsInTurn }: FoldOptions): Folder {
  const cycles = createCycleFolder(dayOf)
  /** The group that the next row may join, and those before it that wait for their turn to end. */
  let held: AlikeRows | undefined
  let waiting: AlikeRows[] = []
  let waitingUnits = 0
  const warnings = new Map<string, AlikeRows>()

  function release(): readonly Folded[] {
    const groups = held ? [...waiting, held] : waiting
    held = undefined
    waiting = []
    waitingUnits = 0
    warnings.clear()
    return groups.length === 0 ? NOTHING : groups.flatMap(cycles.add)
  }

  function joins(group: AlikeRows, row: LogSummary, kind: string): boolean {
    const { first, last } = group
    const isAlike =
      kind === group.kind &&
      isSamePlace(first, row) &&
      !row.turn &&
      !first.turn &&
      !isEarlier(row, first) &&
      isSoon(last, row) &&
      dayOf(first) === dayOf(row)
    if (!isAlike) return false
    const isSame = group.isSame && isSameEvent(first, row)
    // What a warning says is never out of sight: only one that says the same again is counted.
    if (!isSame && (isBad(row.level) || row.isFailure)) return false
    if (!isEarlier(row, last)) group.last = row
    group.count++
    group.isSame = isSame
    return true
  }

  return {
    add(row) {
      const kind = kindOf(row)
      if (held && joins(held, row, kind)) return NOTHING
      const warning = countsInTurn && isBad(row.level) && !row.turn ? describeRow(row) : undefined
      const told = warning === undefined ? undefined : warnings.get(warning)
      if (told) {
        told.againCount++
        return NOTHING
      }
      const isWaiting = countsInTurn && !row.turn && waitingUnits < MOST_WAITING
      if (isWaiting && held) waiting.push(held)
      const before = isWaiting ? NOTHING : release()
      waitingUnits += ROW_UNITS + unitsOf(row)
      held = { kind, first: row, last: row, count: 1, isSame: true, againCount: 0 }
      if (warning !== undefined) warnings.set(warning, held)
      return before
    },
    flush: () => [...release(), ...cycles.flush()],
  }
}

interface CycleFolder {
  add(group: AlikeRows): readonly Folded[]
  flush(): readonly Folded[]
}

/** Counts groups that come again and again in the same order, after they were shown once. */
function createCycleFolder(dayOf: FoldOptions['dayOf']): CycleFolder {
  /** The newest groups, and how many at their end were neither given out nor counted. */
  let recent: AlikeRows[] = []
  let pending = 0
  /** By period: how many of the newest groups in a row are alike to those one period before. */
  const alikeCounts = new Array<number>(LONGEST_PERIOD + 1).fill(0)
  /** Of the rows that come again now, 0 for none; and what is to be said of them. */
  let period = 0
  let repeats: Repeats | undefined
  let countingLines = 0

  function forget(): void {
    recent = []
    alikeCounts.fill(0)
    period = 0
    countingLines = 0
  }

  /** The oldest of those that are pending. */
  function take(count: number): Folded[] {
    const from = recent.length - pending
    pending -= count
    if (count > 0) countingLines = 0
    return recent.slice(from, from + count).map((group) => ({ kind: 'rows', group }))
  }

  function tellRepeats(): Folded[] {
    if (!repeats) return []
    const told: Folded = { kind: 'repeats', repeats }
    repeats = undefined
    countingLines++
    return [told]
  }

  function countPending(): void {
    const from = recent.length - pending
    repeats ??= {
      period,
      rounds: 0,
      rowCount: 0,
      badCounts: new Map(),
      isSame: true,
      first: recent[from]!.first,
      last: recent[from]!.last,
    }
    for (let at = from; at < recent.length; at++) countGroup(repeats, recent[at]!, recent[at - period]!)
    repeats.rounds += pending / period
    pending = 0
  }

  function findPeriod(): number {
    for (let length = SHORTEST_PERIOD; length <= LONGEST_PERIOD; length++) {
      if (alikeCounts[length]! >= LEAST_ROUNDS * length && pending >= length) return length
    }
    return 0
  }

  function flush(): Folded[] {
    const isWithin = period > 0 && pending > 0
    const told = [...tellRepeats(), ...take(pending)]
    // Within a round it would not be clear which rows are meant by those above.
    if (isWithin || countingLines >= MOST_COUNTING_LINES) forget()
    return told
  }

  return {
    flush,
    add(group) {
      const told: Folded[] = []
      const before = recent.at(-1)
      const isAlone = !isComparable(group)
      if (isAlone || (before && !isNext(before, group))) {
        told.push(...flush())
        forget()
      }
      if (isAlone) return [...told, { kind: 'rows', group }]
      recent.push(group)
      pending++
      for (let length = SHORTEST_PERIOD; length <= LONGEST_PERIOD; length++) {
        const other = recent.at(-1 - length)
        alikeCounts[length] = other && isAlike(other, group) ? alikeCounts[length]! + 1 : 0
      }
      if (period > 0 && alikeCounts[period] === 0) {
        told.push(...tellRepeats())
        period = 0
      }
      if (period > 0) {
        if (pending === period) countPending()
      } else {
        period = findPeriod()
        const folded =
          period > 0 ? Math.min(LEAST_ROUNDS, Math.floor(pending / period)) * period : MOST_PENDING
        told.push(...take(Math.max(0, pending - folded)))
        if (period > 0) countPending()
      }
      if (recent.length > MOST_RECENT) recent.shift()
      return told
    },
  }

  function isNext(before: AlikeRows, group: AlikeRows): boolean {
    return isSoon(before.last, group.first) && dayOf(before.first) === dayOf(group.first)
  }
}

function countGroup(repeats: Repeats, group: AlikeRows, shown: AlikeRows): void {
  const { first, last, count, isSame } = group
  if (isEarlier(first, repeats.first)) repeats.first = first
  if (!isEarlier(last, repeats.last)) repeats.last = last
  repeats.rowCount += count
  repeats.isSame &&= isSame && shown.isSame && isSameEvent(first, shown.first)
  if (isBad(first.level)) {
    repeats.badCounts.set(first.level, (repeats.badCounts.get(first.level) ?? 0) + count)
  }
}

/** A failure is always shown, and so is a warning that was counted elsewhere. */
function isComparable({ first, againCount }: AlikeRows): boolean {
  return !first.turn && !first.isFailure && againCount === 0 && unitsOf(first) <= LONGEST_COMPARED
}

function isAlike(a: AlikeRows, b: AlikeRows): boolean {
  if (a.kind !== b.kind || !isSamePlace(a.first, b.first)) return false
  return !isBad(a.first.level) || isSameEvent(a.first, b.first)
}

function isSamePlace(a: LogSummary, b: LogSummary): boolean {
  return a.level === b.level && a.target === b.target && a.threadId === b.threadId
}

function isSameEvent(a: LogSummary, b: LogSummary): boolean {
  return (
    a.text === b.text &&
    a.fields.length === b.fields.length &&
    a.fields.every(
      ({ key, value }, index) => key === b.fields[index]!.key && value === b.fields[index]!.value,
    )
  )
}

function isEarlier(a: LogSummary, b: LogSummary): boolean {
  return a.tsSeconds < b.tsSeconds || (a.tsSeconds === b.tsSeconds && a.tsNanos < b.tsNanos)
}

/** Processes and threads write at the same time, so a row may be a little older than the one before. */
function isSoon(a: LogSummary, b: LogSummary): boolean {
  const pause = b.tsSeconds - a.tsSeconds
  return pause >= -1 && pause <= LONGEST_PAUSE_SECONDS
}

export function isBad(level: string): boolean {
  return level === 'WARN' || level === 'ERROR' || level === FAILED_LEVEL
}

function describeRow({ level, target, text, fields }: LogSummary): string {
  return [level, target, text, ...fields.map(({ key, value }) => `${key}=${value}`)].join('\0')
}

function unitsOf({ text, fields }: LogSummary): number {
  let units = text.length
  for (const { value } of fields) units += value.length
  return units
}
