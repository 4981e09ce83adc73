import { readFileSync } from 'node:fs'
import { isRunning } from '../db/running.js'

/** `unknown`: the system, or the log, does not tell. */
export type LivenessState = 'running' | 'gone' | 'unknown'

export interface Liveness {
  state: LivenessState
  /** `undefined` where the log does not name it (to 0.103). */
  pid: number | undefined
  /** When the process began, Unix milliseconds, where the system tells. */
  startMs: number | undefined
  /** Why the state is what it is, in words. */
  reason: string
}

/** What the log tells of a process. */
export interface LoggingProcess {
  /** `pid:<pid>:<uuid>`, or `null`. */
  processUuid: string | null
  /** Time of its newest row, Unix milliseconds. */
  lastMs: number
}

export interface LivenessOptions {
  nowMs: number
  /** So long after an event its row may be written. */
  flushMs: number
}

/** The clocks of rows and of processes are not quite the same. */
const CLOCK_SLACK_MS = 2000
/** A process that wrote so many flushes ago, at most, still writes. */
const RECENT_FLUSHES = 3
/** As long as a program of the system is waited for. */
const ASK_MS = 5000

/** Whichever release wrote, its rows are in the log by then. */
export const LONGEST_FLUSH_MS = 10_000

/**
 * Whether the process that wrote rows runs still. Its number may have gone to another process since: that one began
 * after the last row of this one. And the log may come from a container or another machine.
 */
export function findLiveness(process: LoggingProcess, { nowMs, flushMs }: LivenessOptions): Liveness {
  const { processUuid, lastMs } = process
  const pid = pidOf(processUuid)
  const isRecent = nowMs - lastMs <= flushMs * RECENT_FLUSHES && lastMs - nowMs <= CLOCK_SLACK_MS
  if (pid === undefined) {
    const reason = 'this layout of the log does not name the process'
    return { state: 'unknown', pid, startMs: undefined, reason }
  }
  if (!processExists(pid)) {
    return isRecent
      ? {
          state: 'unknown',
          pid,
          startMs: undefined,
          reason: `no process ${pid} is seen here, but it logged just now: it may run in a container or on another machine`,
        }
      : { state: 'gone', pid, startMs: undefined, reason: `no process ${pid} runs here` }
  }
  const startMs = readStartMs(pid)
  if (startMs === undefined) {
    const reason = `a process ${pid} runs, and the system does not say when it began`
    return { state: isRecent ? 'running' : 'unknown', pid, startMs, reason }
  }
  if (startMs > lastMs + CLOCK_SLACK_MS) {
    const reason = `the process ${pid} that runs now began after the last row: it is another one`
    return { state: 'gone', pid, startMs, reason }
  }
  return { state: 'running', pid, startMs, reason: `process ${pid} runs` }
}

export function pidOf(processUuid: string | null): number | undefined {
  const [, digits] = /^pid:(\d+):/.exec(processUuid ?? '') ?? []
  const pid = Number(digits)
  // 0 and less would ask for groups of processes.
  return digits !== undefined && pid > 0 && pid <= 0x7fffffff ? pid : undefined
}

export function processExists(pid: number): boolean {
  return isRunning(pid) && (process.platform !== 'linux' || !isZombie(pid))
}

/** It ended, and its parent has not asked yet how. */
function isZombie(pid: number): boolean {
  return readStat(pid)?.[0] === 'Z'
}

/** The fields of Linux's `/proc/<pid>/stat` behind the name, which may itself hold blanks and brackets. */
function readStat(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** When a process began, Unix milliseconds; `undefined` when there is none, or no way to know. */
export function readStartMs(pid: number): number | undefined {
  switch (process.platform) {
    case 'linux':
      return readLinuxStartMs(pid)
    case 'win32':
      return readWindowsStartMs(pid)
    default:
      return readPosixStartMs(pid)
  }
}

function readLinuxStartMs(pid: number): number | undefined {
  // `starttime` is the 20th field behind the name, in ticks of 10 ms since the system began.
  const ticks = Number(readStat(pid)?.[19])
  try {
    const bootSeconds = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1])
    return Number.isFinite(ticks) && Number.isFinite(bootSeconds)
      ? bootSeconds * 1000 + ticks * 10
      : undefined
  } catch {
    return undefined
  }
}

/** By `ps`, which macOS and the BSDs have (and Linux): `Wed Nov 25 18:14:13 2026`, in UTC when asked for. */
export function readPosixStartMs(pid: number): number | undefined {
  const text = ask('ps', ['-o', 'lstart=', '-p', String(pid)], {
    PATH: '/bin:/usr/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
  })
  const ms = Date.parse(`${text} UTC`)
  return text === '' || Number.isNaN(ms) ? undefined : ms
}

function readWindowsStartMs(pid: number): number | undefined {
  const command = `(Get-Process -Id ${pid}).StartTime.ToUniversalTime().ToString('o')`
  const ms = Date.parse(ask('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', command]))
  return Number.isNaN(ms) ? undefined : ms
}

function ask(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): string {
  try {
    return process
      .getBuiltinModule('node:child_process')
      .execFileSync(program, args, {
        ...(env && { env }),
        encoding: 'utf8',
        timeout: ASK_MS,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      .trim()
  } catch {
    return ''
  }
}
