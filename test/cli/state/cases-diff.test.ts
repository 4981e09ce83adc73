import { expect, test } from 'vitest'
import { type HomeName, makeCase } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

type Row = Record<string, unknown>

async function diff(home: string): Promise<{ found: Row[]; exitCode: number; stderr: string }> {
  const { stdout, stderr, exitCode } = await runState(['diff', '--json', '--codex-home', home])
  return { found: JSON.parse(stdout), exitCode, stderr }
}

async function dryRun(home: string): Promise<{ changes: Row[]; stderr: string }> {
  const { stdout, stderr } = await runState([
    ...['backfill', 'run', '--dry-run', '--json', '--codex-home', home],
  ])
  return { changes: JSON.parse(stdout), stderr }
}

const SITUATIONS: readonly [name: string, base: HomeName][] = [
  ['blank-provider', 'codex-0.169.0'],
  ['touched', 'codex-0.140.0'],
  ['relabelled', 'codex-0.169.0'],
  ['stale-rows', 'codex-0.169.0'],
  ['segments', 'codex-0.169.0'],
  ['ms-in-seconds', 'codex-0.120.0'],
  ['utf8-broken', 'codex-0.140.0'],
  ['readd-project', 'codex-0.169.0'],
]

test.each(SITUATIONS)(
  '%s: what a dry run would repair, diff names; and it does not claim more',
  async (name, base) => {
    const home = makeCase(name, base)
    const { found } = await diff(home)
    const { changes, stderr } = await dryRun(home)
    const named = found.map(({ id }) => id)
    for (const change of changes) if (change.change !== 'finish') expect(named).toContain(change.id)
    // That the files of a copy are newer than its rows is a note of diff: no row differs by it.
    const differing = found.filter(({ difference }) => difference !== 'newer files')
    expect({ name, agree: /no difference found/.test(stderr) }).toEqual({
      name,
      agree: differing.length === 0,
    })
  },
)

test('an empty provider, folder or version that the rollout knows is a difference, and is filled', async () => {
  const home = makeCase('blank-provider', 'codex-0.169.0')
  const { found, exitCode } = await diff(home)
  const brief = (rows: Row[]) => rows.map(({ id, field }) => `${String(id).slice(0, 13)} ${field}`).sort()
  expect(brief(found)).toEqual([
    '01a1fb72-0625 cli_version',
    '01a1fb72-0625 cwd',
    '01a1fb72-14ac model_provider',
  ])
  expect(exitCode).toBe(1)
  const { changes } = await dryRun(home)
  expect(changes.map(({ id, change, columns }) => [String(id).slice(0, 13), change, columns]).sort()).toEqual(
    [
      ['01a1fb72-0625', 'repair', 'cwd, cli_version'],
      ['01a1fb72-14ac', 'repair', 'model_provider'],
    ],
  )
  await runState(['backfill', 'run', '--yes', '--codex-home', home])
  expect((await diff(home)).found).toEqual([])
})

test('files that are all newer than their rows are one difference: the home was copied', async () => {
  const { found, exitCode } = await diff(makeCase('touched', 'codex-0.140.0'))
  expect(found).toEqual([
    expect.objectContaining({
      difference: 'newer files',
      rollout: '24 files are newer than their rows; the home was copied',
    }),
  ])
  expect(exitCode).toBe(1)
})

test('a provider that a later session_meta of the thread names is a difference', async () => {
  const { found, exitCode } = await diff(makeCase('relabelled', 'codex-0.169.0'))
  expect(found).toEqual([
    expect.objectContaining({
      id: expect.stringMatching(/^01a1fb72-14ac/),
      field: 'model_provider',
      row: 'mock',
      rollout: 'relay',
    }),
  ])
  expect(exitCode).toBe(1)
})

test('rows without a file, and with the file of another thread, are named', async () => {
  const { found } = await diff(makeCase('stale-rows', 'codex-0.169.0'))
  const counts: Record<string, number> = {}
  for (const { difference } of found) counts[String(difference)] = (counts[String(difference)] ?? 0) + 1
  expect(counts).toMatchObject({ 'no file': 3, 'other thread': 2 })
})

test('a thread that goes on in another file is no difference', async () => {
  expect(await diff(makeCase('segments', 'codex-0.169.0'))).toMatchObject({ found: [], exitCode: 0 })
})

test('milliseconds, 0 and a negative number among seconds are ten differences of time', async () => {
  const { found, exitCode } = await diff(makeCase('ms-in-seconds', 'codex-0.120.0'))
  expect(found).toHaveLength(10)
  expect(new Set(found.map(({ field }) => field))).toEqual(new Set(['created_at', 'updated_at']))
  expect(exitCode).toBe(1)
})

test('a rollout that is not UTF-8 is more than a notice: Codex does not resume it', async () => {
  const { found, exitCode } = await diff(makeCase('utf8-broken', 'codex-0.140.0'))
  const unreadable = found.filter(({ difference }) => difference === 'unreadable')
  expect(unreadable.map(({ id }) => String(id).slice(0, 13)).sort()).toEqual([
    '01a1fb74-6a3d',
    '01a1fb74-8914',
  ])
  expect(unreadable[0]?.rollout).toMatch(/^line \d+ is not UTF-8/)
  expect(exitCode).toBe(1)
})

test('rollouts that went over Windows, with a byte order mark or its line ends, are read as any others', async () => {
  const { changes, stderr } = await dryRun(makeCase('bom-crlf', 'codex-0.140.0'))
  expect(changes.map(({ change, title }) => [change, title])).toEqual([
    ['insert', 'Make three notes.'],
    ['insert', 'Tell me a long story.'],
    ['insert', 'What is the state of ticket ACME-7?'],
  ])
  expect(stderr).not.toContain('bad line')
})
