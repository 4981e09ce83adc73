import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StateError } from '../../src/errors.js'
import { CURRENT_RULES, METADATA_RULES, type MetadataRules, SEED_RULES } from '../../src/model/releases.js'
import type { ThreadMetadata } from '../../src/model/thread.js'
import { toStoredSource } from '../../src/rollout/apply-item.js'
import { cutToSeconds, DIFF_FIELDS, diffFields, SEED_DIFF_FIELDS } from '../../src/rollout/diff-fields.js'
import { extractMetadata, extractMetadataFromLines } from '../../src/rollout/metadata.js'
import { parseRolloutLine } from '../../src/rollout/parse.js'
import {
  event,
  line,
  makeFolder,
  OTHER_ID,
  ROLLOUT_NAME,
  sessionMeta,
  THREAD_ID,
  turnContext,
  userMessage,
  writeFile,
} from '../helpers/rollouts.js'

const MODIFIED_AT_MS = Date.parse('2026-02-06T00:00:00.789Z')
const READ_ONLY_PROFILE =
  '{"type":"managed","file_system":{"type":"restricted","entries":[{"path":{"type":"special","value":{"kind":"root"}},"access":"read"}]},"network":"restricted"}'

async function extract(
  lines: readonly string[],
  rules: MetadataRules = CURRENT_RULES,
  path = `/x/${ROLLOUT_NAME}`,
) {
  const parsed = lines.map((text, index) => parseRolloutLine(text, index + 1))
  const origin = { path, modifiedAtMs: MODIFIED_AT_MS, isArchived: false }
  return extractMetadataFromLines(parsed, origin, { defaultProvider: 'fallback', rules })
}

const tell = async (lines: readonly string[], rules?: MetadataRules): Promise<ThreadMetadata> =>
  (await extract(lines, rules)).metadata

test('a rollout file becomes the metadata of its thread', async () => {
  const lines = [
    sessionMeta({
      git: { commit_hash: 'abc', branch: 'main', repository_url: 'git@example.org:x/y.git' },
      dynamic_tools: [{ name: 'look', description: 'Looks', inputSchema: {}, deferLoading: true }],
      memory_mode: 'disabled',
      thread_source: 'user',
      history_mode: 'paginated',
      creator_user_id: 'u1',
    }),
    turnContext(),
    userMessage('context…\n## My request for Codex: fix the build \n'),
    'half a li',
    line('hologram', {}),
    line('compacted', { message: 'x' }),
    event('token_count', { info: { total_token_usage: { total_tokens: 15 } } }),
  ]
  const path = writeFile(makeFolder(), ROLLOUT_NAME, `${lines.join('\n')}\n`)
  utimesSync(path, 0, MODIFIED_AT_MS / 1000)
  expect(await extractMetadata(path, { defaultProvider: 'fallback' })).toEqual({
    isContinuation: false,
    endsWithMeta: false,
    firstNotUtf8: null,
    metadata: {
      id: THREAD_ID,
      rolloutPath: path,
      createdAtMs: Date.parse('2026-02-05T10:20:30.100Z'),
      updatedAtMs: MODIFIED_AT_MS,
      source: 'cli',
      modelProvider: 'openai',
      cwd: '/srv/demo',
      title: 'fix the build',
      sandboxPolicy: '{"type":"disabled"}',
      approvalMode: 'never',
      tokensUsed: 15,
      firstUserMessage: 'fix the build',
      preview: 'fix the build',
      hasUserEvent: false,
      archivedAtSeconds: null,
      gitSha: 'abc',
      gitBranch: 'main',
      gitOriginUrl: 'git@example.org:x/y.git',
      cliVersion: '0.99.0',
      agentNickname: null,
      agentRole: null,
      agentPath: null,
      model: 'gpt-5.2-codex',
      reasoningEffort: 'medium',
      threadSource: 'user',
      historyMode: 'paginated',
      originator: 'codex_cli_rs',
      creatorUserId: 'u1',
      creatorAccountId: null,
      memoryMode: 'disabled',
    },
    dynamicTools: [
      {
        position: 0,
        name: 'look',
        description: 'Looks',
        inputSchema: '{}',
        deferLoading: true,
        namespace: null,
      },
    ],
    lineCounts: { items: 4, ignored: 1, unknown: 1, malformed: 1 },
    malformed: [{ kind: 'malformed', lineNumber: 4, reason: 'not JSON' }],
  })
})

test('a compressed, archived rollout keeps its plain name and is archived when it was last changed', async () => {
  const path = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, zlib.zstdCompressSync(sessionMeta()))
  utimesSync(path, 0, MODIFIED_AT_MS / 1000)
  const { metadata } = await extractMetadata(path, { defaultProvider: 'p', isArchived: true })
  expect(metadata).toMatchObject({
    rolloutPath: path.replace('.zst', ''),
    archivedAtSeconds: Math.floor(MODIFIED_AT_MS / 1000),
  })
})

describe('identity', () => {
  test('comes from the file name when the session_meta is lost', async () => {
    expect(await tell(['{"timest', userMessage('hi')])).toMatchObject({
      id: THREAD_ID,
      createdAtMs: Date.parse('2026-02-05T10:20:30Z'),
      cwd: '',
      source: 'vscode',
      modelProvider: 'fallback',
      title: 'hi',
    })
  })

  test('comes from the file name when the time of the session_meta cannot be read', async () => {
    expect(await tell([sessionMeta({ timestamp: 'long ago' })])).toMatchObject({
      id: THREAD_ID,
      createdAtMs: Date.parse('2026-02-05T10:20:30Z'),
      source: 'cli',
    })
  })

  test('comes from the first session_meta, and that of the forked thread changes nothing', async () => {
    const other = sessionMeta({ id: OTHER_ID, cwd: '/other', source: 'exec', git: { branch: 'other' } })
    expect(await tell([sessionMeta({ git: { branch: 'own' } }), other])).toMatchObject({
      id: THREAD_ID,
      cwd: '/srv/demo',
      source: 'cli',
      gitBranch: 'own',
    })
  })

  test('does not need the file name', async () => {
    const { metadata } = await extract(
      [sessionMeta({ id: OTHER_ID })],
      CURRENT_RULES,
      '/x/rollout-copy.jsonl',
    )
    expect(metadata).toMatchObject({ id: OTHER_ID, rolloutPath: '/x/rollout-copy.jsonl' })
  })

  test('can be the same in two files', async () => {
    const [one, two] = await Promise.all([
      extract([sessionMeta()]),
      extract([sessionMeta()], CURRENT_RULES, '/y/rollout-b.jsonl'),
    ])
    expect(one.metadata).toEqual({ ...two.metadata, rolloutPath: `/x/${ROLLOUT_NAME}` })
  })

  test.each([
    ['nothing', []],
    ['damage alone', ['bad', '{}']],
    [
      'lines from before the envelope',
      [`{"id":"${THREAD_ID}","timestamp":"2025-08-01T00:00:00Z"}`, '{"record_type":"state"}'],
    ],
    ['unknown lines alone', [line('hologram', {})]],
  ])('is refused to a file of %s', async (_, lines) => {
    await expect(extract(lines)).rejects.toThrow(
      new StateError('ROLLOUT_UNREADABLE', `no usable line in rollout /x/${ROLLOUT_NAME}`),
    )
  })

  test('is refused when neither lines nor name tell it', async () => {
    const extraction = extract([userMessage('hi')], CURRENT_RULES, '/x/rollout-copy.jsonl')
    await expect(extraction).rejects.toMatchObject({ code: 'ROLLOUT_UNREADABLE' })
  })
})

describe('later lines', () => {
  test('of session_meta replace git as a whole, keep what they leave empty, and reset the agent', async () => {
    const first = sessionMeta({
      git: { commit_hash: 'a', branch: 'b', repository_url: 'c' },
      agent_nickname: 'Hume',
      creator_user_id: 'u1',
      memory_mode: 'disabled',
    })
    const second = sessionMeta({
      git: { branch: 'd' },
      cwd: '',
      cli_version: '',
      model_provider: undefined,
      originator: 'other',
      creator_user_id: 'u2',
      creator_account_id: 'a2',
      history_mode: 'paginated',
      memory_mode: 'polluted',
    })
    expect(await tell([first, second, sessionMeta()])).toMatchObject({
      gitSha: null,
      gitBranch: 'd',
      gitOriginUrl: null,
      cwd: '/srv/demo',
      cliVersion: '0.99.0',
      modelProvider: 'openai',
      agentNickname: null,
      originator: 'codex_cli_rs',
      creatorUserId: 'u1',
      creatorAccountId: 'a2',
      historyMode: 'legacy',
      memoryMode: 'polluted',
    })
  })

  test('of a turn replace policies and model, also by no effort', async () => {
    const second = turnContext({
      approval_policy: 'untrusted',
      effort: undefined,
      model: 'm2',
      sandbox_policy: { type: 'read-only' },
    })
    expect(await tell([sessionMeta(), turnContext(), second], SEED_RULES)).toMatchObject({
      approvalMode: 'untrusted',
      model: 'm2',
      reasoningEffort: null,
      sandboxPolicy: '{"type":"read-only"}',
    })
  })

  test('of thread settings replace all that they name', async () => {
    const settings = {
      model: 'm3',
      model_provider_id: 'p3',
      approval_policy: { granular: {} },
      permission_profile: { type: 'disabled' },
      cwd: '/srv/new',
    }
    const lines = [
      sessionMeta(),
      turnContext(),
      event('thread_settings_applied', { thread_settings: settings }),
    ]
    expect(await tell(lines)).toMatchObject({
      model: 'm3',
      modelProvider: 'p3',
      approvalMode: '{"granular":{}}',
      sandboxPolicy: '{"type":"disabled"}',
      cwd: '/srv/new',
      reasoningEffort: null,
    })
  })
})

describe('texts', () => {
  const item = (content: unknown[]) => event('item_completed', { item: { type: 'UserMessage', content } })

  test.each<[string, string[], Partial<ThreadMetadata>]>([
    ['nobody wrote', [], { title: '', firstUserMessage: null, preview: null }],
    ['is blank', [userMessage(' \n')], { title: '', firstUserMessage: null }],
    ['spans lines', [userMessage('\u0085 a\n b \u3000')], { title: 'a\n b', firstUserMessage: 'a\n b' }],
    [
      'repeats the marker',
      [userMessage('x## My request for Codex:y## My request for Codex:z')],
      { title: 'y## My request for Codex:z' },
    ],
    [
      'is an image',
      [userMessage('', { images: ['data:'] }), userMessage('then')],
      { title: 'then', firstUserMessage: '[Image]', preview: '[Image]' },
    ],
    [
      'is a local image',
      [item([{ type: 'local_image', path: '/a' }])],
      { title: '', firstUserMessage: '[Image]' },
    ],
    ['is audio', [userMessage('', { audio: ['data:'] })], { title: '', firstUserMessage: '[Audio]' }],
    [
      'is an item',
      [item([{ type: 'text', text: 'hi' }])],
      { title: 'hi', firstUserMessage: 'hi', preview: 'hi' },
    ],
    [
      'follows a goal',
      [event('thread_goal_updated', { goal: { objective: ' win ' } }), userMessage('hi')],
      { title: 'hi', firstUserMessage: 'hi', preview: 'win' },
    ],
    [
      'follows a request of another thread',
      [
        event('item_completed', {
          item: {
            type: 'FunctionCallOutput',
            namespace: 'codex_tui',
            name: 'send_message_to_thread',
            output: '<codex_delegation> a &lt; b &amp;lt; c </codex_delegation>',
          },
        }),
        userMessage('hi'),
      ],
      { title: 'hi', preview: 'a < b &lt; c' },
    ],
  ])('of a thread whose first message %s', async (_, lines, expected) => {
    expect(await tell([sessionMeta(), ...lines])).toMatchObject(expected)
  })

  test('of an approval reviewer are fixed', async () => {
    const meta = sessionMeta({ source: { subagent: { other: 'guardian' } } })
    expect(await tell([meta, userMessage('hi')])).toMatchObject({
      title: 'Guardian review',
      preview: 'Approval review',
      firstUserMessage: null,
    })
    expect(await tell([meta, userMessage('hi')], METADATA_RULES['0.145'])).toMatchObject({
      title: 'hi',
      preview: 'hi',
    })
  })

  test('are never cut', async () => {
    const long = 'ä'.repeat(100_000)
    expect(await tell([sessionMeta(), userMessage(long)])).toMatchObject({
      title: long,
      firstUserMessage: long,
    })
  })
})

describe('rules of releases', () => {
  const injected = line('response_item', {
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: 'ctx' }],
  })
  const policy = (type: string) => turnContext({ sandbox_policy: { type } })

  test.each<[string, keyof typeof METADATA_RULES, string[], Partial<ThreadMetadata>]>([
    [
      'injected context is a title',
      '0.93',
      [injected, userMessage('hi')],
      { title: 'ctx', firstUserMessage: 'hi', hasUserEvent: true },
    ],
    ['injected context is no title', '0.96', [injected], { title: '', hasUserEvent: false }],
    ['a user message is marked', '0.96', [userMessage('hi')], { title: 'hi', hasUserEvent: true }],
    ['a user message is not marked', '0.99', [userMessage('hi')], { hasUserEvent: false }],
    ['the cwd follows turns', '0.105', [turnContext()], { cwd: '/srv/turn' }],
    ['the cwd stays', '0.106', [turnContext()], { cwd: '/srv/demo' }],
    ['a name is no title', '0.117', [event('thread_name_updated', { thread_name: 'n' })], { title: '' }],
    [
      'a name is the title',
      '0.120',
      [userMessage('hi'), event('thread_name_updated', { thread_name: 'n' })],
      { title: 'n' },
    ],
    [
      'a name is no title again',
      '0.130',
      [event('thread_name_updated', { thread_name: 'n' })],
      { title: '' },
    ],
    ['the policy is stored', '0.130', [policy('read-only')], { sandboxPolicy: '{"type":"read-only"}' }],
    ['the profile is stored', '0.136', [policy('read-only')], { sandboxPolicy: READ_ONLY_PROFILE }],
    [
      'full access has a profile',
      '0.136',
      [policy('danger-full-access')],
      { sandboxPolicy: '{"type":"disabled"}' },
    ],
    [
      'an unknown profile stays a policy',
      '0.136',
      [policy('workspace-write')],
      { sandboxPolicy: '{"type":"workspace-write"}' },
    ],
    [
      'no turn leaves a policy',
      '0.136',
      [],
      { sandboxPolicy: '{"type":"read-only"}', approvalMode: 'on-request' },
    ],
    [
      'no turn leaves a profile',
      '0.165',
      [],
      { sandboxPolicy: READ_ONLY_PROFILE, approvalMode: 'on-request' },
    ],
    [
      'on-failure stays',
      '0.136',
      [turnContext({ approval_policy: 'on-failure' })],
      { approvalMode: 'on-failure' },
    ],
    [
      'on-failure is on-request',
      '0.143',
      [turnContext({ approval_policy: 'on-failure' })],
      { approvalMode: 'on-request' },
    ],
    ['audio is not shown', '0.143', [userMessage('', { audio: ['x'] })], { firstUserMessage: null }],
    ['audio is shown', '0.145', [userMessage('', { audio: ['x'] })], { firstUserMessage: '[Audio]' }],
  ])('%s from %s', async (_, since, lines, expected) => {
    expect(await tell([sessionMeta(), ...lines], METADATA_RULES[since])).toMatchObject(expected)
  })

  const spawn = { parent_thread_id: OTHER_ID, depth: 1, agent_type: 'explorer' }
  test.each<[unknown, keyof typeof METADATA_RULES, string]>([
    [null, '0.157', 'vscode'],
    ['mcp', '0.157', 'mcp'],
    [{ custom: 'atlas' }, '0.157', '{"custom":"atlas"}'],
    [{ subagent: 'review' }, '0.157', '{"subagent":"review"}'],
    [{ subagent: { thread_spawn: null } }, '0.157', '{"subagent":{"thread_spawn":null}}'],
    [{ subagent: null }, '0.157', '{"subagent":null}'],
    [
      { subagent: { thread_spawn: spawn } },
      '0.99',
      `{"subagent":{"thread_spawn":{"parent_thread_id":"${OTHER_ID}","depth":1}}}`,
    ],
    [
      { subagent: { thread_spawn: spawn } },
      '0.105',
      `{"subagent":{"thread_spawn":{"parent_thread_id":"${OTHER_ID}","depth":1,"agent_nickname":null,"agent_role":"explorer"}}}`,
    ],
    [
      { subagent: { thread_spawn: spawn } },
      '0.117',
      `{"subagent":{"thread_spawn":{"parent_thread_id":"${OTHER_ID}","depth":1,"agent_path":null,"agent_nickname":null,"agent_role":"explorer"}}}`,
    ],
  ])('the source %j is stored from %s as %s', (source, since, stored) => {
    expect(toStoredSource(source, METADATA_RULES[since])).toBe(stored)
  })
})

test('details are kept of the first hundred malformed lines, and all are counted', async () => {
  const { malformed, lineCounts } = await extract([
    sessionMeta(),
    ...Array.from({ length: 150 }, () => 'bad'),
  ])
  expect(malformed).toHaveLength(100)
  expect(lineCounts).toEqual({ items: 1, ignored: 0, unknown: 0, malformed: 150 })
})

test('what differs is told in the order of the fields, with times cut by whoever knows seconds alone', async () => {
  const one = await tell([sessionMeta(), userMessage('hi')])
  const other = {
    ...one,
    title: 'ho',
    createdAtMs: one.createdAtMs + 1,
    preview: 'ho',
    id: OTHER_ID,
    tokensUsed: 1,
  }
  expect(diffFields(one, one)).toEqual([])
  expect(diffFields(one, other)).toEqual(['id', 'createdAtMs', 'title', 'preview', 'tokensUsed'])
  expect(diffFields(cutToSeconds(one), cutToSeconds(other), SEED_DIFF_FIELDS)).toEqual([
    'id',
    'title',
    'tokensUsed',
  ])
  expect([SEED_DIFF_FIELDS.length, DIFF_FIELDS.length]).toEqual([17, 23])
})

test('no order of lines makes extraction fail otherwise than stated', async () => {
  const lines = fc.array(
    fc.constantFrom(
      sessionMeta(),
      sessionMeta({ id: OTHER_ID, timestamp: 'x', source: { subagent: { other: 'guardian' } } }),
      turnContext(),
      userMessage('hi'),
      event('thread_settings_applied', { thread_settings: {} }),
      line('hologram', {}),
      'bad',
    ),
    { maxLength: 8 },
  )
  const path = fc.constantFrom(`/x/${ROLLOUT_NAME}`, '/x/rollout-copy.jsonl')
  const rules = fc.constantFrom(...Object.values(METADATA_RULES))
  await fc.assert(
    fc.asyncProperty(lines, path, rules, async (input, file, chosen) => {
      const outcome = await extract(input, chosen, file).catch((error: unknown) => error)
      if (outcome instanceof StateError) expect(outcome.code).toBe('ROLLOUT_UNREADABLE')
      else expect(outcome).toMatchObject({ metadata: { id: expect.stringMatching(/^0199aaaa-/) } })
    }),
    { numRuns: 500 },
  )
})

test('a missing file is a stated error', async () => {
  const path = join(makeFolder(), ROLLOUT_NAME)
  await expect(extractMetadata(path, { defaultProvider: 'p' })).rejects.toMatchObject({
    code: 'ROLLOUT_UNREADABLE',
  })
})
