import { Command as Commander, CommanderError, Option } from 'commander'
import { StateError } from '../errors.js'
import { camelCased, dashed, type Flag, type Flags, formatFlag } from './flags.js'

const SEE_HELP = { hint: 'See --help.' }

/** A command line taken apart: flags by name, and the words that are none of theirs. */
export interface ParsedLine {
  readonly flags: Record<string, unknown>
  readonly words: readonly string[]
  readonly wantsHelp: boolean
}

/**
 * Takes apart what stands behind a command's name. commander does it, out of the command's own description; what it
 * would print or end by itself is turned into an error of ours.
 *
 * @throws {StateError} `USAGE`
 */
export function parseLine(declared: Flags, argv: readonly string[]): ParsedLine {
  return attempt(declared, () => {
    try {
      return parseWith(pickTyped(declared, argv), declared, argv)
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error
      // What it suggests is any flag.
      return parseWith(declared, declared, argv)
    }
  })
}

function parseWith(known: Flags, declared: Flags, argv: readonly string[]): ParsedLine {
  const commander = createCommander().helpOption(false).option('-h, --help').argument('[words...]')
  for (const [name, flag] of Object.entries(known)) {
    for (const option of optionsOf(name, flag)) commander.addOption(option)
  }
  commander.parse(argv, { from: 'user' })
  const { help, ...flags } = commander.opts()
  for (const [name, { initial }] of Object.entries(declared)) {
    if (initial !== undefined && flags[name] === undefined) flags[name] = initial
  }
  return { flags, words: commander.args, wantsHelp: help === true }
}

/**
 * The flags that the line may name. To tell commander of all fifty that a
 * command has would take a tenth of the time of its whole run.
 */
function pickTyped(declared: Flags, argv: readonly string[]): Flags {
  const typed = argv.filter((word) => word.startsWith('-'))
  const longs = new Set(typed.map((word) => camelCased(word.replace(/^--(no-)?|=.*/gs, ''))))
  const letters = new Set(typed.filter((word) => !word.startsWith('--')).join(''))
  const isTyped = ([name, { short, alias = name }]: [string, Flag]) =>
    longs.has(name) || longs.has(alias) || (short !== undefined && letters.has(short))
  return Object.fromEntries(Object.entries(declared).filter(isTyped))
}

/** The word among those that a typing error could have been meant for; `''` when there is none. */
export function findSimilar(typed: string, words: readonly string[]): string {
  const commander = createCommander()
  for (const word of words) commander.command(word).action(() => {})
  try {
    commander.parse([typed], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return suggestionIn(error.message)
    throw error
  }
  return ''
}

function createCommander(): Commander {
  return new Commander()
    .exitOverride()
    .configureOutput({ writeOut() {}, writeErr() {} })
    .helpCommand(false)
}

/** A second long name of a flag. */
class Alias extends Option {
  constructor(
    spelling: string,
    private readonly flagName: string,
  ) {
    super(spelling)
  }

  override attributeName(): string {
    return this.flagName
  }
}

/** A flag that can be said both ways is two options, and so is one with a second name. */
function optionsOf(name: string, flag: Flag): Option[] {
  const { form, short, alias, placeholder } = flag
  const long = dashed(name)
  const value = placeholder === undefined ? '' : ` ${placeholder}`
  const options: Option[] = []
  if (form !== 'off') options.push(new Option(`${short === undefined ? '' : `-${short}, `}--${long}${value}`))
  if (alias !== undefined) options.push(new Alias(`--${alias}${value}`, name))
  if (form === 'off' || form === 'either') options.push(new Option(`--no-${long}`))
  for (const option of options) {
    if (value !== '') option.argParser((text: string, before: unknown) => readValue(name, flag, text, before))
  }
  return options
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

/** What commander says, in our words. */
function attempt<Result>(declared: Flags, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    const [, what = ''] = /'(.*?)'/s.exec(error.message) ?? []
    switch (error.code) {
      case 'commander.unknownOption': {
        const similar = suggestionIn(error.message)
        throw new StateError(
          'USAGE',
          `unknown option '${what}'${similar && ` (did you mean ${similar}?)`}`,
          SEE_HELP,
        )
      }
      case 'commander.optionMissingArgument':
        throw new StateError('USAGE', `${spellFlag(declared, what)}: missing value`, SEE_HELP)
      default:
        throw new StateError('USAGE', error.message.replace(/^error: /, ''), SEE_HELP)
    }
  }
}

/** All spellings of the flag that commander names by one of them. */
function spellFlag(declared: Flags, what: string): string {
  const [, long] = /--([\w-]+)/.exec(what) ?? []
  const found = Object.entries(declared).find(([name, { alias }]) => dashed(name) === long || alias === long)
  return found ? formatFlag(...found) : what
}

function suggestionIn(message: string): string {
  return /\(Did you mean (?:one of )?(.*?)[,?]/.exec(message)?.[1] ?? ''
}
