import { StateError } from '../errors.js'
import type { Entry, Program } from './command.js'

/** What a command line begins with. */
export type Found =
  | { kind: 'command'; path: string; entry: Entry; rest: readonly string[] }
  | { kind: 'group'; name: string; rest: readonly string[] }
  | { kind: 'program'; rest: readonly string[] }
  /** No command is called so, below the group or at all. */
  | { kind: 'unknown'; group: string | undefined; word: string }

/** The command, or group of commands, that the first words name. */
export function findCommand(program: Program, argv: readonly string[]): Found {
  const [first, second] = argv
  if (first === undefined || first.startsWith('-') || first === 'version')
    return { kind: 'program', rest: argv }
  const group = own(program.groups, first)
  if (!group) {
    const entry = own(program.commands, first)
    if (!entry) return { kind: 'unknown', group: undefined, word: first }
    return { kind: 'command', path: first, entry, rest: argv.slice(1) }
  }
  if (second === undefined) return command(program, `${first} ${group.default}`, [])
  if (second === '--help' || second === '-h') return { kind: 'group', name: first, rest: argv.slice(1) }
  if (second.startsWith('-')) return command(program, `${first} ${group.default}`, argv.slice(1))
  const name = own(program.commands, `${first} ${second}`) || second !== 'ls' ? second : 'list'
  if (own(program.commands, `${first} ${name}`)) return command(program, `${first} ${name}`, argv.slice(2))
  if (group.ofThread !== undefined && LIKE_A_THREAD.test(second)) {
    return command(program, `${first} ${group.ofThread}`, argv.slice(1))
  }
  return { kind: 'unknown', group: first, word: second }
}

/** A title could be a misspelled command; an id cannot. */
const LIKE_A_THREAD = /^(last|(?=[a-f-]*\d)[\da-f-]{4,})$/i

function command(program: Program, path: string, rest: readonly string[]): Found {
  return { kind: 'command', path, entry: program.commands[path]!, rest }
}

/** `constructor` is no command. */
function own<Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

/** What is below a group, or what a program begins with: names and summaries, in order. */
export function listBelow(program: Program, group?: string): { name: string; summary: string }[] {
  const below = new Map<string, string>()
  for (const [path, { summary, isHidden }] of Object.entries(program.commands)) {
    const [first, second] = path.split(' ') as [string, string | undefined]
    if (isHidden) continue
    if (group === undefined) below.set(first, program.groups[first]?.summary ?? summary)
    else if (group === first && second !== undefined) below.set(second, summary)
  }
  return [...below].map(([name, summary]) => ({ name, summary }))
}

/** What to say of a word that is no command; with the one that it could have been meant for. */
export async function explainUnknown(
  program: Program,
  { group, word }: Extract<Found, { kind: 'unknown' }>,
): Promise<StateError> {
  const { findSimilar } = await import('./parse.js')
  const names = listBelow(program, group).map(({ name }) => name)
  const typed = group === undefined ? word : `${group} ${word}`
  const similar = findSimilar(word, names)
  return new StateError('USAGE', `unknown command '${typed}'${similar && ` (did you mean ${similar}?)`}`, {
    hint: `Commands: ${names.join(', ')}. See --help.`,
  })
}
