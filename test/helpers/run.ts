import type { Program } from '../../src/cli/command.js'
import type { ProcessIo } from '../../src/cli/io.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { type OnFlagRead, runProgram } from '../../src/cli/main.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'

export interface RunOptions {
  env?: Record<string, string>
  /** Unix milliseconds. */
  now?: number
  isTerminal?: boolean
  columns?: number
  rows?: number
  workingFolder?: string
  userHome?: string
  signal?: AbortSignal
  onFlagRead?: OnFlagRead
  /** Told of each piece of standard output as it is written. */
  onOutput?: (text: string) => void
}

export interface RunResult {
  stdout: string
  stderr: string
  exitCode: number
}

/** Runs a command line of `codex-logs` in this process. */
export function runLogs(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(LOGS_PROGRAM, argv, options)
}

/** Runs a command line of `codex-state` in this process. */
export function runState(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(STATE_PROGRAM, argv, options)
}

async function run(program: Program, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const collected = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  const isTerminal = options.isTerminal ?? false
  const stream = (chunks: Buffer[], onWrite?: (text: string) => void) => ({
    isTerminal,
    columns: isTerminal ? (options.columns ?? 100) : undefined,
    rows: isTerminal ? options.rows : undefined,
    write: (chunk: string | Uint8Array) => {
      const bytes = Buffer.from(chunk as Uint8Array)
      chunks.push(bytes)
      onWrite?.(bytes.toString())
    },
  })
  const io: ProcessIo = {
    stdout: stream(collected.stdout, options.onOutput),
    stderr: stream(collected.stderr),
    stdinIsTerminal: isTerminal,
    env: options.env ?? {},
    workingFolder: options.workingFolder ?? '/nonexistent',
    userHome: options.userHome ?? '/nonexistent',
    now: () => options.now ?? Date.now(),
    startWorker: undefined,
    page: undefined,
    redact: undefined,
    interruption: () => options.signal ?? new AbortController().signal,
  }
  const exitCode = await runProgram(program, argv, io, options.onFlagRead)
  return {
    stdout: Buffer.concat(collected.stdout).toString(),
    stderr: Buffer.concat(collected.stderr).toString(),
    exitCode,
  }
}
