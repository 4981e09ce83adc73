import { StateError, type StateErrorCode } from '../errors.js'
import { cleanMessage } from '../format/clean.js'
import { escapeForTerminal, escapeJsonForTerminal } from '../format/escape.js'
import type { Command, Program } from './command.js'
import { formatCommandHelp, formatGroupHelp, formatProgramHelp } from './help.js'
import { ClosedPipe, type Io, type OutputStream, type ProcessIo } from './io.js'
import { wantsPager } from './pager-flag.js'
import { explainUnknown, findCommand } from './registry.js'
import { VERSION } from './version.js'

/** Exit codes: 0 fine, 1 no (an answer, a thing that was named, a part that cannot be read), 2 misused, 3 no readable database. */
export const EXIT_FAILED = 1
export const EXIT_MISUSED = 2
export const EXIT_NO_DATABASE = 3

/** Of `--help` where no terminal tells another one. */
const HELP_WIDTH = 80

/** By the reason of `Io.interruption`, as a shell has it: 128 and the number of the signal. */
export const EXIT_BY_SIGNAL: Record<string, number> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

const EXIT_BY_ERROR: Partial<Record<StateErrorCode, number>> = {
  USAGE: EXIT_MISUSED,
  DB_NOT_FOUND: EXIT_NO_DATABASE,
  DB_NOT_A_DATABASE: EXIT_NO_DATABASE,
  DB_NO_TABLE: EXIT_NO_DATABASE,
  DB_CORRUPT: EXIT_NO_DATABASE,
  DB_UNREADABLE: EXIT_NO_DATABASE,
  DB_BUSY: EXIT_NO_DATABASE,
  DB_REPLACED: EXIT_NO_DATABASE,
  DB_TOO_BIG: EXIT_NO_DATABASE,
}

/** What to do about a database that cannot be read, where the error itself does not say. */
const HINTS: Partial<Record<StateErrorCode, string>> = {
  DB_NOT_A_DATABASE: 'Name another file with --db; where lists those of the home.',
  DB_CORRUPT: `See what can be read with 'codex-state verify'; 'codex-state backfill run --into DIR' builds threads anew.`,
  DB_UNREADABLE: 'Check the file and its permissions, or name another one with --db.',
  DB_BUSY: 'Try again when the other process is done.',
  DB_REPLACED: 'Try again.',
}

/** For tests: called with every flag that a command reads. */
export type OnFlagRead = (name: string) => void

/**
 * Runs one command line and gives its exit code: the one place that prints errors and picks codes.
 *
 * @param argv without the program's own name
 */
export async function runProgram(
  program: Program,
  argv: readonly string[],
  processIo: ProcessIo,
  onFlagRead?: OnFlagRead,
): Promise<number> {
  const io = createIo(program, processIo)
  try {
    const exitCode = await dispatch(program, argv, io, onFlagRead)
    await io.stdout.end?.()
    return exitCode
  } catch (error) {
    // Not across what a pager shows.
    await endQuietly(io)
    try {
      return report(error, program, argv, io)
    } catch (failedReport) {
      if (failedReport instanceof ClosedPipe) return 0
      // There is nowhere left to say it.
      if (failedReport instanceof StateError) return EXIT_FAILED
      throw failedReport
    } finally {
      await endQuietly(io)
    }
  }
}

/** What went wrong has its error already, or nobody reads any more. */
async function endQuietly(io: Io): Promise<void> {
  try {
    await io.stdout.end?.()
  } catch (error) {
    if (!(error instanceof ClosedPipe || error instanceof StateError)) throw error
  }
}

async function dispatch(
  program: Program,
  argv: readonly string[],
  io: Io,
  onFlagRead: OnFlagRead | undefined,
): Promise<number> {
  const width = io.stdout.columns ?? HELP_WIDTH
  // `help threads show` is `threads show --help`.
  const line = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv
  const found = findCommand(program, line)
  switch (found.kind) {
    case 'program':
      if (found.rest.length > 0 || program.default === undefined) return runBare(program, found.rest, io)
      return runDefault(program, program.default, io)
    case 'group':
      io.stdout.write(formatGroupHelp(program, found.name, width))
      return 0
    case 'command': {
      // In one turn: what is loaded together is compiled together.
      const [{ command }, { parseLine }] = await Promise.all([found.entry.load(), import('./parse.js')])
      const { flags, words, wantsHelp } = parseLine(command.flags, found.rest)
      if (wantsHelp) {
        io.stdout.write(formatCommandHelp(program, found.path, found.entry, command, width))
        return 0
      }
      if (flags.redact === true && command.flags.redact?.form === 'on') await redact(io)
      else if (wantsPager(flags, io)) await io.page?.()
      return command.run({ io, program }, onFlagRead ? watchReads(flags, command, onFlagRead) : flags, words)
    }
    case 'unknown':
      throw await explainUnknown(program, found)
    default:
      return found satisfies never
  }
}

/** What stands on stderr may quote anything: only our own line ends and the erasing of a line get through. */
function createIo(program: Program, io: ProcessIo): Io {
  const clean = (chunk: string | Uint8Array) => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    return text
      .split(/(\r?\x1b\[K|\r)/)
      .map((part, at) => (at % 2 === 0 ? escapeForTerminal(part) : part))
      .join('')
  }
  return new Proxy(io as Io, {
    get(target, name, proxy: Io) {
      if (name === 'notice') {
        return (text: string) => proxy.stderr.write(`${program.name}: ${cleanMessage(text)}\n`)
      }
      const value = Reflect.get(target, name)
      if (name !== 'stderr') return typeof value === 'function' ? value.bind(target) : value
      const stderr = value as OutputStream
      return {
        isTerminal: stderr.isTerminal,
        get columns() {
          return stderr.columns
        },
        write: (chunk: string | Uint8Array) => stderr.write(clean(chunk)),
      } satisfies OutputStream
    },
  })
}

async function redact(io: Io): Promise<void> {
  if (!io.redact) throw new StateError('USAGE', '--redact needs the program as it is built')
  await io.redact()
}

/** What is most wanted to know, and where the rest is; the help where there is nothing to look at. */
async function runDefault(program: Program, path: string, io: Io): Promise<number> {
  let exitCode: number
  try {
    exitCode = await dispatch(program, path.split(' '), io, undefined)
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== 'DB_NOT_FOUND') throw error
    return runBare(program, [], io)
  }
  await io.stdout.end?.()
  io.stderr.write(`See ${program.name} --help for all commands.\n`)
  return exitCode
}

/** A line that names no command. */
function runBare(program: Program, [first]: readonly string[], io: Io): number {
  if (first === '--version' || first === '-V' || first === 'version') {
    io.stdout.write(`${VERSION}\n`)
    return 0
  }
  if (first === '--help' || first === '-h') {
    io.stdout.write(formatProgramHelp(program, io.stdout.columns ?? HELP_WIDTH))
    return 0
  }
  if (first === undefined) {
    io.stderr.write(formatProgramHelp(program, io.stderr.columns ?? HELP_WIDTH))
    return EXIT_MISUSED
  }
  throw new StateError('USAGE', `unknown option '${first}'`, {
    hint: 'Options stand after the command. See --help.',
  })
}

function watchReads(
  flags: Record<string, unknown>,
  command: Command,
  onFlagRead: OnFlagRead,
): Record<string, unknown> {
  return new Proxy(flags, {
    get(target, name) {
      if (typeof name === 'string' && Object.hasOwn(command.flags, name)) onFlagRead(name)
      return Reflect.get(target, name)
    },
  })
}

/** Whether JSON is asked for, also by a command line that cannot be understood otherwise. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  const typed = end < 0 ? argv : argv.slice(0, end)
  return typed.some(
    (word, at) =>
      /^--(json(=|$)|format=json$)/.test(word) || (word === 'json' && typed[at - 1] === '--format'),
  )
}

/** One object on one line: the same code, message and hint for a program. */
function formatJsonError(code: string, message: string, hint: string | undefined): string {
  return `${escapeJsonForTerminal(JSON.stringify({ error: { code, message, hint: hint ?? null } }))}\n`
}

function report(error: unknown, program: Program, argv: readonly string[], io: Io): number {
  if (error instanceof ClosedPipe) return 0
  if (error instanceof StateError) {
    const hint = error.hint ?? HINTS[error.code]
    const text = `${error.message}${hint ? `. ${hint}` : ''}`
    // What fits is listed, a line each, already clean; elsewhere a line end can only be quoted.
    const clean = error.code === 'AMBIGUOUS' ? escapeForTerminal : cleanMessage
    if (wantsJson(argv)) io.stderr.write(formatJsonError(error.code, error.message, hint))
    else io.stderr.write(`${program.name}: ${clean(text)}\n`)
    if (io.env.DEBUG) io.stderr.write(`${error.stack}\n${error.cause ? String(error.cause) : ''}\n`)
    return EXIT_BY_ERROR[error.code] ?? EXIT_BY_SIGNAL[String(error.cause)] ?? EXIT_FAILED
  }
  const message = error instanceof Error ? error.message : String(error)
  const text = io.env.DEBUG && error instanceof Error ? error.stack : cleanMessage(message)
  if (wantsJson(argv)) {
    io.stderr.write(formatJsonError('INTERNAL', `unexpected error: ${text}`, undefined))
    return EXIT_FAILED
  }
  io.stderr.write(
    `${program.name}: unexpected error: ${text}${io.env.DEBUG ? '' : ' (DEBUG=1 shows where)'}\n`,
  )
  return EXIT_FAILED
}
