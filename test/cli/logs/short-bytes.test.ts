import { expect, test } from 'vitest'
import { parseBody } from '../../../src/body/parse.js'
import { summarizeRow } from '../../../src/body/summary.js'
import { layoutOf } from '../../../src/cli/logs/records.js'
import { createShortReader } from '../../../src/cli/logs/short-bytes.js'
import { createShortFormatter } from '../../../src/format/short.js'
import { createUtcTime } from '../../../src/format/time.js'
import { HIGHEST_ID, LOWEST_ID } from '../../../src/query/logs/batches.js'
import { readLogRows } from '../../../src/query/logs/rows.js'
import { type LogStore, openLogStore } from '../../../src/query/logs/store.js'
import { candidatesFor, listDatabases } from '../../../src/schema/files.js'
import { visitHomeLogs } from '../../helpers/home-logs.js'
import { createLogHome, THREAD_A } from '../../helpers/log-layouts.js'
import { createRandom } from '../../helpers/random.js'
import { runLogs } from '../../helpers/run.js'

const ALL = { kind: 'window', low: LOWEST_ID, high: HIGHEST_ID } as const

/** The lines made of bytes, and those made row by row. */
function readBoth(store: LogStore): { made: string; wanted: string } {
  const records = createShortReader(store, undefined)(ALL)
  const formatter = createShortFormatter({ time: createUtcTime(), palette: undefined, width: undefined })
  const wanted = readLogRows(store, ALL).map((row) =>
    formatter.format(
      summarizeRow(row, parseBody(row.body, { target: row.target ?? '', ...layoutOf(store) })),
    ),
  )
  return { made: records ? Buffer.from(records.bytes).toString() : '', wanted: wanted.join('') }
}

function expectSame({ made, wanted }: ReturnType<typeof readBoth>, what: string): void {
  if (made === wanted) return
  const lines = made.split('\n')
  const at = wanted.split('\n').findIndex((line, index) => line !== lines[index])
  expect(lines[at], what).toBe(wanted.split('\n')[at])
}

test('of every row of every home the bytes make the line that the row makes', () => {
  visitHomeLogs((store, name) => expectSame(readBoth(store), name))
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
  const both = readBoth(store)
  expectSame(both, 'changed')
  // In many batches, some of them of one day.
  const { stdout } = await runLogs(['query', '--format', 'short', '--codex-home', home])
  expectSame({ made: stdout, wanted: both.wanted }, 'by the command')
  expect(stdout.match(/^── /gm)!.length).toBe(4)
  store.connection.close()
})
