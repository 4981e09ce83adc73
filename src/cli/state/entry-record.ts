import type { RecordKind } from '../../format/fields.js'
import { formatDuration } from '../../format/quantity.js'
import { describeEntry, formatRefusal } from '../../format/turn-entry.js'
import type { ThreadItem, Turn, TurnEntry } from '../../model/turn.js'

/** A part of a thread, with the turn that it stands in. */
export interface EntryRow {
  /** `null` for what stands in no turn. */
  turn: Turn | null
  entry: TurnEntry
}

export const ENTRY_KIND: RecordKind<EntryRow> = {
  noun: 'item',
  fields: [
    { name: 'turn', kind: 'number', value: ({ turn }) => (turn?.isRolledBack ? null : turn?.number) },
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
    { name: 'rolled_back', kind: 'flag', value: ({ turn }) => turn?.isRolledBack ?? false },
    { name: 'line', kind: 'number', value: ({ entry }) => entry.lineNumber },
  ],
  shown: ['turn', 'at', 'kind', 'text', 'exit_code', 'duration_ms', 'refused_by'],
  nameOf: ({ entry }) => `in line ${entry.lineNumber}`,
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
