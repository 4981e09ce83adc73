import { describe, expect, test } from 'vitest'
import { type BadLine, type LinePlace, scanRolloutLines } from '../../src/rollout/lines.js'
import type { RolloutEnvelope } from '../../src/rollout/parse.js'
import { resolveRolloutFile } from '../../src/rollout/read.js'
import { TEST_EVERYTHING } from '../helpers/everything.js'
import { event, makeFolder, ROLLOUT_NAME, sessionMeta, writeFile } from '../helpers/rollouts.js'

const MIB = 1024 * 1024

async function scan(content: string | Uint8Array, maxStringBytes?: number) {
  const lines: (RolloutEnvelope & LinePlace)[] = []
  const bad: BadLine[] = []
  const result = await scanRolloutLines(
    resolveRolloutFile(writeFile(makeFolder(), ROLLOUT_NAME, content)),
    (line, place) => {
      lines.push({ ...line, ...place })
      return true
    },
    (line) => bad.push(line),
    { maxStringBytes },
  )
  return { lines, bad, result }
}

test('Lines are told with their place in bytes, and bad ones with what is wrong', async () => {
  const first = sessionMeta()
  const { lines, bad, result } = await scan(
    `${first}\n\nbad\n${event('agent_message', { message: 'é' })}\r\n{"time`,
  )
  expect(lines.map(({ type, lineNumber, index }) => [type, lineNumber, index])).toEqual([
    ['session_meta', 1, 0],
    ['event_msg', 4, 1],
  ])
  expect(lines[1]!.offset).toBe(first.length + 1 + 1 + 4)
  expect(result).toEqual({ endOffset: lines[1]!.endOffset, count: 2, isStopped: false })
  expect(bad).toEqual([
    {
      lineNumber: 3,
      offset: first.length + 2,
      endOffset: first.length + 6,
      reason: 'not JSON',
      isIncomplete: false,
    },
    {
      lineNumber: 5,
      offset: result.endOffset,
      endOffset: result.endOffset + 6,
      reason: 'incomplete last line: not JSON',
      isIncomplete: true,
    },
  ])
})

test('A last line that is whole but for its line feed counts', async () => {
  const { lines, bad } = await scan(`${sessionMeta()}\n${event('agent_message', { message: 'done' })}`)
  expect(lines).toHaveLength(2)
  expect(bad).toEqual([])
})

test('A long line of more values than memory could hold is bad, one with as many in a string is not', async () => {
  const values = '[],'.repeat(2_100_000)
  const { lines, bad } = await scan(
    `${event('agent_message', { x: 'X' }).replace('"X"', `[${values}0]`)}\n${event('agent_message', { message: `\\"${values}` })}\n`,
    16 * MIB,
  )
  expect(bad.map(({ reason }) => reason)).toEqual(['more values than can be held in memory'])
  expect(lines).toHaveLength(1)
})

describe('a line of many megabytes', () => {
  test('keeps its short strings and the beginning of its long ones, with how much was left out', async () => {
    const { lines, bad } = await scan(
      `${event('user_message', { message: 'look', images: [`data:${'A'.repeat(3 * MIB)}`] })}\n`,
      1000,
    )
    expect(bad).toEqual([])
    const { message, images } = lines[0]!.payload as { message: string; images: string[] }
    expect(message).toBe('look')
    expect(images[0]!.slice(0, 10)).toBe('data:AAAAA')
    expect(images[0]!.slice(990)).toBe(`AAAAAAAAAA…[${3 * MIB + 5 - 1000} bytes left out]`)
    expect(lines[0]!.elidedBytes).toBe(3 * MIB + 5 - 1000)
  })

  test.each([
    ['escapes', '\\"\n'.repeat(MIB)],
    ['characters of several bytes', '😀é'.repeat(MIB)],
    ['escaped characters', '\u0001'.repeat(MIB)],
  ])('is cut between %s, never within one', async (_, words) => {
    for (const maxStringBytes of TEST_EVERYTHING
      ? [1000, 1001, 1002, 1003, 1004, 1005]
      : [1000, 1001, 1003]) {
      const { lines } = await scan(`${event('agent_message', { message: words })}\n`, maxStringBytes)
      const { message } = lines[0]!.payload as { message: string }
      const kept = message.replace(/…\[\d+ bytes left out\]$/, '')
      expect(kept.length).toBeGreaterThan(100)
      expect(words.startsWith(kept)).toBe(true)
    }
  })
})
