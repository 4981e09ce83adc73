import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface Ended {
  stdout: string
  stderr: string
  exitCode: number | null
  signal: NodeJS.Signals | null
}

/** A process that a test started; ended at the test's end if it still runs then. */
export interface Running {
  child: ChildProcess
  readonly stdout: string
  readonly stderr: string
  /** Waits for something that the process does; a bound that only a hang exceeds. */
  until(isSo: () => boolean): Promise<void>
  /** Sends the signal, if one is given, and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ended>
}

const HANG_MS = 20_000

export function binPath(name: 'codex-logs' | 'codex-state'): string {
  return fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url))
}

/** Only what a program needs of the environment, so that a developer's own settings do not show. */
export const CLEAN_ENV = {
  PATH: process.env.PATH ?? '',
  TMPDIR: tmpdir(),
  TZ: 'Europe/Berlin',
  HOME: '/nonexistent',
}

/** Starts a shipped command as its own process. */
export function startBin(
  name: 'codex-logs' | 'codex-state',
  args: readonly string[],
  options: SpawnOptions = {},
): Running {
  return startProcess(process.execPath, [binPath(name), ...args], options)
}

export function runBin(
  name: 'codex-logs' | 'codex-state',
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Ended> {
  return startBin(name, args, options).end()
}

export function startProcess(command: string, args: readonly string[], options: SpawnOptions = {}): Running {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
    env: { ...CLEAN_ENV, ...options.env },
  })
  const collected = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      collected[name] += text
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode, signal) => resolve({ ...collected, exitCode, signal }))
  })
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  })
  return {
    child,
    get stdout() {
      return collected.stdout
    },
    get stderr() {
      return collected.stderr
    },
    until: (isSo) => waitUntil(isSo, () => `stdout: ${collected.stdout}\nstderr: ${collected.stderr}`),
    end(signal) {
      if (signal) child.kill(signal)
      return within(ended, () => `${command} ${args.join(' ')} did not end`)
    },
  }
}

/** Looks again and again; the time is a bound for hangs, not something that is measured. */
export async function waitUntil(isSo: () => boolean, describe = () => ''): Promise<void> {
  const giveUpAt = performance.now() + HANG_MS
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain\n${describe()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function within<T>(promise: Promise<T>, describe: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(describe())), HANG_MS)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A command line that runs without the superuser's right to pass over file modes, which would make a
 * read-only folder writable all the same.
 */
export function asOrdinaryUser(command: string, args: readonly string[]): [string, string[]] {
  return process.getuid?.() === 0
    ? ['setpriv', ['--bounding-set=-dac_override,-dac_read_search', command, ...args]]
    : [command, [...args]]
}
