import { isUtf8 } from 'node:buffer'
import { closeSync, createReadStream, existsSync, openSync, readSync, statSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import zlib from 'node:zlib'
import { StateError } from '../errors.js'
import { explainFileError, isDenied } from '../model/file-error.js'
import { isIgnoredFromHead, parseRolloutLine, type RolloutLine } from './parse.js'
import { decompressFrames, ZstdError } from './zstd.js'

const CHUNK_BYTES = 256 * 1024

/** A line longer than this is judged by its head before more of it is kept. */
const LONG_LINE_BYTES = 1024 * 1024

/** A line longer than this is malformed whatever it says: JavaScript could not hold it as one string. */
const MAX_LINE_BYTES = 256 * 1024 * 1024

const HEAD_BYTES = 1024

export interface ReadRolloutOptions {
  /** Looked at between chunks. */
  signal?: AbortSignal | undefined
}

/** A rollout file as it was when it was found. */
export interface RolloutFileFacts {
  /** What is on disk: the plain file, or the compressed one where there is no plain one. */
  path: string
  sizeBytes: number
  /** Unix milliseconds, UTC. */
  modifiedAtMs: number
}

/**
 * What is on disk for a rollout path, plain or compressed; the plain file wins.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`
 */
export function resolveRolloutFile(path: string): RolloutFileFacts {
  const plainPath = path.replace(/\.zst$/, '')
  try {
    return readFacts(existsSync(plainPath) ? plainPath : `${plainPath}.zst`)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function readFacts(path: string): RolloutFileFacts {
  const stats = statSync(path)
  // Opening a named pipe would wait for a writer.
  if (!stats.isFile()) throw Object.assign(new Error(`${path} is not a file`), { code: 'EINVAL' })
  return { path, sizeBytes: stats.size, modifiedAtMs: Math.floor(stats.mtimeMs) }
}

/**
 * The lines of a rollout, plain or compressed, in file order; blank lines are left out.
 *
 * Memory is bounded by the longest line that can matter: of lines over 1 MiB, those whose head tells that they
 * yield nothing (in practice all) are passed over in chunks, and only their end is checked. Every other line is
 * parsed, so that each bad one is reported. A file that grows is read up to the size it had at the beginning.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, also for a compressed file that is damaged; `ABORTED`
 */
export async function* readRolloutLines(
  file: RolloutFileFacts,
  { signal }: ReadRolloutOptions = {},
): AsyncGenerator<RolloutLine, void, undefined> {
  const line = createLineCollector()
  let lineNumber = 0
  for await (const chunk of readRolloutChunks(file, { signal })) {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      lineNumber += 1
      const parsed = line.finish(chunk.subarray(start, end), lineNumber)
      if (parsed) yield parsed
      start = end + 1
    }
    line.add(chunk.subarray(start))
  }
  const last = line.finish(Buffer.alloc(0), lineNumber + 1)
  // Without its line feed a line that does not parse is more likely half written than wrong.
  if (last)
    yield last.kind === 'malformed' ? { ...last, reason: `incomplete last line: ${last.reason}` } : last
}

/**
 * The bytes of a rollout, unpacked, in pieces; each piece may be overwritten by the next.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function* readRolloutChunks(
  file: RolloutFileFacts,
  { signal }: ReadRolloutOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of file.path.endsWith('.zst') ? decompress(file.path) : readChunks(file)) {
      if (signal?.aborted)
        throw new StateError('ABORTED', 'reading a rollout was aborted', { cause: signal.reason })
      yield chunk
    }
  } catch (error) {
    throw isSystemError(error) ? unreadable(file.path, error) : error
  }
}

function unreadable(path: string, cause: unknown): StateError {
  const reason = isDenied(cause) ? `: ${explainFileError(cause)}` : ''
  return new StateError('ROLLOUT_UNREADABLE', `cannot read rollout ${path}${reason}`, { cause })
}

/** Of the file system, or of compressed bytes. What is neither is a bug, or ours already, and stays what it is. */
function isSystemError(error: unknown): boolean {
  return (
    error instanceof ZstdError ||
    (error instanceof Error && !(error instanceof StateError) && 'code' in error)
  )
}

/** Of files that were read to their end: over many small ones, new buffers would be most of the memory. */
const idleBuffers: Buffer[] = []

/**
 * Each chunk is overwritten by the next. The calls are synchronous: for the many small files of a backfill, going
 * through the thread pool takes several times as long as the reading itself.
 */
async function* readChunks({ path, sizeBytes }: RolloutFileFacts): AsyncGenerator<Buffer> {
  const buffer = idleBuffers.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  const fd = openSync(path, 'r')
  try {
    for (let position = 0; position < sizeBytes; ) {
      const length = Math.min(buffer.length, sizeBytes - position)
      const bytesRead = readSync(fd, buffer, 0, length, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
      // Lets timers, signals and other I/O have their turn.
      await nextTurn()
    }
  } finally {
    closeSync(fd)
    if (idleBuffers.length === 0) idleBuffers.push(buffer)
  }
}

async function* decompress(path: string): AsyncGenerator<Buffer> {
  if (typeof zlib.createZstdDecompress !== 'function') {
    throw new StateError('ROLLOUT_UNREADABLE', `cannot decompress rollout ${path}`, {
      hint: 'Compressed rollouts need Node 22.15 or newer (23.8 in the 23 line).',
    })
  }
  yield* decompressFrames(createReadStream(path), () => zlib.createZstdDecompress())
}

/** Gathers one line from pieces of chunks, and drops what need not be kept of a long one. */
function createLineCollector() {
  let pieces: Buffer[] = []
  let sizeBytes = 0
  let verdict: 'undecided' | 'keep' | 'ignored' | 'notJson' | 'tooLong' = 'undecided'
  let lastByte = 0

  function add(piece: Buffer): void {
    if (piece.length === 0) return
    sizeBytes += piece.length
    lastByte = piece[piece.length - 1]!
    if (verdict === 'undecided' || verdict === 'keep') pieces.push(Buffer.from(piece))
    if (verdict === 'undecided' && sizeBytes > LONG_LINE_BYTES) {
      const head = Buffer.concat(pieces, HEAD_BYTES).toString('latin1')
      verdict = isIgnoredFromHead(head) ? 'ignored' : /^\s*(?:\{|$)/.test(head) ? 'keep' : 'notJson'
    }
    if (sizeBytes > MAX_LINE_BYTES && verdict === 'keep') verdict = 'tooLong'
    if (verdict !== 'undecided' && verdict !== 'keep') pieces = []
  }

  function finish(rest: Buffer, lineNumber: number): RolloutLine | undefined {
    if (sizeBytes === 0) return parseBytes(rest, lineNumber)
    add(rest)
    const state = verdict
    const ending = lastByte
    const bytes = Buffer.concat(pieces)
    pieces = []
    sizeBytes = 0
    verdict = 'undecided'
    switch (state) {
      case 'undecided':
      case 'keep':
        return parseBytes(bytes, lineNumber)
      case 'ignored':
        return ending === 0x7d /* } */ || ending === 0x0d /* CR */
          ? { kind: 'ignored' }
          : { kind: 'malformed', lineNumber, reason: 'not JSON' }
      case 'notJson':
        return { kind: 'malformed', lineNumber, reason: 'not JSON' }
      case 'tooLong':
        return { kind: 'malformed', lineNumber, reason: 'longer than 256 MiB' }
      default:
        return state satisfies never
    }
  }

  return { add, finish }
}

/** `undefined` for a blank line. */
function parseBytes(bytes: Buffer, lineNumber: number): RolloutLine | undefined {
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) return { kind: 'malformed', lineNumber, reason: 'not UTF-8', isNotUtf8: true }
  const text = bytes.toString()
  // Few lines are that short, and white space is all there is in a blank one.
  if (text.charCodeAt(0) <= 0x20 && text.trim() === '') return undefined
  return parseRolloutLine(text, lineNumber)
}
