import { describe, expect, test } from 'vitest'
import { joinBody, parseBody, readValue } from '../../src/body/parse.js'

const TURN =
  'session_loop{thread_id=01a2}:turn{otel.name="session_task.turn" turn.id=7 model=gpt-5}:run_turn:'

/** `a=1 b=2` for a list of fields. */
function show(body: string, target?: string) {
  const { spans, message, fields, isGuess } = parseBody(body, { ...(target && { target }) })
  const list = (own: readonly { key: string; value: string }[]) =>
    own.map(({ key, value }) => `${key}⟨${value}⟩`)
  return {
    spans: spans.map(({ name, fields: own }) => [name, ...list(own)].join(' ')),
    message,
    fields: list(fields),
    ...(isGuess && { isGuess }),
  }
}

describe('a body is read as Codex wrote it', () => {
  test('a chain of spans, a message and its fields', () => {
    expect(show(`${TURN} Output item item_type="message" item_id="msg_1"`)).toEqual({
      spans: [
        'session_loop thread_id⟨01a2⟩',
        'turn otel.name⟨"session_task.turn"⟩ turn.id⟨7⟩ model⟨gpt-5⟩',
        'run_turn',
      ],
      message: 'Output item',
      fields: ['item_type⟨"message"⟩', 'item_id⟨"msg_1"⟩'],
    })
  })

  test('an event without a message', () => {
    expect(show(`${TURN} error=unsupported call: no_such_tool x=1`, 'codex_core::tools::router')).toEqual({
      spans: expect.any(Array),
      message: null,
      fields: ['error⟨unsupported call: no_such_tool x=1⟩'],
    })
  })

  test.each([
    ['words and a colon', 'ConsolidateAgentMessage: source_len'],
    ['a bare name of no span', 'push_delta: "x"'],
    ['an error', 'ERR: No such file'],
    ['a word and a brace', 'Some{thing} else'],
    ['nothing', ''],
  ])('%s is all message', (_, body) => {
    expect(show(body)).toEqual({ spans: [], message: body, fields: [] })
  })

  test('a chain of bare names is one where its root is known', () => {
    expect(show('serve_inner: new event evt=Some(1)')).toEqual({
      spans: ['serve_inner'],
      message: 'new event',
      fields: ['evt⟨Some(1)⟩'],
    })
  })

  test('the crate log writes messages alone, below spans too', () => {
    const message = 'registering event source with poller: token=Token(1), interests=READABLE'
    expect(show(message, 'log')).toEqual({ spans: [], message, fields: [] })
    expect(show(`${TURN} ${message}`, 'log')).toMatchObject({ message, fields: [] })
  })

  test('a layout that keeps messages alone has nothing else', () => {
    const body = 'run{a=1}: x b=2'
    expect(parseBody(body, { isMessageOnly: true })).toEqual({
      spans: [],
      message: body,
      fields: [],
      isGuess: false,
    })
    expect(parseBody(null)).toEqual({ spans: [], message: null, fields: [], isGuess: false })
  })

  test('quotes, brackets and debug output are read past', () => {
    expect(
      show('m a="x b=1 \\" c=2" b=Some(Port { d=1: [2, "]"] }) c={"k": "v w=1"} d=200 OK e=(a b=1)'),
    ).toMatchObject({
      message: 'm',
      fields: [
        'a⟨"x b=1 \\" c=2"⟩',
        'b⟨Some(Port { d=1: [2, "]"] })⟩',
        'c⟨{"k": "v w=1"}⟩',
        'd⟨200 OK⟩',
        'e⟨(a b=1)⟩',
      ],
    })
  })

  test('a bracket or a quote without a partner hides nothing', () => {
    expect(show('took 5" (about) :( n=1 q=(x r=2')).toMatchObject({
      message: 'took 5" (about) :(',
      fields: ['n⟨1⟩', 'q⟨(x⟩', 'r⟨2⟩'],
    })
  })

  test('names with colons, empty braces, a blank of a value that wrote nothing', () => {
    expect(show('FramedWrite::buffer{frame=Data}:turn{}:run_turn{turn.id=1 }: x')).toMatchObject({
      spans: ['FramedWrite::buffer frame⟨Data⟩', 'turn ⟨⟩', 'run_turn turn.id⟨1⟩ ⟨⟩'],
      message: 'x',
    })
  })

  test('a span of a later release is read by the grammar', () => {
    expect(show('new_loop{a="b" c=1}:turn{turn.id=1 brand_new=2}: hello n=1')).toEqual({
      spans: ['new_loop a⟨"b"⟩ c⟨1⟩', 'turn turn.id⟨1⟩ brand_new⟨2⟩'],
      message: 'hello',
      fields: ['n⟨1⟩'],
    })
  })
})

describe('a text that looks like grammar', () => {
  const chain = (cwd: string) =>
    `session_loop{thread_id=1}:run_sampling_request{turn_id=2 model=m cwd=${cwd}}:try_run_sampling_request{turn_id=2 model=m}:`

  test.each([
    '/home/we}:ird {x=1} "q b=2 dir',
    '/a}: b',
    '/a}:turn{x=1}:b',
    '/a model=x',
    '/a turn_id=5 b=',
    '/unclosed(dir',
    '/quote"dir',
    '/a: b',
    '/trailing ',
    '/ünï 家',
  ])('the folder %s is read as a whole', (cwd) => {
    const parsed = parseBody(`${chain(cwd)} Output item n=1`)
    expect(parsed.spans.map(({ name }) => name)).toEqual([
      'session_loop',
      'run_sampling_request',
      'try_run_sampling_request',
    ])
    expect(parsed.spans[1]!.fields.at(-1)).toEqual({ key: 'cwd', value: cwd })
    expect(parsed).toMatchObject({ message: 'Output item', fields: [{ key: 'n', value: '1' }] })
    expect(parsed.isGuess).toBe(/\}:|=/.test(cwd))
  })

  test('the innermost span holds the folder, and the message has fields', () => {
    expect(show('run_sampling_request{turn_id=2 model=m cwd=/a}: stream cut retries=1 x=2')).toEqual({
      spans: ['run_sampling_request turn_id⟨2⟩ model⟨m⟩ cwd⟨/a⟩'],
      message: 'stream cut',
      fields: ['retries⟨1⟩', 'x⟨2⟩'],
    })
  })

  test('a name of a provider that breaks the grammar is read by the fields of its span', () => {
    const body = 'model_client.websocket_connection{provider=A "c}:d (x wire_api=responses}: hi'
    expect(show(body)).toEqual({
      spans: ['model_client.websocket_connection provider⟨A "c}:d (x⟩ wire_api⟨responses⟩'],
      message: 'hi',
      fields: [],
      isGuess: true,
    })
  })

  test('a chain that no rule covers is cut before what most likely is its message', () => {
    expect(show('session_loop{thread_id=1 new=(}:x {}: hello')).toMatchObject({
      message: 'hello',
      isGuess: true,
    })
  })

  test('a chain that is cut short is shown as it is', () => {
    const body = 'session_loop{thread_id=01a2}:turn{otel.name="sess'
    expect(show(body)).toEqual({ spans: [], message: body, fields: [], isGuess: true })
  })

  test.each([
    [
      'codex_core::stream_events_utils',
      'ToolCall: exec_command {"cmd":"a b=1 thread_id=9"} thread_id=01a2',
      'ToolCall: exec_command {"cmd":"a b=1 thread_id=9"}',
      ['thread_id⟨01a2⟩'],
    ],
    [
      'codex_core::stream_events_utils',
      'ToolCall: apply_patch *** Begin Patch\n+a x=1 (\n*** End Patch thread_id=01a2',
      'ToolCall: apply_patch *** Begin Patch\n+a x=1 (\n*** End Patch',
      ['thread_id⟨01a2⟩'],
    ],
    [
      'codex_tui::app::agent_message_consolidation',
      'ConsolidateAgentMessage: transcript_cells.len()=8, source_len=42',
      'ConsolidateAgentMessage: transcript_cells.len()=8, source_len=42',
      [],
    ],
    ['codex_core::session::turn', 'Turn error: stream said a=1 b=2', 'Turn error: stream said a=1 b=2', []],
    [
      'codex_core::responses_retry',
      'stream disconnected - retrying sampling request (1/2 in 5ms)... turn_id=1 retries=1 max_retries=2 sampling_error=a b=1 (c',
      'stream disconnected - retrying sampling request (1/2 in 5ms)...',
      ['turn_id⟨1⟩', 'retries⟨1⟩', 'max_retries⟨2⟩', 'sampling_error⟨a b=1 (c⟩'],
    ],
    [
      'codex_core_plugins::startup_sync',
      'GitHub HTTP sync failed for x error=no route k=v backup_archive_api_url="https://x"',
      'GitHub HTTP sync failed for x',
      ['error⟨no route k=v⟩', 'backup_archive_api_url⟨"https://x"⟩'],
    ],
  ])('%s: %s', (target, body, message, fields) => {
    expect(show(`${TURN} ${body}`, target)).toMatchObject({ message, fields })
  })

  test('the arguments and the output of a tool are texts', () => {
    const body =
      'event.name="codex.tool_result" tool_name=exec call_id=c arguments={"cmd":"A=1 B=2 x duration_ms=1"} ' +
      'duration_ms=62 success=true output=Out success=false\nmcp_server=x event.timestamp=1 a=b ' +
      'mcp_server= mcp_server_origin= event.timestamp=2026 model=m'
    expect(show(body, 'codex_otel.log_only')).toMatchObject({
      message: null,
      fields: [
        'event.name⟨"codex.tool_result"⟩',
        'tool_name⟨exec⟩',
        'call_id⟨c⟩',
        'arguments⟨{"cmd":"A=1 B=2 x duration_ms=1"}⟩',
        'duration_ms⟨62⟩',
        'success⟨true⟩',
        'output⟨Out success=false\nmcp_server=x event.timestamp=1 a=b⟩',
        'mcp_server⟨⟩',
        'mcp_server_origin⟨⟩',
        'event.timestamp⟨2026⟩',
        'model⟨m⟩',
      ],
    })
  })

  test('a field that a call site did not have before is read and makes the row a guess', () => {
    expect(
      show('MCP server startup failed server_name="a" attempt=2 error=x', 'codex_mcp::rmcp_client'),
    ).toMatchObject({
      fields: ['server_name⟨"a"⟩', 'attempt⟨2⟩', 'error⟨x⟩'],
      isGuess: true,
    })
  })
})

test.each([
  ['plain', 'plain'],
  ['"a b"', 'a b'],
  ['"a\\n\\t\\"\\\\\\\'\\0\\u{1f600}\\u{1b}"', 'a\n\t"\\\'\0😀\x1b'],
  ['"', '"'],
  ['Some("a")', 'Some("a")'],
])('the value %s says %j', (raw, meant) => {
  expect(readValue(raw)).toBe(meant)
})

describe('no character is lost', () => {
  /** A generator of numbers that is the same in every run. */
  function createRandom(seed: number): (below: number) => number {
    let state = seed
    return (below) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
  }
  const TOKENS =
    'session_loop{|turn{|thread_id=|turn.id=|cwd=|model=|run_sampling_request{|try_run_sampling_request{|}:|}: |: |:| |{|}|(|)|[|]|"|\\|\\"|=| a=|b|1|é|家|\n|error=|ToolCall: | thread_id=|::|.|😀|event.name="codex.tool_result"| arguments=| output=| duration_ms=1 success=true output=| mcp_server= mcp_server_origin= event.timestamp='.split(
      '|',
    )
  const TARGETS = [
    'log',
    'codex_core::stream_events_utils',
    'codex_otel.log_only',
    'other',
    'codex_core::tools::router',
  ]

  test('of 40,000 bodies put together from pieces of the grammar', () => {
    const random = createRandom(7)
    for (let count = 0; count < 40_000; count++) {
      let body = ''
      for (let length = random(30); length >= 0; length--) body += TOKENS[random(TOKENS.length)]
      const target = TARGETS[random(TARGETS.length)]!
      const parsed = parseBody(body, { target })
      if (joinBody(parsed) !== body) expect(joinBody(parsed)).toBe(body)
    }
  })

  test.each([
    ['opening brackets', 'turn{a=', '('.repeat(100_000)],
    ['nested debug output', 'm a=', `${'{'.repeat(100_000)}${'}'.repeat(100_000)}`],
    ['values with brackets that stay open', 'turn{', 'k=( '.repeat(100_000)],
    ['quotes', 'm ', '"'.repeat(100_001)],
    ['keys', 'm', ' k=v'.repeat(200_000)],
    ['spans', '', `${'turn{a=1}:'.repeat(100_000)} x`],
    ['ends of chains', 'run_sampling_request{cwd=', '}:turn{a= '.repeat(100_000)],
    ['ten megabytes', `${TURN} POST to `, 'x y=z '.repeat(1_750_000)],
  ])(
    'of %s without end',
    (_, start, rest) => {
      const body = start + rest
      const parsed = parseBody(body, { target: 'codex_core::x' })
      expect(joinBody(parsed) === body).toBe(true)
    },
    20_000,
  )
})
