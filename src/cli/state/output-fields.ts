import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import type { Field, RecordKind } from '../../format/fields.js'
import type { Arguments } from '../flags.js'
import type { Io } from '../io.js'
import type { OutputFlags } from './output-flags.js'

/**
 * An optional value takes the word behind it, so in `--json last` the flag takes `last`. Where that is no list of
 * fields it is the argument that was meant: it is put before the others.
 */
export function takeBackArguments<Row>(
  kind: RecordKind<Row> | undefined,
  flags: OutputFlags,
  declared: Arguments = {},
  words: readonly string[],
): readonly string[] {
  const taken = [...words]
  for (const name of ['json', 'fields'] as const) {
    const value = flags[name]
    const hasRoom = taken.length < Object.keys(declared).length
    if (!hasRoom || typeof value !== 'string' || (kind && isFieldList(kind, value))) continue
    flags[name] = true
    taken.unshift(value)
  }
  return taken
}

function isFieldList<Row>({ fields }: RecordKind<Row>, text: string): boolean {
  return splitList(text).every((name) => fields.some((field) => field.name === name))
}

function splitList(text: string): string[] {
  return text.split(',').map((name) => name.trim())
}

/** Answers `--fields` without a list; `true` when it did. */
export function printedFieldNames<Row>(kind: RecordKind<Row>, flags: OutputFlags, io: Io): boolean {
  if (flags.fields !== true) return false
  io.stdout.write(kind.fields.map(({ name }) => `${cleanLine(name)}\n`).join(''))
  return true
}

/** @throws {StateError} `USAGE` for a name that is no field */
export function selectFields<Row>(
  kind: RecordKind<Row>,
  flags: OutputFlags,
  isTable = false,
): readonly Field<Row>[] {
  const typed = typedFields(flags)
  if (typed !== undefined) return splitList(typed).map((name) => findField(kind, name))
  if (flags.json === true) return kind.fields
  if (!isTable || isCsv(flags)) return kind.shown.map((name) => findField(kind, name))
  return (kind.shownInTable ?? kind.shown).map((name) => {
    const { brief, ...field } = findField(kind, name)
    return brief ? { ...field, ...brief } : field
  })
}

export function isCsv({ csv, csvSafe }: OutputFlags): boolean {
  return csv === true || csvSafe === true
}

export function typedFields({ json, fields }: OutputFlags): string | undefined {
  const typed = typeof json === 'string' ? json : fields
  return typeof typed === 'string' ? typed : undefined
}

export function findField<Row>(kind: RecordKind<Row>, name: string): Field<Row> {
  const found = kind.fields.find((field) => field.name === name)
  if (found) return found
  throw new StateError(
    'USAGE',
    `'${name}' is not a field of ${/^[aeiou]/.test(kind.noun) ? 'an' : 'a'} ${kind.noun}`,
    {
      hint: `There are: ${kind.fields.map((field) => field.name).join(', ')}.`,
    },
  )
}
