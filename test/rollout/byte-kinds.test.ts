import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BYTE_KINDS, type ByteKind, measureBytes } from '../../src/rollout/byte-kinds.js'
import { createHomeIndex } from '../../src/rollout/home-index.js'
import { listRollouts } from '../../src/rollout/list.js'
import { resolveRolloutFile } from '../../src/rollout/read.js'
import { readTurns } from '../../src/rollout/turns.js'
import { fixtureNames, fixturePath } from '../helpers/homes.js'
import {
  event,
  line,
  makeFolder,
  ROLLOUT_NAME,
  sessionMeta,
  turnContext,
  writeFile,
} from '../helpers/rollouts.js'

async function measure(lines: readonly string[]): Promise<Partial<Record<ByteKind, number>>> {
  const path = writeFile(makeFolder(), ROLLOUT_NAME, lines.map((text) => `${text}\n`).join(''))
  const { bytes } = await measureBytes(resolveRolloutFile(path))
  return Object.fromEntries(Object.entries(bytes).filter(([, count]) => count > 0))
}

const sizeOf = (...lines: string[]) => lines.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0)

const say = (role: string, text: string) =>
  line('response_item', { type: 'message', role, content: [{ type: 'input_text', text }] })

test('each line counts as what it is', async () => {
  const lines = {
    instructions: [
      sessionMeta(),
      turnContext(),
      say('developer', 'Be brief.'),
      say('user', '# AGENTS.md instructions for /srv\n\nBe brief.'),
      say('user', '<codex_internal_context source="goal">go on'),
    ],
    talk: [
      say('user', 'Gruß: fix "it"'),
      event('agent_message', { message: 'Done.' }),
      event('item_completed', { thread_id: 'x', turn_id: 'y', item: { type: 'AgentMessage', id: 'z' } }),
    ],
    calls: [line('response_item', { type: 'function_call', name: 'exec_command', arguments: '{}' })],
    output: [
      line('response_item', { type: 'function_call_output', call_id: 'a', output: 'ok' }),
      event('item_completed', { thread_id: 'x', turn_id: 'y', item: { type: 'CommandExecution' } }),
    ],
    compacted: [line('compacted', { message: 'so far', replacement_history: [{ text: 'x'.repeat(2e6) }] })],
    tokens: [event('token_count', { info: null }), line('token_usage_record', { usage: {} })],
    rest: ['not JSON', '', event('task_complete', { turn_id: 'y' }), line('kind_of_tomorrow', {})],
  }
  const expected = Object.fromEntries(Object.entries(lines).map(([kind, of]) => [kind, sizeOf(...of)]))
  expect(await measure(Object.values(lines).flat())).toEqual(expected)
})

// Above 1 MiB a line comes in pieces of 256 KiB: marks and pictures lie across their borders in some of these.
test.each([300, 40_000, 262_100, 262_140, 262_150, 1_500_000])(
  'a picture of %i bytes counts for itself, wherever it stands',
  async (size) => {
    const picture = 'iVBORw0K'.repeat(Math.ceil(size / 8)).slice(0, size)
    const lines = [
      sessionMeta(),
      say('user', `data:image/png;base64,${picture}`),
      line('response_item', {
        type: 'function_call_output',
        call_id: 'a',
        output: JSON.stringify([
          { type: 'image', data: picture, image_url: `data:image/png;base64,${picture}` },
        ]),
      }),
      event('mcp_tool_call_end', {
        result: { content: [{ type: 'image', data: picture, mimeType: 'image/png' }] },
        more: 'x'.repeat(1_100_000),
        again: `data:image/png;base64,${picture}`,
      }),
      event('image_generation_end', { call_id: 'b', result: picture }),
    ]
    const { images, ...others } = await measure(lines)
    expect(images).toBe(5 * size)
    expect(Object.values(others).reduce((sum, bytes) => sum + bytes, 0)).toBe(sizeOf(...lines) - 5 * size)
  },
)

test('words behind the marks of a picture are none', async () => {
  const words = 'no picture at all, '.repeat(100)
  const lines = [event('mcp_tool_call_end', { data: words, result: words, note: ';base64,' })]
  expect(await measure(lines)).toEqual({ output: sizeOf(...lines) })
})

test('copied lines are those that the turns call inherited, in every release', async () => {
  let copiedFiles = 0
  for (const name of fixtureNames('turns').filter((of) => /^(forks|midfork|v2|upgrade)/.test(of))) {
    const home = join(fixturePath('turns', name), 'home')
    const { files } = await listRollouts(home)
    const findRollout = createHomeIndex(home)
    for (const { path } of files) {
      const file = resolveRolloutFile(path)
      const { bytes, lineCounts } = await measureBytes(file, { findRollout })
      const { bases, inheritedLineCount } = await readTurns(path, { findRollout })
      // Of a base nothing was copied: its lines are inherited where they stand.
      if (bases.length === 0) expect([path, lineCounts.copied]).toEqual([path, inheritedLineCount])
      else expect([path, lineCounts.copied]).toEqual([path, 0])
      expect(BYTE_KINDS.reduce((sum, kind) => sum + bytes[kind], 0)).toBe(file.sizeBytes)
      if (lineCounts.copied > 0) copiedFiles += 1
    }
  }
  expect(copiedFiles).toBeGreaterThan(30)
})
