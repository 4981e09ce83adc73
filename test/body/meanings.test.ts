import { expect, test } from 'vitest'
import { isBodyFieldName, MEANING_NAMES, readBodyField, readMeaning } from '../../src/body/meanings.js'
import { parseBody } from '../../src/body/parse.js'

const BODY =
  'session_loop{thread_id=01a2}:turn{turn.id=7 model=gpt-5}:run_turn:handle_responses{tool_name="lookup"}:' +
  'dispatch_tool_call_with_code_mode_result{otel.name="x" tool_name="mcp__noteslookup" call_id="call_1" aborted=false aborted=true}: ' +
  'MCP tool call error: tool call failed for `notes/lookup`'

test('a row is about the turn, the tool, the server and the model that its body names', () => {
  const parsed = parseBody(BODY)
  const values = MEANING_NAMES.map((name) => [name, readMeaning(parsed, name)])
  expect(Object.fromEntries(values)).toEqual({
    turn_id: '7',
    request: undefined,
    tool: 'mcp__noteslookup',
    call_id: 'call_1',
    mcp_server: 'notes',
    model: 'gpt-5',
  })
})

test.each([
  ['aborting running task task_kind=Regular sub_id="9"', 'turn_id', '9'],
  ['Submission thread_id=1 submission_id=9 operation="turn_input"', 'turn_id', '9'],
  ['app_server.request{rpc.method="thread/start"}: x', 'request', 'thread/start'],
  ['ToolCall: exec_command {"cmd":"ls"} thread_id=1', 'tool', 'exec_command'],
  ['MCP server startup failed server_name="ghost" error=x', 'mcp_server', 'ghost'],
  ['new{server_name=notes}:start_server_task{server_name=notes}: Service initialized', 'mcp_server', 'notes'],
  ['app-server remote control server_name=box', 'mcp_server', undefined],
  ['Unknown model my model is used. This will use fallback', 'model', 'my model'],
  ['event.name="codex.tool_result" tool_name=exec mcp_server= model=m', 'mcp_server', undefined],
] as const)('%s: %s is %s', (body, meaning, value) => {
  expect(readMeaning(parseBody(body), meaning)).toBe(value)
})

test('any field of the event and of a span has a name, the last value holds', () => {
  const parsed = parseBody(`${BODY} a="x\\ny" b=1 __proto__=2`)
  expect(readBodyField(parsed, 'field.a')).toBe('x\ny')
  expect(readBodyField(parsed, 'field.none')).toBe(null)
  expect(readBodyField(parsed, 'span.turn.turn.id')).toBe('7')
  expect(readBodyField(parsed, 'span.turn.none')).toBe(null)
  expect(readBodyField(parsed, 'span.dispatch_tool_call_with_code_mode_result.aborted')).toBe('true')
  expect(readBodyField(parsed, 'message')).toBe('MCP tool call error: tool call failed for `notes/lookup`')
  expect(JSON.stringify(readBodyField(parsed, 'event_fields'))).toBe('{"a":"x\\ny","b":"1","__proto__":"2"}')
  expect(JSON.stringify((readBodyField(parsed, 'spans') as unknown[]).slice(1, 3))).toBe(
    '[{"name":"turn","fields":{"turn.id":"7","model":"gpt-5"}},{"name":"run_turn","fields":{}}]',
  )
})

test.each([
  ['message', true],
  ['turn_id', true],
  ['field.error', true],
  ['span.turn.turn.id', true],
  ['field.', false],
  ['span.turn', false],
  ['body', false],
])('whether %s names a part of a body: %s', (name, is) => {
  expect(isBodyFieldName(name)).toBe(is)
})
