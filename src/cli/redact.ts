import { StateError } from '../errors.js'
import { ClosedPipe, type OutputStream, type ProcessIo } from './io.js'
import {
  REDACTION_STATES,
  type RedactAnswer,
  type RedactionCounts,
  type RedactMessage,
  type RedactThreadData,
} from './redact-thread.js'

/** As many bytes may wait for the thread before who writes has to. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024

/** Longer writes go over in pieces, since what is on its way is in memory several times over. */
const MESSAGE_BYTES = 1024 * 1024

/** What this machine says of its user; names that say nothing (`root`, `user`) are left alone by the redactor. */
export function localNames({
  env,
  userHome,
}: Pick<ProcessIo, 'env' | 'userHome'>): RedactThreadData['names'] {
  const os = process.getBuiltinModule('node:os')
  const users = [env.USER, env.LOGNAME, env.USERNAME]
  try {
    users.push(os.userInfo().username)
  } catch {
    // A user without an entry has no name that could be told.
  }
  return {
    users: [...new Set(users.filter((name): name is string => name !== undefined && name !== ''))],
    hosts: [os.hostname()].filter((name) => name !== ''),
    homes: userHome === '/' ? [] : [userHome],
  }
}

/** Measured: without them texts of megabytes that are done with pile up to gigabytes before anything is collected. */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 }

/** A thread that redacts what is written to it and writes it on. */
export interface RedactionThread {
  /** Writing stays synchronous, waits while too much is on its way, and fails when the thread could not write. */
  streamTo(fd: number, like?: OutputStream): OutputStream
  /** Several texts, redacted; one call after another. */
  redactTexts(texts: readonly string[]): Promise<readonly string[]>
  /** Of what was written before the last `end` of a stream; `undefined` before one. */
  counts(): RedactionCounts | undefined
}

/** @throws {StateError} `USAGE` where there is no thread to do it */
export function startRedaction(io: ProcessIo): RedactionThread {
  const { startWorker } = io
  if (!startWorker) throw new StateError('USAGE', 'redaction needs the program as it is built')
  const shared = new SharedArrayBuffer(8)
  const state = new Int32Array(shared)
  const data: RedactThreadData = { names: localNames(io), shared }
  const worker = startWorker('redact-worker', data, HEAP_LIMITS)
  let failure = 'cannot write the output'
  let flushed: (() => void) | undefined
  let redacted: ((texts: readonly string[]) => void) | undefined
  let counts: RedactionCounts | undefined
  worker.on('message', (answer: RedactAnswer) => {
    if (answer.kind === 'failed') failure = answer.message
    else if (answer.kind === 'texts') redacted?.(answer.texts)
    else {
      counts = answer.counts
      flushed?.()
    }
  })
  worker.on('error', (error) => {
    failure = error.message
    Atomics.store(state, 1, REDACTION_STATES.failed)
    flushed?.()
  })
  // Listening holds the process, so it comes after: the thread ends with the process, which waits where something is
  // on its way.
  worker.unref()
  const post = (message: RedactMessage): void => worker.postMessage(message)

  function check(): void {
    const now = Atomics.load(state, 1)
    if (now === REDACTION_STATES.closed) throw new ClosedPipe()
    if (now === REDACTION_STATES.failed) throw new StateError('OUTPUT', failure)
  }

  function write(fd: number, chunk: string | Uint8Array): void {
    // What went wrong with the output can still be reported.
    if (fd !== 2) check()
    const bytes = Buffer.from(chunk as Uint8Array)
    for (let from = 0; from < bytes.length; from += MESSAGE_BYTES)
      writeMessage(fd, bytes.subarray(from, from + MESSAGE_BYTES))
  }

  function writeMessage(fd: number, bytes: Uint8Array): void {
    for (
      let waiting = Atomics.load(state, 0);
      waiting > MAX_WAITING_BYTES;
      waiting = Atomics.load(state, 0)
    ) {
      Atomics.wait(state, 0, waiting, 50)
      if (fd !== 2) check()
    }
    Atomics.add(state, 0, bytes.length)
    // A copy: what a part of a buffer is sent with is the whole of it.
    post({ kind: 'write', fd, bytes: new Uint8Array(bytes) })
  }

  async function end(): Promise<void> {
    worker.ref()
    await new Promise<void>((resolve) => {
      flushed = resolve
      post({ kind: 'flush' })
    })
    worker.unref()
    check()
  }

  async function redactTexts(texts: readonly string[]): Promise<readonly string[]> {
    check()
    worker.ref()
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>()
    redacted = resolve
    worker.on('error', reject)
    try {
      post({ kind: 'texts', texts })
      return await promise
    } finally {
      worker.off('error', reject)
      worker.unref()
    }
  }

  return {
    counts: () => counts,
    redactTexts,
    streamTo: (fd, like) => ({
      isTerminal: like?.isTerminal ?? false,
      get columns() {
        return like?.columns
      },
      get rows() {
        return like?.rows
      },
      write: (chunk) => write(fd, chunk),
      // What went wrong with the output can still be reported.
      ...(fd !== 2 && { check, end }),
    }),
  }
}

/** The streams of the process behind one redaction: a value has the same placeholder in rows and in messages. */
export function redactStreams(io: ProcessIo): Pick<ProcessIo, 'stdout' | 'stderr'> {
  const { streamTo } = startRedaction(io)
  return { stdout: streamTo(1, io.stdout), stderr: streamTo(2, io.stderr) }
}
