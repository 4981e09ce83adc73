import type { Io } from '../../src/cli/io.js'
import { createLogsProgram } from '../../src/cli/logs.js'
import { runProgram } from '../../src/cli/main.js'
import { createStateProgram } from '../../src/cli/state.js'

export interface RunOptions {
  env?: Record<string, string>
  /** Unix milliseconds. */
  now?: number
  isTerminal?: boolean
  columns?: number
  workingFolder?: string
  userHome?: string
  signal?: AbortSignal
}

export interface RunResult {
  stdout: string
  stderr: string
  exitCode: number
}

/** Runs a command line of `codex-logs` in this process. */
export function runLogs(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(createLogsProgram, argv, options)
}

/** Runs a command line of `codex-state` in this process. */
export function runState(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(createStateProgram, argv, options)
}

async function run(
  createProgram: Parameters<typeof runProgram>[0],
  argv: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const collected = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  const isTerminal = options.isTerminal ?? false
  const stream = (chunks: Buffer[]) => ({
    isTerminal,
    columns: isTerminal ? (options.columns ?? 100) : undefined,
    write: (chunk: string | Uint8Array) => void chunks.push(Buffer.from(chunk as Uint8Array)),
  })
  const io: Io = {
    stdout: stream(collected.stdout),
    stderr: stream(collected.stderr),
    stdinIsTerminal: isTerminal,
    env: options.env ?? {},
    workingFolder: options.workingFolder ?? '/nonexistent',
    userHome: options.userHome ?? '/nonexistent',
    now: () => options.now ?? Date.now(),
    startWorker: undefined,
    page: undefined,
    interruption: () => options.signal ?? new AbortController().signal,
  }
  const exitCode = await runProgram(createProgram, argv, io)
  return {
    stdout: Buffer.concat(collected.stdout).toString(),
    stderr: Buffer.concat(collected.stderr).toString(),
    exitCode,
  }
}
