import { appendFileSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import zlib from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listRollouts } from '../../../src/rollout/list.js'
import { createRolloutSearcher } from '../../../src/rollout/search-file.js'
import { createTokenJob } from '../../../src/rollout/token-job.js'
import { copyFixtureHome, copyHome, type HomeName, homePath, makeCase } from '../../helpers/homes.js'
import { PLAIN_SEARCH } from '../../helpers/rollouts.js'
import { runState } from '../../helpers/run.js'

async function run(home: string, ...argv: string[]) {
  const { stdout, stderr, exitCode } = await runState([...argv, '--json', '--codex-home', home])
  return {
    rows: stdout.trimStart().startsWith('[')
      ? (JSON.parse(stdout) as Record<string, unknown>[])
      : stdout
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Record<string, unknown>),
    // A path differs from run to run.
    notices: stderr
      .replaceAll(home, 'HOME')
      .replaceAll(/[\da-f-]{23,36}\.jsonl/g, 'ID.jsonl')
      .split('\n')
      .filter(Boolean),
    exitCode,
  }
}

/** Matches by rollout, without what differs between copies of a home. */
async function matches(home: string): Promise<Map<string, unknown[]>> {
  const { rows } = await run(home, 'search', 'the')
  const byPath = Map.groupBy(rows, ({ path }) => (path === null ? 'titles' : relative(home, String(path))))
  return new Map(
    [...byPath].map(([path, hits]) => [path, hits.map(({ line, text, who }) => [line, text, who])]),
  )
}

/** What is said of each case, and in how many rollouts. */
const CASES: Record<
  string,
  { base: HomeName; search: (string | RegExp)[]; tokens: number; history: number }
> = {
  'bad-ordinals': { base: 'codex-0.169.0', search: [], tokens: 482_880, history: 2 },
  'bom-crlf': {
    base: 'codex-0.140.0',
    search: [/ID\.jsonl: line 1: not JSON/, /ID\.jsonl: line 1: not JSON/],
    tokens: 272_415,
    history: 0,
  },
  'power-loss': {
    base: 'codex-0.140.0',
    search: [/ID\.jsonl: line 16: incomplete last line/, /ID\.jsonl: line 11: not JSON/],
    tokens: 270_423,
    history: 0,
  },
  'pre-envelope': {
    base: 'codex-0.140.0',
    search: Array(3)
      .fill([/line 1: no type/, /line 2: no timestamp/, /line 3: /, /ID\.jsonl: 1 more line cannot be read/])
      .flat(),
    tokens: 272_415,
    history: 0,
  },
  segments: { base: 'codex-0.169.0', search: [], tokens: 482_884, history: 0 },
  'utf8-broken': {
    base: 'codex-0.140.0',
    search: [/ID\.jsonl: line 12: .*not UTF-8/, /ID\.jsonl: line 13: not UTF-8/],
    tokens: 272_415,
    history: 0,
  },
  'zst-frames': {
    base: 'codex-0.140.0',
    search: [/cannot read rollout HOME.*ID\.jsonl\.zst/, /cannot read rollout HOME.*ID\.jsonl\.zst/],
    tokens: 264_811,
    history: 1,
  },
}

describe.each(Object.entries(CASES))('In the home %s', (name, { base, search, tokens, history }) => {
  test('what cannot be read is counted and named, and all else is shown', async () => {
    const home = makeCase(name, base)
    onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
    const [expected, found] = [await matches(homePath(base)), await matches(home)]
    const same = (await listRollouts(home)).files.filter(({ path }) => {
      const before = join(homePath(base), relative(home, path))
      try {
        return readFileSync(before).equals(readFileSync(path))
      } catch {
        return false
      }
    })
    expect(same.length).toBeGreaterThan(10)
    for (const { path } of same)
      expect(found.get(relative(home, path)), path).toEqual(expected.get(relative(home, path)))

    const searched = await run(home, 'search', 'the')
    expect(searched.notices).toEqual(search.map((text) => expect.stringMatching(text)))
    const total = await run(home, 'tokens', '--by', 'total')
    expect(total.rows[0]!.total_tokens).toBe(tokens)
    const looked = await run(home, 'history')
    expect(looked.exitCode).toBe(history)
    // Whoever cannot be read is named by each of them.
    const named = (notices: string[]) =>
      notices.filter((text) => text.includes('cannot read rollout')).toSorted()
    expect(named(total.notices)).toEqual(named(searched.notices))
    expect(named(looked.notices)).toEqual(named(searched.notices))
  })
})

const QUERY = { ...PLAIN_SEARCH, text: 'the' }

/** A home whose rollouts change while they are searched: `change` is called with each path before it is read again. */
async function searchWhile(change: (path: string) => void) {
  const home = copyHome('codex-0.169.0')
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  const paths = (await listRollouts(home)).files.map(({ path }) => path)
  const steady = await createRolloutSearcher(QUERY, { findRollout: async () => undefined }).searchAll(paths)
  const victim = steady.find(({ hits }) => hits.length > 1)!.path
  // The listing has been made; what happens to the file then is what a running Codex does.
  change(victim)
  const found = await createRolloutSearcher(QUERY, { findRollout: async () => undefined }).searchAll(paths)
  const without = (results: typeof steady) => results.filter(({ path }) => path !== victim)
  expect(without(found)).toEqual(without(steady))
  return {
    before: steady.find(({ path }) => path === victim)!,
    after: found.find(({ path }) => path === victim),
    run: (...argv: string[]) => run(home, ...argv),
  }
}

describe('A rollout that changes after it was listed', () => {
  test('and grows by half a line is searched to its last whole line', async () => {
    const { before, after } = await searchWhile((path) =>
      appendFileSync(path, '{"timestamp":"2026-11-25T15:00:00.000Z","type":"the'),
    )
    expect(after!.hits).toEqual(before.hits)
  })

  test('and shrinks is searched as far as it goes, and its history is behind', async () => {
    const { before, after, run } = await searchWhile((path) =>
      truncateSync(path, readFileSync(path).length - 3000),
    )
    expect(before.hits.slice(0, after?.hits.length ?? 0)).toEqual(after?.hits ?? [])
    const { rows, exitCode } = await run('history')
    expect(rows.map(({ state }) => state)).toEqual(['cursorPastEnd'])
    expect(exitCode).toBe(1)
  })

  test('and is packed meanwhile is read where it is then', async () => {
    const pack = (path: string) => {
      writeFileSync(`${path}.zst`, zlib.zstdCompressSync(readFileSync(path)))
      unlinkSync(path)
    }
    const { before, after } = await searchWhile(pack)
    expect(after!.hits).toEqual(before.hits)

    const home = copyHome('codex-0.169.0')
    onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
    const [path] = (await listRollouts(home)).files.map((file) => file.path)
    const sumFile = createTokenJob({ codexHome: home, question: { groups: [], isLocal: false } })
    const steady = await sumFile(path!)
    pack(path!)
    expect(await sumFile(path!)).toEqual(steady)
    expect(steady.kind).toBe('sums')
  })

  test('and goes away is named', async () => {
    const { after } = await searchWhile(unlinkSync)
    expect(after).toMatchObject({ hits: [], failure: expect.stringContaining('cannot read rollout') })
  })
})

test('Forks in a circle, and forks whose base is gone, are searched as far as they go', async () => {
  const home = copyFixtureHome('turns', 'forks-0.169.0')
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  const before = await matches(home)
  const files = (await listRollouts(home)).files
  const metaOf = (path: string) => JSON.parse(readFileSync(path, 'utf8').split('\n')[0]!)
  const fork = files.find(({ path }) => metaOf(path).payload.history_base)!
  const base = files.find(({ name }) => name!.threadId === metaOf(fork.path).payload.history_base.thread_id)!
  const [first, ...rest] = readFileSync(base.path, 'utf8').split('\n')
  const meta = JSON.parse(first!)
  meta.payload.history_base = { thread_id: fork.name!.threadId, end_ordinal_exclusive: 9, end_byte_offset: 9 }
  writeFileSync(base.path, [JSON.stringify(meta), ...rest].join('\n'))
  const inCircle = await matches(home)
  const own = (found: Map<string, unknown[]>) => found.get(relative(home, fork.path))
  expect(own(inCircle)).toEqual(own(before))
  const { rows, exitCode } = await run(home, 'history')
  const stateOf = (id: string) => rows.find((row) => row.thread_id === id)?.state
  expect([stateOf(fork.name!.threadId), stateOf(base.name!.threadId)]).toEqual(['baseCircle', 'baseCircle'])
  expect(exitCode).toBe(2)
  unlinkSync(base.path)
  expect(own(await matches(home))).toEqual(own(before))
})

test('A line of tokens that cannot be parsed is counted, and its rollout named', async () => {
  const home = copyHome('codex-0.140.0')
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  const { path } = (await listRollouts(home)).files.find((file) =>
    readFileSync(file.path).includes('"token_count"'),
  )!
  const lines = readFileSync(path, 'utf8').split('\n')
  const at = lines.findIndex(
    (line) => line.includes('"type":"token_count"') && line.includes('last_token_usage'),
  )
  lines[at] = lines[at]!.slice(0, -30)
  writeFileSync(path, lines.join('\n'))
  const { notices } = await run(home, 'tokens', '--by', 'total')
  expect(notices).toEqual([
    expect.stringMatching(
      /^codex-state: 1 line of tokens cannot be parsed, and what it says is in no sum: HOME.*\.jsonl$/,
    ),
  ])
})
