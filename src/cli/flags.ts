import { StateError } from '../errors.js'
import type { ValueKind } from '../inspect/completions.js'

/** What Tab offers in the place of a value: words of ours, what the home holds, or what the shell knows of files. */
export type Source =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'stored'; values: ValueKind }
  | { kind: 'files' }
  | { kind: 'folders' }

/** One flag: its form on the command line, its line in `--help`, and the type of its value. */
export interface Flag<Value = unknown> {
  /** `on`: a switch; `off`: `--no-x`, which makes `x` false; `either`: `--x` and `--no-x`. */
  readonly form: 'on' | 'off' | 'either' | 'value' | 'optional'
  readonly text: string
  /** For `either`: what `--no-x` means. */
  readonly offText?: string
  /** `<dir>`, `[fields]`: as it is shown behind the name. */
  readonly placeholder?: string
  /** One letter. */
  readonly short?: string
  /** A second long name, without dashes. */
  readonly alias?: string
  /** Every use adds to a list. */
  readonly isRepeatable?: boolean
  readonly choices?: readonly string[]
  /** What the flag is when it is not typed. */
  readonly initial?: unknown
  /** What is wrong with a value it says in a sentence. */
  readonly parse?: (text: string) => unknown
  readonly completes?: Source
  /** Heading in `--help`. */
  readonly group?: string
  /** Never there: it carries the type. */
  readonly valueType?: Value
}

/** Flags by their name in camel case: `codexHome` is `--codex-home`. */
export type Flags = Readonly<Record<string, Flag>>

/** Of a command that has no flags, or no arguments, of its own. */
export type None = Readonly<Record<never, never>>

/** What a command's `read` gets. */
export type FlagValues<F extends Flags> = {
  -readonly [Name in keyof F]: F[Name] extends Flag<infer Value> ? Value : never
}

type Look = Pick<Flag, 'short' | 'alias' | 'completes'>

/** A switch: `true` when typed. */
export function onFlag(text: string, look: Look = {}): Flag<true | undefined> {
  return { form: 'on', text, ...look }
}

/** `--no-x`: `false` when typed, else `true`. The name is given without `no`. */
export function offFlag(text: string): Flag<boolean> {
  return { form: 'off', text, initial: true }
}

/** `--x` and `--no-x`; `undefined` when neither is typed. */
export function eitherFlag(text: string, offText: string, look: Look = {}): Flag<boolean | undefined> {
  return { form: 'either', text, offText, ...look }
}

export function textFlag(placeholder: string, text: string, look: Look = {}): Flag<string | undefined> {
  return { form: 'value', placeholder, text, ...look }
}

/** Repeatable: every use adds a value. */
export function listFlag(placeholder: string, text: string, look: Look = {}): Flag<string[] | undefined> {
  return { form: 'value', placeholder, text, isRepeatable: true, ...look }
}

/** `--x` or `--x=value`; `true` without a value. A word behind it is its value where it does not begin with `-`. */
export function optionalFlag(
  placeholder: string,
  text: string,
  look: Look = {},
): Flag<string | true | undefined> {
  return { form: 'optional', placeholder, text, ...look }
}

export function choiceFlag<const Choice extends string>(
  placeholder: string,
  choices: readonly Choice[],
  text: string,
  look?: Look,
): Flag<Choice | undefined>
export function choiceFlag<const Choice extends string>(
  placeholder: string,
  choices: readonly Choice[],
  text: string,
  look: Look & { initial: Choice },
): Flag<Choice>
export function choiceFlag(
  placeholder: string,
  choices: readonly string[],
  text: string,
  look: Look & { initial?: string } = {},
): Flag<string | undefined> {
  return { form: 'value', placeholder, text, choices, ...look }
}

/** Repeatable, or several with commas between them. */
export function choicesFlag<const Choice extends string>(
  placeholder: string,
  choices: readonly Choice[],
  text: string,
): Flag<Choice[] | undefined> {
  return { form: 'value', placeholder, text, choices, isRepeatable: true }
}

/** A value that is more than text: `parse` throws an `Error` whose message says in a sentence what it must be. */
export function parsedFlag<Value>(
  placeholder: string,
  text: string,
  parse: (text: string) => Value,
  look?: Look,
): Flag<Value | undefined>
export function parsedFlag<Value>(
  placeholder: string,
  text: string,
  parse: (text: string) => Value,
  look: Look & { initial: Value },
): Flag<Value>
export function parsedFlag<Value>(
  placeholder: string,
  text: string,
  parse: (text: string) => Value,
  look: Look & { initial?: Value } = {},
): Flag<Value | undefined> {
  return { form: 'value', placeholder, text, parse, ...look }
}

/** The same flags under a heading of their own in `--help`. */
export function groupFlags<F extends Flags>(group: string, flags: F): F {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, { ...flag, group }])) as F
}

/** One argument. Which is which is decided by their order. */
export interface Argument<Value = unknown> {
  readonly form: 'required' | 'optional' | 'rest'
  readonly text: string
  /** What to do when a required one is missing, or is none of the choices; a sentence. */
  readonly hint?: string
  readonly choices?: readonly string[]
  readonly completes?: Source
  /** A value that means something in any home, for tests that run every command. */
  readonly example?: string
  readonly valueType?: Value
}

export type Arguments = Readonly<Record<string, Argument>>

export type ArgumentValues<A extends Arguments> = {
  -readonly [Name in keyof A]: A[Name] extends Argument<infer Value> ? Value : never
}

type ArgumentLook = Pick<Argument, 'hint' | 'completes' | 'example'>

export function requiredArgument(text: string, look: ArgumentLook = {}): Argument<string> {
  return { form: 'required', text, ...look }
}

export function optionalArgument(text: string, look: ArgumentLook = {}): Argument<string | undefined> {
  return { form: 'optional', text, ...look }
}

export function choiceArgument<const Choice extends string>(
  choices: readonly [Choice, ...Choice[]],
  { text, plural }: { text: string; plural: string },
): Argument<Choice> {
  return { form: 'required', text, choices, hint: `${plural}: ${choices.join(', ')}.`, example: choices[0] }
}

/** All words that are left; only the last argument can be one. */
export function restArgument(text: string, look: ArgumentLook = {}): Argument<string[]> {
  return { form: 'rest', text, ...look }
}

/** `codex-home` → `codexHome`. */
export function camelCased(long: string): string {
  return long.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** `codexHome` → `codex-home`. */
export function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** The flag as `--help` and errors show it: `-n, --limit <n>`. */
export function formatFlag(name: string, { form, short, alias, placeholder }: Flag): string {
  const long = `--${form === 'off' ? 'no-' : ''}${dashed(name)}`
  const names = [short && `-${short}`, alias && `--${alias}`, long].filter(Boolean).join(', ')
  return placeholder === undefined ? names : `${names} ${placeholder}`
}

export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new StateError('USAGE', 'It must be a whole number, 0 or more')
  return Number(text)
}

export function parsePositive(text: string): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) === 0) {
    throw new StateError('USAGE', 'It must be a whole number, 1 or more')
  }
  return Number(text)
}

const SPAN_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `90s`, `5m`, `1h30m`, `1.5h`, in milliseconds. */
export function parseSpan(text: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)/gy)]
  if (parts.length === 0 || parts.reduce((sum, [part]) => sum + part.length, 0) !== text.trim().length) {
    throw new StateError('USAGE', 'It must be a span of time, such as 90s, 5m, 1h30m')
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * SPAN_MS[unit!]!, 0)
}

/** A number that is 0 or more. */
export function parseAmount(text: string): number {
  if (!/^\d{1,15}(?:\.\d{1,9})?$/.test(text.trim()))
    throw new StateError('USAGE', 'It must be a number, 0 or more')
  return Number(text)
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1e3,
  kb: 1e3,
  kib: 1024,
  m: 1e6,
  mb: 1e6,
  mib: 1024 ** 2,
  g: 1e9,
  gb: 1e9,
  gib: 1024 ** 3,
  t: 1e12,
  tb: 1e12,
  tib: 1024 ** 4,
}

/** `5GB`, `500 MiB`, `1.5g`, or bytes. */
export function parseSize(text: string): number {
  const [, amount, unit = 'b'] = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/i.exec(text.trim()) ?? []
  const factor = Object.hasOwn(SIZE_UNITS, unit.toLowerCase()) ? SIZE_UNITS[unit.toLowerCase()] : undefined
  if (amount === undefined || factor === undefined) {
    throw new StateError('USAGE', 'It must be a size, such as 5GB, 500MiB')
  }
  return Math.round(Number(amount) * factor)
}
