import { StateError } from '../errors.js'
import type { Argument, Arguments, ArgumentValues } from './flags.js'

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
    throw new StateError('USAGE', `too many arguments: ${expected} expected, not '${left[0]}'`, {
      hint: 'See --help.',
    })
  }
  return values as ArgumentValues<A>
}

function bindArgument(name: string, { form, choices, hint }: Argument, word: string | undefined): unknown {
  if (word === undefined) {
    if (form === 'optional') return undefined
    throw new StateError('USAGE', `missing argument: ${name}`, { hint })
  }
  if (choices && !choices.includes(word)) {
    throw new StateError('USAGE', `'${word}' is not supported`, { hint })
  }
  return word
}
