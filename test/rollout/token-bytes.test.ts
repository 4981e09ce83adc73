import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listRollouts } from '../../src/rollout/list.js'
import { parseEnvelope } from '../../src/rollout/parse.js'
import { parseTimestampMs, readLineTimeMs } from '../../src/rollout/timestamp.js'
import { readCountLine, readRecordLine } from '../../src/rollout/token-bytes.js'
import { readUsage } from '../../src/rollout/usage.js'
import { isObject, textOrNull } from '../../src/rollout/values.js'
import { fixtureNames, fixturePath, HOMES, homePath } from '../helpers/homes.js'
import { createRandom } from '../helpers/random.js'

/** Lines of tokens of every release: of each home the first ones and the last ones. */
async function readLines(): Promise<string[]> {
  const homes = [
    ...HOMES.map(homePath),
    ...(['turns', 'items', 'memories', 'failures'] as const).flatMap((kind) =>
      fixtureNames(kind).map((name) => join(fixturePath(kind, name), 'home')),
    ),
  ]
  const lines: string[] = []
  for (const home of homes) {
    const { files } = await listRollouts(home)
    const found = files
      .filter(({ path }) => path.endsWith('.jsonl'))
      .flatMap(({ path }) => readFileSync(path, 'utf8').split('\n'))
      .filter((text) => /"type":"(token_count|token_usage_record)"/.test(text.slice(0, 200)))
    lines.push(...found.slice(0, 30), ...found.slice(-30))
  }
  return lines
}

/** As the scan of a rollout calls it. */
function readQuickly(bytes: Buffer) {
  const typeAt =
    /"type":"(?:event_msg","payload":\{"type":")?()/d.exec(bytes.toString('latin1'))?.indices?.[1]?.[0] ?? -1
  return {
    count: readCountLine(bytes, 0, bytes.length, typeAt),
    record: readRecordLine(bytes, 0, bytes.length, typeAt),
  }
}

/** The same by the parser. */
function readSlowly(text: string) {
  const line = parseEnvelope(text)
  if (typeof line === 'string') return { count: null, record: null }
  const { type, payload } = line
  const info = isObject(payload.info) ? payload.info : {}
  const total = readUsage(info.total_token_usage)
  const isCount = type === 'event_msg' && payload.type === 'token_count' && total !== null
  const usage = type === 'token_usage_record' ? readUsage(payload.usage) : null
  return {
    count: isCount ? { total, last: readUsage(info.last_token_usage) } : null,
    record: usage && {
      usage,
      threadId: textOrNull(payload.thread_id),
      turnId: textOrNull(payload.turn_id),
      responseId: textOrNull(payload.response_id),
    },
  }
}

describe('a line of tokens', () => {
  test('is read from its bytes as the parser reads it, in every release', async () => {
    const lines = await readLines()
    const kinds = { count: 0, record: 0 }
    for (const text of lines) {
      const bytes = Buffer.from(text)
      const [quick, slow] = [readQuickly(bytes), readSlowly(text)]
      // Nothing is left to the parser but what it reads no sums from.
      if (slow.count) expect(quick.count, text).toEqual(slow.count)
      if (slow.record) expect(quick.record, text).toEqual(slow.record)
      expect(readLineTimeMs(bytes, 0)).toBe(parseTimestampMs(JSON.parse(text).timestamp))
      kinds.count += quick.count ? 1 : 0
      kinds.record += quick.record ? 1 : 0
    }
    expect(kinds.count).toBeGreaterThan(1000)
    expect(kinds.record).toBeGreaterThan(200)
  })

  test('that was damaged is left to the parser, or read as the parser reads it', async () => {
    const random = createRandom(41)
    const lines = (await readLines()).filter((_, index) => index % 7 === 0)
    let left = 0
    let checked = 0
    for (const text of lines)
      for (let round = 0; round < 16; round += 1) {
        const bytes = Buffer.from(text)
        const at = random.below(bytes.length)
        const damaged = [
          () => bytes.subarray(0, at),
          () => Buffer.concat([bytes.subarray(0, at), bytes]),
          () => Buffer.concat([bytes, bytes.subarray(at)]),
          () =>
            Buffer.concat([
              bytes.subarray(0, at),
              Buffer.from('"\\{}[],:0\0\x7fé'.charAt(random.below(12))),
              bytes.subarray(at + 1),
            ]),
        ][round % 4]!()
        const quick = readQuickly(damaged)
        const slow = readSlowly(damaged.toString())
        if (quick.count) expect(slow.count, damaged.toString()).toEqual(quick.count)
        if (quick.record) expect(slow.record, damaged.toString()).toEqual(quick.record)
        left += quick.count || quick.record ? 0 : 1
        checked += 1
      }
    expect(checked).toBeGreaterThan(2000)
    expect(left).toBeGreaterThan(checked / 2)
  })
})
