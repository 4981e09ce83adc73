import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isIgnoredFromHead, parseRolloutLine } from '../../src/rollout/parse.js'
import { event, line, sessionMeta, THREAD_ID, turnContext, userMessage } from '../helpers/rollouts.js'

const malformed = (reason: string) => ({ kind: 'malformed', lineNumber: 7, reason })
const settings = {
  model: 'm',
  model_provider_id: 'p',
  approval_policy: 'never',
  cwd: '/srv',
  reasoning_effort: 'high',
}

describe('a line that yields metadata', () => {
  test('gives a session_meta in our names', () => {
    const text = sessionMeta({
      id: THREAD_ID.toUpperCase(),
      git: { commit_hash: 'abc', branch: 'main' },
      agent_type: 'explorer',
      dynamic_tools: [
        { name: 'look', description: 'Looks', inputSchema: { type: 'object' } },
        { type: 'group' },
      ],
    })
    expect(parseRolloutLine(text, 1)).toEqual({
      kind: 'sessionMeta',
      id: THREAD_ID,
      timestamp: '2026-02-05T10:20:30.100Z',
      cwd: '/srv/demo',
      originator: 'codex_cli_rs',
      cliVersion: '0.99.0',
      source: 'cli',
      modelProvider: 'openai',
      git: { sha: 'abc', branch: 'main', originUrl: null },
      agentNickname: null,
      agentRole: 'explorer',
      agentPath: null,
      threadSource: null,
      historyMode: null,
      parentThreadId: null,
      hasHistoryBase: false,
      memoryMode: null,
      creatorUserId: null,
      creatorAccountId: null,
      dynamicTools: [
        {
          position: 0,
          name: 'look',
          description: 'Looks',
          inputSchema: '{"type":"object"}',
          deferLoading: false,
          namespace: null,
        },
      ],
    })
  })

  test('gives the tools of a group with its name, in one order with the others', () => {
    const tool = (name: string) => ({ type: 'function', name, description: name, inputSchema: {} })
    const text = sessionMeta({
      dynamic_tools: [
        tool('alone'),
        { type: 'namespace', name: 'tickets', tools: [tool('look'), { name: 'no schema' }, tool('close')] },
        { type: 'namespace', name: 'empty' },
        { type: 'a later form', name: 'odd' },
      ],
    })
    const item = parseRolloutLine(text, 1)
    expect(
      item.kind === 'sessionMeta' &&
        item.dynamicTools.map(({ position, namespace, name }) => [position, namespace, name]),
    ).toEqual([
      [0, null, 'alone'],
      [1, 'tickets', 'look'],
      [2, 'tickets', 'close'],
    ])
  })

  test.each([
    [
      'a turn_context',
      turnContext({ approval_policy: { granular: { mcp: true } }, permission_profile: { type: 'disabled' } }),
      {
        kind: 'turnContext',
        cwd: '/srv/turn',
        approvalPolicy: '{"granular":{"mcp":true}}',
        sandboxPolicy: '{"type":"danger-full-access"}',
        permissionProfile: '{"type":"disabled"}',
        model: 'gpt-5.2-codex',
        reasoningEffort: 'medium',
      },
    ],
    [
      'thread settings',
      event('thread_settings_applied', { thread_settings: settings }),
      {
        kind: 'threadSettings',
        cwd: '/srv',
        approvalPolicy: 'never',
        sandboxPolicy: null,
        permissionProfile: null,
        model: 'm',
        modelProvider: 'p',
        reasoningEffort: 'high',
      },
    ],
    [
      'a token count, never below zero',
      event('token_count', { info: { total_token_usage: { total_tokens: -3 } } }),
      { kind: 'tokenCount', totalTokens: 0 },
    ],
    [
      'a user message',
      userMessage('hi', { local_images: ['/a.png'] }),
      { kind: 'userMessage', text: 'hi', hasImages: true, hasAudio: false },
    ],
    [
      'a completed user message, its text parts joined',
      event('item_completed', {
        item: {
          type: 'UserMessage',
          content: [
            { type: 'text', text: 'one ' },
            { type: 'local_audio', path: '/a.wav' },
            { type: 'text', text: 'two' },
          ],
        },
      }),
      { kind: 'userMessage', text: 'one two', hasImages: false, hasAudio: true },
    ],
    [
      'a goal',
      event('thread_goal_updated', { threadId: THREAD_ID, goal: { objective: 'port it' } }),
      { kind: 'threadGoal', objective: 'port it' },
    ],
    [
      'a new name',
      event('thread_name_updated', { thread_name: 'parser' }),
      { kind: 'threadName', name: 'parser' },
    ],
    [
      'a message that the model was sent',
      line('response_item', {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_text', text: 'ctx' }],
      }),
      { kind: 'responseMessage', text: 'ctx' },
    ],
    [
      'what another thread asked for',
      event('item_completed', {
        item: { type: 'FunctionCallOutput', namespace: 'codex_app', name: 'create_thread', output: 'do it' },
      }),
      { kind: 'delegation', text: 'do it' },
    ],
  ])('gives %s', (_, text, item) => {
    expect(parseRolloutLine(text, 1)).toEqual(item)
  })

  test('is read whatever the order of its keys', () => {
    const { timestamp, type, payload } = JSON.parse(userMessage('hi'))
    const text = JSON.stringify({ payload, later: 1, type, timestamp })
    expect(parseRolloutLine(text, 1)).toMatchObject({ kind: 'userMessage', text: 'hi' })
  })

  test('loses a lone surrogate, which no database could keep', () => {
    expect(parseRolloutLine(userMessage('a\ud800b'), 1)).toMatchObject({ text: 'a\ufffdb' })
  })
})

test.each([
  ['an answer', line('response_item', { type: 'message', role: 'assistant', content: [] })],
  ['a compaction', line('compacted', { message: 'so far' })],
  ['an event of another kind', event('task_started', {})],
  ['a token count without info', event('token_count', { info: null })],
  ['a completed command', event('item_completed', { item: { type: 'CommandExecution' } })],
  [
    'a completed call of another tool',
    event('item_completed', { item: { type: 'FunctionCallOutput', name: 'x' } }),
  ],
])('%s is ignored', (_, text) => {
  expect(parseRolloutLine(text, 7)).toEqual({ kind: 'ignored' })
})

test('a type that we do not know is told apart from damage', () => {
  expect(parseRolloutLine(line('hologram', {}), 7)).toEqual({
    kind: 'unknown',
    lineNumber: 7,
    type: 'hologram',
  })
})

test.each([
  ['{"timestamp"', 'not JSON'],
  ['', 'not JSON'],
  [`\ufeff${sessionMeta()}`, 'not JSON'],
  ['[]', 'not an object'],
  ['null', 'not an object'],
  ['{"record_type":"state"}', 'no timestamp'],
  [`{"id":"${THREAD_ID}","timestamp":"2025-08-01T00:00:00Z","instructions":null}`, 'no type'],
  ['{"timestamp":"t","type":"message","role":"user","content":[]}', 'no payload'],
  [sessionMeta({ id: 'x' }), 'session_meta whose id is not a UUID'],
  [sessionMeta({ cwd: undefined }), 'session_meta without cwd'],
  [turnContext({ model: null }), 'turn_context without model'],
  [turnContext({ approval_policy: 3 }), 'turn_context without approval_policy'],
  [turnContext({ sandbox_policy: 'none' }), 'turn_context without sandbox_policy'],
  [event('user_message', {}), 'user_message without message'],
  [event('token_count', { info: {} }), 'token_count without total_tokens'],
  [
    event('token_count', { info: { total_token_usage: { total_tokens: 1.5 } } }),
    'token_count without total_tokens',
  ],
  [event('item_completed', {}), 'item_completed without item'],
  [event('thread_goal_updated', { goal: null }), 'thread_goal_updated without objective'],
  [event('thread_settings_applied', {}), 'thread_settings_applied without thread_settings'],
  [line('event_msg', {}), 'event_msg without type'],
  [line('response_item', {}), 'response_item without type'],
])('the line %s is malformed: %s', (text, reason) => {
  expect(parseRolloutLine(text, 7)).toEqual(malformed(reason))
})

test.each([
  ['a policy', turnContext({ sandbox_policy: { type: 'DEEP' } })],
  ['a source', sessionMeta({ source: { type: 'DEEP' } })],
])('%s nested so deeply that it could not be written again is malformed', (_, text) => {
  const deep = `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`
  expect(parseRolloutLine(text.replace('"DEEP"', deep), 7)).toEqual(malformed('nested too deeply'))
})

test.each([
  ['an answer', line('response_item', { type: 'message', role: 'assistant' }), true],
  ['a compaction', line('compacted', { message: 'x' }), true],
  [
    'a command',
    event('item_completed', { thread_id: 'a', turn_id: 'b', item: { type: 'CommandExecution' } }),
    true,
  ],
  [
    'a user message',
    event('item_completed', { thread_id: 'a', turn_id: 'b', item: { type: 'UserMessage' } }),
    false,
  ],
  ['an item further back', event('item_completed', { item: { type: 'CommandExecution' } }), false],
  ['an event without metadata', event('agent_message', { message: 'x' }), true],
  ['a user_message', userMessage('x'), false],
  ['a session_meta', sessionMeta(), false],
  ['an unknown type', line('hologram', { a: 1 }), false],
  ['another key order', '{"type":"response_item","timestamp":"t","payload":{}}', false],
])('the head of a line tells %s', (_, text, isIgnored) => {
  expect(isIgnoredFromHead(text)).toBe(isIgnored)
})

test('whatever the head calls ignored is ignored by the parser', () => {
  const type = fc.constantFrom(
    'response_item',
    'event_msg',
    'compacted',
    'session_meta',
    'turn_context',
    'hologram',
  )
  const inner = fc.constantFrom('message', 'user_message', 'token_count', 'item_completed', 'agent_message')
  const item = fc.record({ type: fc.constantFrom('UserMessage', 'Reasoning', 'FunctionCallOutput') })
  const payload = fc.record({ type: inner, thread_id: fc.string(), turn_id: fc.string(), item })
  fc.assert(
    fc.property(type, payload, (outer, body) => {
      const text = line(outer, body)
      if (!isIgnoredFromHead(text)) return
      expect(['ignored', 'responseMessage']).toContain(parseRolloutLine(text, 1).kind)
    }),
    { numRuns: 300 },
  )
})

test('no text makes the parser throw', () => {
  const payload = fc.dictionary(
    fc.constantFrom('type', 'id', 'item', 'info', 'goal', 'content', 'git', 'cwd'),
    fc.jsonValue(),
  )
  const envelope = fc.record(
    {
      timestamp: fc.oneof(fc.string(), fc.jsonValue()),
      type: fc.constantFrom(
        'session_meta',
        'turn_context',
        'event_msg',
        'response_item',
        '__proto__',
        'constructor',
      ),
      payload: fc.oneof(payload, fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    envelope.map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(text, (input) => {
      expect(parseRolloutLine(input, 1)).toHaveProperty('kind')
    }),
    { numRuns: 1000 },
  )
})
