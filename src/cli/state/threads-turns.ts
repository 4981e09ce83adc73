import type { RecordKind } from '../../format/fields.js'
import { formatDuration, formatPlural } from '../../format/quantity.js'
import { traceTurn } from '../../format/turn-course.js'
import type { Turn, TurnEntry } from '../../model/turn.js'
import { readTurns, type ThreadTurns } from '../../rollout/turns.js'
import { onFlag } from '../flags.js'
import { type ColorChoice, loadPalette, resolveColor } from '../options.js'
import { defineListCommand, type FoundRecords } from '../records.js'
import { ENTRY_KIND, type EntryRow } from './entry-record.js'
import type { Session } from './session.js'
import { optionalThread } from './thread-argument.js'
import { lookForWriter, requireRollout, tellProblems } from './thread-rollout.js'

type TurnsRow = Turn | EntryRow

export const TURN_KIND: RecordKind<Turn> = {
  noun: 'turn',
  fields: [
    {
      name: 'number',
      kind: 'number',
      heading: '#',
      value: ({ number, isRolledBack }) => (isRolledBack ? null : number),
    },
    { name: 'id', kind: 'id', value: ({ id }) => id },
    { name: 'id_made_up', kind: 'flag', value: ({ isIdMadeUp }) => isIdMadeUp },
    { name: 'started_at', kind: 'time', value: startOf },
    {
      name: 'duration_ms',
      kind: 'number',
      heading: 'TIME',
      value: timeOf,
      cell: (turn) => {
        const ms = timeOf(turn)
        return ms === null ? '' : formatDuration(ms)
      },
    },
    { name: 'outcome', kind: 'text', value: ({ outcome }) => outcome, cell: outcomeCell },
    { name: 'answered', kind: 'flag', value: ({ hasAnswer }) => hasAnswer },
    { name: 'rolled_back', kind: 'flag', value: ({ isRolledBack }) => isRolledBack },
    { name: 'status', kind: 'text', value: ({ status }) => status },
    { name: 'error', kind: 'text', value: ({ error }) => error?.message },
    { name: 'prompt', kind: 'text', value: ({ prompt }) => prompt },
    {
      name: 'calls',
      kind: 'number',
      value: ({ calls }) => calls.total,
      cell: ({ calls }) => {
        const bad = calls.failed + calls.refused
        return bad > 0 ? `${calls.total} (${bad} failed)` : String(calls.total)
      },
    },
    { name: 'failed_calls', kind: 'number', value: ({ calls }) => calls.failed },
    { name: 'refused_calls', kind: 'number', value: ({ calls }) => calls.refused },
    { name: 'input_tokens', kind: 'number', value: ({ usage }) => usage.input },
    { name: 'cached_input_tokens', kind: 'number', value: ({ usage }) => usage.cached },
    { name: 'output_tokens', kind: 'number', value: ({ usage }) => usage.output },
    { name: 'reasoning_output_tokens', kind: 'number', value: ({ usage }) => usage.reasoning },
    { name: 'total_tokens', kind: 'number', heading: 'TOKENS', value: ({ usage }) => usage.total },
    { name: 'responses', kind: 'number', value: ({ responses }) => responses },
    { name: 'first_token_ms', kind: 'number', value: ({ firstTokenMs }) => firstTokenMs },
    { name: 'model', kind: 'text', value: ({ model }) => model },
    { name: 'effort', kind: 'text', value: ({ effort }) => effort },
    { name: 'cwd', kind: 'path', value: ({ cwd }) => cwd },
    { name: 'inherited', kind: 'flag', value: ({ isInherited }) => isInherited },
    { name: 'trigger', kind: 'text', value: ({ trigger }) => trigger },
    { name: 'root_turn_id', kind: 'id', value: ({ rootTurnId }) => rootTurnId },
    { name: 'parent_turn_id', kind: 'id', value: ({ parentTurnId }) => parentTurnId },
  ],
  shown: ['number', 'started_at', 'duration_ms', 'outcome', 'prompt', 'calls', 'total_tokens', 'model'],
  nameOf: ({ id }) => id,
}

const FLAGS = {
  items: onFlag('one line for each item, call and note instead of each turn'),
  rolledBack: onFlag('also turns that were rolled back, which Codex does not show'),
}

const ARGS = { thread: optionalThread('the thread (default: last, the newest)') }

export const command = defineListCommand<TurnsRow, typeof FLAGS, typeof ARGS>({
  examples: ['threads turns last', 'threads turns last --items --json'],
  kind: ({ items }) => (items ? ENTRY_KIND : TURN_KIND) as RecordKind<TurnsRow>,
  variesBy: 'items',
  args: ARGS,
  flags: FLAGS,
  tables: ['threads'],
  exitsWith1: 'the thread has no turn, or its rollout cannot be read',
  notes: `Times and tokens of every release from 0.93 on are read from the rollout. Calls that Codex hides are there:
hidden. A turn that is 'never ended' belongs to a process that was killed, or to a review. What a fork inherited is
counted where it was used. 'No answer': up to 0.144 a rollout does not tell that a turn failed.`,
  isFaint: (row) => ('entry' in row ? isFaint(row.turn) || row.entry.isInherited : isFaint(row)),
  async read(session, { items, json, color, rolledBack }, args) {
    const { rollout } = await requireRollout(args.thread, session)
    const isDrawn = !items && json === undefined && session.io.stdout.isTerminal
    const read = await readTurns(rollout.path, {
      // The course of the turns is drawn from their calls.
      detail: items || isDrawn ? 'full' : 'summary',
      hasWriter: lookForWriter(rollout, session.nowMs),
    })
    tellProblems(read, session)
    const turns = rolledBack ? withRolledBack(read) : read.turns
    if (turns.length === 0) session.fail()
    if (items) return foundEntries(read, turns)
    return foundTurns(read, turns, isDrawn ? await drawCourse(read.turns, color, session) : '')
  },
})

/** In the order in which they were begun: in one file by their lines; a revert goes on in another one. */
export function withRolledBack({ turns, rolledBack, historyMode }: ThreadTurns): Turn[] {
  if (rolledBack.length === 0) return turns
  const placeOf = ({ firstLineAtMs, lineNumber }: Turn) =>
    historyMode === 'legacy' ? lineNumber : (firstLineAtMs ?? 0)
  return [...turns, ...rolledBack].sort((a, b) => placeOf(a) - placeOf(b))
}

function isFaint(turn: Turn | null): boolean {
  return turn !== null && (turn.isInherited || turn.isRolledBack)
}

/** As many of the last turns are drawn. */
const MAX_DRAWN_TURNS = 10

async function drawCourse(
  turns: readonly Turn[],
  color: ColorChoice | undefined,
  { io }: Session,
): Promise<string> {
  const courses = turns.slice(-MAX_DRAWN_TURNS).flatMap((turn) => traceTurn(turn) ?? [])
  if (courses.length === 0) return ''
  const { drawWaterfall } = await import('../../format/draw-course.js')
  const palette = await loadPalette(resolveColor(color ?? 'auto', io))
  return `\n\n${drawWaterfall(courses, io.stdout.columns ?? 100, palette).trimEnd()}`
}

function foundTurns(read: ThreadTurns, turns: readonly Turn[], course: string): FoundRecords<TurnsRow> {
  return {
    pages: [turns],
    emptyText: `thread ${read.threadId} has no turn`,
    footer() {
      const inherited = read.turns.filter(({ isInherited }) => isInherited).length
      const sums = [
        formatPlural(read.turns.length, 'turn'),
        ...(inherited > 0 ? [`${inherited} inherited`] : []),
        ...(read.rolledBack.length > 0
          ? [`${read.rolledBack.length} rolled back${turns === read.turns ? ' (--rolled-back)' : ''}`]
          : []),
        `${formatPlural(read.threadUsage.total, 'token')} in ${formatPlural(read.threadResponses, 'response')} of its own`,
      ].join(', ')
      return sums + course
    },
  }
}

function foundEntries(read: ThreadTurns, turns: readonly Turn[]): FoundRecords<TurnsRow> {
  const rowsOf = (turn: Turn | null, entries: readonly TurnEntry[]) =>
    entries.map((entry) => ({ turn, entry }))
  return {
    pages: [turns.flatMap((turn) => rowsOf(turn, turn.entries)), rowsOf(null, read.outside)],
    emptyText: `thread ${read.threadId} has no item`,
  }
}

function startOf(turn: Turn): number | null {
  return turn.startedAtSeconds === null ? turn.firstLineAtMs : turn.startedAtSeconds * 1000
}

function timeOf({ durationMs, firstLineAtMs, lastLineAtMs, outcome }: Turn): number | null {
  if (durationMs !== null) return durationMs
  if (firstLineAtMs === null || lastLineAtMs === null || outcome === 'running') return null
  // Where the clock was set back, or lines are out of order, nothing tells.
  return lastLineAtMs < firstLineAtMs ? null : lastLineAtMs - firstLineAtMs
}

function outcomeCell(turn: Turn): string {
  const { outcome, error, prompt, hasAnswer, isRolledBack } = turn
  if (isRolledBack) return 'rolled back'
  if (outcome === 'neverEnded') return 'never ended'
  if (outcome === 'completed' && prompt !== null && !hasAnswer) return 'completed, no answer'
  return outcome === 'failed' && error ? `failed: ${error.message}` : outcome
}
