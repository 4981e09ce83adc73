import { expect, test } from 'vitest'
import { maskMessage } from '../../src/body/mask.js'

test.each([
  [
    'stream disconnected - retrying sampling request (1/2 in 998.559613ms)...',
    'stream disconnected - retrying sampling request (#/# in #)...',
  ],
  ['task 01a2132c-ee41-75f2-a671-ec7d0747d646 ended', 'task # ended'],
  ['connecting to ws://127.0.0.1:4141/v1/responses', 'connecting to <url>'],
  ['Failed to read /home/demo/a b: No such file', 'Failed to read <path> b: No such file'],
  ['ToolCall: exec_command {"cmd":"ls -la \\"x\\"","n":3}', 'ToolCall: exec_command {"…":"…","…":#}'],
  ['tool call failed for `notes/slow` after 2s', 'tool call failed for `…` after #'],
  ['read/write of C:\\Users\\x and ~/y', 'read/write of <path> and <path>'],
  ['We’re fine, nothing to mask', 'We’re fine, nothing to mask'],
  ['call_mock_s0_0001, sk-demo-*****0001., 5%', '#, sk-demo-*****#., #%'],
])('%s is masked', (message, masked) => {
  expect(maskMessage(message)).toBe(masked)
})

test('a long text without blanks is masked in time that grows with its length', () => {
  for (const piece of ['"', '`a', 'a://', '/a', 'a-', '1.', 'C:\\']) {
    expect(maskMessage(piece.repeat(200_000)).length).toBeGreaterThan(0)
  }
})
