import type { Argument, Command, Option } from 'commander'
import { escapeForTerminal } from '../../format/escape.js'
import { readCompletions, type ValueKind } from '../../inspect/completions.js'
import { LOG_LEVELS } from '../../model/log.js'
import { LOG_FIELD_NAMES } from '../../model/log-records.js'
import type { HomeFlags } from '../home-flags.js'
import { resolveHomeOptions } from '../home-options.js'
import type { Io } from '../io.js'

/** What may stand in a place: words of ours, or whatever the shell itself knows of files. */
type Source =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'stored'; values: ValueKind }
  | { kind: 'files' }
  | { kind: 'folders' }

interface Candidate {
  value: string
  description: string
}

const LEVELS = LOG_LEVELS.map((level) => level.toLowerCase())
const TIMES = ['now', 'today', 'yesterday', '10m', '1h', '1d', '7d']

/** By long flag; what the placeholder alone says is below. */
const FLAG_SOURCES: Readonly<Record<string, Source>> = {
  '--thread-id': { kind: 'stored', values: 'thread-id' },
  '--target': { kind: 'stored', values: 'target' },
  '--module': { kind: 'stored', values: 'module' },
  '--file': { kind: 'stored', values: 'file' },
  '--process': { kind: 'stored', values: 'process' },
  '--source': { kind: 'stored', values: 'source' },
  '--provider': { kind: 'stored', values: 'provider' },
  '--branch': { kind: 'stored', values: 'branch' },
  '--backfill': { kind: 'words', words: ['all', '0', '50', '200', '1000'] },
}

/** By placeholder of a flag's value or name of an argument. */
const PLACEHOLDER_SOURCES: Readonly<Record<string, Source>> = {
  dir: { kind: 'folders' },
  file: { kind: 'files' },
  level: { kind: 'words', words: LEVELS },
  time: { kind: 'words', words: TIMES },
  names: { kind: 'words', words: LOG_FIELD_NAMES },
  thread: { kind: 'stored', values: 'thread' },
  name: { kind: 'stored', values: 'table' },
}

/** All controls, and the marks that turn the direction of text. */
const UNSAFE = /[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/

/**
 * What could stand in the place of the last word. The first line says what follows: `values`, each with its
 * description behind a tab, or that the shell's own `files` or `folders` fit. Empty when nothing does, or
 * when anything goes wrong: somebody who types is not to be disturbed.
 *
 * @param words behind the name of the program; the last is the one that is being typed
 */
export function complete(program: Command, words: readonly string[], io: Io): string {
  try {
    const place = findPlace(program, words)
    if (place.source?.kind === 'files' || place.source?.kind === 'folders') return `${place.source.kind}\n`
    const candidates = [...place.candidates, ...readSource(place, io)]
    const lines = candidates
      // A value that would break the line, or drive the terminal, cannot be offered.
      .filter(({ value }) => value.startsWith(place.typed) && value !== '' && !UNSAFE.test(value))
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

function findPlace(program: Command, words: readonly string[]): Place {
  let command = program
  let argumentCount = 0
  let isPastOptions = false
  let pending: Option | undefined
  const used = new Set<Option>()
  const home: HomeFlags = {}
  const note = (option: Option, value: string) => {
    if (option.long === '--codex-home') home.codexHome = value
    if (option.long === '--db') home.db = value
  }
  for (const word of words.slice(0, -1)) {
    if (pending) {
      note(pending, word)
      pending = undefined
    } else if (word === '--') {
      isPastOptions = true
    } else if (word.startsWith('-') && word !== '-' && !isPastOptions) {
      const [flag, ...value] = word.split('=')
      const option = findOption(command, flag!)
      if (option) used.add(option)
      if (option && value.length > 0) note(option, value.join('='))
      else if (option?.required || option?.optional) pending = option
    } else {
      const below = argumentCount === 0 ? findCommand(command, word) : undefined
      if (below) command = below
      else argumentCount++
    }
  }

  const word = words.at(-1) ?? ''
  const nothing = { prefix: '', candidates: [], source: undefined, home }
  if (pending && (pending.required || !word.startsWith('-'))) {
    return { ...nothing, typed: word, source: sourceOfOption(pending) }
  }
  const assigned = /^(--[^=]+=)(.*)$/s.exec(word)
  if (assigned && !isPastOptions) {
    const option = findOption(command, assigned[1]!.slice(0, -1))
    return { ...nothing, prefix: assigned[1]!, typed: assigned[2]!, source: option && sourceOfOption(option) }
  }
  if (word.startsWith('-') && !isPastOptions) {
    return { ...nothing, typed: word, candidates: listFlags(withDefaultCommand(command), used) }
  }
  const argument = withDefaultCommand(command).registeredArguments[argumentCount]
  return {
    ...nothing,
    typed: word,
    candidates: argumentCount === 0 ? listCommands(command) : [],
    source: argument && sourceOfArgument(argument),
  }
}

function findCommand(command: Command, name: string): Command | undefined {
  return command.commands.find((below) => below.name() === name || below.aliases().includes(name))
}

function findOption(command: Command, flag: string): Option | undefined {
  return withDefaultCommand(command).options.find(({ short, long }) => flag === short || flag === long)
}

/** A group such as `threads` takes the flags of the command that it runs when none is named. */
function withDefaultCommand(command: Command): Command {
  // commander has no public way to ask for it.
  const { _defaultCommandName: name } = command as { _defaultCommandName?: string | null }
  return (name && findCommand(command, name)) || command
}

function listCommands(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((below) => ({ value: below.name(), description: below.description() }))
}

/** A repeatable flag is one that gathers its values. */
function listFlags(command: Command, used: ReadonlySet<Option>): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !used.has(option) || /repeat/.test(option.description))
    .flatMap(({ flags, description }) =>
      (flags.match(/--[a-z][-a-z]*/g) ?? []).map((value) => ({ value, description })),
    )
}

function sourceOfOption(option: Option): Source | undefined {
  if (option.argChoices) return { kind: 'words', words: option.argChoices }
  const placeholder = /[<[]([a-z]+)[\]>]/.exec(option.flags)?.[1] ?? ''
  return FLAG_SOURCES[option.long ?? ''] ?? PLACEHOLDER_SOURCES[placeholder]
}

function sourceOfArgument(argument: Argument): Source | undefined {
  if (argument.argChoices) return { kind: 'words', words: argument.argChoices }
  return PLACEHOLDER_SOURCES[argument.name()]
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
