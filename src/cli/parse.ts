import { StateError } from '../errors.js'
import {
  type Argument,
  type Arguments,
  type ArgumentValues,
  dashed,
  type Flag,
  type Flags,
  formatFlag,
} from './flags.js'

const SEE_HELP = { hint: 'See --help.' }

/** A command line taken apart: flags by name, and the words that are none of theirs. */
export interface ParsedLine {
  readonly flags: Record<string, unknown>
  readonly words: readonly string[]
  readonly wantsHelp: boolean
}

/** A flag as it is typed: `--no-pager` is the flag `pager`, turned off. */
interface Spelling {
  readonly name: string
  readonly flag: Flag
  readonly isOff: boolean
}

/**
 * Takes apart what stands behind a command's name: `--flag value`, `--flag=value`, `-n 5`, `-n5`, `-qn5`, and
 * words alone behind `--`.
 *
 * @throws {StateError} `USAGE`
 */
export function parseLine(declared: Flags, argv: readonly string[]): ParsedLine {
  const spellings = spellingsOf(declared)
  const flags: Record<string, unknown> = {}
  for (const [name, { initial }] of Object.entries(declared)) {
    if (initial !== undefined) flags[name] = initial
  }
  const words: string[] = []
  let wantsHelp = false
  const queue = [...argv]
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      words.push(...queue)
      break
    }
    if (!word.startsWith('-') || word === '-') {
      words.push(word)
      continue
    }
    if (word === '--help' || word === '-h') {
      wantsHelp = true
      continue
    }
    const [, typed = word, assigned] = /^(--[^=]*)=(.*)$/s.exec(word) ?? []
    const isCluster = !typed.startsWith('--')
    const spelling = spellings.get(isCluster ? typed.slice(0, 2) : typed)
    if (!spelling) throw unknownFlag(isCluster ? typed.slice(0, 2) : typed, spellings)
    const { name, flag, isOff } = spelling
    let rest = isCluster ? typed.slice(2) : assigned
    if (flag.form === 'value' || flag.form === 'optional') {
      if (isCluster && rest === '') rest = undefined
      const next = queue[0]
      if (rest === undefined && next !== undefined && (flag.form === 'value' || !next.startsWith('-'))) {
        rest = queue.shift()
      }
      if (rest === undefined && flag.form === 'value') {
        throw new StateError('USAGE', `${formatFlag(name, flag)}: its value is missing`, SEE_HELP)
      }
      setValue(flags, name, flag, rest)
      continue
    }
    if (!isCluster && rest !== undefined) {
      throw new StateError('USAGE', `${typed} takes no value`, SEE_HELP)
    }
    flags[name] = !isOff
    // The letters behind it are flags too.
    if (isCluster && rest) queue.unshift(`-${rest}`)
  }
  return { flags, words, wantsHelp }
}

/** Every way to type a flag. */
function spellingsOf(declared: Flags): Map<string, Spelling> {
  const spellings = new Map<string, Spelling>()
  for (const [name, flag] of Object.entries(declared)) {
    const long = dashed(name)
    const { form, short, alias } = flag
    if (form !== 'off') spellings.set(`--${long}`, { name, flag, isOff: false })
    if (form === 'off' || form === 'either') spellings.set(`--no-${long}`, { name, flag, isOff: true })
    if (short !== undefined) spellings.set(`-${short}`, { name, flag, isOff: false })
    if (alias !== undefined) spellings.set(`--${alias}`, { name, flag, isOff: false })
  }
  return spellings
}

function setValue(flags: Record<string, unknown>, name: string, flag: Flag, text: string | undefined): void {
  if (text === undefined) {
    flags[name] = true
    return
  }
  if (flag.choices && !flag.choices.includes(text)) {
    throw invalidValue(name, flag, text, `It must be one of ${flag.choices.join(', ')}`)
  }
  let value: unknown = text
  if (flag.parse) {
    try {
      value = flag.parse(text)
    } catch (error) {
      throw invalidValue(name, flag, text, (error as Error).message)
    }
  }
  flags[name] = flag.isRepeatable ? [...((flags[name] as unknown[] | undefined) ?? []), value] : value
}

function invalidValue(name: string, flag: Flag, text: string, sentence: string): StateError {
  return new StateError('USAGE', `${formatFlag(name, flag)}: '${text}' is not valid`, {
    hint: `${sentence}.`,
  })
}

function unknownFlag(typed: string, spellings: ReadonlyMap<string, Spelling>): StateError {
  const similar = findSimilar(typed, [...spellings.keys(), '--help'])
  return new StateError(
    'USAGE',
    `unknown option '${typed}'${similar && ` (did you mean ${similar}?)`}`,
    SEE_HELP,
  )
}

/** The word among those that a typing error could have been meant for; `''` when there is none. */
export function findSimilar(typed: string, words: readonly string[]): string {
  const allowed = Math.max(1, Math.floor(typed.length * 0.4))
  const [best] = words
    .map((word) => ({ word, steps: countEdits(typed, word) }))
    .filter(({ word, steps }) => steps <= allowed && word.length > 2)
    .sort((a, b) => a.steps - b.steps)
  return best?.word ?? ''
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
function countEdits(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 3 || a.length > 40) return Number.POSITIVE_INFINITY
  const rows = Array.from({ length: a.length + 1 }, (_, row) => {
    const line = new Array<number>(b.length + 1).fill(0)
    line[0] = row
    return line
  })
  for (let column = 0; column <= b.length; column++) rows[0]![column] = column
  for (let row = 1; row <= a.length; row++) {
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let steps = Math.min(
        rows[row - 1]![column]! + 1,
        rows[row]![column - 1]! + 1,
        rows[row - 1]![column - 1]! + cost,
      )
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        steps = Math.min(steps, rows[row - 2]![column - 2]! + 1)
      }
      rows[row]![column] = steps
    }
  }
  return rows[a.length]![b.length]!
}

/** @throws {StateError} `USAGE` for one that is missing, one too many, or one that is none of the choices */
export function bindArguments<A extends Arguments>(declared: A, words: readonly string[]): ArgumentValues<A> {
  const values: Record<string, unknown> = {}
  const left = [...words]
  for (const [name, argument] of Object.entries(declared)) {
    values[name] = argument.form === 'rest' ? left.splice(0) : bindArgument(name, argument, left.shift())
  }
  if (left.length > 0) {
    const count = Object.keys(declared).length
    const expected =
      count === 0 ? 'no arguments are' : count === 1 ? 'one argument is' : `${count} arguments are`
    throw new StateError('USAGE', `too many arguments: ${expected} expected, not '${left[0]}'`, SEE_HELP)
  }
  return values as ArgumentValues<A>
}

function bindArgument(name: string, { form, choices, hint }: Argument, word: string | undefined): unknown {
  if (word === undefined) {
    if (form === 'optional') return undefined
    const known = choices && `${name}s: ${choices.join(', ')}.`
    throw new StateError('USAGE', `missing argument: ${name}`, { hint: hint ?? known })
  }
  if (choices && !choices.includes(word)) {
    throw new StateError('USAGE', `'${word}' is not a ${name}`, { hint: `There are: ${choices.join(', ')}.` })
  }
  return word
}
