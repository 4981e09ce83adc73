import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { TEST_EVERYTHING } from '../../helpers/everything.js'
import { copyFixtureHome, copyHome } from '../../helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { userMessage } from '../../helpers/rollouts.js'
import { runState } from '../../helpers/run.js'
import { insertThreads, threadId } from '../../helpers/seed.js'

const NEWEST = LAYOUTS.find(({ name }) => name === '0.169')!

/** Every field of `threads list --json`, in its order. */
const FIELDS = [
  'id',
  'name',
  'title',
  'preview',
  'first_user_message',
  'created_at',
  'updated_at',
  'recency_at',
  'archived',
  'archived_at',
  'source',
  'thread_source',
  'model_provider',
  'model',
  'reasoning_effort',
  'cwd',
  'git_sha',
  'git_branch',
  'git_origin_url',
  'tokens_used',
  'total_tokens',
  'tokens_from',
  'cli_version',
  'originator',
  'sandbox_policy',
  'approval_mode',
  'memory_mode',
  'history_mode',
  'has_user_event',
  'agent_nickname',
  'agent_role',
  'agent_path',
  'is_pinned',
  'thread_section_id',
  'section_position',
  'section_entered_at_ms',
  'project_id',
  'daybreak_enabled',
  'creator_user_id',
  'creator_account_id',
  'attached_thread_parent_id',
  'rollout_path',
  'label',
  'cursor',
]

describe.each(LAYOUTS)('threads list on the layout of $name', (layout) => {
  const home = createHome(layout)
  const at = ['--codex-home', home]
  insertThreads(join(home, layout.stateFile), [
    { id: threadId(1), title: 'One', updatedAt: 1_770_000_100 },
    {
      id: threadId(2),
      title: 'Two',
      updatedAt: 1_770_000_300,
      source: '{"subagent":"review"}',
      isArchived: true,
    },
    { id: threadId(3), title: 'Three\tand\nmore', updatedAt: 1_770_000_200, cwd: '/srv/demo/' },
  ])

  test('shows all threads, newest first, one line each', async () => {
    const line = (...fields: string[]) => `${fields.join('\t')}\n`
    expect(await runState(['threads', 'list', ...at])).toEqual({
      stdout:
        line(
          threadId(2),
          '2026-02-02T02:45:00.000Z',
          'true',
          '{"subagent":"review"}',
          'openai',
          '/srv/demo',
          'Two',
        ) +
        line(
          threadId(3),
          '2026-02-02T02:43:20.000Z',
          'false',
          'cli',
          'openai',
          '/srv/demo/',
          'Three\\tand\\nmore',
        ) +
        line(threadId(1), '2026-02-02T02:41:40.000Z', 'false', 'cli', 'openai', '/srv/demo', 'One'),
      stderr: '',
      exitCode: 0,
    })
  })

  test('has every field in JSON, null where the layout has none', async () => {
    const { stdout, stderr, exitCode } = await runState(['threads', 'list', '--json', ...at])
    const items = JSON.parse(stdout)
    expect({ stderr, exitCode, fields: items.map(Object.keys) }).toEqual({
      stderr: '',
      exitCode: 0,
      fields: [FIELDS, FIELDS, FIELDS],
    })
    expect(items[0]).toMatchObject({
      id: threadId(2),
      name: null,
      title: 'Two',
      created_at: '2026-02-02T02:40:00.000Z',
      updated_at: '2026-02-02T02:45:00.000Z',
      archived: true,
      archived_at: '2026-02-02T02:41:00.000Z',
      source: { subagent: 'review' },
      sandbox_policy: { type: 'read-only' },
      approval_mode: 'on-request',
      tokens_used: 0,
      label: 'Two',
      cursor: `2026-02-02T02:45:00.000Z|${threadId(2)}`,
    })
  })

  test('goes on from the cursor of any row', async () => {
    const { stdout } = await runState(['threads', 'list', '--json=cursor', '-n', '1', ...at])
    const [{ cursor }] = JSON.parse(stdout)
    const rest = await runState(['threads', 'list', '-q', '--cursor', cursor, ...at])
    expect(rest).toEqual({ stdout: `${threadId(3)}\n${threadId(1)}\n`, stderr: '', exitCode: 0 })
  })

  test.each([
    { flags: ['--archived'], ids: [2] },
    { flags: ['--active'], ids: [3, 1] },
    { flags: ['--source', 'cli'], ids: [3, 1] },
    { flags: ['--source', 'review'], ids: [2] },
    { flags: ['--source', 'subagent', '--source', 'cli'], ids: [2, 3, 1] },
    { flags: ['--source', 'c%'], ids: [] },
    { flags: ['--provider', 'openai'], ids: [2, 3, 1] },
    { flags: ['--provider', 'other'], ids: [] },
    { flags: ['--cwd', '/srv/demo'], ids: [2, 3, 1] },
    { flags: ['--cwd', '/srv/other'], ids: [] },
    { flags: ['--branch', 'main'], ids: [] },
    { flags: ['--since', '1770000200'], ids: [2, 3] },
    { flags: ['--until', '2026-02-02T02:43:20Z'], ids: [3, 1] },
    { flags: ['--search', 'tHREE'], ids: [3] },
    { flags: ['--search', '_'], ids: [] },
    { flags: ['--children'], ids: [2] },
    { flags: ['--no-children'], ids: [3, 1] },
    { flags: ['--sort', 'created'], ids: [3, 2, 1] },
    { flags: ['--limit', '2'], ids: [2, 3] },
    { flags: ['--cursor', '2026-02-02T02-43-20'], ids: [1] },
  ])('filters: $flags', async ({ flags, ids }) => {
    const { stdout, exitCode } = await runState(['threads', 'list', '-q', ...flags, ...at])
    expect({ stdout, exitCode }).toEqual({
      stdout: ids.map((number) => `${threadId(number)}\n`).join(''),
      exitCode: 0,
    })
  })

  test('answers every command on it', async () => {
    const commands = [
      'threads show last',
      'threads tree',
      'threads tools last',
      'memories list',
      'memories jobs',
      'memories last --cwd /srv/demo',
      'backfill status',
      'tokens',
      'tokens --by day',
      'goals',
      'jobs',
      'tools',
      'tables',
      'table threads',
      'schema',
      'verify --full',
      'du',
      'locks',
      'diff',
      'why last',
      'where',
    ]
    for (const command of commands) {
      const { exitCode, stderr } = await runState([...command.split(' '), ...at])
      // Nothing found, or not all well, is told by 1; anything worse would be a failure to read the layout.
      expect({ command, isSound: exitCode <= 1, stderr: /unexpected|Error/.test(stderr) }).toEqual({
        command,
        isSound: true,
        stderr: false,
      })
    }
  })
})

describe('threads list', () => {
  const home = createHome(NEWEST)
  const at = ['--codex-home', home]
  const link = join(temporaryFolder(), 'link')
  const folder = temporaryFolder()
  beforeAll(() => {
    symlinkSync(folder, link)
    insertThreads(join(home, NEWEST.stateFile), [
      { id: threadId(1), cwd: folder, updatedAt: 1_770_000_001 },
      { id: threadId(2), cwd: `${link}/`, updatedAt: 1_770_000_002 },
      { id: threadId(3), cwd: '\\\\?\\C:\\Code\\Shop', updatedAt: 1_770_000_003 },
      { id: threadId(4), cwd: 'c:/code/shop/', updatedAt: 1_770_000_004 },
      { id: threadId(5), cwd: '\\\\?\\UNC\\host\\share', updatedAt: 1_770_000_005 },
      { id: threadId(6), title: 'Straße \x1b[31m red\u202e', updatedAt: 1_770_000_006 },
    ])
    writeFileSync(
      join(home, 'session_index.jsonl'),
      [
        `{"id":"${threadId(1)}","thread_name":"Old name","updated_at":"x"}`,
        'not json',
        `{"id":"${threadId(1)}","thread_name":"Nightly","updated_at":"x"}`,
        `{"id":"${threadId(2)}","thread_name":"Gone","updated_at":"x"}`,
        `{"id":"${threadId(2)}","thread_name":"","updated_at":"x"}`,
      ].join('\n'),
    )
  })

  test.each([
    { cwd: '.', ids: [2, 1] },
    { cwd: link, ids: [2, 1] },
    { cwd: `${folder}/.//`, ids: [2, 1] },
    { cwd: 'C:\\code\\shop\\', ids: [4, 3] },
    { cwd: '//host/share', ids: [] },
    { cwd: '\\\\host\\share', ids: [5] },
  ])('finds a folder in its other spellings: $cwd', async ({ cwd, ids }) => {
    const { stdout } = await runState(['threads', 'list', '-q', '--cwd', cwd, ...at], {
      workingFolder: folder,
    })
    expect(stdout).toBe(ids.map((number) => `${threadId(number)}\n`).join(''))
  })

  test('takes names from the index, where the last line of an id counts', async () => {
    const { stdout } = await runState(['threads', 'list', '--json=id,name', '--search', 'NIGHT', ...at])
    expect(JSON.parse(stdout)).toEqual([{ id: threadId(1), name: 'Nightly' }])
    const none = ['threads', 'list', '--search', 'gone', '-q', ...at]
    expect(await runState(none)).toEqual({ stdout: '', stderr: '', exitCode: 0 })
    expect(await runState([...none, '--exit-code'])).toMatchObject({ exitCode: 1 })
    expect((await runState(none, { isTerminal: true })).stderr).toBe('codex-state: no threads match\n')
  })

  test('is a table on a terminal, fitted to its width and safe for it', async () => {
    const { stdout, exitCode } = await runState(['threads', 'list', '-n', '2', '--color', 'never', ...at], {
      isTerminal: true,
      columns: 90,
      now: 1_770_007_206_000,
    })
    expect({ stdout, exitCode }).toMatchInlineSnapshot(`
      {
        "exitCode": 0,
        "stdout": "ID             UPDATED  FROM  FOLDER  TOKENS  TITLE
      00000000-0000  2h ago   cli   demo         0  Straße \\x1b[31m red\\u202e
      00000000-0000  2h ago   cli   share        0  Fix the build
      2 threads shown. More: -n 4, all of one: codex-state threads show ID
      ",
      }
    `)
  })

  test('in a table leaves out a column only as long as every row says the same in it', async () => {
    const home = createHome(NEWEST)
    const rows = Array.from({ length: 600 }, (_, number) => ({
      id: threadId(number),
      title: `Task ${number} ${'x'.repeat(80)}`,
      updatedAt: 1_770_000_000 - number,
      source: number < 550 ? 'cli' : 'exec',
    }))
    insertThreads(join(home, NEWEST.stateFile), rows)
    const { stdout } = await runState(['threads', 'list', '--color', 'never', '--codex-home', home], {
      isTerminal: true,
      columns: 80,
    })
    const headings = stdout.split('\n').filter((line) => line.startsWith('ID '))
    expect(headings.map((line) => line.includes('FROM'))).toEqual([false, true])
    expect(stdout).toMatch(/^\S+ +\S+ \S+ \S+ +exec .*Task 599/m)
  })

  test('refuses what it cannot do, and says what it can', async () => {
    const failures = await Promise.all(
      [
        ['threads', 'list', '--archived', '--active'],
        ['threads', 'list', '--json=colour'],
        ['threads', 'list', '--cursor', 'yesterday'],
        ['threads', 'list', '--since', 'someday'],
        ['threads', 'list', '--sort', 'size'],
        ['threads', 'list', '--limit', '-1'],
        ['threads', 'lst'],
      ].map((argv) => runState([...argv, ...at])),
    )
    expect(failures.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(failures.map(() => [2, '']))
    expect(failures.map(({ stderr }) => stderr.split('\n').length - 1)).toEqual(failures.map(() => 1))
  })

  test('lists its fields', async () => {
    expect(await runState(['threads', 'list', '--fields', ...at])).toEqual({
      stdout: FIELDS.map((field) => `${field}\n`).join(''),
      stderr: '',
      exitCode: 0,
    })
  })

  test('sorts by recency only where a layout has it', async () => {
    const old = createHome(LAYOUTS[0]!)
    const { exitCode, stderr } = await runState(['threads', 'list', '--sort', 'recency', '--codex-home', old])
    expect({ exitCode, says: stderr.includes('no recency times') }).toEqual({ exitCode: 2, says: true })
  })
})

describe('a thread that is named', () => {
  const home = createHome(NEWEST)
  const at = ['--codex-home', home]
  beforeAll(() => {
    insertThreads(join(home, NEWEST.stateFile), [
      { id: '01a1fb72-1070-7d72-a57b-9ce71b9c75c6', title: 'Alpha', updatedAt: 1_770_000_001 },
      { id: '01a1fb72-1235-7d72-a57b-9ce71b9c75c6', title: 'Beta', updatedAt: 1_770_000_002 },
      { id: '02a1fb72-1235-7d72-a57b-9ce71b9c75c6', title: 'beta', updatedAt: 1_770_000_000 },
    ])
  })

  test.each([
    { text: '01a1fb72-1070-7d72-a57b-9ce71b9c75c6', title: 'Alpha' },
    { text: '01A1FB72-10', title: 'Alpha' },
    { text: 'alpha', title: 'Alpha' },
    { text: 'last', title: 'Beta' },
  ])('is found by $text', async ({ text, title }) => {
    const { stdout } = await runState(['threads', 'show', text, '--json=title', ...at])
    expect(JSON.parse(stdout)).toEqual({ title })
  })

  test('may stand behind --json, which takes a value', async () => {
    const { stdout } = await runState(['threads', 'show', '--json', 'last', ...at])
    expect(JSON.parse(stdout).title).toBe('Beta')
  })

  test('must be one: the candidates are told', async () => {
    expect(await runState(['threads', 'show', '01a1fb72', ...at])).toEqual({
      stdout: '',
      stderr:
        `codex-state: '01a1fb72' fits more than one thread:\n` +
        '  01a1fb72-1070-7d72-a57b-9ce71b9c75c6  Alpha\n' +
        '  01a1fb72-1235-7d72-a57b-9ce71b9c75c6  Beta\n',
      exitCode: 1,
    })
    expect((await runState(['threads', 'path', 'BETA', ...at])).exitCode).toBe(1)
  })

  test('must be there', async () => {
    const { exitCode, stderr } = await runState(['threads', 'show', 'gamma', ...at])
    expect({ exitCode, says: stderr.startsWith(`codex-state: no thread is called 'gamma'.`) }).toEqual({
      exitCode: 1,
      says: true,
    })
  })
})

describe('threads path', () => {
  const id = '01a1fb71-715e-7f23-a852-149551519dd4'
  const name = `rollout-2026-11-21T00-11-18-${id}.jsonl`

  test('is where the row says, in a home that was moved too', async () => {
    const home = copyHome('codex-0.169.0')
    expect(await runState(['threads', 'path', id, '--codex-home', home])).toEqual({
      stdout: `${join(home, 'sessions/2026/11/21', name)}\n`,
      stderr: '',
      exitCode: 0,
    })
  })

  test('is found by its name where the row is stale, or belongs to another thread', async () => {
    const home = copyHome('codex-0.169.0')
    const place = join(home, 'sessions/2026/11/21', name)
    mkdirSync(join(home, 'sessions/elsewhere'))
    const moved = join(home, 'sessions/elsewhere', name)
    renameSync(place, moved)
    const stale = await runState(['threads', 'path', id, '--codex-home', home])
    expect({ ...stale, stderr: stale.stderr.includes('no file at') }).toEqual({
      stdout: `${moved}\n`,
      stderr: true,
      exitCode: 0,
    })
    const other = '01a1fb72-1070-7d72-a57b-9ce71b9c75c6'
    writeFileSync(
      place,
      `{"timestamp":"2026-11-21T00:11:18Z","type":"session_meta","payload":{"id":"${other}","timestamp":"2026-11-21T00:11:18Z","cwd":"/","originator":"x","cli_version":"0.169.0"}}\n`,
    )
    const wrong = await runState(['threads', 'path', id, '--codex-home', home])
    expect({ ...wrong, stderr: wrong.stderr.includes(`belongs to thread ${other}`) }).toEqual({
      stdout: `${moved}\n`,
      stderr: true,
      exitCode: 0,
    })
  })

  test('is the compressed file where that is what there is', async () => {
    const home = copyHome('codex-0.169.0-compressed')
    const { stdout } = await runState(['threads', 'list', '--json=id', '--codex-home', home])
    const paths = await Promise.all(
      (JSON.parse(stdout) as { id: string }[]).map(async (item) =>
        JSON.parse(
          (await runState(['threads', 'path', item.id, '--json=compressed,found_by', '--codex-home', home]))
            .stdout,
        ),
      ),
    )
    expect(paths.filter(({ compressed }) => compressed)).toEqual([
      { compressed: true, found_by: 'row' },
      { compressed: true, found_by: 'row' },
    ])
  })

  test('is told for a rollout without a row, and in a home without a database', async () => {
    const home = temporaryFolder()
    mkdirSync(join(home, 'archived_sessions'), { recursive: true })
    const path = join(home, 'archived_sessions', name)
    appendFileSync(
      path,
      `{"timestamp":"2026-11-21T00:11:18Z","type":"session_meta","payload":{"id":"${id}","timestamp":"2026-11-21T00:11:18Z","cwd":"/","originator":"x","cli_version":"0.91.0"}}\n`,
    )
    expect(await runState(['threads', 'path', id.slice(0, 12), '--codex-home', home])).toEqual({
      stdout: `${path}\n`,
      stderr: '',
      exitCode: 0,
    })
  })

  test('is that of the row where the file does not say whose it is, which is told', async () => {
    const home = createHome(NEWEST)
    const path = join(home, `sessions/2026/02/02/rollout-2026-02-02T00-00-00-${threadId(1)}.jsonl`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${userMessage('who am I')}\n`)
    insertThreads(join(home, NEWEST.stateFile), [{ id: threadId(1), rolloutPath: path }])
    expect(await runState(['threads', 'path', 'last', '--codex-home', home])).toEqual({
      stdout: `${path}\n`,
      stderr: `codex-state: ${path} does not say whose it is; its place and name do\n`,
      exitCode: 0,
    })
  })

  test('is nothing when the file is gone', async () => {
    const home = createHome(NEWEST)
    insertThreads(join(home, NEWEST.stateFile), [{ id: threadId(1) }])
    const { stdout, exitCode } = await runState(['threads', 'path', 'last', '--codex-home', home])
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 })
    const shown = await runState(['threads', 'show', 'last', '--json', '--codex-home', home])
    expect(JSON.parse(shown.stdout).rollout).toEqual({
      path: `/gone/sessions/2026/02/02/rollout-2026-02-02T00-00-00-${threadId(1)}.jsonl`,
      exists: false,
      archived: false,
      compressed: false,
      size_bytes: null,
      modified_at: null,
    })
  })
})

describe('threads show, tree and tools', () => {
  const home = copyHome('codex-0.169.0')
  const at = ['--codex-home', home]

  test('show every place where a thread leaves data', async () => {
    const { stdout } = await runState(['threads', 'show', '01a1fb72-1070', '--json', ...at])
    const details = JSON.parse(stdout)
    expect(Object.keys(details)).toEqual([
      ...FIELDS.filter((field) => field !== 'label' && field !== 'cursor'),
      'rollout',
      'parent_thread_id',
      'forked_from_id',
      'rollouts',
      'history',
      'tokens',
      'children',
      'dynamic_tools',
      'goal',
      'memory',
      'log_rows',
      'places',
    ])
    const name = 'rollout-2026-11-21T00-11-58-01a1fb72-1070-7d72-a57b-9ce71b9c75c6.jsonl'
    const path = join(home, 'sessions/2026/11/21', name)
    expect(details).toMatchObject({
      name: 'Naming: “Basketwise” 🧺',
      rollout: { path, exists: true, archived: false, compressed: false },
      goal: { objective: 'Pick a name for the shop', status: 'budget_limited', tokens_used: 54432 },
      log_rows: 193,
      places: [
        { place: 'state_5.sqlite:thread_read_receipts', rows: 1 },
        { place: 'state_5.sqlite:threads', rows: 1 },
        { place: 'logs_2.sqlite:logs', rows: 193 },
        { place: 'goals_1.sqlite:thread_goals', rows: 1 },
        { place: 'queue_1.sqlite:queued_thread_revisions', rows: 1 },
        { place: 'thread_history_1.sqlite:thread_history_projection_state', rows: 1 },
        { place: 'thread_history_1.sqlite:thread_items', rows: 21 },
        { place: 'thread_history_1.sqlite:thread_turns', rows: 10 },
        { place: path, rows: null },
        { place: 'session_index.jsonl', rows: null },
      ],
    })
  })

  test('draw who spawned whom, with the tokens of all below', async () => {
    const { stdout } = await runState([
      'threads',
      'tree',
      '--json=id,depth,agent_nickname,agent_role,status,tokens_used,subtree_tokens,subtree_threads',
      ...at,
    ])
    // Of the first the child is a review, whose parent stands in its rollout alone.
    const review = { agent_nickname: null, agent_role: null, status: null }
    expect(JSON.parse(stdout)).toEqual([
      {
        ...review,
        id: '01a1fb72-190c-7ad0-afaa-2d888f919a8b',
        depth: 0,
        tokens_used: 0,
        subtree_tokens: 6004,
        subtree_threads: 2,
      },
      {
        ...review,
        id: '01a1fb72-1959-7ef3-8149-95130826b93d',
        depth: 1,
        tokens_used: 6004,
        subtree_tokens: 6004,
        subtree_threads: 1,
      },
      {
        id: '01a1fb71-fb02-7b83-82ba-d1b9c6b71f42',
        depth: 0,
        agent_nickname: null,
        agent_role: null,
        status: null,
        tokens_used: 16030,
        subtree_tokens: 26598,
        subtree_threads: 2,
      },
      {
        id: '01a1fb71-fb5d-7de3-8b9e-fe07779b1132',
        depth: 1,
        agent_nickname: 'Mencius',
        agent_role: 'explorer',
        status: 'open',
        tokens_used: 10568,
        subtree_tokens: 10568,
        subtree_threads: 1,
      },
    ])
  })

  test('take the tree from sources where there was no table for it', async () => {
    const { stdout } = await runState([
      'threads',
      'tree',
      '--json=id,depth',
      '--codex-home',
      copyHome('codex-0.98.0'),
    ])
    expect(JSON.parse(stdout)).toEqual([
      { id: '01a1fb73-0f8a-7b90-833a-ebebfb8b5e29', depth: 0 },
      { id: '01a1fb73-2382-7cc1-940a-5a0075d6a603', depth: 1 },
    ])
  })

  test.each(['codex-0.120.0', 'codex-0.140.0', 'codex-0.169.0'] as const)(
    'find the tools of a thread in its rows or in its rollout: %s',
    async (name) => {
      const copy = copyHome(name)
      const { stdout: ids } = await runState([
        'threads',
        'list',
        '-q',
        '--search',
        'ticket',
        '--codex-home',
        copy,
      ])
      const { stdout } = await runState([
        'threads',
        'tools',
        ids.split('\n')[0]!,
        '--json',
        '--codex-home',
        copy,
      ])
      expect(JSON.parse(stdout)).toMatchObject([
        {
          position: 0,
          name: 'lookup_ticket',
          description: 'Reads one ticket',
          input_schema: { type: 'object' },
        },
        {
          position: 1,
          name: 'close_ticket',
          description: 'Closes one ticket',
          input_schema: { type: 'object' },
        },
      ])
    },
  )

  test('say which tools are only loaded when they are asked for', async () => {
    const copy = copyHome('codex-0.120.0')
    const database = new Database(join(copy, 'state_5.sqlite'))
    const threadId = database
      .prepare('UPDATE thread_dynamic_tools SET defer_loading = position RETURNING thread_id')
      .pluck()
      .all()[0] as string
    database.close()
    const { stdout } = await runState(['threads', 'tools', threadId, '--json', '--codex-home', copy])
    expect(JSON.parse(stdout)).toMatchObject([
      { name: 'lookup_ticket', defer_loading: false },
      { name: 'close_ticket', defer_loading: true },
    ])
  })
})

/** More than a page of a list, and in CI as many as somebody ever had. */
const LONG_LIST = TEST_EVERYTHING ? 50_000 : 5_000

test('a list of tens of thousands of threads is complete, in order, and the same by either way of writing it', async () => {
  const home = createHome(NEWEST)
  const path = join(home, NEWEST.stateFile)
  insertThreads(
    path,
    Array.from({ length: LONG_LIST }, (_, number) => ({
      id: threadId(number),
      title: `Task ${number} "quoted" \\ – ✓\u2028`,
      // Many share a second, so the id decides.
      updatedAt: 1_770_000_000 + Math.floor(number / 7),
      source: number % 3 === 0 ? '{"subagent":"review"}' : 'cli',
    })),
  )
  const { stdout, exitCode } = await runState(['threads', 'list', '--json', '--codex-home', home])
  const items = JSON.parse(stdout) as Record<string, unknown>[]
  const database = new Database(path, { readonly: true })
  const ids = database.prepare('SELECT id FROM threads ORDER BY updated_at_ms DESC, id DESC').pluck().all()
  database.close()
  expect(exitCode).toBe(0)
  expect(items.map(({ id }) => id).join('\n')).toBe(ids.join('\n'))

  // One row that SQLite cannot write as JSON sends its page the other way.
  insertThreads(path, [{ id: threadId(60_000), updatedAt: 1_770_090_000, sandboxPolicy: '{broken' }])
  const other = await runState(['threads', 'list', '--json', '--codex-home', home])
  const rest = other.stdout.split('\n').slice(2)
  expect(rest.join('\n')).toBe(stdout.split('\n').slice(1).join('\n'))
  expect(other.stderr).toBe(
    `codex-state: thread ${threadId(60_000)}: sandbox_policy is not valid JSON, shown as text\n`,
  )
})

test('Threads of automatic reviewers are listed when they are asked for, and are not the last one', async () => {
  const home = copyFixtureHome('items', 'items-0.169.0')
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  const REVIEWER = '01a21385-9c7a'
  const run = (...argv: string[]) =>
    runState([...argv, '--codex-home', home], { isTerminal: argv.includes('--color') })
  const ids = async (...argv: string[]) =>
    (await run('threads', 'list', '--quiet', ...argv)).stdout
      .trim()
      .split('\n')
      .filter((id) => id.startsWith(REVIEWER))
  expect(await ids()).toEqual([])
  for (const flags of [['--reviewers'], ['--source', 'guardian']])
    expect([flags, await ids(...flags)]).toEqual([flags, [expect.stringContaining(REVIEWER)]])
  const json = async (...argv: string[]) =>
    (JSON.parse((await run('threads', 'list', '--json=id', ...argv)).stdout) as unknown[]).length
  expect([await json(), await json('--reviewers')]).toEqual([40, 41])
  expect((await run('threads', 'list', '--color', 'never')).stdout).toContain(
    '40 threads; 1 of automatic reviewers: --reviewers. All of one: codex-state threads show ID',
  )
  const database = new Database(join(home, 'state_5.sqlite'))
  database
    .prepare(
      'UPDATE threads SET updated_at = updated_at + 9e8, updated_at_ms = updated_at_ms + 9e11 WHERE id LIKE ?',
    )
    .run(`${REVIEWER}%`)
  database.close()
  expect((await run('threads', 'path', 'last')).stdout).not.toContain(REVIEWER)
})
