import type { LogStatus } from '../model/log-status.js'
import { isRowTime } from '../model/row-time.js'
import { shortenId } from '../model/uuid.js'
import { cleanLine } from './clean.js'
import { formatCount, formatDuration, formatPlural } from './quantity.js'
import { formatActivity } from './step.js'
import { type Column, cutToWidth, fitColumns, formatTableRow, prepareCell } from './table.js'
import type { TimeFormatter } from './time.js'

const THREAD_COLUMNS: readonly Column[] = [
  { heading: 'THREAD', isRightAligned: false, minWidth: 13, cutsStart: false },
  { heading: 'WHAT', isRightAligned: false, minWidth: 8, cutsStart: false },
  { heading: 'NOW', isRightAligned: false, minWidth: 12, cutsStart: false },
  { heading: 'SINCE', isRightAligned: true, minWidth: 5, isWhole: true, cutsStart: false },
  { heading: 'LOG FROM', isRightAligned: true, minWidth: 8, isWhole: true, cutsStart: false },
]

/** Of a message, as far as a line of a terminal may show it. */
const LONGEST_TEXT = 2000

interface StatusLook {
  /** Cells of a line. */
  width: number
  /** Lines that are longer are cut. */
  isCut: boolean
  time: TimeFormatter
}

export function formatLogStatus(status: LogStatus, { width, isCut, time }: StatusLook): string {
  const { nowMs, flushMs, version, processes, threads, areAlive, lastFailure, reach } = status
  const clock = (ms: number) => {
    const seconds = Math.floor(ms / 1000)
    if (!isRowTime(seconds)) return 'at no time'
    const text = time.full(seconds, Math.floor(ms - seconds * 1000) * 1e6)
    return nowMs - ms < 20 * 3_600_000 ? text.slice(11, 19) : text.slice(0, 19).replace('T', ' ')
  }
  const age = (ms: number) => formatDuration(Math.max(0, nowMs - ms))
  const lines: string[] = []
  const every =
    areAlive && version !== undefined && flushMs >= 1000
      ? `Codex ${cleanLine(version)} writes its rows every ${flushMs / 1000} s`
      : ''
  const newest = reach.newestMs === undefined ? 'no row yet' : `newest row ${age(reach.newestMs)} ago`
  const count = processes.filter(({ state }) => state === 'running').length
  const unknownCount = areAlive ? processes.length - count : 0
  const unknown = unknownCount > 0 ? `; of ${formatPlural(unknownCount, 'other')} that is not known` : ''
  const alive =
    count > 0
      ? `${formatPlural(count, 'process').replace('processs', 'processes')} that logged here ${count === 1 ? 'is' : 'are'} alive`
      : 'no process that logged here is seen to be alive'
  lines.push(`${alive}${unknown}; ${newest}${every && `; ${every}`}`)
  for (const process of processes) {
    if (!areAlive) break
    const parts = [
      process.pid === undefined ? 'pid not known' : `pid ${process.pid}`,
      nameCommand(process.command),
      process.rowCount === undefined ? '' : `${formatCount(process.rowCount)} rows in 10 min`,
      process.startMs === undefined ? '' : `since ${clock(process.startMs)}`,
      process.state === 'unknown' ? process.reason : '',
    ]
    lines.push(` ${parts.filter(Boolean).join('  ')}`)
  }
  if (threads.length > 0) {
    const rows = threads.map(({ now, sinceMs, title, firstMs }) =>
      [
        shortenId(now.threadId),
        title,
        formatActivity(now),
        sinceMs === undefined ? '' : age(sinceMs),
        firstMs === undefined ? '' : age(firstMs),
      ].map((cell) => prepareCell(cell)),
    )
    const widths = fitColumns(THREAD_COLUMNS, rows, width)
    lines.push(
      ...[THREAD_COLUMNS.map(({ heading }) => heading), ...rows].map((row) =>
        formatTableRow(THREAD_COLUMNS, widths, row),
      ),
    )
  }
  if (lastFailure) {
    const { ms, threadId, title, text, id } = lastFailure
    const thread = threadId === null ? '' : `  ${cleanLine(shortenId(threadId))}`
    lines.push(
      `last failure  ${clock(ms)}${thread}  row ${id}  ${title === null ? '' : `${title}: `}${cleanLine(text.slice(0, LONGEST_TEXT))}`,
    )
  } else {
    lines.push(`last failure  none in the newest ${formatCount(status.searchedRowCount)} rows`)
  }
  const { threadsSinceMs, threadlessSinceMs, missingCount = 0 } = reach
  const reaches = [
    threadsSinceMs === undefined ? 'threads: no row' : `threads: ${clock(threadsSinceMs)}`,
    threadlessSinceMs === undefined ? '' : `without a thread: ${clock(threadlessSinceMs)}`,
    missingCount > 0 ? `${formatCount(missingCount)} ids have no row any more` : '',
  ]
  lines.push(`log reaches back to  ${reaches.filter(Boolean).join('   ')}`)
  return lines.map((line) => `${isCut ? cutToWidth(line, width) : line}\n`).join('')
}

/** `codex app-server --listen …` is the `app-server`. */
function nameCommand(command: string): string {
  const words = command.split(' ').slice(1)
  const found = words.find((word) => /^[a-z][a-z-]+$/.test(word) && !word.endsWith('codex'))
  return command === '' ? '' : cleanLine(found ?? 'codex')
}
