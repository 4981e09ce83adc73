import { randomBytes } from 'node:crypto'
import { appendFileSync, closeSync, openSync, truncateSync, utimesSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StateError } from '../../src/errors.js'
import type { RolloutLine } from '../../src/rollout/parse.js'
import { readRolloutLines, resolveRolloutFile } from '../../src/rollout/read.js'
import { TEST_EVERYTHING } from '../helpers/everything.js'
import {
  collect,
  line,
  makeFolder,
  ROLLOUT_NAME,
  sessionMeta,
  turnContext,
  userMessage,
  writeFile,
} from '../helpers/rollouts.js'

const MIB = 1024 * 1024
const answer = (text: string) => line('response_item', { type: 'message', role: 'assistant', text })

async function readAll(path: string): Promise<RolloutLine[]> {
  return collect(readRolloutLines(resolveRolloutFile(path)))
}

async function readKinds(content: string | Uint8Array): Promise<string[]> {
  const lines = await readAll(writeFile(makeFolder(), ROLLOUT_NAME, content))
  return lines.map((parsed) =>
    parsed.kind === 'malformed' ? `${parsed.lineNumber} ${parsed.reason}` : parsed.kind,
  )
}

test.each([
  ['nothing', '', []],
  ['blank lines', '\n  \r\n\t\n', []],
  ['two lines', `${sessionMeta()}\n${userMessage('hi')}\n`, ['sessionMeta', 'userMessage']],
  ['Windows line ends', `${sessionMeta()}\r\n${userMessage('hi')}\r\n`, ['sessionMeta', 'userMessage']],
  [
    'a last line that is whole but for its line feed',
    `${sessionMeta()}\n${userMessage('hi')}`,
    ['sessionMeta', 'userMessage'],
  ],
  [
    'a last line cut short',
    `${sessionMeta()}\n${userMessage('hi').slice(0, -9)}`,
    ['sessionMeta', '2 incomplete last line: not JSON'],
  ],
  [
    'a bad line between good ones',
    `${sessionMeta()}\n\nbad\n${userMessage('hi')}\n`,
    ['sessionMeta', '3 not JSON', 'userMessage'],
  ],
  ['a byte order mark', `\ufeff${sessionMeta()}\n${userMessage('hi')}\n`, ['1 not JSON', 'userMessage']],
  [
    'NUL bytes left by a crash',
    `${sessionMeta()}\n${'\0'.repeat(4096)}`,
    ['sessionMeta', '2 incomplete last line: not JSON'],
  ],
  [
    'bytes that are not UTF-8',
    Buffer.concat([
      Buffer.from(`${sessionMeta()}\n"`),
      Buffer.from([0xc3, 0x28]),
      Buffer.from(`"\n${userMessage('hi')}\n`),
    ]),
    ['sessionMeta', '2 not UTF-8', 'userMessage'],
  ],
])('a file of %s is read line by line', async (_, content, kinds) => {
  expect(await readKinds(content)).toEqual(kinds)
})

describe('a long line', () => {
  const filler = 'ö'.repeat(2 * MIB)

  test.each([
    ['that yields nothing is passed over', answer(filler), ['ignored', 'userMessage']],
    [
      'that yields nothing is malformed when its end is missing',
      answer(filler).slice(0, -2),
      ['1 not JSON', 'userMessage'],
    ],
    ['that is a message is read whole', userMessage(filler), ['userMessage', 'userMessage']],
    [
      'in another key order is read whole',
      `{"payload":{"type":"x","a":"${filler}"},"type":"event_msg","timestamp":"t"}`,
      ['ignored', 'userMessage'],
    ],
    ['that is no object is malformed', `"${filler}"`, ['1 not JSON', 'userMessage']],
    ['of white space is blank', ' '.repeat(2 * MIB), ['userMessage']],
  ])('%s', async (_, content, kinds) => {
    expect(await readKinds(`${content}\n${userMessage('hi')}\n`)).toEqual(kinds)
  })

  test('keeps its text over the borders of chunks', async () => {
    const [parsed] = await readAll(writeFile(makeFolder(), ROLLOUT_NAME, userMessage(filler)))
    expect(parsed).toMatchObject({ text: filler })
  })
})

/** Writes a file of many MiB without holding it. */
function writeLarge(path: string, head: string, filler: string, repeats: number, tail: string): void {
  const fd = openSync(path, 'w')
  writeSync(fd, head)
  for (let count = 0; count < repeats; count += 1) writeSync(fd, filler)
  writeSync(fd, tail)
  closeSync(fd)
}

async function measureGrowthBytes(path: string, expectedCount: number): Promise<number> {
  const before = process.memoryUsage()
  let peak = 0
  let count = 0
  for await (const _ of readRolloutLines(resolveRolloutFile(path))) {
    count += 1
    const { heapUsed, external } = process.memoryUsage()
    peak = Math.max(peak, heapUsed - before.heapUsed + external - before.external)
  }
  expect(count).toBe(expectedCount)
  return peak
}

test('a line of 100 MiB that yields nothing is not held', async () => {
  const path = join(makeFolder(), ROLLOUT_NAME)
  const [head, tail] = answer('|').split('|')
  writeLarge(path, `${sessionMeta()}\n${head}`, 'x'.repeat(MIB), 100, `${tail}\n${userMessage('hi')}\n`)
  expect(await measureGrowthBytes(path, 3)).toBeLessThan(40 * MIB)
})

test('a line of more values than memory could hold is malformed, and the others are read', async () => {
  const dense = userMessage('X').replace('"X"', `[${'{},'.repeat(2_100_000)}{}]`)
  expect(await readKinds(`${dense}\n${userMessage('hi')}\n`)).toEqual([
    '1 more values than can be held in memory',
    'userMessage',
  ])
})

test.runIf(TEST_EVERYTHING)('a line longer than 256 MiB is malformed even if it could matter', async () => {
  const path = join(makeFolder(), ROLLOUT_NAME)
  // The part of a file that was never written costs no disk.
  writeFile(join(path, '..'), ROLLOUT_NAME, userMessage('x').slice(0, -20))
  truncateSync(path, 257 * MIB)
  appendFileSync(path, `\n${userMessage('hi')}\n`)
  const lines = await readAll(path)
  expect(lines).toMatchObject([{ kind: 'malformed', reason: 'longer than 256 MiB' }, { kind: 'userMessage' }])
})

test.runIf(TEST_EVERYTHING)('a file of 150 MiB is read in bounded memory', async () => {
  const path = join(makeFolder(), ROLLOUT_NAME)
  const thousandLines = `${answer('x'.repeat(1000))}\n`.repeat(1000)
  const repeats = Math.ceil((150 * MIB) / thousandLines.length)
  writeLarge(path, `${sessionMeta()}\n`, thousandLines, repeats, '')
  expect(await measureGrowthBytes(path, 1 + repeats * 1000)).toBeLessThan(80 * MIB)
})

test('a file that grows is read up to the size it had', async () => {
  const path = writeFile(makeFolder(), ROLLOUT_NAME, `${sessionMeta()}\n${turnContext()}\n`)
  const kinds: string[] = []
  for await (const parsed of readRolloutLines(resolveRolloutFile(path))) {
    kinds.push(parsed.kind)
    appendFileSync(path, `${userMessage('later')}\n`)
  }
  expect(kinds).toEqual(['sessionMeta', 'turnContext'])
})

test('a file that shrinks ends where it ends', async () => {
  const path = writeFile(makeFolder(), ROLLOUT_NAME, `${sessionMeta()}\n${answer('x'.repeat(MIB))}\n`)
  const file = resolveRolloutFile(path)
  truncateSync(path, sessionMeta().length + 1)
  expect(await collect(readRolloutLines(file))).toMatchObject([{ kind: 'sessionMeta' }])
})

describe('a compressed rollout', () => {
  const content = `${sessionMeta()}\n${userMessage('hi')}\n`

  test('is read like a plain one, by its plain or its own name', async () => {
    const path = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, zlib.zstdCompressSync(content))
    const kinds = [{ kind: 'sessionMeta' }, { kind: 'userMessage' }]
    expect(await readAll(path)).toMatchObject(kinds)
    expect(await readAll(path.replace('.zst', ''))).toMatchObject(kinds)
  })

  test('yields to the plain one beside it', async () => {
    const folder = makeFolder()
    const plain = writeFile(folder, ROLLOUT_NAME, content)
    utimesSync(plain, 1000, 2000)
    const path = writeFile(folder, `${ROLLOUT_NAME}.zst`, 'not zstd')
    expect(resolveRolloutFile(path)).toEqual({
      path: plain,
      sizeBytes: content.length,
      modifiedAtMs: 2_000_000,
    })
  })

  const half = content.indexOf('\n') + 1
  const first = zlib.zstdCompressSync(content.slice(0, half))
  const second = zlib.zstdCompressSync(content.slice(half), {
    params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 },
  })
  const skippable = (length: number) => {
    const header = Buffer.alloc(8)
    header.writeUInt32LE(0x184d2a57, 0)
    header.writeUInt32LE(length, 4)
    return Buffer.concat([header, Buffer.alloc(length, 0x28)])
  }
  const empty = zlib.zstdCompressSync('')

  test.each([
    ['of two frames', [first, second]],
    ['with a skippable frame before', [skippable(4), first, second]],
    ['with skippable frames between and behind', [first, skippable(300_000), second, skippable(0)]],
    ['with empty frames', [empty, first, empty, second, empty]],
    ['of a frame for each byte', [...content].map((byte) => zlib.zstdCompressSync(byte))],
  ])('%s is read whole', async (_, frames) => {
    const path = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, Buffer.concat(frames))
    expect(await readAll(path)).toMatchObject([{ kind: 'sessionMeta' }, { kind: 'userMessage' }])
  })

  test('of many blocks is read whole, whatever they are made of', async () => {
    const lines = Array.from({ length: 40 }, (_, index) =>
      userMessage(index % 2 === 0 ? 'x'.repeat(100_000) : randomBytes(60_000).toString('base64')),
    )
    const frames = [lines.slice(0, 30), lines.slice(30)].map((part) =>
      zlib.zstdCompressSync(`${part.join('\n')}\n`),
    )
    const path = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, Buffer.concat(frames))
    const plain = writeFile(makeFolder(), ROLLOUT_NAME, lines.join('\n'))
    expect(await readAll(path)).toEqual(await readAll(plain))
  })

  test('is let go of when its head is enough', async () => {
    const path = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, Buffer.concat([first, second, second]))
    for await (const line of readRolloutLines(resolveRolloutFile(path))) {
      expect(line.kind).toBe('sessionMeta')
      break
    }
  })

  test.each([
    ['is not zstd', Buffer.from('not zstd'), 'it is not zstd'],
    ['is shorter than any frame', Buffer.from('no'), 'it is not zstd'],
    ['is cut short', zlib.zstdCompressSync(content).subarray(0, -5), 'it is cut off'],
    ['lacks its last byte', second.subarray(0, -1), 'it is cut off'],
    ['is cut short in its second frame', Buffer.concat([first, second.subarray(0, 8)]), 'it is cut off'],
    [
      'is cut short in a skippable frame',
      Buffer.concat([first, skippable(9).subarray(0, -1)]),
      'it is cut off',
    ],
    ['has other bytes behind', Buffer.concat([first, Buffer.from('{"a":1}')]), 'bytes behind the last frame'],
    ['has one byte more', Buffer.concat([first, second, Buffer.from('\n')]), 'bytes behind the last frame'],
  ])('is unreadable, and says why, when it %s', async (_, bytes, reason) => {
    const path = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, bytes)
    await expect(readAll(path)).rejects.toMatchObject({
      code: 'ROLLOUT_UNREADABLE',
      message: `cannot read rollout ${path}`,
      cause: { message: reason },
    })
  })
})

test.each([
  ['is missing', () => join(makeFolder(), ROLLOUT_NAME)],
  ['is a folder', () => makeFolder()],
  ['lies below a file', () => join(writeFile(makeFolder(), 'file', ''), ROLLOUT_NAME)],
])('a rollout that %s is unreadable', (_, makePath) => {
  const path = makePath()
  expect(() => resolveRolloutFile(path)).toThrow(
    new StateError('ROLLOUT_UNREADABLE', `cannot read rollout ${path}`),
  )
})

test('reading stops when it is aborted', async () => {
  const file = resolveRolloutFile(writeFile(makeFolder(), ROLLOUT_NAME, sessionMeta()))
  const reading = collect(readRolloutLines(file, { signal: AbortSignal.abort() }))
  await expect(reading).rejects.toMatchObject({ code: 'ABORTED' })
})

test('whatever the bytes, each line that is not blank is read or reported', async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte > 0x20))),
    fc.constantFrom(sessionMeta(), userMessage('hi'), '{', '"', '  ').map((text) => Buffer.from(text)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
      const content = Buffer.concat(pieces.flatMap((bytes) => [bytes, Buffer.from('\n')]))
      const lines = await readKinds(content)
      expect(lines).toHaveLength(pieces.filter((bytes) => !/^ *$/.test(bytes.toString('latin1'))).length)
    }),
    { numRuns: 200 },
  )
})

test('damaged compressed bytes are lines or one stated error', async () => {
  const sound = zlib.zstdCompressSync(`${sessionMeta()}\n`.repeat(50))
  await fc.assert(
    fc.asyncProperty(fc.nat(sound.length - 1), fc.nat(255), async (at, byte) => {
      const bytes = Buffer.from(sound)
      bytes[at] = byte
      const path = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, bytes)
      const outcome = await readAll(path).then(
        () => 'read',
        (error: unknown) => (error instanceof StateError ? error.code : error),
      )
      expect(['read', 'ROLLOUT_UNREADABLE']).toContain(outcome)
    }),
    { numRuns: 100 },
  )
})
