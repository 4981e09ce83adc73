import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { USAGE_GROUPS } from '../../../src/model/inspection.js'
import { copyFixtureHome, copyHome, fixturePath } from '../../helpers/homes.js'
import { keep } from '../../helpers/kept.js'
import { temporaryFolder } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'

async function readUsage(home: string, by: string) {
  const { stdout, stderr, exitCode } = await runState(['du', '--by', by, '--json', '--codex-home', home])
  return { rows: JSON.parse(stdout) as Record<string, unknown>[], stderr, exitCode }
}

async function show(home: string, columns: number, ...argv: string[]) {
  const { stdout } = await runState(['du', ...argv, '--color', 'never', '--codex-home', home], {
    isTerminal: true,
    columns,
    now: Date.UTC(2026, 10, 25, 16),
    userHome: dirname(home),
  })
  return stdout
}

test('whatever it is summed by, every byte of the home counts once', async () => {
  for (const home of [
    keep(copyHome('codex-0.113.0')),
    keep(copyHome('codex-0.169.0-compressed')),
    keep(copyFixtureHome('turns', 'forks-0.140.0')),
  ]) {
    const sums = []
    for (const by of USAGE_GROUPS) {
      const { rows } = await readUsage(home, by)
      sums.push(rows.reduce((sum, { size_bytes }) => sum + Number(size_bytes), 0))
    }
    expect(new Set(sums).size).toBe(1)
  }
})

test('says on a terminal what may go, and cuts nothing of what would be lost', async () => {
  const home = keep(copyHome('codex-0.169.0'))
  const wide = await show(home, 120)
  expect(wide).toMatch(/^\d+\.\d MiB in ~\/home\nWHAT +SIZE {2}MAY IT GO\?\n/)
  expect(wide).toMatch(
    /\nstate_5 \(index\) .* no: threads are rebuilt, sections, pins, projects not \(.* WAL\)\n/,
  )
  expect(wide).toMatch(/\nlogs_2 .* with Codex closed: only log rows are lost/)
  expect(wide).toMatch(/\nsessions .* no: the threads themselves \(23\)\n/)
  expect(wide).toMatch(/\narchived_sessions .* 2 threads you put away: codex-state threads list --archived\n/)
  const narrow = await show(home, 60)
  expect(narrow).not.toContain('…')
  expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60)
  expect(narrow.replace(/\n {10,}/g, ' ')).toContain('but not turns before a revert')
})

test('names the folder of the databases too, where they are not in the home', async () => {
  const home = keep(copyHome('codex-0.160.1'))
  const databases = join(dirname(home), 'databases')
  mkdirSync(databases)
  for (const name of readdirSync(home).filter((file) => file.includes('.sqlite')))
    renameSync(join(home, name), join(databases, name))
  const config = join(home, 'config.toml')
  writeFileSync(config, `sqlite_home = "${databases}"\n${readFileSync(config, 'utf8')}`)
  expect(await show(home, 120)).toMatch(/^\d+\.\d MiB in ~\/home and ~\/databases\n/)
})

test('calls a database of an older Codex what it is', async () => {
  const home = keep(copyHome('codex-0.98.0-then-0.169.0'))
  const { rows } = await readUsage(home, 'place')
  const judged = Object.fromEntries(rows.map(({ place, may_go }) => [place, may_go]))
  expect(judged).toMatchObject({ 'state_5.sqlite': 'no', 'state_2.sqlite': 'yours' })
})

test.each([
  ['sessions/2026/11/25/notes.txt', 'sessions'],
  ['archived_sessions/rollout.jsonl', 'archived'],
  ['memories/memory_summary.md', 'memories'],
  ['memories_extensions/a.md', 'memories'],
  ['db-backups/state_5.sqlite', 'database backups'],
  ['old/db-backups/state_5.sqlite', 'database backups'],
  ['worktrees/a/b.ts', 'worktrees'],
  ['attachments/a.png', 'attachments'],
  ['generated_images/a.png', 'generated images'],
  ['automations/a.toml', 'automations'],
  ['.codex-global-state.json.bak', 'Desktop state'],
  ['logs_2.sqlite', 'logs'],
  ['logs_2.sqlite-wal', 'WAL'],
  ['state_5.sqlite', 'databases'],
  ['notes.sqlite', 'databases'],
  ['log/codex-tui.log', 'other'],
  ['worktrees', 'other'],
])('the kind of %s is %s', async (place, kind) => {
  const home = keep(join(temporaryFolder(), '.codex'))
  mkdirSync(dirname(join(home, place)), { recursive: true })
  writeFileSync(join(home, place), 'x')
  expect((await readUsage(home, 'kind')).rows).toMatchObject([{ kind, size_bytes: 1, files: 1 }])
})

test.each([
  [0, 'less than a day'],
  [1, 'less than a week'],
  [7, 'less than a month'],
  [30, 'less than 3 months'],
  [90, 'less than a year'],
  [365, 'older than a year'],
])('a file of %i days is %s old', async (days, age) => {
  const home = keep(join(temporaryFolder(), '.codex'))
  mkdirSync(home)
  writeFileSync(join(home, 'notes.txt'), 'x')
  const seconds = Date.UTC(2026, 10, 25) / 1000
  utimesSync(join(home, 'notes.txt'), seconds, seconds)
  const now = (seconds + days * 86_400) * 1000
  const { stdout } = await runState(['du', '--by', 'age', '--json', '--codex-home', home], { now })
  expect(JSON.parse(stdout)).toMatchObject([{ age, files: 1 }])
})

test('a family has the forks, sub-agents and reviewers of a thread', async () => {
  for (const name of ['forks-0.140.0', 'forks-0.169.0']) {
    const folder = fixturePath('turns', name)
    const { threads } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
      threads: Record<string, { scenario: string }>
    }
    const idOf = (scenario: string) =>
      Object.entries(threads).find(([, thread]) => thread.scenario === scenario)![0]
    const { rows } = await readUsage(join(folder, 'home'), 'family')
    const counts = Object.fromEntries(rows.map(({ family, threads: count }) => [family, count]))
    const told = ['base', 'subplain', 'subfork', 'subnested', 'review', 'compact', 'rolled'].map(
      (scenario) => [scenario, counts[idOf(scenario)]],
    )
    const roots = rows.filter(({ family }) => family !== '(no rollout)')
    expect(roots.reduce((sum, { threads: count }) => sum + Number(count), 0)).toBe(
      Object.keys(threads).length,
    )
    // The base with fork, fork of the fork, deep, in the middle and idle; compact with the fork that was made later.
    expect([name, Object.fromEntries(told)]).toEqual([
      name,
      { base: 6, subplain: 2, subfork: 2, subnested: 2, review: 2, compact: 2, rolled: 1 },
    ])
  }
})

test('tells copied history from what each thread wrote itself', async () => {
  const { rows } = await readUsage(keep(copyFixtureHome('turns', 'forks-0.140.0')), 'content')
  expect(rows.find(({ content }) => content === 'copied')).toMatchObject({ files: 7 })
  const shares = rows.reduce((sum, { share }) => sum + Number(share), 0)
  expect(shares).toBeCloseTo(1, 1)
  expect(
    await show(keep(copyFixtureHome('turns', 'forks-0.140.0')), 80, '--by', 'content', '-n', '2'),
  ).toMatch(
    /^1\.\d MiB in ~\/home\nCONTENT +SIZE +SHARE +FILES +MEANING\ninstructions .*\ncopied .*\nNo part of a rollout can be removed by itself/,
  )
})

test('a rollout that cannot be read is named and counts as that', async () => {
  const home = keep(copyHome('codex-0.113.0'))
  const { stdout } = await runState(['threads', 'path', 'last', '--codex-home', home])
  const path = stdout.trim()
  const packed = `${path}.zst`
  writeFileSync(packed, 'no zstd')
  rmSync(path)
  for (const by of ['content', 'family']) {
    const { rows, stderr, exitCode } = await readUsage(home, by)
    expect([by, exitCode]).toEqual([by, 1])
    expect(stderr).toBe(`codex-state: cannot read rollout ${packed}\n`)
    if (by === 'content')
      expect(rows.find(({ content }) => content === '(unreadable)')).toMatchObject({
        size_bytes: 7,
        files: 1,
      })
  }
})

test('an empty home takes no room, which is no failure', async () => {
  const home = keep(join(temporaryFolder(), '.codex'))
  mkdirSync(home)
  for (const by of USAGE_GROUPS)
    expect(await readUsage(home, by)).toEqual({ rows: [], stderr: '', exitCode: 0 })
})
