import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { copyHome, HOMES, UNUSED_THREADS } from '../../helpers/homes.js'
import { createHome, LAYOUTS } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'
import { insertThreads, threadId } from '../../helpers/seed.js'
import { writeSessions } from '../../helpers/sessions.js'

const NEWEST = LAYOUTS.find(({ name }) => name === '0.169')!

function exec(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

async function readJson(command: string, home: string, now?: number) {
  const { stdout, exitCode } = await runState(
    [...command.split(' '), '--codex-home', home],
    now === undefined ? {} : { now },
  )
  return { found: JSON.parse(stdout), exitCode }
}

describe('diff', () => {
  test.each([
    ['codex-0.135.0', 3],
    ['codex-0.140.0', 1],
    ['codex-0.148.0', 4],
  ] as const)(
    'claims nothing of titles where the names of threads cannot be read: %s',
    async (name, count) => {
      const home = copyHome(name)
      rmSync(join(home, 'session_index.jsonl'))
      mkdirSync(join(home, 'session_index.jsonl'))
      const { stdout, stderr, exitCode } = await runState(['diff', '--json', '--codex-home', home])
      expect({ stdout, exitCode }).toEqual({ stdout: '[]\n', exitCode: 0 })
      expect(stderr).toContain(
        `titles that were not compared, since names that users gave cannot be read: ${count}\n`,
      )
    },
  )

  test.each(HOMES)('finds nothing on a sound home: %s', async (name) => {
    expect(await readJson('diff --json=difference,id,field', copyHome(name))).toEqual({
      found: [],
      exitCode: 0,
    })
  })

  test('finds rows without a file, files without a row, files of others, and fields', async () => {
    const home = copyHome('codex-0.120.0')
    const at = ['--codex-home', home]
    const ids = (await runState(['threads', 'list', '-q', '--active', ...at])).stdout.trim().split('\n')
    const [lost, unknown, mixed, changed] = ids as [string, string, string, string]
    const pathOf = async (id: string) => (await runState(['threads', 'path', id, ...at])).stdout.trim()
    const [lostPath, changedPath] = await Promise.all([lost, changed].map(pathOf))
    rmSync(lostPath!)
    exec(
      join(home, 'state_5.sqlite'),
      `DELETE FROM threads WHERE id = '${unknown}';
       UPDATE threads SET rollout_path = '${changedPath}' WHERE id = '${mixed}';
       UPDATE threads SET tokens_used = 1, model_provider = 'other', updated_at = 5 WHERE id = '${changed}';`,
    )
    const { found, exitCode } = await readJson('diff --json', home)
    expect(exitCode).toBe(1)
    const brief = (found as Record<string, unknown>[]).map(({ difference, id, field, row, rollout }) =>
      [
        difference,
        id,
        field,
        field === 'tokens_used' ? [row] : difference === 'other thread' ? [rollout] : [],
      ].flat(),
    )
    expect(brief).toEqual(
      expect.arrayContaining([
        ['no row', unknown, null],
        ['no file', lost, null],
        ['other thread', mixed, null, changed],
        ['field', changed, 'tokens_used', 1],
        ['field', changed, 'model_provider'],
        ['field', changed, 'updated_at'],
      ]),
    )
    expect(brief).toHaveLength(6)
  })
})

describe('backfill status', () => {
  test.each(HOMES)('agrees with the files and rows of a real home: %s', async (name) => {
    const home = copyHome(name)
    const { found, exitCode } = await readJson('backfill status --json', home, Date.UTC(2026, 10, 22))
    expect(Object.keys(found)).toEqual([
      'verdict',
      'meaning',
      'status',
      'last_watermark',
      'last_success_at',
      'updated_at',
      'lease_age_seconds',
      'owner_alive',
      'rollouts',
      'done',
      'left',
      'failed',
      'older_form',
      'broken',
      'unreadable',
      'database',
    ])
    const threads = (await runState(['threads', 'list', '-q', '--codex-home', home])).stdout
      .trim()
      .split('\n')
      .filter((id) => !UNUSED_THREADS.includes(id))
    expect({ ...found, exitCode }).toMatchObject({ done: threads.length, left: 0, failed: 0, exitCode })
  })

  const NOW = Date.UTC(2026, 1, 2)
  const SECONDS = NOW / 1000
  const file = (id: number) => `sessions/2026/01/0${id}/rollout-2026-01-0${id}T00-00-00-${threadId(id)}.jsonl`

  test.each([
    {
      status: 'complete',
      watermark: file(3),
      age: 0,
      verdict: 'complete but unindexed',
      counts: [3, 1, 0, 2],
    },
    { status: 'running', watermark: file(2), age: 899, verdict: 'stale', counts: [3, 1, 1, 1] },
    { status: 'running', watermark: null, age: 900, verdict: 'stale', counts: [3, 1, 2, 0] },
    { status: 'pending', watermark: null, age: 5, verdict: 'never ran', counts: [3, 1, 2, 0] },
    { status: 'odd', watermark: null, age: 5, verdict: 'unknown', counts: [3, 1, 2, 0] },
  ])('tells $status of $age s ago as $verdict', async ({ status, watermark, age, verdict, counts }) => {
    const home = createHome(NEWEST)
    for (const id of [1, 2, 3]) {
      mkdirSync(dirname(join(home, file(id))), { recursive: true })
      writeFileSync(join(home, file(id)), '')
    }
    insertThreads(join(home, NEWEST.stateFile), [{ id: threadId(1) }])
    exec(
      join(home, NEWEST.stateFile),
      `INSERT OR REPLACE INTO backfill_state (id, status, last_watermark, updated_at)
       VALUES (1, '${status}', ${watermark === null ? 'NULL' : `'${watermark}'`}, ${SECONDS - age})`,
    )
    const { found, exitCode } = await readJson('backfill status --json', home, NOW)
    expect({ ...found, exitCode }).toMatchObject({
      verdict,
      status,
      last_watermark: watermark,
      lease_age_seconds: status === 'running' ? age : null,
      rollouts: counts[0],
      done: counts[1],
      left: counts[2],
      failed: counts[3],
      exitCode: 1,
    })
  })

  test('is running while somebody has the database open', async () => {
    const home = createHome(NEWEST)
    const path = join(home, NEWEST.stateFile)
    exec(
      path,
      `INSERT OR REPLACE INTO backfill_state (id, status, updated_at) VALUES (1, 'running', ${SECONDS - 10})`,
    )
    const holder = spawn(process.execPath, [
      '-e',
      `require('node:fs').openSync(${JSON.stringify(path)}); console.log('open'); setInterval(() => {}, 1000)`,
    ])
    try {
      await once(holder.stdout, 'data')
      const { found } = await readJson('backfill status --json=verdict,owner_alive', home, NOW)
      expect(found).toEqual({ verdict: 'running', owner_alive: true })
      const { found: holders } = await readJson('locks --json=pid,alive,does,database', home)
      expect(holders).toEqual([{ pid: holder.pid, alive: true, does: 'has open: main', database: path }])
    } finally {
      holder.kill()
    }
  })
})

describe('memories', () => {
  test('of the first era are listed by folder, newest first', async () => {
    const layout = LAYOUTS.find(({ name }) => name === '0.96 to 0.98')!
    const home = createHome(layout)
    insertThreads(join(home, layout.stateFile), [
      { id: threadId(1), cwd: '/srv/a' },
      { id: threadId(2), cwd: '/srv/a' },
      { id: threadId(3), cwd: '/srv/a/' },
    ])
    exec(
      join(home, layout.stateFile),
      [1, 2, 3]
        .map(
          (id) =>
            `INSERT INTO thread_memory VALUES ('${threadId(id)}', 'trace ${id}', 'memory ${id}', ${1_770_000_000 + Math.floor(id / 2)});`,
        )
        .join('\n'),
    )
    const { found } = await readJson(
      'memories list --json=thread_id,summary,trace_summary,updated_at,remembered_at,raw_memory',
      home,
    )
    expect(found).toEqual(
      [3, 2, 1].map((id) => ({
        thread_id: threadId(id),
        summary: `memory ${id}`,
        trace_summary: `trace ${id}`,
        updated_at: id === 1 ? '2026-02-02T02:40:00.000Z' : '2026-02-02T02:40:01.000Z',
        remembered_at: id === 1 ? '2026-02-02T02:40:00.000Z' : '2026-02-02T02:40:01.000Z',
        raw_memory: null,
      })),
    )
    const { found: last } = await readJson('memories last --cwd /srv/a -n 5 --json=thread_id', home)
    expect(last).toEqual([{ thread_id: threadId(2) }, { thread_id: threadId(1) }])
  })

  test.each(['0.99', '0.106 to 0.112', '0.140', '0.169'])(
    'of the later era, with their jobs: %s',
    async (name) => {
      const layout = LAYOUTS.find((candidate) => candidate.name === name)!
      const home = createHome(layout)
      const file = join(
        home,
        'memories_1.sqlite' in layout.databases ? 'memories_1.sqlite' : layout.stateFile,
      )
      insertThreads(join(home, layout.stateFile), [{ id: threadId(1), cwd: '/srv/a', title: 'A' }])
      exec(
        file,
        `INSERT INTO stage1_outputs (thread_id, source_updated_at, raw_memory, rollout_summary, generated_at)
         VALUES ('${threadId(1)}', 1770000000, 'long', 'short', 1770000060);
       INSERT INTO jobs (kind, job_key, status, lease_until, retry_remaining, last_error, last_success_watermark)
         VALUES ('memory_stage1', '${threadId(1)}', 'error', NULL, 2, 'no answer', 1770000000),
                ('memory_consolidate_global', 'global', 'running', 1770000100, 3, NULL, NULL);`,
      )
      const { found } = await readJson('memories show last --json', home)
      expect(found).toMatchObject({
        thread_id: threadId(1),
        cwd: '/srv/a',
        title: 'A',
        summary: 'short',
        raw_memory: 'long',
        rollout_slug: null,
        source_updated_at: '2026-02-02T02:40:00.000Z',
        generated_at: '2026-02-02T02:41:00.000Z',
        job_status: 'error',
        job_retry_remaining: 2,
        job_last_error: 'no answer',
        database: file,
      })
      const { found: jobs } = await readJson(
        'memories jobs --json=phase,job_key,status,lease,last_success_watermark',
        home,
        1_770_000_000_000,
      )
      expect(jobs).toEqual([
        {
          phase: 'consolidate',
          job_key: 'global',
          status: 'running',
          lease: 'held',
          last_success_watermark: null,
        },
        {
          phase: 'extract',
          job_key: threadId(1),
          status: 'error',
          lease: null,
          last_success_watermark: '2026-02-02T02:40:00.000Z',
        },
      ])
    },
  )
})

describe('du', () => {
  test('sums by kind unless told otherwise', async () => {
    const home = copyHome('codex-0.113.0')
    const { found } = await readJson('du --json=kind', home)
    expect((found as { kind: string }[]).map(({ kind }) => kind).toSorted()).toEqual([
      'WAL',
      'archived',
      'databases',
      'free pages',
      'logs',
      'other',
      'sessions',
    ])
  })

  test('tells files by their age', async () => {
    const home = createHome(NEWEST)
    const now = Date.UTC(2026, 5, 1)
    const day = 86_400
    for (const [index, age] of [0.5, 3, 20, 60, 200, 800].entries()) {
      const path = join(home, `file-${index}`)
      writeFileSync(path, 'x')
      utimesSync(path, now / 1000 - age * day, now / 1000 - age * day)
    }
    for (const file of Object.keys(NEWEST.databases)) rmSync(join(home, file))
    const { found } = await readJson('du --by age --json=age,size_bytes', home, now)
    expect(new Set((found as { age: string }[]).map(({ age }) => age))).toEqual(
      new Set([
        'less than a day',
        'less than a week',
        'less than a month',
        'less than 3 months',
        'less than a year',
        'older than a year',
      ]),
    )
  })
})

describe('locks', () => {
  test('tells which of the processes that logged are gone', async () => {
    const home = copyHome('codex-0.140.0')
    const reader = new Database(join(home, 'logs_2.sqlite'), { readonly: true })
    const uuids = reader.prepare('SELECT DISTINCT process_uuid FROM logs').pluck().all()
    reader.close()
    const { found } = await readJson('locks --json=process_uuid,alive,does', home)
    expect(new Set((found as { process_uuid: string }[]).map(({ process_uuid }) => process_uuid))).toEqual(
      new Set(uuids),
    )
    expect(new Set((found as { alive: boolean }[]).map(({ alive }) => alive))).toEqual(new Set([false]))
  })

  test('takes a process for alive that was there before it logged', async () => {
    const home = createHome(NEWEST)
    const seconds = Math.floor(Date.now() / 1000)
    exec(
      join(home, NEWEST.logsFile),
      `INSERT INTO logs (ts, ts_nanos, level, target, process_uuid) VALUES (${seconds}, 0, 'INFO', 't', 'pid:${process.pid}:a');
       INSERT INTO logs (ts, ts_nanos, level, target, process_uuid) VALUES (1000, 0, 'INFO', 't', 'pid:${process.pid}:b');`,
    )
    const { found } = await readJson('locks --json=process_uuid,alive', home)
    expect(found).toEqual([
      { process_uuid: `pid:${process.pid}:a`, alive: true },
      { process_uuid: `pid:${process.pid}:b`, alive: false },
    ])
  })
})

describe('why', () => {
  const home = createHome(NEWEST)
  const state = join(home, NEWEST.stateFile)
  const path = (id: number) =>
    join(home, `sessions/2026/01/01/rollout-2026-01-01T00-00-00-${threadId(id)}.jsonl`)
  mkdirSync(dirname(path(1)), { recursive: true })
  const write = (id: number) =>
    writeFileSync(
      path(id),
      `{"timestamp":"2026-01-01T00:00:00Z","type":"session_meta","payload":{"id":"${threadId(id)}","timestamp":"2026-01-01T00:00:00Z","cwd":"/srv/demo","source":"${id === 3 ? 'exec' : 'cli'}","originator":"x","cli_version":"0.169.0"}}\n`,
    )
  const good = (id: number) => ({ id: threadId(id), rolloutPath: path(id) })
  for (const id of [1, 2, 3, 4, 5, 6, 7, 9]) write(id)
  copyFileSync(path(1), path(8))
  insertThreads(state, [
    good(1),
    { ...good(2), isArchived: true },
    { ...good(3), source: 'exec' },
    { ...good(4), modelProvider: 'other' },
    { ...good(5), title: '' },
    { ...good(6), cwd: '/srv/demo/' },
    { ...good(7), rolloutPath: `/home/elsewhere/.codex/sessions/2026/01/01/${path(7).split('/').at(-1)}` },
    { ...good(8) },
    { id: threadId(10) },
  ])
  exec(state, `INSERT OR REPLACE INTO backfill_state (id, status, updated_at) VALUES (1, 'complete', 0)`)

  test.each([
    { id: 1, failed: [] },
    { id: 2, failed: ['archived'] },
    { id: 3, failed: ['source'] },
    { id: 4, failed: ['provider'] },
    { id: 5, failed: ['content'] },
    { id: 6, failed: ['cwd'] },
    { id: 7, failed: ['home'] },
    { id: 8, failed: ['rollout'] },
    { id: 9, failed: ['row'] },
    { id: 10, failed: ['rollout'] },
  ])('names what hides thread $id: $failed', async ({ id, failed }) => {
    const { found, exitCode } = await readJson(`why ${threadId(id)} --cwd /srv/demo --json`, home)
    const checks = found.checks as { check: string; passed: boolean; detail: string }[]
    expect({
      failed: checks.filter(({ passed }) => !passed).map(({ check }) => check),
      shown: found.shown,
      reason: found.reason,
      exitCode,
    }).toEqual({
      failed,
      shown: failed.length === 0,
      reason: checks.find(({ passed }) => !passed)?.detail ?? null,
      exitCode: failed.length === 0 ? 0 : 1,
    })
    // Of 8 the file says that it is another thread's.
    expect(found.resume).toBe(
      id === 8 || id === 10 ? null : `CODEX_HOME='${home}' codex resume ${threadId(id)}`,
    )
  })

  test('on a terminal names its reasons first, and the line that resumes', async () => {
    const { stdout } = await runState(['why', threadId(2), '--cwd', '/srv/demo', '--color', 'never'], {
      isTerminal: true,
      env: { CODEX_HOME: home },
    })
    expect(stdout).toMatchInlineSnapshot(`
      "Hidden from Codex's resume list, for 1 reason:
        ✗ archived  it is archived, and the picker shows active threads
      8 other checks are fine: row, source, provider, cwd, content, rollout, home, backfill (--all lists
      them)
      Open it:  codex resume 00000000-0000-7000-8000-000000000002
      "
    `)
  })
})

test('backfill status tells a layout without a state of it from a state that is lost', async () => {
  const first = copyHome('codex-0.93.0')
  const argv = ['backfill', 'status', '--codex-home']
  expect(await runState([...argv, first], { isTerminal: true })).toEqual({
    stdout: 'All 25 session files are in the index (state.sqlite).\n',
    stderr: '',
    exitCode: 0,
  })
  expect((await runState([...argv, first])).stdout).toContain(
    'meaning\tthis database keeps no state of it (Codex keeps one from 0.99 on); no rollout lacks a row\n',
  )
  const home = copyHome('codex-0.140.0')
  const database = new Database(join(home, 'state_5.sqlite'))
  database.exec('DELETE FROM backfill_state')
  database.close()
  const lost = await runState([...argv, home, '--json'])
  expect(JSON.parse(lost.stdout)).toMatchObject({
    verdict: 'unknown',
    meaning: expect.stringMatching(/^the table backfill_state has lost its row: .*; no rollout lacks a row$/),
    status: null,
  })
  const { stdout } = await runState(['why', 'last', '--json', '--codex-home', home])
  expect(JSON.parse(stdout).checks).toContainEqual({
    check: 'backfill',
    passed: false,
    detail: expect.stringContaining('its state is lost, which counts as pending'),
  })
})

test('backfill status on a terminal is one line where all is well, and a list where a row is lost', async () => {
  const home = copyHome('codex-0.169.0')
  const argv = ['backfill', 'status', '--color', 'never', '--codex-home', home]
  const { stdout } = await runState(argv, { isTerminal: true })
  expect(stdout).toBe('All 25 session files are in the index (state_5.sqlite).\n')
  const database = new Database(join(home, 'state_5.sqlite'))
  database.exec(`DELETE FROM threads WHERE id LIKE '01a1fb71-715e%'`)
  database.close()
  const lost = await runState(argv, { isTerminal: true, columns: 80 })
  expect(lost).toMatchObject({ exitCode: 1 })
  expect(lost.stdout).toMatchInlineSnapshot(`
    "1 of 25 session files has no row in the index (state_5.sqlite); Codex adds it
    when it lists or resumes it.
      01a1fb71-715e  Fix the rounding bug in src/cart.js and drop the unused helper.
        sessions/2026/11/21/rollout-2026-11-21T00-11-18-01a1fb71-715e-7f23-a852-149551519dd4.jsonl
    Put back what Codex can read:  codex-state backfill run --dry-run
    "
  `)
})

test('a thread whose row is gone is found by what it was called, or by what was typed first', async () => {
  const home = copyHome('codex-0.169.0')
  const database = new Database(join(home, 'state_5.sqlite'))
  database.exec(`DELETE FROM threads WHERE id LIKE '01a1fb71-715e%' OR id LIKE '01a1fb72-1070%'`)
  database.close()
  const idOf = async (title: string) => {
    const { stdout } = await runState(['threads', 'path', title, '--json=id', '--codex-home', home])
    return JSON.parse(stdout)?.id.slice(0, 13)
  }
  expect(await idOf('Naming: “Basketwise” 🧺')).toBe('01a1fb72-1070')
  expect(await idOf('fix the rounding bug in src/cart.js and drop the unused helper.')).toBe('01a1fb71-715e')
  expect(await idOf('fix the rounding bug')).toBeUndefined()
})

test('threads show on a terminal says what a person asks first; fields stay for who names them', async () => {
  const at = ['--codex-home', copyHome('codex-0.169.0')]
  const options = { isTerminal: true, now: Date.UTC(2026, 10, 25) }
  const { stdout } = await runState(['threads', 'show', '01a1fb71-fb02', '--color', 'never', ...at], options)
  expect(stdout.replaceAll(at[1]!, 'HOME')).toMatchInlineSnapshot(`
    "Ask a helper to look at the docs folder.
    01a1fb71-fb02-7b83-82ba-d1b9c6b71f42   active, vscode, Codex 0.169.0

    folder    /home/demo/projects/web-shop   feature/checkout-totals @ c4bd21a
    time      2026-11-21 01:11:53 to 01:11:53 (3d ago)
    model     mock-model, medium, provider mock   sandbox off, approvals never
    rollout   sessions/2026/11/21/rollout-2026-11-21T00-11-53-01a1fb71-fb02-7b83-82ba-d1b9c6b71f42.jsonl
              41.4 KiB
              the row names it in /home/demo/.codex/: this home was copied or moved
    tokens    16,030 in 3 responses: 15,900 input, 7,949 of it cached; 130 output
    history   1 of 1 turn is shown
    children  01a1fb71-fb5d-7de3-8b9e-fe07779b1132   Mencius   open   Helper task: list the files in the
              docs folder and report back.
    data      state_5: thread_read_receipts 1, thread_spawn_edges 1, threads 1
              logs_2: logs 57
              thread_history_1: thread_history_projection_state 1, thread_items 3, thread_turns 1
    resume    CODEX_HOME=HOME codex resume 01a1fb71-fb02-7b83-82ba-d1b9c6b71f42
    see       codex-state threads turns 01a1fb71-fb02, codex-state why 01a1fb71-fb02
    "
  `)
  const named = ['threads', 'show', '01a1fb71-fb02', '--fields', 'rollout_path', '--color', 'never', ...at]
  expect((await runState(named, options)).stdout).toMatch(
    /^rollout path {2}\/home\/demo\/\.codex\/sessions\//,
  )
})

describe('tables', () => {
  test('are named in words, and printed as they are stored', async () => {
    const home = copyHome('codex-0.169.0')
    const { found } = await readJson('tables --json', home)
    expect((found as { holds: string | null }[]).filter(({ holds }) => holds === null)).toEqual([])
    const counts = new Map<string, number>()
    for (const { name, rows } of found as { name: string; rows: number }[]) {
      counts.set(name, (counts.get(name) ?? 0) + rows)
    }
    for (const [name, rows] of counts) {
      const table = await readJson(`table ${name} --json`, home)
      expect({ name, rows: table.found.length }).toEqual({ name, rows })
    }
    expect((await runState(['table', 'nothing', '--codex-home', home])).exitCode).toBe(1)
  })

  test('of goals, jobs and tools have fields of their own', async () => {
    const layout = LAYOUTS.find(({ name }) => name === '0.106 to 0.112')!
    const home = createHome(layout)
    exec(
      join(home, layout.stateFile),
      `INSERT INTO agent_jobs (id, name, status, instruction, input_headers_json, input_csv_path, output_csv_path, created_at, updated_at)
         VALUES ('j', 'Sweep', 'running', 'do', '["a"]', '/in', '/out', 1770000000, 1770000000);
       INSERT INTO agent_job_items (job_id, item_id, row_index, row_json, status, created_at, updated_at)
         VALUES ('j', '1', 0, '{}', 'completed', 1, 1), ('j', '2', 1, '{}', 'failed', 1, 1), ('j', '3', 2, '{}', 'pending', 1, 1);`,
    )
    const { found } = await readJson(
      'jobs --json=id,status,item_count,items_completed,items_failed,input_headers_json,created_at',
      home,
    )
    expect(found).toEqual([
      {
        id: 'j',
        status: 'running',
        item_count: 3,
        items_completed: 1,
        items_failed: 1,
        input_headers_json: ['a'],
        created_at: '2026-02-02T02:40:00.000Z',
      },
    ])
    const goals = await readJson('goals --json=status,objective,thread_title', copyHome('codex-0.140.0'))
    expect(goals.found).toHaveLength(1)
    const tools = await readJson('tools --json=name', copyHome('codex-0.98.0'))
    expect(tools.found).toEqual([{ name: 'lookup_ticket' }, { name: 'close_ticket' }])
  })
})

test('the shipped command lists the threads of a home, and ends quietly when nobody reads on', async () => {
  const bin = fileURLToPath(new URL('../../../bin/codex-state.js', import.meta.url))
  const child = spawn(process.execPath, [
    bin,
    'threads',
    'list',
    '--json',
    '--codex-home',
    copyHome('codex-0.169.0'),
  ])
  child.stdout.destroy()
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})

describe('what is cut says so', () => {
  test.each([
    [20, undefined],
    [21, 'codex-state: and 1 more notice like these'],
    [50, 'codex-state: and 30 more notices like these'],
  ])('of %i notices twenty are shown', async (count, more) => {
    const home = createHome(NEWEST)
    for (const path of writeSessions(home, count)) {
      writeFileSync(`${path}.zst`, 'no zstd')
      rmSync(path)
    }
    const { stderr } = await runState(['du', '--by', 'content', '--codex-home', home])
    const lines = stderr.split('\n').slice(0, -1)
    expect(lines.filter((line) => line.startsWith('codex-state: cannot read rollout '))).toHaveLength(20)
    expect(lines[20]).toBe(more)
    expect(lines).toHaveLength(more === undefined ? 20 : 21)
  })

  test.each([10, 11, 30])('of %i threads that fit a word ten are named', async (count) => {
    const home = createHome(NEWEST)
    const threads = Array.from({ length: count }, (_, number) => ({ id: threadId(number), title: 'Same' }))
    insertThreads(join(home, NEWEST.stateFile), threads)
    const { stderr, exitCode } = await runState(['threads', 'show', 'same', '--codex-home', home])
    const [head, ...lines] = stderr.trimEnd().split('\n')
    expect({ head, exitCode }).toEqual({
      head: "codex-state: 'same' fits more than one thread:",
      exitCode: 1,
    })
    expect(lines.filter((line) => /^ {2}\S{36} {2}Same$/.test(line))).toHaveLength(10)
    expect(lines.slice(10)).toEqual(count === 10 ? [] : ['  …'])
  })

  test('of session files without a row the ten newest are named, and the others counted', async () => {
    const home = createHome(NEWEST)
    const paths = writeSessions(home, 12)
    exec(
      join(home, NEWEST.stateFile),
      "INSERT INTO backfill_state (id, status, last_success_at, updated_at) VALUES (1, 'complete', 1, 1)",
    )
    const argv = ['backfill', 'status', '--color', 'never', '--codex-home', home]
    const { stdout } = await runState(argv, { isTerminal: true })
    expect(stdout).toMatch(/^12 of 12 session files have no row /)
    const places = stdout.split('\n').flatMap((line) => /^ {4}(sessions\/.*)$/.exec(line)?.[1] ?? [])
    expect(places.map((place) => join(home, place))).toEqual(paths.slice(2).reverse())
    expect(stdout).toContain('\n  and 2 older\n')
  })
})
