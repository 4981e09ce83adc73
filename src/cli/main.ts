import { type Command, CommanderError } from 'commander'
import { StateError, type StateErrorCode } from '../errors.js'
import { ClosedPipe, type Io } from './io.js'
import { wantsPager } from './pager-flag.js'

/** Exit codes: 0 fine, 1 nothing found or not all well, 2 misused, 3 no readable database. */
export const EXIT_FAILED = 1
export const EXIT_MISUSED = 2
export const EXIT_NO_DATABASE = 3

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
  DB_CORRUPT: 'Name another file with --db, or save what is left with: sqlite3 FILE .recover',
  DB_UNREADABLE: 'Check the file and its permissions, or name another one with --db.',
  DB_BUSY: 'Try again when the other process is done.',
  DB_REPLACED: 'Try again.',
}

/** What a command's action gets; an action that ends well but has bad news sets `exitCode`. */
export interface CommandContext {
  readonly io: Io
  /** The command line; `undefined` where the program is made to be described, not run. */
  readonly argv: readonly string[] | undefined
  exitCode: number
}

/**
 * Runs one command line and gives its exit code: the one place that prints errors and picks codes.
 *
 * @param argv without the program's own name
 */
export async function runProgram(
  createProgram: (context: CommandContext) => Command,
  argv: readonly string[],
  io: Io,
): Promise<number> {
  const context: CommandContext = { io, argv, exitCode: 0 }
  const program = createProgram(context)
  configure(program, io)
  program.hook('preAction', async (_, command) => {
    if (wantsPager(command, io)) await io.page?.()
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return context.exitCode
  } catch (error) {
    // Not across what a pager shows.
    await io.stdout.end?.()
    try {
      return report(error, program, context)
    } catch (failedReport) {
      if (failedReport instanceof ClosedPipe) return 0
      throw failedReport
    }
  } finally {
    await io.stdout.end?.()
  }
}

function configure(command: Command, io: Io): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    // Reported below, in one line.
    outputError: () => {},
    getOutHelpWidth: () => io.stdout.columns ?? 100,
    getErrHelpWidth: () => io.stderr.columns ?? 100,
    // There are none to strip; commander would load the streams of the process to find out.
    getOutHasColors: () => true,
    getErrHasColors: () => true,
  })
  for (const subcommand of command.commands) configure(subcommand, io)
}

function report(error: unknown, program: Command, { io, argv = [] }: CommandContext): number {
  const programName = program.name()
  if (error instanceof ClosedPipe) return 0
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    const message =
      error.code === 'commander.excessArguments' ? describeExcess(error, program, argv) : tidy(error)
    // commander reports a bare command by printing help, with a message of its own that says nothing.
    if (error.code === 'commander.help') return EXIT_MISUSED
    const isBeforeCommand = error.code === 'commander.unknownOption' && argv[0]?.startsWith('-')
    const hint = isBeforeCommand ? 'Options stand after the command. See --help.' : 'See --help.'
    io.stderr.write(`${programName}: ${message}. ${hint}\n`)
    return EXIT_MISUSED
  }
  if (error instanceof StateError) {
    const hint = error.hint ?? HINTS[error.code]
    io.stderr.write(`${programName}: ${error.message}${hint ? `. ${hint}` : ''}\n`)
    if (io.env.DEBUG) io.stderr.write(`${error.stack}\n${error.cause ? String(error.cause) : ''}\n`)
    return EXIT_BY_ERROR[error.code] ?? EXIT_BY_SIGNAL[String(error.cause)] ?? EXIT_FAILED
  }
  const text = error instanceof Error ? (io.env.DEBUG ? error.stack : error.message) : String(error)
  io.stderr.write(
    `${programName}: unexpected error: ${text}${io.env.DEBUG ? '' : ' (DEBUG=1 shows where)'}\n`,
  )
  return EXIT_FAILED
}

/** A word that is no command of a group goes to the group's default command, which has no use for it. */
function describeExcess(error: CommanderError, program: Command, [name, word]: readonly string[]): string {
  const group = program.commands.find((command) => command.name() === name)
  const names = group?.commands.map((command) => command.name()) ?? []
  const isNoCommand = names.length > 0 && word !== undefined && !word.startsWith('-') && !names.includes(word)
  return isNoCommand ? `${name} has no command '${word}', but ${names.join(', ')}` : tidy(error)
}

function tidy(error: CommanderError): string {
  return error.message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '')
}
