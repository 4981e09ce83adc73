import { closeSync, createReadStream, existsSync, openSync, readSync, statSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { StateError } from '../errors.js'
import { CARRIAGE_RETURN, CLOSE_BRACE } from '../model/bytes.js'
import { explainFileError, isDenied } from '../model/file-error.js'
import {
  type CutLine,
  createLineCutter,
  decodeLine,
  type LongLine,
  MAX_LINE_BYTES,
  refuseLine,
} from './cut-lines.js'
import { isIgnoredFromHead, parseRolloutLine, type RolloutLine } from './parse.js'
import { decompressFrames, ZstdError } from './zstd.js'

const CHUNK_BYTES = 256 * 1024

/** As much of a long line is enough to judge it. */
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
  const cutter = createLineCutter(judgeLongLine)
  for await (const chunk of readRolloutChunks(file, { signal })) {
    for (const line of cutter.lines(chunk)) {
      const parsed = parseLine(line)
      if (parsed) yield parsed
    }
  }
  const rest = cutter.end()
  const last = rest && parseLine(rest)
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

/** What is thrown where the system does not give the bytes of a rollout. */
export function unreadable(path: string, cause: unknown): StateError {
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
  const zlib = process.getBuiltinModule('node:zlib')
  if (typeof zlib.createZstdDecompress !== 'function') {
    throw new StateError('ROLLOUT_UNREADABLE', `cannot decompress rollout ${path}`, {
      hint: 'Compressed rollouts need Node 22.15 or newer (23.8 in the 23 line).',
    })
  }
  yield* decompressFrames(createReadStream(path), () => zlib.createZstdDecompress())
}

/** What a long line is without being parsed: of no interest, or malformed for this reason. */
type Verdict = 'ignored' | { reason: string }

/** Judged by its head, so that no more of it is kept than is parsed. */
function judgeLongLine(start: readonly Buffer[]): LongLine<Buffer | Verdict> {
  const head = Buffer.concat(start, HEAD_BYTES).toString('latin1')
  if (isIgnoredFromHead(head)) return passOver()
  return /^\s*(?:\{|$)/.test(head) ? keepWhole() : { add() {}, finish: () => ({ reason: 'not JSON' }) }
}

/** Nothing is kept, but the end of the line tells whether it was written to its end. */
function passOver(): LongLine<Verdict> {
  let lastByte = 0
  return {
    add(piece) {
      lastByte = piece[piece.length - 1]!
    },
    finish: () =>
      lastByte === CLOSE_BRACE || lastByte === CARRIAGE_RETURN ? 'ignored' : { reason: 'not JSON' },
  }
}

function keepWhole(): LongLine<Buffer | Verdict> {
  let pieces: Buffer[] = []
  let sizeBytes = 0
  return {
    add(piece) {
      sizeBytes += piece.length
      if (sizeBytes <= MAX_LINE_BYTES) pieces.push(Buffer.from(piece))
      else pieces = []
    },
    finish: () => (sizeBytes > MAX_LINE_BYTES ? { reason: 'longer than 256 MiB' } : Buffer.concat(pieces)),
  }
}

/** `undefined` for a blank line. */
function parseLine({ content, lineNumber }: CutLine<Buffer | Verdict>): RolloutLine | undefined {
  if (content === 'ignored') return { kind: 'ignored' }
  if (!Buffer.isBuffer(content)) return { kind: 'malformed', lineNumber, ...content }
  const refusal = refuseLine(content)
  if (refusal !== undefined) return { kind: 'malformed', lineNumber, reason: refusal }
  const text = decodeLine(content)
  if (text === undefined) return { kind: 'malformed', lineNumber, reason: 'not UTF-8', isNotUtf8: true }
  return text === '' ? undefined : parseRolloutLine(text, lineNumber)
}
