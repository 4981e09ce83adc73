import { StateError } from '../errors.js'
import { dashed, type Flag, type Flags, formatFlag } from './flags.js'

const SEE_HELP = { hint: 'See --help.' }

/** A command line taken apart: flags by name, and the words that are none of theirs. */
export interface ParsedLine {
  readonly flags: Record<string, unknown>
  readonly words: readonly string[]
  readonly wantsHelp: boolean
}

/** What one spelling of a flag means: it takes a value, or says `true` or `false` by itself. */
interface Spelling {
  readonly name: string
  readonly flag: Flag
  readonly takes: 'value' | 'optional' | 'nothing'
  readonly says: boolean
}

/**
 * Takes apart what stands behind a command's name: `--limit 5`, `--limit=5`, `-n 5`, `-n5`, `-qn5`, in any order and
 * between the words; behind `--` are words alone. A value may begin with a dash, an optional one only as a number.
 *
 * @throws {StateError} `USAGE`
 */
export function parseLine(declared: Flags, argv: readonly string[]): ParsedLine {
  const spellings = spellAll(declared)
  const flags: Record<string, unknown> = {}
  const words: string[] = []
  const left = [...argv]
  while (left.length > 0) {
    const typed = left.shift()!
    if (typed === '--') {
      words.push(...left)
      break
    }
    if (typed === '-' || !typed.startsWith('-')) {
      words.push(typed)
      continue
    }
    const { spelling, value, rest } = findSpelling(spellings, typed)
    if (!spelling) {
      if (!NEGATIVE_NUMBER.test(typed)) throw explainUnknownFlag(spellings, typed)
      words.push(typed)
      continue
    }
    if (rest !== undefined) left.unshift(rest)
    const { name, flag, takes, says } = spelling
    if (takes === 'nothing') {
      flags[name] = says
      continue
    }
    const given = value ?? (takes === 'value' || isValue(left[0]) ? left.shift() : undefined)
    if (given !== undefined) flags[name] = readValue(name, flag, given, flags[name])
    else if (takes === 'optional') flags[name] = true
    else throw new StateError('USAGE', `${formatFlag(name, flag)}: its value is missing`, SEE_HELP)
  }
  const { [HELP]: wantsHelp, ...typedFlags } = flags
  for (const [name, { initial }] of Object.entries(declared)) {
    if (initial !== undefined && typedFlags[name] === undefined) typedFlags[name] = initial
  }
  return { flags: typedFlags, words, wantsHelp: wantsHelp === true }
}

/** No flag can be named so. */
const HELP = '--help'

const NEGATIVE_NUMBER = /^-(\d+|\d*\.\d+)(e[+-]?\d+)?$/i

function isValue(word: string | undefined): boolean {
  return word !== undefined && (word === '-' || !word.startsWith('-') || NEGATIVE_NUMBER.test(word))
}

/** `-q`, `--limit`, `--no-pager`: all that can be typed. */
function spellAll(declared: Flags): Map<string, Spelling> {
  const spellings = new Map<string, Spelling>()
  for (const [name, flag] of Object.entries(declared)) {
    const { form, short, alias } = flag
    const long = dashed(name)
    const takes = form === 'value' || form === 'optional' ? form : 'nothing'
    const positive = { name, flag, takes, says: true } as const
    if (short !== undefined) spellings.set(`-${short}`, positive)
    if (form !== 'off') spellings.set(`--${long}`, positive)
    if (alias !== undefined) spellings.set(`--${alias}`, positive)
    if (form === 'off' || form === 'either') spellings.set(`--no-${long}`, { ...positive, says: false })
  }
  const help = { name: HELP, flag: { form: 'on', text: '' }, takes: 'nothing', says: true } as const
  return spellings.set('-h', help).set('--help', help)
}

interface Typed {
  readonly spelling?: Spelling | undefined
  /** What stands in the same word. */
  readonly value?: string
  /** More letters behind a switch: `-qn5` is `-q -n5`. */
  readonly rest?: string
}

function findSpelling(spellings: ReadonlyMap<string, Spelling>, typed: string): Typed {
  const whole = spellings.get(typed)
  if (whole) return { spelling: whole }
  if (typed.startsWith('--')) {
    const [, long = '', value = ''] = /^(--[^=]+)=(.*)$/s.exec(typed) ?? []
    const spelling = spellings.get(long)
    return spelling && spelling.takes !== 'nothing' ? { spelling, value } : {}
  }
  const spelling = spellings.get(typed.slice(0, 2))
  if (!spelling) return {}
  return spelling.takes === 'nothing'
    ? { spelling, rest: `-${typed.slice(2)}` }
    : { spelling, value: typed.slice(2) }
}

function explainUnknownFlag(spellings: ReadonlyMap<string, Spelling>, typed: string): StateError {
  const long = [...spellings.keys()].filter((spelling) => spelling.startsWith('--'))
  const similar =
    typed.startsWith('--') &&
    findSimilar(
      typed.slice(2),
      long.map((spelling) => spelling.slice(2)),
    )
  const meant = similar ? ` (did you mean --${similar}?)` : ''
  return new StateError('USAGE', `unknown option '${typed}'${meant}`, SEE_HELP)
}

function readValue(name: string, flag: Flag, text: string, before: unknown): unknown {
  if (flag.isRepeatable && flag.choices && text.includes(',')) {
    return text.split(',').reduce((values: unknown, part) => readValue(name, flag, part, values), before)
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
  return flag.isRepeatable ? [...(Array.isArray(before) ? before : []), value] : value
}

function invalidValue(name: string, flag: Flag, text: string, sentence: string): StateError {
  return new StateError('USAGE', `${formatFlag(name, flag)}: '${text}' is not valid`, {
    hint: `${sentence}.`,
  })
}

/** Three letters wrong at most, and more of them right than wrong. */
const MAX_EDITS = 3
const MIN_SHARE_ALIKE = 0.4

/** The word among those that a typing error could have been meant for; `''` when there is none. */
export function findSimilar(typed: string, words: readonly string[]): string {
  const near = words.flatMap((word) => {
    const edits = countEdits(typed, word)
    const length = Math.max(typed.length, word.length)
    const isNear = word.length > 1 && edits <= MAX_EDITS && (length - edits) / length > MIN_SHARE_ALIKE
    return isNear ? [{ word, edits }] : []
  })
  near.sort((a, b) => a.edits - b.edits || (a.word < b.word ? -1 : 1))
  return near[0]?.word ?? ''
}

/** Letters added, dropped, changed, or two that changed places: the Damerau–Levenshtein distance. */
function countEdits(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let at = 1; at <= from.length; at++) {
    const row = [at]
    for (let other = 1; other <= to.length; other++) {
      const isSame = from[at - 1] === to[other - 1]
      const isSwapped =
        at > 1 && other > 1 && from[at - 1] === to[other - 2] && from[at - 2] === to[other - 1]
      row[other] = Math.min(
        last[other]! + 1,
        row[other - 1]! + 1,
        last[other - 1]! + (isSame ? 0 : 1),
        isSwapped ? beforeLast[other - 2]! + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = row
  }
  return last[to.length]!
}
