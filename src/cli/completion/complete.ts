import { escapeForTerminal, isSafeOnTerminal } from '../../format/escape.js'
import { readCompletions } from '../../inspect/completions.js'
import type { Command, Program } from '../command.js'
import { dashed, type Flag, type Flags, type Source } from '../flags.js'
import { itemsOf } from '../help.js'
import type { HomeFlags } from '../home-flags.js'
import { resolveHomeOptions } from '../home-options.js'
import type { Io } from '../io.js'
import { listBelow } from '../registry.js'

interface Candidate {
  value: string
  description: string
}

/**
 * What could stand in the place of the last word. The first line says what follows: `values`, each with its
 * description behind a tab, or that the shell's own `files` or `folders` fit. Empty when nothing does, or
 * when anything goes wrong: somebody who types is not to be disturbed.
 *
 * @param words behind the name of the program; the last is the one that is being typed
 */
export async function complete(program: Program, words: readonly string[], io: Io): Promise<string> {
  try {
    const place = await findPlace(program, words)
    if (place.source?.kind === 'files' || place.source?.kind === 'folders') return `${place.source.kind}\n`
    const candidates = [...place.candidates, ...readSource(place, io)]
    const lines = candidates
      // A value that would break the line, or drive the terminal, cannot be offered.
      .filter(({ value }) => value.startsWith(place.typed) && value !== '' && isSafeOnTerminal(value))
      .map(({ value, description }) => `${place.prefix}${value}\t${summarize(description)}\n`)
    return lines.length === 0 ? '' : `values\n${lines.join('')}`
  } catch {
    return ''
  }
}

interface Place {
  /** What is there of the value. */
  typed: string
  /** What stands before it in the same word: `--level=`. */
  prefix: string
  candidates: readonly Candidate[]
  source: Source | undefined
  home: HomeFlags
}

async function findPlace(program: Program, words: readonly string[]): Promise<Place> {
  const typed = words.at(-1) ?? ''
  const { group, command, rest } = await findTyped(program, words.slice(0, -1))
  const home: HomeFlags = {}
  const nothing: Place = { prefix: '', typed, candidates: [], source: undefined, home }
  if (!command) {
    return typed.startsWith('-')
      ? { ...nothing, candidates: HELP_FLAGS }
      : { ...nothing, candidates: listCommands(program, group) }
  }

  let argumentCount = 0
  let isPastFlags = false
  let pending: Spelled | undefined
  const used = new Set<string>()
  const note = (name: string, value: string) => {
    if (name === 'codexHome' || name === 'db') home[name] = value
  }
  for (const word of rest) {
    if (pending) {
      note(pending.name, word)
      pending = undefined
    } else if (word === '--') {
      isPastFlags = true
    } else if (word.startsWith('-') && word !== '-' && !isPastFlags) {
      const [spelling, ...value] = word.split('=')
      const found = findFlag(command.flags, spelling!)
      if (!found) continue
      used.add(found.name)
      if (value.length > 0) note(found.name, value.join('='))
      else if (takesValue(found.flag)) pending = found
    } else {
      argumentCount++
    }
  }

  if (pending && (pending.flag.form === 'value' || !typed.startsWith('-'))) {
    return { ...nothing, source: sourceOf(pending.flag) }
  }
  const assigned = /^(--[^=]+=)(.*)$/s.exec(typed)
  if (assigned && !isPastFlags) {
    const found = findFlag(command.flags, assigned[1]!.slice(0, -1))
    return { ...nothing, prefix: assigned[1]!, typed: assigned[2]!, source: found && sourceOf(found.flag) }
  }
  if (typed.startsWith('-') && !isPastFlags) {
    return { ...nothing, candidates: [...listFlags(command.flags, used), ...HELP_FLAGS] }
  }
  const argument = Object.values(command.args)[argumentCount]
  return {
    ...nothing,
    // Behind a group's name stands one of its commands, or what its default command takes.
    candidates: group !== undefined && rest.length === 0 ? listCommands(program, group) : [],
    source: argument && sourceOf(argument),
  }
}

/** The command that is typed, or the group's default one, and the words behind it. */
async function findTyped(
  program: Program,
  words: readonly string[],
): Promise<{ group: string | undefined; command: Command | undefined; rest: readonly string[] }> {
  const [first = '', second = ''] = words
  const group = Object.hasOwn(program.groups, first) ? first : undefined
  const path = group === undefined ? first : `${first} ${second}`
  const load = async (name: string) =>
    Object.hasOwn(program.commands, name) ? (await program.commands[name]!.load()).command : undefined
  const named = await load(path)
  if (named) return { group: undefined, command: named, rest: words.slice(path.split(' ').length) }
  if (group === undefined) return { group, command: undefined, rest: [] }
  const byDefault = await load(`${group} ${program.groups[group]!.default}`)
  return { group, command: byDefault, rest: words.slice(1) }
}

interface Spelled {
  name: string
  flag: Flag
}

function findFlag(flags: Flags, spelling: string): Spelled | undefined {
  for (const [name, flag] of Object.entries(flags)) {
    const spellings = [`--${dashed(name)}`, flag.short && `-${flag.short}`, flag.alias && `--${flag.alias}`]
    if (spellings.includes(spelling)) return { name, flag }
  }
  return undefined
}

function takesValue({ form }: Flag): boolean {
  return form === 'value' || form === 'optional'
}

const HELP_FLAGS: readonly Candidate[] = [{ value: '--help', description: 'print help' }]

function listCommands(program: Program, group: string | undefined): Candidate[] {
  return listBelow(program, group).map(({ name, summary }) => ({ value: name, description: summary }))
}

function listFlags(flags: Flags, used: ReadonlySet<string>): Candidate[] {
  return Object.entries(flags)
    .filter(([name, flag]) => !used.has(name) || flag.isRepeatable)
    .flatMap(([name, flag]) => itemsOf(name, flag))
    .flatMap(({ term, text }) =>
      (term.match(/--[a-z][-a-z]*/g) ?? []).map((value) => ({ value, description: text })),
    )
}

function sourceOf({ choices, completes }: Pick<Flag, 'choices' | 'completes'>): Source | undefined {
  return choices ? { kind: 'words', words: choices } : completes
}

function readSource({ source, typed, home }: Place, io: Io): Candidate[] {
  if (source?.kind === 'words') return source.words.map((value) => ({ value, description: '' }))
  if (source?.kind !== 'stored') return []
  const silent = { ...io, stderr: { ...io.stderr, write: () => {} } }
  // The shell has not replaced the ~ of a word that is still being typed.
  const absolute = (path: string | undefined) => path?.replace(/^~(?=\/|$)/, () => io.userHome)
  const flags = Object.fromEntries(Object.entries(home).map(([name, path]) => [name, absolute(path)]))
  const { databases } = resolveHomeOptions(flags, silent)
  return readCompletions(databases, source.values, typed)
}

function summarize(description: string): string {
  const line = escapeForTerminal(description.replaceAll(/\s+/g, ' ').trim())
  return line.length > 70 ? `${line.slice(0, 69)}…` : line
}
