import { expect, test } from 'vitest'
import { openLogStore } from '../../../src/query/logs/store.js'
import { candidatesFor, listDatabases } from '../../../src/schema/files.js'
import { visitHomeLogs } from '../../helpers/home-logs.js'
import { createLogHome, THREAD_A } from '../../helpers/log-layouts.js'
import { createRandom } from '../../helpers/random.js'
import { runLogs } from '../../helpers/run.js'
import { expectSameLines, expectSameShort } from '../../helpers/two-ways.js'

test('of every row of every home the bytes make the line that the row makes', () => {
  visitHomeLogs(expectSameShort)
}, 60_000)

const CHAIN = `session_loop{thread_id=${THREAD_A}}:turn{turn.id=T1 model=m}: `
const TEXTS = [
  'Request completed method=POST url=http://a/b status=200 OK headers={"a": "b c"} version=HTTP/1.1',
  'Submission sub=Submission { id: "1", op: UserInput { items: [] } }',
  'post sampling token usage turn_id=T1 total_usage_tokens=12 auto_compact_limit=Some(5)',
  'Output item item_type="message" item_id=Some("x")',
  'Turn error: it broke',
  'stream disconnected - retrying sampling request (1/5) sampling_error="cut"',
  'event.name="codex.api_request" event.kind="x" duration_ms=5 auth.a=false auth_b="y"',
  'model="m" approval_policy=Never tags_json={"a":1}',
  'last_model_request_id="a b" last_model_response_id=""',
  'told key="plain" key2="two words" key=3 error=None',
  'a  b\tc\nd\r\n e',
  '*** Begin Patch\n+a\n*** End Patch',
  'héllo 👩‍👩‍👧 \u202e x\u00a0y',
  'नमस्‍ते नमस्\u200cते a\u200db \u200b\u{e0041}',
  '',
]
const PARTS = [
  '"',
  '\\',
  ' ',
  '  ',
  '\n',
  '=',
  'x=',
  '{',
  '}',
  '}: ',
  'Some(',
  ')',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\x1b',
  '\x7f',
  'é',
  '\u00a0',
  '\u200d',
  '\u200c',
  'ب',
  '👩',
  '\u{e0041}',
  'sub=',
]
const TARGETS = [
  'codex_core::session::turn',
  'feedback_tags',
  'log',
  'codex_otel.log_only',
  'a\tb',
  'codex_core::tools::router',
]

test('of bodies that were changed at random as well, and each day is told once', async () => {
  const { below, pick } = createRandom(7)
  const rows = Array.from({ length: 4000 }, (_, index) => {
    let body = `${below(10) < 7 ? CHAIN : ''}${pick(TEXTS)}${below(10) < 3 ? ` ${pick(TEXTS)}` : ''}`
    for (let changes = below(4); changes > 0; changes--) {
      const at = below(body.length + 1)
      body = body.slice(0, at) + pick(PARTS) + body.slice(at + below(3))
    }
    return {
      tsSeconds: 1_770_369_302 + index * 60,
      tsNanos: below(1e9),
      level: pick(['INFO', 'ERROR', 'DEBUG']),
      target: pick(TARGETS),
      threadId: pick([THREAD_A, null, 'a b', 'é', '']),
      body,
    }
  })
  const { home } = createLogHome(rows)
  const store = openLogStore(candidatesFor('logs', listDatabases(home)))!
  const wanted = expectSameShort(store, 'changed')
  // In many batches, some of them of one day.
  const { stdout } = await runLogs(['query', '--format', 'short', '--codex-home', home])
  expectSameLines(stdout, wanted, 'by the command')
  expect(stdout.match(/^── /gm)!.length).toBe(4)
  store.connection.close()
})
