import { expect, test } from 'vitest'
import { parseBody } from '../../src/body/parse.js'
import { kindOf, summarizeRow } from '../../src/body/summary.js'
import type { StoredLogRow } from '../../src/model/log.js'

function summarize(body: string | null, { target = 'codex_core::session::turn', level = 'INFO' } = {}) {
  const row: StoredLogRow = {
    id: 1,
    tsSeconds: 1,
    tsNanos: 0,
    level,
    target,
    body,
    threadId: '01a2',
    processUuid: null,
    modulePath: null,
    file: null,
    line: null,
  }
  return summarizeRow(row, parseBody(body, { target }))
}

const CHAIN = 'session_loop{thread_id=01a2}:turn{turn.id=7 model=m}: '

test.each([
  [
    'mask: EventMask(OPEN | ISDIR), cookie: 0, name: Some("profile.d") }',
    'inotify event: OPEN | ISDIR "profile.d"',
  ],
  ['mask: EventMask(CREATE), cookie: 0, name: Some("a) }, b") }', 'inotify event: CREATE "a) }, b"'],
])('of debug output what tells something is shown: %s', (rest, text) => {
  const body = `inotify event: Event { wd: WatchDescriptor { id: 1, fd: (Weak) }, ${rest}`
  expect(summarize(body, { target: 'log', level: 'TRACE' }).text).toBe(text)
})

test.each([
  'inotify event: Event { wd: WatchDescriptor { id: 1, fd: (Weak) }, mask: EventMask(OPEN), cookie: 0, name: None }',
  'inotify event: Event { wd: Wat',
  'inotify event: Event { wd: 1, mask: EventMask(OPEN), cookie: 0, name: Some("a") } and more',
])('debug output in which a mark is missing is shown as it is: %s', (body) => {
  expect(summarize(body, { target: 'log' }).text).toBe(body)
})

test.each([
  [
    'Request completed method=POST url=http://x/v1 status=200 OK headers={"a": "b"} version=HTTP/1.1',
    'POST http://x/v1 → 200 OK',
    '',
  ],
  [
    'tool call completed event.name="codex.tool_call" trace_id= conversation.id=1 turn_id=7 tool_name=exec call_id=c tool_source="direct" total_duration_ms=46',
    'tool call completed: exec took 46 ms',
    '',
  ],
  [
    'post sampling token usage turn_id=7 total_usage_tokens=12 auto_compact_scope_limit=Some(99) needs_follow_up=true',
    'post sampling token usage: 12 tokens, compaction at 99',
    'needs_follow_up=true',
  ],
  ['post sampling token usage', 'post sampling token usage', ''],
  ['Output item item_type="reasoning" item_id="x"', 'Output item: reasoning', ''],
  [
    'Submission thread_id=1 submission_id=9 operation="turn_input" parent_turn_id=None op=TurnInput { a: 1 }',
    'Submission: turn_input',
    '',
  ],
  ['Submission sub=Submission { id: "9", op: UserInput { items: [] } }', 'Submission: UserInput', ''],
  [
    'MCP server startup failed server_name="ghost" error=No such file',
    'MCP server ghost did not start: No such file',
    '',
  ],
  [
    'prepared step skill catalog discovery_v2=false count=None name="a b" slug=x',
    'prepared step skill catalog',
    'discovery_v2=false count=None name="a b"',
  ],
  [
    'event.name="codex.sse_event" event.kind=response.created duration_ms=0 conversation.id=1',
    'codex.sse_event: response.created',
    'duration_ms=0',
  ],
  [
    'endpoint="/responses" auth_header_attached=false auth_mode="" auth_request_id="r"',
    '',
    'endpoint=/responses auth_request_id=r',
  ],
])('%s is told as %s', (event, text, fields) => {
  const summary = summarize(CHAIN + event)
  expect(summary.text).toBe(text)
  expect(summary.fields.map(({ key, value }) => `${key}=${value}`).join(' ')).toBe(fields)
})

test('an event without a message is told by the field that says it', () => {
  const error = summarize(`${CHAIN}error=unsupported call: x`, {
    target: 'codex_core::tools::router',
    level: 'ERROR',
  })
  expect(error).toMatchObject({ text: 'unsupported call: x', fields: [], level: 'ERROR' })
  expect(summarize(`${CHAIN}model="m" approval_policy=Never`, { target: 'feedback_tags' }).text).toBe(
    'request to m',
  )
  expect(summarize(null)).toMatchObject({ text: '', fields: [] })
})

test('a failed turn is FAIL whatever its level', () => {
  expect(summarize(`${CHAIN}Turn error: Quota exceeded.`)).toMatchObject({
    level: 'FAIL',
    text: 'Turn error: Quota exceeded.',
    turn: { kind: 'failed', id: '7', text: 'Quota exceeded.' },
  })
})

test.each([
  ['Submission submission_id=9 operation="turn_input"', 'start', '9', 'turn_input'],
  ['Submission sub=Submission { id: "9", op: Compact }', 'start', '9', 'Compact'],
  [
    'post sampling token usage turn_id=9 total_usage_tokens=5 needs_follow_up=false',
    'end',
    '9',
    '5 tokens in context',
  ],
])('%s marks a turn', (body, kind, id, text) => {
  expect(summarize(body).turn).toEqual({ kind, id, text })
})

test('a turn that is stopped, and rows of no turn', () => {
  const stopped = summarize('aborting running task task_kind=Regular sub_id="9"', {
    target: 'codex_core::tasks',
    level: 'TRACE',
  })
  expect(stopped.turn).toEqual({ kind: 'stopped', id: '9', text: '' })
  expect(summarize('Submission sub=Submission { id: "9", op: Shutdown }').turn).toBe(undefined)
})

test('only chatty rows that differ in numbers are of one kind', () => {
  const kind = (body: string, level: string) => kindOf(summarize(body, { level }))
  expect(kind('event 1', 'TRACE')).toBe(kind('event 2', 'TRACE'))
  expect(kind('event 1', 'INFO')).not.toBe(kind('event 2', 'INFO'))
})
