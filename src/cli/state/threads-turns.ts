import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { formatDuration, formatPlural } from '../../format/quantity.js'
import { describeEntry, formatRefusal } from '../../format/turn-entry.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { findHolders } from '../../inspect/holders.js'
import type { ThreadItem, Turn, TurnEntry } from '../../model/turn.js'
import type { LocatedRollout } from '../../rollout/locate.js'
import { readTurns, type ThreadTurns } from '../../rollout/turns.js'
import { onFlag } from '../flags.js'
import { defineListCommand, type Found } from '../records.js'
import type { Session } from './session.js'
import { optionalThread, requireThread } from './thread-argument.js'

interface EntryRow {
  /** `null` for what stands in no turn. */
  turn: Turn | null
  entry: TurnEntry
}

type TurnsRow = Turn | EntryRow

const TURN_KIND: RecordKind<Turn> = {
  noun: 'turn',
  fields: [
    { name: 'number', kind: 'number', heading: '#', value: ({ number }) => number },
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

const ENTRY_KIND: RecordKind<EntryRow> = {
  noun: 'item',
  fields: [
    { name: 'turn', kind: 'number', value: ({ turn }) => turn?.number },
    { name: 'turn_id', kind: 'id', value: ({ turn }) => turn?.id },
    { name: 'at', kind: 'time', value: ({ entry }) => entry.atMs },
    { name: 'kind', kind: 'text', value: ({ entry }) => describeEntry(entry).kind },
    { name: 'item_id', kind: 'text', value: ({ entry }) => idOf(entry) },
    { name: 'text', kind: 'text', value: ({ entry }) => describeEntry(entry).text },
    { name: 'state', kind: 'text', value: ({ entry }) => stateOf(entry) },
    { name: 'exit_code', kind: 'number', heading: 'EXIT', value: ({ entry }) => exitCodeOf(entry) },
    {
      name: 'duration_ms',
      kind: 'number',
      heading: 'TIME',
      value: ({ entry }) => durationOf(entry),
      cell: ({ entry }) => {
        const ms = durationOf(entry)
        return ms === null ? '' : formatDuration(ms)
      },
    },
    {
      name: 'refused_by',
      kind: 'text',
      heading: 'REFUSED',
      value: ({ entry }) => (entry.kind === 'note' ? null : entry.refusal?.by),
      cell: ({ entry }) => (entry.kind === 'note' ? '' : (formatRefusal(entry.refusal) ?? '')),
    },
    {
      name: 'refusal_reason',
      kind: 'text',
      value: ({ entry }) => (entry.kind === 'note' ? null : entry.refusal?.reason),
    },
    { name: 'output', kind: 'text', value: ({ entry }) => outputOf(entry) },
    { name: 'hidden', kind: 'flag', value: ({ entry }) => entry.kind !== 'item' || entry.isHidden },
    { name: 'inherited', kind: 'flag', value: ({ entry }) => entry.isInherited },
    { name: 'line', kind: 'number', value: ({ entry }) => entry.lineNumber },
  ],
  shown: ['turn', 'at', 'kind', 'text', 'exit_code', 'duration_ms', 'refused_by'],
  nameOf: ({ entry }) => `in line ${entry.lineNumber}`,
}

const FLAGS = { items: onFlag('a line for each item, call and note instead of each turn') }

const ARGS = { thread: optionalThread('the thread (default: last, the newest)') }

export const command = defineListCommand<TurnsRow, typeof FLAGS, typeof ARGS>({
  kind: ({ items }) => (items ? ENTRY_KIND : TURN_KIND) as RecordKind<TurnsRow>,
  variesBy: 'items',
  args: ARGS,
  flags: FLAGS,
  tables: ['threads'],
  exitsWith1: 'the thread has no turn, or its rollout cannot be read',
  notes: `Times and tokens of every release from 0.93 on are read from the rollout. Calls that Codex hides are there:
hidden. A turn that is 'never ended' belongs to a process that was killed, or to a review. What a fork inherited is
counted where it was used.`,
  isFaint: (row) => ('entry' in row ? row.entry.isInherited : row.isInherited),
  async read(session, { items }, args) {
    const { id, thread } = await requireThread(args.thread ?? 'last', session)
    const { rollout, isHidden } = await findRollout(session.codexHome, id, thread, session.notice)
    if (!rollout) {
      throw new StateError(
        'NOT_FOUND',
        isHidden
          ? `whether thread ${id} has a rollout file in ${session.codexHome} is not known`
          : `thread ${id} has no rollout file in ${session.codexHome}`,
      )
    }
    const read = await readTurns(rollout.path, {
      detail: items ? 'full' : 'summary',
      hasWriter: isBeingWritten(rollout, session.nowMs),
    })
    tellProblems(read, session)
    return items ? foundEntries(read) : foundTurns(read)
  },
})

/** What was written more recently may be written still. */
const RECENT_MS = 10_000

/** A turn that no line ends goes on while a process has the rollout open, as far as the system tells that. */
function isBeingWritten({ path, modifiedAtMs }: LocatedRollout, nowMs: number): boolean {
  return Math.abs(nowMs - modifiedAtMs) < RECENT_MS || findHolders([{ path }]).holders.length > 0
}

function foundTurns(read: ThreadTurns): Found<TurnsRow> {
  return {
    pages: [read.turns],
    emptyText: `thread ${read.threadId} has no turn`,
    footer() {
      const inherited = read.turns.filter(({ isInherited }) => isInherited).length
      return [
        formatPlural(read.turns.length, 'turn'),
        ...(inherited > 0 ? [`${inherited} inherited`] : []),
        ...(read.rolledBack.length > 0 ? [`${read.rolledBack.length} rolled back`] : []),
        `${formatPlural(read.usage.total, 'token')} in ${formatPlural(read.responses, 'response')} of its own`,
      ].join(', ')
    },
  }
}

function foundEntries(read: ThreadTurns): Found<TurnsRow> {
  const rowsOf = (turn: Turn | null, entries: readonly TurnEntry[]) =>
    entries.map((entry) => ({ turn, entry }))
  return {
    pages: [read.turns.flatMap((turn) => rowsOf(turn, turn.entries)), rowsOf(null, read.outside)],
    emptyText: `thread ${read.threadId} has no item`,
  }
}

/** What of the rollout is not in the answer. */
function tellProblems(read: ThreadTurns, session: Session): void {
  for (const { path, lineNumber, reason } of read.badLines)
    session.notice(`${path}, line ${lineNumber}: ${reason}`)
  const untold = read.badLineCount - read.badLines.length
  if (untold > 0) session.notice(`${formatPlural(untold, 'more line')} cannot be read`)
  for (const [type, count] of Object.entries(read.unknownTypes))
    session.notice(`${formatPlural(count, 'line')} of the type ${type}, which is not known here`)
  if (read.elidedBytes > 0)
    session.notice(`${formatPlural(read.elidedBytes, 'byte')} of long texts are left out`)
  if (read.missingBase) {
    const { rolloutId, neededBy, reason } = read.missingBase
    const words = { 'not found': 'is missing', unreadable: 'cannot be read', circle: 'leads back to it' }
    session.notice(
      `rollout ${neededBy} continues ${rolloutId}, which ${words[reason]}: the turns before are not shown`,
    )
    session.fail()
  }
}

function startOf(turn: Turn): number | null {
  return turn.startedAtSeconds === null ? turn.firstLineAtMs : turn.startedAtSeconds * 1000
}

function timeOf({ durationMs, firstLineAtMs, lastLineAtMs, outcome }: Turn): number | null {
  if (durationMs !== null) return durationMs
  if (firstLineAtMs === null || lastLineAtMs === null || outcome === 'running') return null
  return lastLineAtMs - firstLineAtMs
}

function outcomeCell({ outcome, error }: Turn): string {
  if (outcome === 'neverEnded') return 'never ended'
  return outcome === 'failed' && error ? `failed: ${error.message}` : outcome
}

/** A field that only some types of items have. */
function fieldOf(item: ThreadItem, name: string): unknown {
  return (item as unknown as Record<string, unknown>)[name]
}

function idOf(entry: TurnEntry): string | null {
  return entry.kind === 'item' ? entry.item.id : entry.kind === 'call' ? entry.call.id : null
}

function stateOf(entry: TurnEntry): string | null {
  if (entry.kind === 'note') return null
  const status = entry.kind === 'item' ? fieldOf(entry.item, 'status') : undefined
  return typeof status === 'string' ? status : (entry.call?.state ?? null)
}

function exitCodeOf(entry: TurnEntry): number | null {
  if (entry.kind === 'note') return null
  const told = entry.kind === 'item' ? fieldOf(entry.item, 'exitCode') : undefined
  return typeof told === 'number' ? told : (entry.call?.exitCode ?? null)
}

function durationOf(entry: TurnEntry): number | null {
  if (entry.kind === 'note') return null
  const told = entry.kind === 'item' ? fieldOf(entry.item, 'durationMs') : undefined
  return typeof told === 'number' ? told : (entry.call?.durationMs ?? null)
}

function outputOf(entry: TurnEntry): string | null {
  if (entry.kind === 'note') return null
  const told = entry.kind === 'item' ? fieldOf(entry.item, 'aggregatedOutput') : undefined
  return typeof told === 'string' ? told : (entry.call?.output ?? null)
}
