import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readCompletedItem } from '../../src/rollout/items.js'
import { skipJson } from '../../src/rollout/json-bytes.js'
import { listRollouts } from '../../src/rollout/list.js'
import { parseEnvelope } from '../../src/rollout/parse.js'
import { type QuickLine, readQuickLine } from '../../src/rollout/projection-bytes.js'
import { parseTimestampMs } from '../../src/rollout/timestamp.js'
import { textOrNull } from '../../src/rollout/values.js'
import { fixtureNames, fixturePath, HOMES, homePath } from '../helpers/homes.js'
import { createRandom } from '../helpers/random.js'

const LINES_OF_A_HOME = 150

let lines: Buffer[]

beforeAll(async () => {
  const homes = [
    ...HOMES.map(homePath),
    ...(['turns', 'items', 'memories', 'failures'] as const).flatMap((kind) =>
      fixtureNames(kind).map((name) => join(fixturePath(kind, name), 'home')),
    ),
  ]
  lines = []
  for (const home of homes) {
    const ofHome: Buffer[] = []
    for (const { path } of (await listRollouts(home)).files)
      if (path.endsWith('.jsonl'))
        for (const text of readFileSync(path, 'latin1').split('\n')) ofHome.push(Buffer.from(text, 'latin1'))
    const step = Math.max(1, Math.floor(ofHome.length / LINES_OF_A_HOME))
    lines.push(...ofHome.filter((bytes, index) => index % step === 0 && bytes.length > 0))
  }
})

/** The same by the parser; `undefined` for a line that cannot be read, or has no ordinal. */
function readSlowly(bytes: Buffer): QuickLine | undefined {
  const line = isUtf8(bytes) ? parseEnvelope(bytes.toString()) : 'not UTF-8'
  if (typeof line === 'string' || line.ordinal === null) return undefined
  const { ordinal, type, payload, timestamp } = line
  const eventType = type === 'event_msg' ? String(payload.type) : null
  const itemId = eventType === 'item_completed' ? readCompletedItem(payload)?.id : undefined
  const turnId = textOrNull(payload.turn_id)
  const isStored = itemId && turnId && parseTimestampMs(timestamp) !== null
  return { ordinal, eventType, item: isStored ? { turnId, itemId } : null }
}

describe('a line of a projection', () => {
  test('is read from its bytes as the parser reads it, in every release', () => {
    let count = 0
    let itemCount = 0
    let leftCount = 0
    for (const bytes of lines) {
      const slow = readSlowly(bytes)
      const quick = readQuickLine(bytes)
      if (quick) expect(quick, bytes.toString()).toEqual(slow)
      count += quick ? 1 : 0
      itemCount += quick?.item ? 1 : 0
      leftCount += slow && !quick ? 1 : 0
    }
    expect(count).toBeGreaterThan(1000)
    expect(itemCount).toBeGreaterThan(100)
    // Of some items the id does not stand at the beginning.
    expect(leftCount).toBeLessThan(count / 20)
  })

  test('that was damaged is left to the parser, or read as the parser reads it', () => {
    const random = createRandom(53)
    let checked = 0
    let readCount = 0
    for (const bytes of lines.filter((line, index) => index % 3 === 0 && line.length < 4000))
      for (let round = 0; round < 8; round += 1) {
        const at = random.below(bytes.length)
        const rest = bytes.subarray(at + 1)
        const put = '"\\{}[],:0eu-. \t\0\x7fé\xff'.charAt(random.below(20))
        const damaged = [
          () => bytes.subarray(0, at),
          () => Buffer.concat([bytes.subarray(0, at), bytes]),
          () => Buffer.concat([bytes.subarray(0, at), rest]),
          () => Buffer.concat([bytes.subarray(0, at), Buffer.from(put, 'latin1'), rest]),
        ][round % 4]!()
        checked += 1
        const quick = readQuickLine(damaged)
        if (quick === undefined) continue
        readCount += 1
        expect(quick, damaged.toString()).toEqual(readSlowly(damaged))
      }
    expect(checked).toBeGreaterThan(5000)
    expect(readCount).toBeGreaterThan(100)
  })
})

describe('a JSON value', () => {
  test('ends where the parser ends it', () => {
    const sound = [
      ...['{}', '[]', '""', '0', '-0', '-1.5e+10', '1E5', 'null', 'true', 'false', '"\\u00e9\\ud800\\"\\\\"'],
      ...['{"a":[{"b":[[],{}]},"c"],"d":{"e":null}}', '[1,"é",-0.5]', '[[[[]]]]', '"\x7f"'],
    ]
    const broken = [
      ...[
        '',
        '{',
        '[',
        '"',
        '"\\',
        '"\\x"',
        '"\\u12g4"',
        '"\t"',
        '01',
        '1.',
        '.5',
        '-',
        '1e',
        '+1',
        'nul',
        'NaN',
      ],
      ...['{"a"}', '{"a":}', '{"a":1,}', '{,}', '{1:2}', '[1,]', '[,1]', '[1 2]', '{"a":1]', '[1}', '{"a":1'],
    ]
    for (const text of sound) {
      JSON.parse(text)
      expect(skipJson(Buffer.from(text), 0), text).toBe(Buffer.byteLength(text))
    }
    for (const text of broken) {
      expect(() => JSON.parse(text), text).toThrow(SyntaxError)
      const bytes = Buffer.from(text)
      expect(skipJson(bytes, 0) === bytes.length, text).toBe(false)
    }
    // What is nested deeper is for the parser.
    expect(skipJson(Buffer.from('['.repeat(500) + ']'.repeat(500)), 0)).toBe(-1)
  })
})
