import type { RecordKind } from '../format/fields.js'
import type { TableName } from '../schema/files.js'
import { bindArguments } from './arguments.js'
import type { Arguments, ArgumentValues, Flags, FlagValues, None } from './flags.js'
import type { Io } from './io.js'

/** A command in a program's table: what `--help` says of it, and where the rest is. */
export interface Entry {
  readonly summary: string
  /** Only the command that runs is loaded, so that a start costs the same however many there are. */
  load(): Promise<{ readonly command: Command }>
  /** Not in `--help`. */
  readonly isHidden?: true
}

/** Commands that begin with the same word. */
export interface Group {
  readonly summary: string
  /** The command that the word alone is. */
  readonly default: string
  /** The command that is meant by the word and the beginning of a thread's id, or `last`. */
  readonly ofThread?: string
}

/** One of the two programs: all that is known of it without loading a command. */
export interface Program {
  readonly name: string
  readonly summary: string
  readonly examples: string
  readonly groups: Readonly<Record<string, Group>>
  /** The command that is run, before a word of help, when nothing is typed. */
  readonly default?: string
  /** By path (`threads list`), in the order of `--help`. */
  readonly commands: Readonly<Record<string, Entry>>
}

/** What a command's work gets of its surroundings. */
export interface CommandContext {
  readonly io: Io
  readonly program: Program
}

/** Kinds of all sorts of rows, where only their fields are looked at. */
// biome-ignore lint/suspicious/noExplicitAny: a kind of one row is no kind of another.
export type AnyKind = RecordKind<any>

/** A JSON Schema (https://json-schema.org/draft/2020-12), as far as it is used here. */
export type JsonSchema = { readonly [keyword: string]: unknown }

/** One form of what `--json` prints: its schema is drawn from it. */
export interface JsonForm {
  /** Behind the command's path in the name of the schema: `by-day`. */
  readonly suffix?: string
  /** The flags that ask for this form. */
  readonly argv?: readonly string[]
  /** The schema's whole name, where several commands share it. */
  readonly name?: string
  /** One array, one object, or one object a line. */
  readonly shape: 'array' | 'object' | 'lines'
  /** What a record has; `undefined` where only the database knows. */
  readonly record: AnyKind | JsonSchema | undefined
}

/** What every command says of itself. */
export interface CommandLook<F extends Flags, A extends Arguments> {
  /** Command lines for `--help`, without the name of the program. */
  readonly examples: readonly string[]
  readonly args?: A
  readonly flags?: F
  /** Paragraphs behind the flags in `--help`. */
  readonly notes?: string
  /** The tables that are asked, so that one looks where a change of layout is felt. */
  readonly tables?: readonly TableName[]
  /** What a run may change, in words. A command without it is held to change nothing. */
  readonly writes?: string
  /** When the exit code is 1, in words. */
  readonly exitsWith1?: string
}

/** A command as the registry, the parser, `--help`, completion, the manual, the schemas and tests see it. */
export interface Command {
  readonly examples: readonly string[]
  readonly args: Arguments
  readonly flags: Flags
  readonly notes: string | undefined
  readonly tables: readonly TableName[]
  readonly writes: string | undefined
  readonly exitsWith1: string | undefined
  readonly jsonForms: readonly JsonForm[]
  /** Gives the exit code. */
  run(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number>
}

export interface TextCommand<F extends Flags, A extends Arguments> extends CommandLook<F, A> {
  readonly jsonForms?: readonly JsonForm[]
  /** Gives the exit code. */
  run(context: CommandContext, flags: FlagValues<F>, args: ArgumentValues<A>): Promise<number> | number
}

/** A command that writes whatever it likes. Those that print records are in records.ts. */
export function defineTextCommand<F extends Flags = None, A extends Arguments = None>(
  spec: TextCommand<F, A>,
): Command {
  return {
    ...describeCommand(spec),
    jsonForms: spec.jsonForms ?? [],
    async run(context, flags, words) {
      const args = bindArguments(spec.args ?? ({} as A), words)
      return spec.run(context, flags as FlagValues<F>, args)
    },
  }
}

export function describeCommand<F extends Flags, A extends Arguments>(
  spec: CommandLook<F, A>,
): Omit<Command, 'run' | 'jsonForms'> {
  return {
    examples: spec.examples,
    args: spec.args ?? {},
    flags: spec.flags ?? {},
    notes: spec.notes,
    tables: spec.tables ?? [],
    writes: spec.writes,
    exitsWith1: spec.exitsWith1,
  }
}
