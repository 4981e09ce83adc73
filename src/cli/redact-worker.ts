import { parentPort, workerData } from 'node:worker_threads'
import { createRedactor, redactEach } from '../share/redact.js'
import { createRedactingWriter } from '../share/redact-windows.js'
import { findBySecretlint } from '../share/secretlint.js'
import { ClosedPipe, writeFully } from './io.js'
import {
  REDACTION_STATES,
  type RedactAnswer,
  type RedactMessage,
  type RedactThreadData,
} from './redact-thread.js'

// A worker thread, which is a bundle of its own: rows are written synchronously, and rules of others are not.
const { names, shared } = workerData as RedactThreadData
const state = new Int32Array(shared)
const port = parentPort!
// One for both streams: what is called [secret:1] in a row is called so in a message.
const redactor = createRedactor({ ...names, findMore: findBySecretlint })
const streams = new Map<number, ReturnType<typeof openStream>>()

function openStream(fd: number) {
  return {
    decoder: new TextDecoder(),
    writer: createRedactingWriter(redactor, (text) => writeFully(fd, Buffer.from(text))),
    waiting: [] as Uint8Array[],
  }
}

let work = Promise.resolve()

port.on('message', (message: RedactMessage) => {
  if (message.kind === 'write') {
    const stream = streams.get(message.fd) ?? openStream(message.fd)
    streams.set(message.fd, stream)
    const { waiting } = stream
    waiting.push(message.bytes)
    // What comes meanwhile is taken together with it.
    if (waiting.length === 1) work = work.then(() => takeWaiting(message.fd))
    return
  }
  if (message.kind === 'texts') {
    work = work.then(async () => answer({ kind: 'texts', texts: await redactEach(redactor, message.texts) }))
    return
  }
  work = work.then(async () => {
    for (const [fd, { writer }] of streams) await attempt(fd, () => writer.end())
    answer({ kind: 'flushed', counts: redactor.counts() })
  })
})

async function takeWaiting(fd: number): Promise<void> {
  const stream = streams.get(fd)!
  const bytes = stream.waiting
  stream.waiting = []
  const text = bytes.map((part) => stream.decoder.decode(part, { stream: true })).join('')
  await attempt(fd, () => stream.writer.write(text))
  Atomics.sub(
    state,
    0,
    bytes.reduce((sum, { length }) => sum + length, 0),
  )
  Atomics.notify(state, 0)
}

/** Who reads went away, or nothing more fits: the thread that writes is told by the state. Messages have nobody to tell. */
async function attempt(fd: number, task: () => Promise<void>): Promise<void> {
  if (fd !== 2 && Atomics.load(state, 1) !== REDACTION_STATES.open) return
  try {
    await task()
  } catch (error) {
    if (fd === 2) return
    const isClosed = error instanceof ClosedPipe
    if (!isClosed) answer({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
    Atomics.store(state, 1, isClosed ? REDACTION_STATES.closed : REDACTION_STATES.failed)
  }
}

function answer(message: RedactAnswer): void {
  port.postMessage(message)
}
