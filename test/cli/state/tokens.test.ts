import { appendFileSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import {
  CHARGED,
  copyFixtureHome,
  copyHome,
  fixtureNames,
  fixturePath,
  type HomeName,
  homePath,
  makeCase,
} from '../../helpers/homes.js'
import { keep } from '../../helpers/kept.js'
import { runState } from '../../helpers/run.js'

async function readTokens(home: string, ...argv: string[]) {
  const { stdout, stderr, exitCode } = await runState(['tokens', ...argv, '--json', '--codex-home', home])
  return { found: JSON.parse(stdout) as Record<string, unknown>[], stderr, exitCode }
}

describe('tokens', () => {
  test('of every home are what the server charged', async () => {
    const told: Record<string, unknown> = {}
    for (const name of Object.keys(CHARGED)) {
      const { found } = await readTokens(homePath(name as HomeName), '--by', 'total')
      const [sum] = found
      told[name] = [
        sum?.input_tokens,
        sum?.cached_input_tokens,
        sum?.output_tokens,
        sum?.reasoning_output_tokens,
        sum?.responses,
      ]
    }
    expect(told).toEqual(CHARGED)
  })

  test('of homes with forks, sub-agents and reverts are what the server charged each thread', async () => {
    for (const name of fixtureNames('turns').filter((name) => /^(forks|midfork|v2)/.test(name))) {
      const folder = fixturePath('turns', name)
      const { responses } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
        responses: { thread: string; usage: { total: number } | null }[]
      }
      const charged: Record<string, number> = {}
      for (const { thread, usage } of responses) {
        if (usage) charged[thread] = (charged[thread] ?? 0) + usage.total
      }
      const { found } = await readTokens(join(folder, 'home'))
      const told = found.flatMap(({ id, total_tokens }) => (total_tokens ? [[id, total_tokens]] : []))
      expect([name, Object.fromEntries(told)]).toEqual([name, charged])
    }
  })

  test('are told by threads list too, where rollouts are small; else it says that it is the number of the row', async () => {
    const home = keep(copyFixtureHome('turns', 'forks-0.169.0'))
    const { found } = await readTokens(home)
    const charged = Object.fromEntries(found.map(({ id, total_tokens }) => [id, total_tokens]))
    const list = async () => {
      const argv = ['threads', 'list', '--json=id,tokens_used,total_tokens,tokens_from']
      const { stdout } = await runState([...argv, '--codex-home', home])
      return JSON.parse(stdout) as Record<string, unknown>[]
    }
    const listed = await list()
    expect(new Set(listed.map(({ tokens_from }) => tokens_from))).toEqual(new Set(['rollout']))
    expect(Object.fromEntries(listed.map(({ id, total_tokens }) => [id, total_tokens]))).toEqual(charged)
    expect(listed.filter(({ tokens_used, total_tokens }) => tokens_used !== total_tokens)).toHaveLength(7)

    const [newest] = listed
    const { stdout } = await runState(['threads', 'path', String(newest?.id), '--codex-home', home])
    appendFileSync(stdout.trim(), `${JSON.stringify({ type: 'later', payload: 'x'.repeat(9e6) })}\n`)
    const rows = (await list()).filter(({ tokens_from }) => tokens_from === 'row')
    expect(rows).toEqual([{ id: newest?.id, tokens_used: 15_817, total_tokens: 15_817, tokens_from: 'row' }])

    const database = new Database(join(home, 'state_5.sqlite'))
    const columns = database.pragma('table_info(threads)') as { name: string }[]
    const values = columns.map(({ name }) => (name === 'id' ? `printf('%s-%d', t.id, value)` : `t.${name}`))
    database.exec(
      `INSERT INTO threads SELECT ${values.join(', ')} FROM threads t JOIN json_each('[1,2,3,4,5,6,7,8]')`,
    )
    database.close()
    const many = await list()
    expect(many.length).toBeGreaterThan(200)
    expect(many.every((row) => row.tokens_from === 'row' && row.total_tokens === row.tokens_used)).toBe(true)
  })

  test('are the same sum by whatever they are summed', async () => {
    const home = homePath('codex-0.169.0')
    const groups = ['thread', 'turn', 'day', 'week', 'month', 'model', 'provider', 'source', 'cwd', 'branch']
    for (const by of [...groups, 'day,model', 'cwd,thread']) {
      const { found } = await readTokens(home, '--by', by)
      expect([by, found.reduce((sum, row) => sum + Number(row.total_tokens), 0)]).toEqual([by, 482_880])
    }
    const { found } = await readTokens(home, '--by', 'week', '--by', 'model')
    expect(found.map(({ week, model, total_tokens }) => [week, model, total_tokens])).toEqual([
      ['2026-W47', 'gpt-5.2-codex', 311_673],
      ['2026-W47', 'mock-model', 171_207],
    ])
    const { found: sources } = await readTokens(home, '--by', 'source')
    expect(sources.map(({ source }) => source)).toContain('subagent:thread_spawn')
  })

  test('stand beside what the row says, with the reason where that differs', async () => {
    const { found } = await readTokens(homePath('codex-0.169.0'))
    expect(
      found
        .filter(({ row_differs_by }) => row_differs_by !== null)
        .map(({ id, total_tokens, row_tokens_used, row_differs_by }) => [
          String(id).slice(0, 13),
          total_tokens,
          row_tokens_used,
          row_differs_by,
        ]),
    ).toEqual([
      ['01a1fb72-1103', 10_775, 16_023, 'inherited'],
      ['01a1fb72-11fa', 0, 258_400, 'windowFull'],
    ])
    const forks = await readTokens(join(fixturePath('turns', 'forks-0.153.0'), 'home'))
    const reasons = new Set(forks.found.map(({ row_differs_by }) => row_differs_by))
    expect([...reasons]).toEqual(expect.arrayContaining(['restarted', 'reverted', null]))
    expect([...reasons].join()).not.toContain('unknown')
  })

  test('count from when they were used', async () => {
    const home = join(fixturePath('turns', 'forks-0.169.0'), 'home')
    const { found: all } = await readTokens(home, '--by', 'total')
    const sums = [
      (await readTokens(home, '--by', 'total', '--until', '2026-11-25T15:10:00Z')).found[0],
      (await readTokens(home, '--by', 'total', '--since', '2026-11-25T15:10:01Z')).found[0],
    ]
    expect(sums.reduce((sum, row) => sum + Number(row?.responses ?? 0), 0)).toBe(all[0]?.responses)
    const none = await readTokens(home, '--since', '2027-01-01')
    expect(none).toEqual({ found: [], stderr: '', exitCode: 0 })
  })

  test('of a tree stand below the thread that spawned the others', async () => {
    const { stdout } = await runState(
      ['tokens', '01a1fb71-fb02', '--tree', '--color', 'never', '--codex-home', homePath('codex-0.169.0')],
      { isTerminal: true },
    )
    expect(stdout).toMatchInlineSnapshot(`
      "ID                 INPUT  CACHED  OUTPUT   TOTAL  RESPONSES  SUBTREE  TITLE
      01a1fb71-fb02     15,900   7,949     130  16,030          3   26,598  Ask a helper to look at the d…
      └─ 01a1fb71-fb5d  10,505   5,252      63  10,568          2   10,568  Helper task: list the files i…
      26,598 tokens (26,405 input, 13,201 of it cached; 193 output) in 5 responses of 2 threads
      "
    `)
  })

  test('of a thread whose rollout is gone are not known: the row is named, and in no sum', async () => {
    const home = keep(copyHome('codex-0.169.0'))
    const id = '01a1fb72-1070-7d72-a57b-9ce71b9c75c6'
    const { stdout } = await runState(['threads', 'path', id, '--codex-home', home])
    unlinkSync(stdout.trim())
    const { found, stderr, exitCode } = await readTokens(home)
    expect(found.find((row) => row.id === id)).toMatchObject({
      total_tokens: null,
      tokens_from: 'row',
      row_tokens_used: 134_064,
    })
    expect({ stderr, exitCode }).toEqual({
      stderr: 'codex-state: 1 thread without a rollout: its row says 134,064 tokens, which are in no sum\n',
      exitCode: 0,
    })
    const { found: sums } = await readTokens(home, '--by', 'total')
    expect(sums[0]?.total_tokens).toBe(482_880 - 134_064)
  })

  test('of a rollout that cannot be read are missing, which is said', async () => {
    const home = keep(makeCase('zst-frames', 'codex-0.140.0'))
    const { stderr, exitCode } = await readTokens(home)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('cannot read rollout')
  })

  test('of a thread whose rollout cannot be read are said to be in no sum, not that it has no rollout', async () => {
    const home = keep(copyHome('codex-0.169.0'))
    const { stdout } = await runState(['threads', 'path', '01a1fb72-1070', '--codex-home', home])
    writeFileSync(`${stdout.trim()}.zst`, 'not packed')
    unlinkSync(stdout.trim())
    const { stderr, exitCode } = await readTokens(home)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(
      '1 thread whose rollout is missing or cannot be read: its row says 134,064 tokens, which are in no sum',
    )
  })

  test.each(['tokens', 'tokens limits', 'search the', 'history', 'export turns -o turns.ndjson'])(
    'and all else that reads a home names a folder that cannot be read: %s',
    async (command) => {
      const home = keep(copyHome('codex-0.169.0'))
      const folder = join(home, 'archived_sessions')
      rmSync(folder, { recursive: true })
      writeFileSync(folder, '')
      const { stderr, exitCode } = await runState([...command.split(' '), '--codex-home', home], {
        workingFolder: home,
      })
      expect(stderr).toContain(`codex-state: ${folder} cannot be read: it is a file, not a folder\n`)
      expect(exitCode).toBe(1)
    },
  )

  test('are read from rollouts alone where there is no database', async () => {
    const home = keep(copyHome('codex-0.140.0'))
    for (const name of ['state_5.sqlite', 'state_5.sqlite-wal', 'state_5.sqlite-shm'])
      rmSync(join(home, name), { force: true })
    const { found } = await readTokens(home, '--by', 'total')
    expect(found[0]).toMatchObject({ input_tokens: 269_158, responses: 59 })
  })
})

describe('tokens limits', () => {
  test('tell the course of each window, newest first, and draw it on a terminal', async () => {
    const home = keep(copyFixtureHome('turns', 'forks-0.169.0'))
    const { stdout, exitCode } = await runState(['tokens', 'limits', '--json', '--codex-home', home])
    expect(exitCode).toBe(0)
    const rows = JSON.parse(stdout) as Record<string, unknown>[]
    const times = rows.map(({ at }) => String(at))
    expect(times).toEqual(times.toSorted().reverse())
    expect(new Set(rows.map(({ window }) => window))).toEqual(new Set(['primary', 'secondary']))
    expect(rows[0]).toMatchObject({ window: 'secondary', used_percent: 10.875 })
    const shown = await runState(['tokens', 'limits', '--color', 'never', '--codex-home', home], {
      isTerminal: true,
      now: Date.UTC(2026, 10, 25, 16),
    })
    expect(shown.stdout).toMatch(/[▁▂▃▄▅▆▇█].* % used, resets in /)
  })

  test('of a home in which no rollout tells them are none', async () => {
    const home = keep(copyHome('codex-0.93.0'))
    const { stdout, stderr, exitCode } = await runState([
      'tokens',
      'limits',
      '--exit-code',
      '--codex-home',
      home,
    ])
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: '',
      stderr: '',
      exitCode: 1,
    })
  })
})
