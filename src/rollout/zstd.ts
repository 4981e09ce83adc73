import type { ZstdDecompress } from 'node:zlib'

/**
 * Frames of Zstandard, as https://www.rfc-editor.org/rfc/rfc8878 has them (3.1): a file may hold several, and some
 * to skip. Node's decompressor ends with the first one and passes over the rest without a word, so each frame gets a
 * decompressor of its own; where one ends is told by the sizes of its blocks.
 */

const FRAME_MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SKIPPABLE_MASK = 0xfffffff0

const DICTIONARY_BYTES = [0, 1, 2, 4]
const CONTENT_SIZE_BYTES = [0, 2, 4, 8]
const RLE_BLOCK = 1
const RESERVED_BLOCK = 3

/** What is wrong with compressed bytes, in words that follow a colon. */
export class ZstdError extends Error {
  override readonly name = 'ZstdError'
}

/**
 * The content of all frames, one after the other.
 *
 * @throws {ZstdError} for bytes that are no frame, at the beginning or behind one, and for a frame that is cut off;
 *   and what the decompressor throws
 */
export async function* decompressFrames(
  source: AsyncIterable<Buffer>,
  createDecompressor: () => ZstdDecompress,
): AsyncGenerator<Buffer> {
  const bytes = createByteReader(source)
  try {
    for (let isFirst = true; await bytes.hasMore(); isFirst = false) {
      const magic = await bytes.take(4, isFirst ? 'it is not zstd' : 'bytes behind the last frame')
      const number = magic.readUInt32LE()
      // `>>> 0` as bit operations give signed numbers.
      if ((number & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
        await bytes.skip((await bytes.take(4)).readUInt32LE())
        continue
      }
      if (number !== FRAME_MAGIC)
        throw new ZstdError(isFirst ? 'it is not zstd' : 'bytes behind the last frame')
      // An error of either stream destroys the other; the loop is where it is thrown.
      const { pipeline, Readable } = process.getBuiltinModule('node:stream')
      const frame = Readable.from(readFrame(bytes, magic), { objectMode: false })
      for await (const chunk of pipeline(frame, createDecompressor(), () => {})) yield chunk as Buffer
    }
  } finally {
    await bytes.close()
  }
}

/** The bytes of a frame whose magic number was read, block by block. */
async function* readFrame(bytes: ByteReader, magic: Buffer): AsyncGenerator<Buffer> {
  const descriptor = await bytes.take(1)
  const flags = descriptor[0]!
  const isSingleSegment = (flags & 0x20) !== 0
  const contentSizeFlag = flags >> 6
  const rest =
    (isSingleSegment ? 0 : 1) +
    DICTIONARY_BYTES[flags & 3]! +
    (contentSizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[contentSizeFlag]!)
  yield Buffer.concat([magic, descriptor, await bytes.take(rest)])
  for (let isLast = false; !isLast; ) {
    const header = await bytes.take(3)
    const value = header.readUIntLE(0, 3)
    isLast = (value & 1) === 1
    const type = (value >> 1) & 3
    if (type === RESERVED_BLOCK) throw new ZstdError('a block of a type that does not exist')
    yield Buffer.concat([header, await bytes.take(type === RLE_BLOCK ? 1 : value >> 3)])
  }
  if ((flags & 4) !== 0) yield await bytes.take(4)
}

interface ByteReader {
  hasMore(): Promise<boolean>
  /** So many bytes; throws where there are fewer. */
  take(length: number, complaint?: string): Promise<Buffer>
  skip(length: number): Promise<void>
  close(): Promise<void>
}

function createByteReader(source: AsyncIterable<Buffer>): ByteReader {
  const chunks = source[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)

  async function hasMore(): Promise<boolean> {
    while (rest.length === 0) {
      const next = await chunks.next()
      if (next.done) return false
      rest = next.value
    }
    return true
  }

  /** At least one byte, at most `length`. */
  async function takePiece(length: number, complaint = 'it is cut off'): Promise<Buffer> {
    if (!(await hasMore())) throw new ZstdError(complaint)
    const piece = rest.subarray(0, length)
    rest = rest.subarray(piece.length)
    return piece
  }

  return {
    hasMore,
    async take(length, complaint) {
      const pieces: Buffer[] = []
      for (let missing = length; missing > 0; missing -= pieces.at(-1)!.length) {
        pieces.push(await takePiece(missing, complaint))
      }
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    },
    async skip(length) {
      for (let missing = length; missing > 0; ) missing -= (await takePiece(missing)).length
    },
    async close() {
      await chunks.return?.()
    },
  }
}
