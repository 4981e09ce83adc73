import { expect, test } from 'vitest'
import { createBodyScanner } from '../../src/body/scan.js'

const CHAINS = [
  'session_loop{thread_id=01a1fb71}:submission_dispatch{codex.op="user_input"}:turn{turn.id=T1 model=m}:run_turn: told a=1',
  'session_loop{thread_id=01a1fb71}:turn{cwd=/home/a b}:try_run{model=m}:x{cwd=/tmp}:receiving_stream: told',
  'run_sampling_request{turn_id=T cwd=/tmp/shop}:try_run_sampling_request{turn_id=T model=m}: told',
  'serve_inner: told',
  'a:b:c{d=1}:e: ',
]
const ENDS = [
  '',
  ' ',
  ':',
  ': ',
  '}: told',
  '}:x{y=1}: told',
  '"',
  '\\',
  '\n',
  '=1}: x',
  'a',
  '{',
  '{cwd=/a}:turn{',
  ':: x',
  // After a folder that holds what looks like the end of a span.
  'b: c}:try_run_sampling_request{turn_id=T}: told',
]

test('a body that begins as the one before is read as if there had been none', () => {
  const scanner = createBodyScanner()
  for (const before of CHAINS) {
    for (const chain of CHAINS) {
      for (let length = 0; length <= chain.length; length++) {
        for (const end of ENDS) {
          const body = chain.slice(0, length) + end
          const window = Buffer.from(before + body)
          const from = Buffer.byteLength(before)
          scanner.findEvent(window, 0, from)
          const found = scanner.findEvent(window, from, window.length)
          const alone = createBodyScanner().findEvent(window, from, window.length)
          if (found !== alone) expect(found, `${before}\n${body}`).toBe(alone)
        }
      }
    }
  }
})
