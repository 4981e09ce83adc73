import { StateError } from '../errors.js'
import type { RecordKind } from '../format/fields.js'
import { bindArguments } from './arguments.js'
import { type AnyKind, type Command, type CommandLook, describeCommand, type JsonForm } from './command.js'
import type { Arguments, ArgumentValues, Flags, FlagValues, None } from './flags.js'
import { HOME_FLAGS } from './home-flags.js'
import type { Io } from './io.js'
import { EXIT_FAILED } from './main.js'
import { readOrNull } from './none.js'
import { type JsonPage, writeRecord, writeRecords } from './state/output.js'
import { isCsv, printedFieldNames, takeBackArguments } from './state/output-fields.js'
import { LIMIT_FLAGS, OUTPUT_FLAGS } from './state/output-flags.js'
import { type Session, withSession } from './state/session.js'

const RECORD_FLAGS = { ...OUTPUT_FLAGS, ...HOME_FLAGS }
const LIST_FLAGS = { ...LIMIT_FLAGS, ...RECORD_FLAGS }

type RecordFlags<F extends Flags> = FlagValues<F> & FlagValues<typeof RECORD_FLAGS>
type ListFlags<F extends Flags> = FlagValues<F> & FlagValues<typeof LIST_FLAGS>

interface RecordLook<Row, F extends Flags, A extends Arguments> extends CommandLook<F, A> {
  /** Which flags change the kind, by their choices or by being there: each is a form of JSON of its own. */
  readonly variesBy?: (keyof F & string) | readonly (keyof F & string)[]
  /** What a record has. Without it `read` says so, since only the database knows. */
  readonly kind?: RecordKind<Row> | ((flags: RecordFlags<F>) => RecordKind<Row>)
}

/** Records page by page, as they come. */
export type Pages<Row> = Iterable<readonly Row[] | JsonPage> | AsyncIterable<readonly Row[] | JsonPage>

/** What `read` of a list can give beside the records. */
export interface FoundRecords<Row> {
  readonly pages: Pages<Row>
  /** The kind, where only the database knows it. */
  readonly kind?: RecordKind<Row>
  /** Said on stderr when there are none; `null`: `finish` says it. */
  readonly emptyText?: string | null
  /** Ends each record that is neither JSON nor CSV, instead of a line feed. */
  readonly recordEnd?: string | undefined
  /** A line above a table on a terminal. */
  readonly heading?: string
  /** A line below a table on a terminal. */
  readonly footer?: () => string | undefined
  /** When all is written: may throw what is wrong with it as a whole. */
  readonly finish?: () => void
}

export interface ListCommand<Row, F extends Flags, A extends Arguments> extends RecordLook<Row, F, A> {
  /** Said on stderr when there are none. */
  readonly emptyText?: string
  /** On a terminal: a row that matters less. */
  readonly isFaint?: (row: Row) => boolean
  /** One JSON array (default), or one object a line. */
  readonly json?: 'array' | 'lines'
  /** Where the kind does not say all that is known of its JSON. */
  readonly jsonForms?: readonly JsonForm[]
  /** How they are printed when neither JSON nor fields are asked for; `undefined`: as a table, or lines. */
  readonly write?: (rows: readonly Row[], flags: ListFlags<F>, session: Session) => Promise<void> | undefined
  read(
    session: Session,
    flags: ListFlags<F>,
    args: ArgumentValues<A>,
  ): FoundRecords<Row> | Pages<Row> | Promise<FoundRecords<Row> | Pages<Row>>
}

/** The records of a list, of any kind. */
export interface ListedRecords {
  readonly kind: AnyKind
  readonly pages: Pages<unknown>
}

export interface ListingCommand extends Command {
  /** Its records, as for a command line with these flags and without arguments. */
  readList(session: Session, flags: Record<string, unknown>): Promise<ListedRecords>
}

/** A command that prints any number of records: a table, lines of tab-separated values, or JSON. */
export function defineListCommand<Row, F extends Flags = None, A extends Arguments = None>(
  spec: ListCommand<Row, F, A>,
): ListingCommand {
  return {
    ...describeCommand({ ...spec, flags: { ...spec.flags, ...LIST_FLAGS } }),
    jsonForms: spec.jsonForms ?? formsOf(spec, spec.json ?? 'array'),
    async readList(session, untypedFlags) {
      const flags = untypedFlags as ListFlags<F>
      const result = await spec.read(session, flags, bindArguments(spec.args ?? ({} as A), []))
      const found: FoundRecords<Row> = 'pages' in result ? result : { pages: result }
      return { kind: (found.kind ?? kindOf(spec, flags)) as RecordKind<unknown>, pages: found.pages }
    },
    async run(context, untypedFlags, words) {
      const flags = untypedFlags as ListFlags<F>
      if (isCsv(flags) && flags.json !== undefined)
        throw new StateError('USAGE', '--json and --csv exclude each other')
      const kind = kindOf(spec, flags)
      const taken = takeBackArguments(kind, flags, spec.args, words)
      if (kind && printedFieldNames(kind, flags, context.io)) return 0
      const args = bindArguments(spec.args ?? ({} as A), taken)
      return withSession(context, flags, async (session) => {
        const result = await spec.read(session, flags, args)
        const found: FoundRecords<Row> = 'pages' in result ? result : { pages: result }
        const foundKind = (found.kind ?? kind) as RecordKind<Row>
        if (printedFieldNames(foundKind, flags, context.io)) return 0
        const isTable = context.io.stdout.isTerminal && flags.json === undefined && !isCsv(flags)
        if (isTable && found.heading) context.io.stdout.write(`${found.heading}\n`)
        const rowCount = await writeRecords(foundKind, found.pages, flags, session, {
          isFaint: spec.isFaint,
          emptyText: found.emptyText === undefined ? spec.emptyText : found.emptyText,
          areLines: spec.json === 'lines',
          recordEnd: found.recordEnd,
          write: spec.write && ((rows) => spec.write!(rows, flags, session)),
        })
        const footer = rowCount > 0 && isTable && found.footer?.()
        if (footer) await writeFooter(footer, context.io)
        found.finish?.()
        if (session.hasFailed()) return session.exitCode()
        return flags.exitCode && rowCount === 0 ? EXIT_FAILED : 0
      })
    },
  }
}

/** What is too wide for the terminal is broken between words; what is drawn fits already. */
async function writeFooter(text: string, { stdout }: Io): Promise<void> {
  const { widthOf, wrapWords } = await import('../format/table.js')
  const columns = stdout.columns || 100
  const isLong = (line: string) => !line.includes('\x1b') && widthOf(line) > columns
  const lines = text.split('\n').flatMap((line) => (isLong(line) ? wrapWords(line, columns) : [line]))
  stdout.write(`${lines.join('\n')}\n`)
}

export interface RecordCommand<Row, F extends Flags, A extends Arguments> extends RecordLook<Row, F, A> {
  read(session: Session, flags: RecordFlags<F>, args: ArgumentValues<A>): Row | Promise<Row>
  /** How it is printed when neither JSON nor fields are asked for; else as a sheet of its fields. */
  readonly write?: (row: Row, flags: RecordFlags<F>, session: Session) => void | Promise<void>
}

/** A command that prints one record: a sheet of its fields, or one JSON object. */
export function defineRecordCommand<Row, F extends Flags = None, A extends Arguments = None>(
  spec: RecordCommand<Row, F, A> & { kind: RecordKind<Row> },
): Command {
  return {
    ...describeCommand({ ...spec, flags: { ...spec.flags, ...RECORD_FLAGS } }),
    jsonForms: formsOf(spec, 'object'),
    async run(context, untypedFlags, words) {
      const flags = untypedFlags as RecordFlags<F>
      const { kind } = spec
      const taken = takeBackArguments(kind, flags, spec.args, words)
      if (printedFieldNames(kind, flags, context.io)) return 0
      const args = bindArguments(spec.args ?? ({} as A), taken)
      return withSession(context, flags, async (session) => {
        const row = await readOrNull(flags.json !== undefined, context.io, () =>
          spec.read(session, flags, args),
        )
        const isPlain = flags.json === undefined && flags.fields === undefined
        if (isPlain && spec.write) await spec.write(row, flags, session)
        else await writeRecord(kind, row, flags, session)
        return session.exitCode()
      })
    },
  }
}

function kindOf<Row, F extends Flags, A extends Arguments>(
  { kind }: RecordLook<Row, F, A>,
  flags: RecordFlags<F>,
): RecordKind<Row> | undefined {
  return typeof kind === 'function' ? kind(flags) : kind
}

function formsOf<Row, F extends Flags, A extends Arguments>(
  spec: RecordLook<Row, F, A>,
  shape: JsonForm['shape'],
): JsonForm[] {
  const names = spec.variesBy === undefined ? [] : [spec.variesBy].flat()
  const formOf = (values: Record<string, unknown>): JsonForm => ({
    shape,
    record: kindOf(spec, values as RecordFlags<F>),
  })
  const forms = names.flatMap((name) => {
    const flag = spec.flags?.[name]
    if (flag?.form === 'on') return { ...formOf({ [name]: true }), suffix: name, argv: [`--${name}`] }
    if (flag?.form === 'off') {
      return { ...formOf({ [name]: false }), suffix: `no-${name}`, argv: [`--no-${name}`] }
    }
    return (flag?.choices ?? []).map((choice) => ({
      ...formOf({ [name]: flag?.isRepeatable ? [choice] : choice }),
      suffix: `${name}-${choice}`,
      argv: [`--${name}`, choice],
    }))
  })
  // A choice that is never without a value has no form without it.
  const isAlwaysChosen = names.some(
    (name) => spec.flags?.[name]?.choices && spec.flags[name].initial !== undefined,
  )
  return isAlwaysChosen ? forms : [formOf({}), ...forms]
}
