import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { copyHome, makeCase } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

async function readJson(home: string, ...argv: string[]) {
  const result = await runState([...argv, '--json', '--codex-home', home])
  return { ...result, found: JSON.parse(result.stdout || 'null') }
}

interface Check {
  check: string
  passed: boolean
  detail: string
}

describe('why', () => {
  const failuresOf = (checks: Check[]) => checks.filter(({ passed }) => !passed)

  test('promises no resume of a rollout that is not UTF-8, and names the line', async () => {
    const home = makeCase('utf8-broken', 'codex-0.140.0')
    const { found, exitCode } = await readJson(
      home,
      ...'why 01a1fb74-6a3d --cwd /home/demo/projects/web-shop'.split(' '),
    )
    expect(found.resume).toBeNull()
    expect(found.checks.find(({ check }: Check) => check === 'rollout')).toMatchObject({
      passed: false,
      detail: expect.stringMatching(/^Codex does not resume .*: line \d+ is not UTF-8$/),
    })
    expect(exitCode).toBe(1)
  })

  test('promises no resume of a paginated rollout whose last line has no ordinal, and of others it does', async () => {
    const home = makeCase('bad-ordinals', 'codex-0.169.0')
    const resumed: Record<string, boolean> = {}
    for (const id of ['01a1fb72-1a6a', '01a1fb72-14ac', '01a1fb72-1590']) {
      const { found } = await readJson(home, 'why', id, '--cwd', '/home/demo/projects/scratch')
      resumed[id] = found.resume !== null
      if (id === '01a1fb72-1a6a') {
        expect(failuresOf(found.checks).map(({ detail }) => detail)).toContainEqual(
          expect.stringMatching(/its last line, \d+, has no ordinal$/),
        )
      }
    }
    expect(resumed).toEqual({ '01a1fb72-1a6a': false, '01a1fb72-14ac': true, '01a1fb72-1590': true })
  })

  test('resumes what lost its tail or was written twice, and not a file of zeros', async () => {
    const home = makeCase('power-loss', 'codex-0.140.0')
    const resumed: Record<string, boolean> = {}
    for (const id of ['01a1fb74-6af7', '01a1fb74-686c', '01a1fb74-7632']) {
      const { found } = await readJson(home, 'why', id, '--cwd', '/home/demo/projects/web-shop')
      resumed[id] = found.resume !== null
      if (found.resume === null) {
        expect(
          failuresOf(found.checks)
            .map(({ detail }) => detail)
            .join(),
        ).toContain('empty of text')
      }
    }
    expect(resumed).toEqual({ '01a1fb74-6af7': true, '01a1fb74-686c': true, '01a1fb74-7632': false })
    const { found: status } = await readJson(home, 'backfill', 'status')
    expect(status.meaning).not.toContain('Codex adds')
  })

  test('says whose the file is that a row names', async () => {
    const home = makeCase('stale-rows', 'codex-0.169.0')
    const { found } = await readJson(home, 'why', '01a1fe00', '--cwd', '/home/demo')
    expect(
      failuresOf(found.checks)
        .map(({ detail }) => detail)
        .join(),
    ).toMatch(/belongs to thread 01a1fb72-1590/)
    expect(found.resume).toBeNull()
  })

  test('promises nothing for sessions of August 2025, which no Codex with a database reads', async () => {
    const home = makeCase('pre-envelope', 'codex-0.140.0')
    const { found, exitCode } = await readJson(home, 'backfill', 'status')
    expect(exitCode).toBe(0)
    expect(found.meaning).not.toContain('Codex adds')
    const why = await readJson(home, 'why', '0b1937c0-d7b8-4ded-921b-af28b5a13201', '--cwd', '/home/demo')
    expect(why.found.resume).toBeNull()
  })
})

describe('trees', () => {
  const PARENT = '01a1fb72-14ac-75c1-9ea7-f3be3f322f1e'

  test('count reviews whose rollouts name the parent, and take circles and edges that lead nowhere', async () => {
    const home = makeCase('guardian-parent', 'codex-0.169.0')
    const { found } = await readJson(home, 'threads', 'tree', PARENT)
    expect(found[0]).toMatchObject({ id: PARENT, subtree_threads: 3 })
    const { found: tokens } = await readJson(home, 'tokens', PARENT, '--by', 'total')
    expect(tokens).toEqual([expect.objectContaining({ threads: 3 })])
    const { found: all, exitCode } = await readJson(home, 'threads', 'tree')
    expect(exitCode).toBe(0)
    // Of the circle of two each is there once.
    const circle = ['01a1fb72-1235-7610-934d-1bc488eaa043', '01a1fb72-1e3b-72a1-a8c7-b4d5676e4e3b']
    expect(all.filter(({ id }: { id: string }) => circle.includes(id))).toHaveLength(2)
  })

  test('count the review thread of a home as it is', async () => {
    const { found } = await readJson(copyHome('codex-0.169.0'), 'threads', 'tree')
    expect(found.map(({ id }: { id: string }) => id.slice(0, 13))).toContain('01a1fb72-1959')
  })

  test('of 30,000 threads below one, and of a chain of 12,000, are drawn, summed and shown', async () => {
    const home = makeCase('many-agents', 'codex-0.169.0')
    const { found: wide } = await readJson(home, 'threads', 'tree', '01a1fb71-fb02')
    expect(wide.length).toBeGreaterThan(30_000)
    const { found: chain } = await readJson(home, 'threads', 'tree', PARENT)
    expect(Math.max(...chain.map(({ depth }: { depth: number }) => depth))).toBe(12_000)
    expect(chain[0].subtree_threads).toBe(12_001)
    const { stderr } = await runState(['tokens', PARENT, '--by', 'total', '--codex-home', home])
    expect(stderr).toContain('12,000 threads without a rollout: their rows say 120,000 tokens')
    const { found: shown } = await readJson(home, 'threads', 'show', '01a1fb71-fb02')
    expect(shown.children.length).toBeGreaterThanOrEqual(30_000)
    // Seconds on a quiet machine, and many more beside other tests.
  }, 120_000)
})

describe('lists', () => {
  test('of threads with titles of a megabyte are complete, in every form', async () => {
    const home = makeCase('huge-titles', 'codex-0.169.0', { N: '60' })
    const flags = [['-q'], ['--json=id'], ['-q', '--codex-view'], ['--json=id,title', '--limit', '5']]
    for (const flag of flags) {
      const { stdout, exitCode } = await runState(['threads', 'list', ...flag, '--codex-home', home])
      expect({ flag, exitCode }).toEqual({ flag, exitCode: 0 })
      expect(stdout.length).toBeGreaterThan(100)
    }
  })

  test('show values that no release wrote as they are stored', async () => {
    const home = makeCase('readd-project', 'codex-0.169.0')
    const { found, exitCode } = await readJson(home, 'threads', 'list')
    expect(exitCode).toBe(0)
    const of = (id: string) => found.find((row: { id: string }) => row.id.startsWith(id))
    expect(of('01a1fb72-1590').model_provider).toBe('Mock')
    expect(of('01a1fb72-1a6a').source).toBe('desktop')
    expect(of('01a1fb72-1235').source).toBe('{"subagent":')
  })

  test('find a folder under the spellings that are certainly the same', async () => {
    const home = makeCase('wsl-cwds', 'codex-0.169.0')
    const count = async (cwd: string) => (await readJson(home, 'threads', 'list', '--cwd', cwd)).found.length
    expect(await count('/home/demo/caf\u00e9')).toBe(2)
    expect(await count('C:\\Users\\demo\\shop')).toBe(3)
  })

  test('take names from an index with oddities, and tell twins apart', async () => {
    const home = makeCase('index-oddities', 'codex-0.140.0')
    const { stdout, exitCode } = await runState(['threads', 'list', '--codex-home', home], {
      isTerminal: true,
      columns: 200,
    })
    expect(exitCode).toBe(0)
    expect(stdout).not.toMatch(/\u001b\[31mred|\u0007|\u202e/)
    const twins = await runState(['threads', 'path', 'Twin', '--codex-home', home])
    expect(twins.stderr).toContain('fits more than one thread')
  })

  test('of a thread that goes on in another file give it once, with the newest file', async () => {
    const home = makeCase('segments', 'codex-0.169.0')
    const id = '01a1fb71-fa75-7151-9231-40546b3001a2'
    const { found } = await readJson(home, 'threads', 'list')
    expect(found.filter((row: { id: string }) => row.id === id)).toHaveLength(1)
    const { stdout } = await runState(['threads', 'path', id, '--codex-home', home])
    expect(stdout).toContain('_01a1fc00-0000-7000-8000-000000000002.jsonl')
    const database = new Database(join(home, 'state_5.sqlite'))
    database.prepare('DELETE FROM threads WHERE id = ?').run(id)
    database.close()
    const again = await runState(['threads', 'path', id, '--codex-home', home])
    expect(readFileSync(again.stdout.trim(), 'utf8')).toContain('Third sitting')
  })
})
