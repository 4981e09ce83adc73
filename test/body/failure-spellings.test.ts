import { describe, expect, test } from 'vitest'
import type { Failure } from '../../src/body/find-failures.js'
import type { StoredLogRow } from '../../src/model/log.js'
import { findFailures } from '../helpers/failures.js'

const THREAD = '019a1111-0000-7000-8000-00000000000a'
const TURN = '019a1111-0000-7000-8000-0000000000f1'
const CHAIN = `session_loop{thread_id=${THREAD}}:submission_dispatch{otel.name="op.dispatch.user_input" submission.id="${TURN}" codex.op="user_input"}:turn{otel.name="session_task.turn" thread.id=${THREAD} turn.id=${TURN} model=gpt-5}:run_turn: `

type Row = Partial<StoredLogRow> & { level: string; target: string; body: string | null }

/** A row of a thread, as one of the three ways of writing it has it. */
const inTurn = (level: string, target: string, event: string): Row => ({
  level,
  target,
  body: `${CHAIN}${event}`,
  threadId: THREAD,
})
const plain = (level: string, target: string, body: string | null): Row => ({
  level,
  target,
  body,
  threadId: THREAD,
})
const alone = (level: string, target: string, body: string | null): Row => ({ level, target, body })

function find(rows: readonly Row[], isMessageOnly = false): Failure[] {
  const stored = rows.map(
    (row, index): StoredLogRow => ({
      id: index + 1,
      tsSeconds: 1_795_000_000 + index,
      tsNanos: 0,
      threadId: null,
      processUuid: 'pid:7:4b3a1d54-51c5-4a8e-9f34-0d2f8a9c1b11',
      modulePath: row.target,
      file: 'core/src/x.rs',
      line: 1,
      ...row,
    }),
  )
  return findFailures(stored, { isMessageOnly })
}

const names = (rows: readonly Row[], isMessageOnly = false) =>
  find(rows, isMessageOnly).map(({ entry }) => entry.name)

describe('the end of a turn is named by its text in each spelling', () => {
  const TEXTS: Record<string, readonly string[]> = {
    'http-500': [
      "We're currently experiencing high demand, which may cause temporary errors.",
      'We’re currently experiencing high demand, which may cause temporary errors.',
      'exceeded retry limit, last status: 502 Bad Gateway, request id: req_1',
    ],
    'overloaded-in-stream': ['Selected model is at capacity. Please try a different model.'],
    'http-429': ['exceeded retry limit, last status: 429 Too Many Requests, request id: req_15'],
    'usage-limit': [
      "You've hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro) or try again at 3:04 PM.",
      'You’ve hit your usage limit. Try again in 2 days.',
    ],
    'http-401': [
      'unexpected status 401 Unauthorized: Incorrect API key provided: sk-demo-*****0001., url: http://127.0.0.1/v1/responses',
      'unexpected status 401 Unauthorized: , url: wss://chatgpt.com/backend-api/codex/responses, cf-ray: 9a',
    ],
    'unexpected-status': [
      'unexpected status 403 Forbidden: {"error":{"message":"upstream said status 401"}}, url: https://proxy/v1/responses',
      'unexpected status 404 Not Found: Unknown error, url: http://127.0.0.1:1/v1/responses',
      'unexpected status 426 Upgrade Required: , url: wss://proxy/v1/responses',
    ],
    'http-400': [
      '{"error":{"type":"invalid_request_error","message":"Unsupported parameter: tools[0]."}}',
      '{\n  "error": {\n    "message": "Rate limit reached is not the reason",\n    "type": "invalid_request_error"\n  }\n}',
      '{"detail":"Unsupported parameter: tools"}',
      '{ "object": "error", "message": "The model `x` does not exist.", "code": 400 }',
      '{"type":"error","error":{"message":"An error occurred while processing your request"}}',
    ],
    'stream-cut': [
      'stream disconnected before completion: Transport error: network error: error decoding response body',
      'stream disconnected before completion: WebSocket protocol error: Connection reset without closing handshake',
    ],
    'stream-closed-early': ['stream disconnected before completion: stream closed before response.completed'],
    'stream-server-error': [
      'stream disconnected before completion: An error occurred while processing your request. You can retry your request, or contact us. Please include the request ID req_9 in your message.',
    ],
    'idle-timeout': [
      'stream disconnected before completion: idle timeout waiting for SSE',
      'stream disconnected before completion: idle timeout waiting for websocket',
    ],
    'context-window': [
      "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
      'Codex ran out of room in the model’s context window. Start a new thread.',
    ],
    'rate-limit-in-stream': [
      'stream disconnected before completion: Rate limit reached for mock-model in organization org on tokens per min',
      'rate limit exceeded: Rate limit reached for mock-model',
    ],
    quota: ['Quota exceeded. Check your plan and billing details.'],
    'invalid-prompt': ['Invalid prompt: refused by policy.'],
    incomplete: [
      'stream disconnected before completion: Incomplete response returned, reason: max_output_tokens',
      'Incomplete response returned, reason: content_filter',
    ],
    'no-connection': [
      'stream disconnected before completion: error sending request for url (http://127.0.0.1:1/v1/responses)',
    ],
    'turn-failed': ['sandbox error: it is another one'],
  }

  test.each(Object.entries(TEXTS))('%s', (name, texts) => {
    for (const text of texts) {
      const body = `Turn error: ${text}`
      for (const target of ['codex_core::codex', 'codex_core::session::turn']) {
        expect([text, names([inTurn('INFO', target, body)])]).toEqual([text, [name]])
      }
      expect([text, names([plain('INFO', 'codex_core::codex', body)], true)]).toEqual([text, [name]])
      const [failure] = find([inTurn('INFO', 'codex_core::session::turn', body)])
      expect([text, failure?.endsTurn, failure?.entry.severity]).toEqual([text, true, 'failure'])
    }
  })

  test('and where the text is only what the server said, by the status of its answer', () => {
    const answered = (status: string) =>
      inTurn(
        'DEBUG',
        'codex_http_client::client',
        `Request completed method=POST url=http://127.0.0.1/v1/responses status=${status} headers={} version=HTTP/1.1`,
      )
    const failed = (text: string) => inTurn('INFO', 'codex_core::session::turn', `Turn error: ${text}`)
    expect(names([answered('400 Bad Request'), failed('<html>Bad request</html>')])).toEqual(['http-400'])
    expect(names([answered('200 OK'), failed('no reason is known')])).toEqual(['turn-failed'])
  })
})

describe('a tool call that was not carried out is named by what its error begins with', () => {
  const ERRORS: Record<string, readonly string[]> = {
    'patch-failed': [
      'apply_patch verification failed: Failed to find expected lines in /p/a.py:\nprint("(rejected by user)")',
      'apply_patch verification failed: Failed to read file to update C:\\p\\a.txt: The system cannot find the file specified. (os error 2)',
    ],
    'unknown-tool': ['unsupported call: no_such_tool', 'unsupported custom tool call: no_such_tool'],
    'bad-arguments': ['failed to parse function arguments: EOF while parsing a value at line 1 column 8'],
    'bad-tool-arguments': ['agent ids must be non-empty'],
    'tool-rejected-by-user': [
      'exec_command failed: CreateProcess { message: "Rejected(\\"rejected by user\\")" }',
      'exec_command failed for `/bin/bash -lc ls`: CreateProcess { message: "Rejected(\\"rejected by user\\")" }',
      'exec command rejected by user',
      'patch rejected by user',
    ],
    'sandbox-denied-patch': [
      'patch rejected: writing is blocked by read-only sandbox; rejected by user approval settings',
      'patch rejected: writing outside of the project; rejected by user approval settings',
    ],
    'tool-failed': [
      'exec_command failed for `/bin/bash -lc "echo \'(rejected by user)\'"`: CreateProcess { message: "No such file or directory (os error 2)" }',
      'write_stdin failed: Unknown process id 7: apply_patch verification failed',
    ],
  }

  test.each(Object.entries(ERRORS))('%s', (name, errors) => {
    for (const error of errors) {
      const row = inTurn('ERROR', 'codex_core::tools::router', `error=${error}`)
      expect([error, names([row])]).toEqual([error, [name]])
    }
  })

  test('and before errors were logged by what was called', () => {
    const call = (text: string) => plain('INFO', 'codex_core::stream_events_utils', `ToolCall: ${text}`)
    const failed = plain('ERROR', 'codex_core::tools::router', null)
    expect(names([call('apply_patch *** Begin Patch\n*** End Patch'), failed], true)).toEqual([
      'patch-failed',
    ])
    expect(names([call('exec_command {"cmd":'), failed], true)).toEqual(['bad-arguments'])
    expect(names([call('exec_command {"cmd":"ls"}'), failed], true)).toEqual(['tool-failed'])
  })
})

describe('the end of a command is told from what it wrote', () => {
  const result = (tool: string, output: string) =>
    inTurn(
      'INFO',
      'codex_otel.log_only',
      `event.name="codex.tool_result" tool_name=${tool} call_id=call_1 arguments={"cmd":"x"} duration_ms=12 success=true output=${output} mcp_server= mcp_server_origin= event.timestamp=2026-11-25T10:00:00.000Z conversation.id=${THREAD}`,
    )
  const UNIFIED = 'Chunk ID: ab12cd\nWall time: 0.1 seconds\nProcess exited with code'

  test.each([
    ['exec_command', `${UNIFIED} 3\nOriginal token count: 4\nOutput:\nx`, 'tool-exit-status'],
    ['exec_command', `${UNIFIED} 3\r\nOutput:\r\nx`, 'tool-exit-status'],
    ['exec_command', `${UNIFIED} 137\nOutput:\n`, 'tool-killed'],
    ['exec_command', `${UNIFIED} -1073741510\nOutput:\n`, 'tool-exit-status'],
    ['shell_command', 'Exit code: 3\nWall time: 0.1 seconds\nOutput:\nx', 'tool-exit-status'],
    ['shell_command', 'Exit code: 137\nWall time: 0.1 seconds\nOutput:\nx', 'tool-killed'],
    [
      'exec_command',
      'Wall time: 0.2 seconds\nOutput:\nExit code: 1\nWall time: 0.1 seconds\nOutput:\nx',
      'tool-exit-status',
    ],
    ['shell', '{"output":"x","metadata":{"exit_code":3,"duration_seconds":0.1}}', 'tool-exit-status'],
    ['exec_command', `${UNIFIED} 0\nOutput:\nProcess exited with code 3`, undefined],
    ['shell_command', 'Exit code: 0\nWall time: 0.1 seconds\nOutput:\nExit code: 3', undefined],
    ['shell', '{"output":"Exit code: 3","metadata":{"exit_code":0,"duration_seconds":0.1}}', undefined],
    ['read_file', 'L1: a test log\nProcess exited with code 3\nL3: end', undefined],
    ['read_file', 'Exit code: 3\n', undefined],
  ])('%s %j', (tool, output, name) => {
    expect(names([result(tool, output)])).toEqual(name === undefined ? [] : [name])
  })
})

describe('a row by itself is named in each spelling', () => {
  const SQLITE = 'error returned from database: (code: 5) database is locked'
  const ROWS: Record<string, readonly Row[]> = {
    'database-locked': [
      plain(
        'WARN',
        'codex_core::state_db',
        `state db touch_thread_updated_at failed during rollout_writer for 019a: ${SQLITE}`,
      ),
      alone(
        'WARN',
        'codex_thread_store::local::update_thread_metadata',
        `state db update_thread_metadata failed for 019a: thread-store internal error: failed to update thread metadata for 019a: ${SQLITE}`,
      ),
      inTurn(
        'ERROR',
        'codex_core::session',
        `failed to record rollout items: thread-store internal error: ${SQLITE}`,
      ),
      alone(
        'WARN',
        'codex_state::runtime',
        'failed to write logs error=error returned from database: (code: 517) database is locked',
      ),
      alone(
        'WARN',
        'codex_state::runtime',
        'failed to write logs error=error returned from database: (code: 6) database table is locked',
      ),
    ],
    'disk-full': [
      plain(
        'WARN',
        'codex_thread_store::local::live_writer',
        'failed to project durable rollout for 019a: thread-store internal error: failed to access thread history: attempted to call begin_with at non-zero transaction depth',
      ),
      alone(
        'WARN',
        'codex_state::runtime',
        'failed to write logs: error returned from database: (code: 13) database or disk is full',
      ),
      alone(
        'ERROR',
        'codex_core::session',
        'failed to record rollout items: No space left on device (os error 28)',
      ),
      alone(
        'ERROR',
        'codex_core::session',
        'failed to record rollout items: There is not enough space on the disk. (os error 112)',
      ),
    ],
    'disk-io': [
      alone(
        'WARN',
        'codex_core::state_db',
        'state db read failed: error returned from database: (code: 522) disk I/O error',
      ),
      alone(
        'WARN',
        'codex_core::state_db',
        'state db read failed: error returned from database: (code: 4618) disk I/O error',
      ),
    ],
    'database-damaged': [
      alone(
        'WARN',
        'codex_core::state_db',
        'state db read failed: error returned from database: (code: 11) database disk image is malformed',
      ),
      alone(
        'ERROR',
        'codex_state::runtime',
        'open failed error=error returned from database: (code: 26) file is not a database',
      ),
    ],
    migration: [
      alone(
        'WARN',
        'codex_core::state_db',
        'failed to initialize state runtime at /h: migration 38 was previously applied but has been modified',
      ),
      alone(
        'ERROR',
        'codex_state::runtime',
        'failed to open: migration 24 was previously applied but is missing in the resolved migrations',
      ),
    ],
    'goals-table': [
      plain(
        'WARN',
        'codex_core::goals',
        'failed to read goal: error returned from database: (code: 1) no such table: thread_goals',
      ),
    ],
    'pool-timeout': [
      alone(
        'WARN',
        'codex_core::state_db',
        'failed to initialize: pool timed out while waiting for an open connection',
      ),
    ],
    'slow-sql': [
      alone('WARN', 'sqlx::query', 'slow statement: execution time exceeded alert threshold'),
      alone(
        'WARN',
        'sqlx::query',
        'slow statement: execution time exceeded alert threshold summary="INSERT INTO logs …" db.statement="" rows_affected=1 rows_returned=0 elapsed=1.2s elapsed_secs=1.2 slow_threshold=1s',
      ),
    ],
    'websocket-refused': [
      inTurn(
        'ERROR',
        'codex_api::endpoint::responses_websocket',
        'failed to connect to websocket: HTTP error: 503 Service Unavailable, url: ws://127.0.0.1:1/v1/responses',
      ),
      inTurn(
        'ERROR',
        'codex_api::endpoint::responses_websocket',
        'failed to connect to Responses WebSocket stage="connect"',
      ),
      inTurn('WARN', 'codex_core::client', 'falling back to HTTP'),
      inTurn(
        'WARN',
        'codex_core::session_startup_prewarm',
        'startup websocket prewarm setup failed: unexpected status 503 Service Unavailable: Unknown error, url: ws://127.0.0.1:1/v1/responses',
      ),
      inTurn(
        'WARN',
        'codex_core::session::startup_prewarm',
        'startup websocket prewarm setup failed: unexpected status 401 Unauthorized: , url: wss://h/v1/responses',
      ),
    ],
    interrupted: [
      inTurn('TRACE', 'codex_core::tasks', `aborting running task task_kind=Regular sub_id=${TURN}`),
      plain('TRACE', 'codex_core::tasks', 'aborting running task'),
    ],
    'slow-abort': [
      inTurn('WARN', 'codex_core::tasks', "task 019a didn't complete gracefully after 100ms"),
      inTurn('WARN', 'codex_core::tasks', 'task 019a didn’t complete gracefully after 100ms'),
    ],
    'sandbox-denied': [
      inTurn(
        'WARN',
        'codex_sandboxing::violation',
        'recorded sandbox violation: resource=filesystem backend=linux_sandbox reason=read_only_file_system path=unknown',
      ),
      inTurn(
        'WARN',
        'codex_sandboxing::violation',
        'recorded sandbox violation: resource="network" backend="macos_seatbelt" reason="denied"',
      ),
    ],
    'sandbox-missing': [
      alone(
        'ERROR',
        'codex_app_server',
        'Codex could not find system bubblewrap on PATH. Please install bubblewrap with your package manager.',
      ),
      alone(
        'ERROR',
        'codex_app_server',
        'Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager.',
      ),
      alone(
        'WARN',
        'codex_tui',
        'Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager.',
      ),
    ],
    'mcp-start-no-command': [
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="ghost" error=No such file or directory (os error 2)',
      ),
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="ghost" error=program not found',
      ),
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="ghost" error=The system cannot find the file specified. (os error 2)',
      ),
    ],
    'mcp-start-exited': [
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="crash" error=handshaking with MCP server failed: connection closed: initialize response',
      ),
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'new{server_name="crash"}: MCP server startup failed server_name="crash" error=handshaking with MCP server failed: Broken pipe (os error 32)',
      ),
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="crash" error=handshaking with MCP server failed: The pipe is being closed. (os error 232)',
      ),
    ],
    'mcp-start-timeout': [
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="mute" error=timed out handshaking with MCP server after 2.99999969s',
      ),
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="mute" error=timed out handshaking with MCP server after 10s: deadline has elapsed',
      ),
    ],
    'mcp-start-failed': [
      alone(
        'WARN',
        'codex_mcp::rmcp_client',
        'MCP server startup failed server_name="x" error=Permission denied (os error 13)',
      ),
    ],
    'mcp-required': [
      alone(
        'ERROR',
        'codex_core::session',
        'Failed to create session: required MCP servers failed to initialize: notes: No such file or directory (os error 2)',
      ),
      alone(
        'ERROR',
        'codex_core::codex',
        'Failed to create session: required MCP servers failed to initialize: notes',
      ),
    ],
    'mcp-group-gone': [
      alone(
        'WARN',
        'codex_rmcp_client::rmcp_client',
        'Failed to kill MCP process group 12: No such process (os error 3)',
      ),
      alone(
        'WARN',
        'codex_rmcp_client::rmcp_client',
        'Failed to terminate MCP process group 12: No such process (os error 3)',
      ),
    ],
    'mcp-tool-timeout': [
      inTurn(
        'WARN',
        'codex_core::mcp_tool_call',
        'MCP tool call error: "tool call error: tool call failed for `notes/slow`\\n\\nCaused by:\\n    timed out awaiting tools/call after 2s"',
      ),
      alone(
        'WARN',
        'codex_core::mcp_tool_call',
        'MCP tool call error: "tool call error: tool call failed for `notes/Transport closed`\\n\\nCaused by:\\n    timed out awaiting tools/call after 1.9999996s"',
      ),
      alone(
        'WARN',
        'codex_core::mcp_tool_call',
        'MCP tool call error: "tool call error: tool call failed for `notes/slow`\\n\\nCaused by:\\n    0: timed out awaiting tools/call after 2s\\n    1: deadline has elapsed"',
      ),
    ],
    'mcp-transport-closed': [
      inTurn(
        'WARN',
        'codex_core::mcp_tool_call',
        'MCP tool call error: "tool call error: tool call failed for `notes/crash`\\n\\nCaused by:\\n    Transport closed"',
      ),
    ],
    'mcp-call-failed': [
      inTurn(
        'WARN',
        'codex_core::mcp_tool_call',
        'MCP tool call error: "tool call error: tool call failed for `db/sql`\\n\\nCaused by:\\n    Mcp error: -32603: upstream said: Transport closed, try again"',
      ),
      inTurn(
        'WARN',
        'codex_core::mcp_tool_call',
        'MCP tool call error: "tool call error: tool call failed for `db/sql`\\n\\nCaused by:\\n    Mcp error: -32603: agent timed out awaiting tools/call of another server"',
      ),
    ],
    'mcp-send': [alone('WARN', 'rmcp::service', 'Error sending response id=1')],
    'orphan-output': [
      plain('ERROR', 'codex_core::util', 'Orphan function call output for call id: call_1'),
      plain('ERROR', 'codex_core::util', 'Orphan custom tool call output for call id: call_1'),
    ],
    'tool-outlives-wait': [
      alone(
        'WARN',
        'codex_app_server_protocol::protocol::thread_history',
        'dropping turn-scoped item for unknown turn id `019a` item_id="x"',
      ),
    ],
    'noise-plugins': [
      alone(
        'WARN',
        'codex_core::plugins::startup_sync',
        'git sync failed for curated plugin sync; falling back to GitHub HTTP error=No space left on device',
      ),
      alone('WARN', 'codex_core_plugins::manager', 'failed to warm featured plugin ids cache error=x'),
      alone(
        'WARN',
        'codex_core_plugins::manager',
        'failed to sync curated plugins repo: error sending request',
      ),
    ],
    'noise-model': [
      alone(
        'WARN',
        'codex_models_manager::model_info',
        'Unknown model gpt-5.2-codex is used. This will use fallback model metadata.',
      ),
    ],
    'noise-shell-snapshot': [
      alone(
        'WARN',
        'codex_core::shell_snapshot',
        'Failed to delete shell snapshot at "/h": Os { code: 2, kind: NotFound, message: "No such file or directory" }',
      ),
    ],
    'noise-personality': [
      alone(
        'WARN',
        'codex_protocol::openai_models',
        'Model personality requested but model_messages is missing, falling back to base instructions. model=x personality=y',
      ),
    ],
    'config-deprecated': [
      alone(
        'ERROR',
        'codex_app_server',
        '`[features].multi_agent` is deprecated. It still controls the V1 fallback.',
      ),
    ],
    'config-key': [
      alone('WARN', 'codex_core::features', 'unknown feature key in config: daemon_auto_start'),
      alone('WARN', 'codex_features', 'unknown feature key in config: x'),
    ],
  }

  test.each(Object.entries(ROWS))('%s', (name, rows) => {
    for (const row of rows) {
      const isOld = row.body !== null && !row.body.includes('{') && !row.body.includes('=')
      expect([row.body, names([row])]).toEqual([row.body, [name]])
      if (isOld) expect([row.body, names([row], true)]).toEqual([row.body, [name]])
    }
  })
})

test('words of failures in what a healthy thread says, runs and reads are no failures', () => {
  const QUOTED =
    "Turn error: You've hit your usage limit. stream disconnected - retrying sampling request (1/5 in 200ms)... ERROR database is locked (code: 5) aborting running task MCP server startup failed Request failed"
  const json = JSON.stringify(QUOTED)
  const rows: readonly Row[] = [
    inTurn(
      'DEBUG',
      'codex_core::session::handlers',
      `Submission sub=Submission { id: "${TURN}", op: UserInput { items: [Text { text: ${json}, text_elements: [] }] } }`,
    ),
    inTurn(
      'INFO',
      'codex_core::stream_events_utils',
      `ToolCall: exec_command {"cmd":${json}} thread_id=${THREAD}`,
    ),
    inTurn(
      'INFO',
      'codex_core::stream_events_utils',
      `ToolCall: apply_patch *** Begin Patch\n*** Add File: a\n+${QUOTED}\n*** End Patch thread_id=${THREAD}`,
    ),
    inTurn(
      'INFO',
      'codex_otel.log_only',
      `event.name="codex.tool_result" tool_name=exec_command call_id=c arguments={"cmd":${json}} duration_ms=12 success=true output=Wall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n${QUOTED}\n${QUOTED} mcp_server= mcp_server_origin= event.timestamp=2026-11-25T10:00:00.000Z`,
    ),
    alone(
      'TRACE',
      'codex_api::sse::responses',
      `SSE event: {"type":"response.output_text.delta","delta":${json}}`,
    ),
    alone('INFO', 'codex_rmcp_client::stdio_server_launcher', `MCP server stderr (node): ${QUOTED}`),
    inTurn('TRACE', 'codex_client::transport', `POST to http://127.0.0.1/v1/responses: {"input":${json}}`),
    inTurn('TRACE', 'codex_api::endpoint::responses_websocket', `websocket event: {"delta":${json}}`),
    alone('TRACE', 'log', QUOTED),
    inTurn('TRACE', 'codex_core::tools::router', `message=${json}`),
    inTurn('DEBUG', 'codex_core::stream_events_utils', `Output item item=Message { text: ${json} }`),
    inTurn(
      'INFO',
      'codex_core::session::turn',
      `post sampling token usage turn_id=${TURN} total_usage_tokens=10 needs_follow_up=false`,
    ),
  ]
  expect(names(rows)).toEqual([])
})

test("what a user's own program says of a database is a warning, and not of Codex's databases", () => {
  const rows = [
    'database is locked',
    'disk I/O error',
    'file is not a database',
    'database disk image is malformed',
    'database or disk is full',
  ].map((text) =>
    inTurn('WARN', 'codex_hooks::engine', `hook failed error=sqlite3.OperationalError: ${text}`),
  )
  expect(names(rows)).toEqual([])
})

describe('rows that tell together of one failure', () => {
  const TARGET = 'codex_core::responses_retry'
  const retry = (n: number, cause = '') =>
    inTurn('WARN', TARGET, `stream disconnected - retrying sampling request (${n}/2 in 200ms)...${cause}`)
  const answered = (status: string, method = 'POST', url = 'http://h/v1/responses') =>
    inTurn(
      'DEBUG',
      'codex_http_client::client',
      `Request completed method=${method} url=${url} status=${status} headers={} version=HTTP/1.1`,
    )
  const failed = (text: string) => inTurn('INFO', 'codex_core::session::turn', `Turn error: ${text}`)
  const request = inTurn('INFO', 'feedback_tags', 'model="m" approval_policy="never"')
  const sampled = inTurn(
    'INFO',
    'codex_core::session::turn',
    `post sampling token usage turn_id=${TURN} needs_follow_up=false`,
  )

  test('retries after a status, and the end of the turn that names it', () => {
    for (const status of ['502 Bad Gateway', '504 Gateway Timeout', '403 Forbidden']) {
      const rows = [
        request,
        answered(status),
        retry(1),
        answered(status),
        retry(2),
        answered(status),
        failed(`unexpected status ${status}: Unknown error, url: http://h/v1/responses`),
      ]
      const found = find(rows)
      expect([status, ...found.map(({ entry, rowIds }) => [entry.name, rowIds.length])]).toEqual([
        status,
        ['unexpected-status', 3],
      ])
    }
  })

  test('a retry after which the request went well, and one that was in vain', () => {
    const told = (...rows: Row[]) => find(rows).map((one) => [one.entry.name, one.isRecovered, one.endsTurn])
    const cause = ' sampling_error=stream disconnected before completion: Transport error: x'
    expect(told(request, retry(1, cause), sampled)).toEqual([['stream-cut', true, false]])
    expect(told(request, retry(1, cause), failed('Quota exceeded.'))).toEqual([
      ['stream-cut', false, false],
      ['quota', false, true],
    ])
    expect(told(request, retry(1, cause))).toEqual([['stream-cut', false, false]])
  })

  test('but a list of models that was fetched meanwhile says nothing of the turn', () => {
    const list = answered('401 Unauthorized', 'GET', 'http://h/v1/models')
    expect(names([request, list, retry(1), request, sampled])).toEqual(['stream-cut'])
    expect(
      names([
        request,
        answered('503 Service Unavailable', 'GET', 'http://h/v1/models'),
        answered('200 OK'),
        sampled,
      ]),
    ).toEqual([])
  })

  test('each process is told of once that is gone in the middle of a turn, however their rows mix', () => {
    const PROCESSES = ['pid:7:a', 'pid:8:b']
    const rows = [0, 1, 0, 1, 0, 1].map((at) => ({ ...request, processUuid: PROCESSES[at]! }))
    const stored = rows.map((row, index) => ({
      ...row,
      id: index + 1,
      tsSeconds: 1_795_000_000 + index,
      tsNanos: 0,
      modulePath: null,
      file: null,
      line: null,
      threadId: THREAD,
    }))
    const found = findFailures(stored as StoredLogRow[], { isMessageOnly: false, isAlive: () => false })
    expect(found.map(({ entry, processUuid }) => [entry.name, processUuid])).toEqual([
      ['killed', 'pid:7:a'],
      ['killed', 'pid:8:b'],
    ])
  })
})
