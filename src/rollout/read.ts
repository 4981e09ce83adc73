import { isUtf8 } from 'node:buffer'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import zlib from 'node:zlib'
import { StateError } from '../errors.js'
import { isIgnoredFromHead, parseRolloutLine, type RolloutLine } from './parse.js'

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
 * Finds what is on disk for a rollout path, plain or compressed; the plain file wins.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`
 */
export async function findRolloutFile(path: string): Promise<RolloutFileFacts> {
  const plainPath = path.replace(/\.zst$/, '')
  try {
    return await readFacts(plainPath)
  } catch (plainError) {
    try {
      return await readFacts(`${plainPath}.zst`)
    } catch {
      throw new StateError('ROLLOUT_UNREADABLE', `cannot read rollout ${path}`, { cause: plainError })
    }
  }
}

async function readFacts(path: string): Promise<RolloutFileFacts> {
  const stats = await stat(path)
  // Opening a named pipe would wait for a writer.
  if (!stats.isFile()) throw new Error(`${path} is not a file`)
  return { path, sizeBytes: stats.size, modifiedAtMs: Math.floor(stats.mtimeMs) }
}

/**
 * The lines of a rollout, plain or compressed, in file order; blank lines are left out.
 *
 * Memory is bounded by the longest line that can matter: of lines over 1 MiB, those whose head tells that they
 * yield nothing (in practice all) are passed over in chunks, and only their end is checked. Every other line is
 * parsed, so that each bad one is reported. A file that grows is read up to the size it had at the beginning.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function* readRolloutLines(
  path: string,
  options: ReadRolloutOptions = {},
): AsyncGenerator<RolloutLine, void, undefined> {
  yield* readFileLines(await findRolloutFile(path), options)
}

/** `readRolloutLines` for a file that was found before, so that its facts and its lines belong together. */
export async function* readFileLines(
  file: RolloutFileFacts,
  options: ReadRolloutOptions = {},
): AsyncGenerator<RolloutLine, void, undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file.path)
    const chunks = file.path.endsWith('.zst')
      ? decompress(handle, file.path)
      : readChunks(handle, file.sizeBytes)
    yield* splitLines(chunks, options)
  } catch (error) {
    if (error instanceof StateError) throw error
    if (!isSystemError(error)) throw error
    throw new StateError('ROLLOUT_UNREADABLE', `cannot read rollout ${file.path}`, { cause: error })
  } finally {
    await handle?.close()
  }
}

/** Of the file system and of zlib: these alone carry a code. What has none is a bug and stays what it is. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}

/** Each chunk is overwritten by the next. */
async function* readChunks(handle: FileHandle, sizeBytes: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(sizeBytes, CHUNK_BYTES))
  for (let position = 0; position < sizeBytes; ) {
    const length = Math.min(buffer.length, sizeBytes - position)
    const { bytesRead } = await handle.read(buffer, 0, length, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

async function* decompress(handle: FileHandle, path: string): AsyncGenerator<Buffer> {
  if (typeof zlib.createZstdDecompress !== 'function') {
    throw new StateError('ROLLOUT_UNREADABLE', `cannot decompress rollout ${path}`, {
      hint: 'Compressed rollouts need Node 22.15 or newer (23.8 in the 23 line).',
    })
  }
  // An error of either stream destroys the other; the loop below is where it is thrown.
  const output = pipeline(
    handle.createReadStream({ autoClose: false }),
    zlib.createZstdDecompress(),
    () => {},
  )
  for await (const chunk of output) yield chunk as Buffer
}

async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  { signal }: ReadRolloutOptions,
): AsyncGenerator<RolloutLine, void, undefined> {
  const line = createLineCollector()
  let lineNumber = 0
  for await (const chunk of chunks) {
    if (signal?.aborted)
      throw new StateError('ABORTED', 'reading a rollout was aborted', { cause: signal.reason })
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
  if (!isUtf8(bytes)) return { kind: 'malformed', lineNumber, reason: 'not UTF-8' }
  const text = bytes.toString()
  // Few lines are that short, and white space is all there is in a blank one.
  if (text.charCodeAt(0) <= 0x20 && text.trim() === '') return undefined
  return parseRolloutLine(text, lineNumber)
}
