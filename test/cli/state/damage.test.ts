import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { copyHome } from '../../helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'
import { insertThreads, threadId } from '../../helpers/seed.js'

const NEWEST = LAYOUTS.find(({ name }) => name === '0.169')!

function exec(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

describe('a damaged row', () => {
  const home = createHome(NEWEST)
  const path = join(home, NEWEST.stateFile)
  const at = ['--codex-home', home]
  insertThreads(path, [
    { id: threadId(1), updatedAt: 1_770_000_001 },
    { id: threadId(2), updatedAt: 1_770_000_002 },
    { id: threadId(3), updatedAt: 1_770_000_003 },
    { id: threadId(4), updatedAt: 1_770_000_004 },
  ])
  exec(
    path,
    `UPDATE threads SET sandbox_policy = '{"type":' WHERE id = '${threadId(1)}';
     UPDATE threads SET updated_at_ms = 9000000000000000 WHERE id = '${threadId(2)}';
     UPDATE threads SET created_at_ms = 'yesterday', source = '{"subagent"' WHERE id = '${threadId(3)}';
     UPDATE threads SET title = x'00ff', updated_at_ms = NULL WHERE id = '${threadId(4)}';`,
  )

  test('is listed with the rest, and named', async () => {
    const { stdout, stderr, exitCode } = await runState([
      'threads',
      'list',
      '--json=id,updated_at,created_at,source,sandbox_policy,title',
      ...at,
    ])
    expect({ items: JSON.parse(stdout), stderr: stderr.split('\n'), exitCode }).toEqual({
      items: [
        {
          id: threadId(2),
          updated_at: '9000000000000.000000000Z',
          created_at: '2026-02-02T02:40:00.000Z',
          source: 'cli',
          sandbox_policy: { type: 'read-only' },
          title: 'Fix the build',
        },
        {
          id: threadId(3),
          updated_at: '2026-02-02T02:40:03.000Z',
          created_at: 'yesterday',
          source: '{"subagent"',
          sandbox_policy: { type: 'read-only' },
          title: 'Fix the build',
        },
        {
          id: threadId(1),
          updated_at: '2026-02-02T02:40:01.000Z',
          created_at: '2026-02-02T02:40:00.000Z',
          source: 'cli',
          sandbox_policy: '{"type":',
          title: 'Fix the build',
        },
        {
          id: threadId(4),
          updated_at: null,
          created_at: '2026-02-02T02:40:00.000Z',
          source: 'cli',
          sandbox_policy: { type: 'read-only' },
          title: '00ff',
        },
      ],
      stderr: [
        `codex-state: thread ${threadId(2)}: updated_at is not a valid time; showing the stored value`,
        `codex-state: thread ${threadId(3)}: created_at is not a valid time; showing the stored value`,
        `codex-state: thread ${threadId(3)}: source is not valid JSON, shown as text`,
        `codex-state: thread ${threadId(1)}: sandbox_policy is not valid JSON, shown as text`,
        '',
      ],
      exitCode: 0,
    })
  })

  test('does not end a list that is read page by page', async () => {
    const ids: string[] = []
    for (let cursor: string[] = []; ids.length < 10; ) {
      const { stdout } = await runState(['threads', 'list', '--json=id,cursor', '-n', '1', ...cursor, ...at])
      const [item] = JSON.parse(stdout)
      if (!item) break
      ids.push(item.id)
      cursor = ['--cursor', item.cursor]
    }
    expect(ids).toEqual([2, 3, 1, 4].map(threadId))
  })
})

describe('a damaged database', () => {
  test('is told of by verify, with what it means; the others are well', async () => {
    const home = copyHome('codex-0.140.0')
    const file = openSync(join(home, 'state_5.sqlite'), 'r+')
    writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, 4096 * 20)
    closeSync(file)
    writeFileSync(join(home, 'goals_1.sqlite'), 'no database at all')
    const { stdout, exitCode } = await runState([
      'verify',
      '--json=database,state,rebuildable,meaning',
      '--codex-home',
      home,
    ])
    const path = (name: string) => join(home, name)
    expect({ verdicts: JSON.parse(stdout), exitCode }).toEqual({
      verdicts: [
        {
          database: path('state_5.sqlite'),
          state: 'damaged',
          rebuildable: true,
          meaning:
            'Codex fills threads again from the rollouts; sections, projects, pins and read marks are lost',
        },
        { database: path('logs_2.sqlite'), state: 'ok', rebuildable: false, meaning: null },
        {
          database: path('goals_1.sqlite'),
          state: 'damaged',
          rebuildable: false,
          meaning: 'the goals of threads are lost; nothing else holds them',
        },
        { database: path('memories_1.sqlite'), state: 'ok', rebuildable: false, meaning: null },
      ],
      exitCode: 1,
    })
  })

  test('is listed around, each thread that is lost with it named', async () => {
    const home = copyHome('codex-0.140.0')
    const path = join(home, 'state_5.sqlite')
    const ids = (await runState(['threads', 'list', '-q', '--active', '--codex-home', home])).stdout
      .trim()
      .split('\n')
    const file = openSync(path, 'r+')
    // A leaf of the table, with eight rows.
    writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, 4096 * 33)
    closeSync(file)
    for (const flags of [
      ['-q'],
      ['--json=id,title'],
      ['-q', '--codex-view', '--sort', 'updated'],
      ['-q', '-n', '100'],
    ]) {
      const { stdout, stderr, exitCode } = await runState([
        'threads',
        'list',
        '--active',
        ...flags,
        '--codex-home',
        home,
      ])
      const lost = [...stderr.matchAll(/^codex-state: thread (\S+): its row cannot be read/gm)].map(
        ([, id]) => id!,
      )
      const listed = ids.filter((id) => stdout.includes(id))
      expect({ flags, lostSome: lost.length > 0, exitCode }).toEqual({ flags, lostSome: true, exitCode: 1 })
      expect(ids.filter((id) => !listed.includes(id) && !lost.includes(id))).toEqual([])
    }
  })

  test('does not hide what the others hold', async () => {
    const home = copyHome('codex-0.140.0')
    writeFileSync(join(home, 'goals_1.sqlite'), 'no database at all')
    const tables = await runState(['tables', '--codex-home', home])
    expect({ exitCode: tables.exitCode, says: tables.stderr }).toEqual({
      exitCode: 0,
      says: `codex-state: ${join(home, 'goals_1.sqlite')} is not an SQLite database\n`,
    })
  })

  test.each(['threads list', 'threads show last', 'tokens', 'diff', 'why last'])(
    'that holds what is asked for ends with 3: %s',
    async (command) => {
      const home = temporaryFolder()
      writeFileSync(join(home, 'state_5.sqlite'), 'no database at all')
      const { stdout, exitCode } = await runState([...command.split(' '), '--codex-home', home])
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 })
    },
  )

  test('ends a list in JSON before its array has begun, not with half of one', async () => {
    const home = copyHome('codex-0.140.0')
    const path = join(home, 'state_5.sqlite')
    const database = new Database(path)
    const { rootpage } = database
      .prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'threads'`)
      .get() as { rootpage: number }
    const pageSize = database.pragma('page_size', { simple: true }) as number
    database.close()
    const descriptor = openSync(path, 'r+')
    writeSync(descriptor, Buffer.alloc(pageSize, 0xff), 0, pageSize, (rootpage - 1) * pageSize)
    closeSync(descriptor)
    const { stdout, stderr, exitCode } = await runState(['table', 'threads', '--json', '--codex-home', home])
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 })
    expect(JSON.parse(stderr).error.code).toBe('DB_CORRUPT')
  })

  test('with orphans is only seen by the full check', async () => {
    const home = createHome(NEWEST)
    exec(
      join(home, NEWEST.stateFile),
      `PRAGMA foreign_keys = OFF;
       INSERT INTO thread_dynamic_tools (thread_id, position, name, description, input_schema) VALUES ('gone', 0, 'a', 'b', '{}');`,
    )
    const run = async (...flags: string[]) => {
      const { stdout, exitCode } = await runState([
        'verify',
        '--json=problems',
        ...flags,
        '--codex-home',
        home,
      ])
      return { problems: JSON.parse(stdout)[0].problems, exitCode }
    }
    expect(await run()).toEqual({ problems: [], exitCode: 0 })
    expect(await run('--full')).toEqual({
      problems: ['row 1 of thread_dynamic_tools points to a row of threads that is not there'],
      exitCode: 1,
    })
    exec(
      join(home, NEWEST.stateFile),
      `PRAGMA foreign_keys = OFF;
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 149)
       INSERT INTO thread_dynamic_tools (thread_id, position, name, description, input_schema) SELECT 'gone', i, 'a', 'b', '{}' FROM n;`,
    )
    const { problems } = await run('--full')
    expect(problems).toHaveLength(101)
    expect(problems.at(-1)).toBe('so do 50 more')
  })
})

describe('a bad rollout', () => {
  test('is told of, and the rest is compared', async () => {
    const home = copyHome('codex-0.120.0')
    const folder = join(home, 'sessions/2026/01/01')
    mkdirSync(folder, { recursive: true })
    const empty = join(folder, `rollout-2026-01-01T00-00-00-${threadId(1)}.jsonl`)
    writeFileSync(empty, '\n')
    const { stdout: path } = await runState(['threads', 'path', 'last', '--codex-home', home])
    appendFileSync(path.trim(), '{"timestamp":\n')
    const badLine = readFileSync(path.trim(), 'utf8').split('\n').length - 1
    const { stdout, stderr, exitCode } = await runState([
      'diff',
      '--json=difference,path',
      '--codex-home',
      home,
    ])
    expect({
      found: JSON.parse(stdout).filter((item: { difference: string }) => item.difference !== 'field'),
      stderr,
      exitCode,
    }).toEqual({
      found: [{ difference: 'unreadable', path: empty }],
      stderr: `codex-state: ${path.trim()}: line ${badLine}: not JSON\ncodex-state: 24 rows name another home, from which this one was copied or moved\n`,
      exitCode: 1,
    })
  })
})
