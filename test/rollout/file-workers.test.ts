import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { beforeAll, expect, test } from 'vitest'
import { workerOptions } from '../../src/cli/io.js'
import { readLedgerSums } from '../../src/inspect/token-ledger.js'
import { SEARCH_PLACES, type SearchedRollout, type SearchQuery } from '../../src/model/search.js'
import { askWorkers } from '../../src/rollout/file-workers.js'
import { createHomeIndex } from '../../src/rollout/home-index.js'
import { listRollouts } from '../../src/rollout/list.js'
import { createRolloutSearcher } from '../../src/rollout/search-file.js'
import type { TokenQuestion } from '../../src/rollout/token-sums.js'
import { HOMES, homePath } from '../helpers/homes.js'
import { temporaryFolder } from '../helpers/layouts.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const start = (name: string, data: unknown) => new Worker(join(root, `dist/${name}.cjs`), workerOptions(data))

/** The rollouts of all releases, and one that cannot be read. */
const home = join(temporaryFolder(), 'home')
let paths: string[]

beforeAll(async () => {
  const folder = join(home, 'sessions/2026/11/25')
  mkdirSync(folder, { recursive: true })
  for (const name of HOMES)
    for (const { path } of (await listRollouts(homePath(name))).files)
      copyFileSync(path, join(folder, basename(path)))
  writeFileSync(
    join(folder, 'rollout-2026-11-25T10-00-00-01a1fb74-0000-7000-8000-000000000000.jsonl.zst'),
    'no',
  )
  paths = (await listRollouts(home)).files.map(({ path }) => path)
  expect(paths.length).toBeGreaterThan(200)
})

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

test.each(['the', 'no such words in any of them'])(
  'Threads find what one thread finds, in the order of the files: %s',
  async (text) => {
    const query: SearchQuery = {
      text,
      isRegex: false,
      ignoresCase: false,
      places: SEARCH_PLACES,
      contextLines: 1,
      sinceMs: undefined,
      untilMs: undefined,
      onlyFirst: false,
      withReviewers: true,
    }
    const one = await createRolloutSearcher(query, { findRollout: createHomeIndex(home) }).searchAll(paths)
    let readCount = 0
    const many = await collect(
      askWorkers<SearchedRollout[]>(paths, () => start('search-worker', { query, codexHome: home }), {
        onRead: (count) => {
          readCount += count
        },
      }),
    )
    expect(many.flat()).toEqual(one)
    expect(readCount).toBe(paths.length)
    let hereCount = 0
    const readHere = async (part: readonly string[]) => {
      hereCount += part.length
      return createRolloutSearcher(query, { findRollout: createHomeIndex(home) }).searchAll(part)
    }
    const withHere = askWorkers<SearchedRollout[]>(
      paths,
      () => start('search-worker', { query, codexHome: home }),
      { readHere },
    )
    expect((await collect(withHere)).flat()).toEqual(one)
    // A thread takes longer to start than this one to begin.
    expect(hereCount).toBeGreaterThan(0)
    expect(one.filter(({ failure }) => failure !== null)).toHaveLength(1)
  },
)

test('Threads sum what one thread sums', async () => {
  for (const groups of [['day'], ['model', 'source'], ['thread', 'turn']] as TokenQuestion['groups'][]) {
    const question: TokenQuestion = { groups, isLocal: false }
    const one = await collect(readLedgerSums(home, { question }))
    const many = await collect(readLedgerSums(home, { question, startWorker: start }))
    expect(many).toEqual(one)
    expect(one.filter(({ kind }) => kind === 'unreadableRollout')).toHaveLength(1)
    expect(
      one.reduce((sum, entry) => sum + (entry.kind === 'sums' ? entry.wholeTotal : 0), 0),
    ).toBeGreaterThan(1e6)
  }
})

/** A thread that answers its first list of paths and then does something else. */
function startBroken(then: string): Worker {
  const script = `const { parentPort } = require('node:worker_threads')
    let count = 0
    parentPort.on('message', (paths) => {
      count += 1
      if (count > 1) { ${then} } else parentPort.postMessage(JSON.stringify(paths))
    })`
  return new Worker(script, { eval: true, stdout: true, stderr: true })
}

test.each([
  ['ends', 'process.exit(3)', 'it ended'],
  ['throws', 'throw new Error("no more")', 'no more'],
])('A thread that %s takes the work down, and does not hang it', async (_, then, reason) => {
  const told: string[] = []
  const answers = askWorkers<string[]>(paths, () => startBroken(then))
  await expect(
    (async () => {
      for await (const answer of answers) told.push(...answer)
    })(),
  ).rejects.toMatchObject({ code: 'ROLLOUT_UNREADABLE', message: expect.stringContaining(reason) })
  expect(told).toEqual(paths.slice(0, told.length))
  expect(told.length).toBeLessThan(paths.length)
})

test('Reading in threads can be aborted, before and between', async () => {
  const query = { groups: ['day' as const], isLocal: false }
  const before = readLedgerSums(home, { question: query, startWorker: start, signal: AbortSignal.abort() })
  await expect(collect(before)).rejects.toMatchObject({ code: 'ABORTED' })
  const controller = new AbortController()
  const answers = askWorkers<string[]>(paths, () => startBroken('return'), { signal: controller.signal })
  await answers.next()
  controller.abort()
  await expect(collect(answers)).rejects.toMatchObject({ code: 'ABORTED' })
})
