import { writeSync } from 'node:fs'
import type { ResourceLimits, Worker, WorkerOptions } from 'node:worker_threads'
import { StateError } from '../errors.js'
import { explainWriteError } from '../model/file-error.js'

/** Where text goes. A write returns when every byte is handed over, so nothing piles up in memory. */
export interface OutputStream {
  readonly isTerminal: boolean
  /** Width of the terminal in cells; `undefined` when it is none. */
  readonly columns: number | undefined
  /** Its height in lines. */
  readonly rows?: number | undefined
  /** @throws as `check` */
  write(chunk: string | Uint8Array): void
  /** Whether a pager is on the terminal by now. */
  readonly isPaged?: boolean
  /**
   * For who reads on without anything to write.
   *
   * @throws {ClosedPipe} when nobody reads any more
   * @throws {StateError} `ABORTED` when who reads has pressed Ctrl-C
   */
  check?(): void
  /** Says that nothing more comes, and waits until who reads has left. */
  end?(): Promise<void>
}

/** Starts a worker thread of the program by the name of its bundle. */
export type StartWorker = (name: string, data: unknown, resourceLimits?: ResourceLimits) => Worker

export function workerOptions(workerData: unknown, resourceLimits?: ResourceLimits): WorkerOptions {
  // Else Node joins the worker's streams to those of the process, which turns a pipe non-blocking.
  return { workerData, stdout: true, stderr: true, ...(resourceLimits && { resourceLimits }) }
}

/** The process around a program. */
export interface ProcessIo {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly stdinIsTerminal: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workingFolder: string
  readonly userHome: string
  /** Unix milliseconds. */
  now(): number
  /** `undefined` where there are no bundles to start a worker from. */
  readonly startWorker: StartWorker | undefined
  /** Puts a pager between `stdout` and the terminal, where there is one, as soon as something is written. */
  readonly page: (() => Promise<void>) | undefined
  /** Puts the redaction between `stdout` and where it goes; `undefined` where there is no thread for it. */
  readonly redact: (() => Promise<void>) | undefined
  /**
   * Aborted when the user or the system asks the program to end; its reason is the signal's name. Asked for
   * only by commands that wait: a handler that is installed keeps Ctrl-C from ending a command that writes.
   */
  interruption(): AbortSignal
}

/** All that the commands know of the process around them. */
export interface Io extends ProcessIo {
  /** Tells a person something beside the output: a line on stderr, behind the program's name. */
  notice(text: string): void
}

/** The reader of our output went away (`| head`): the program ends quietly. */
export class ClosedPipe extends Error {}

/**
 * @throws {ClosedPipe}
 * @throws {StateError} `OUTPUT`
 */
export function writeFully(fd: number, bytes: Uint8Array): void {
  let offset = 0
  while (offset < bytes.length) {
    try {
      offset += writeSync(fd, bytes, offset)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') throw new ClosedPipe()
      // The pipe is non-blocking (another process that shares it made it so) and full.
      if (code !== 'EAGAIN') {
        throw new StateError('OUTPUT', `cannot write the output: ${explainWriteError(error)}`, {
          cause: error,
        })
      }
      Atomics.wait(PAUSE, 0, 0, 1)
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
