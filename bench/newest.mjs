import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createRandom, generateLogs, NEWEST_SECONDS } from './generate-logs.mjs'
import { dataFolder, logs, median, run } from './measure.mjs'

/** The newest 200 rows of each kind: the time that the whole process takes above the same without a filter. */
export async function* measure({ manyRows, rounds }) {
  const path = generateLogs(join(dataFolder, `${manyRows}/logs_2.sqlite`), { rowCount: manyRows })
  const thread = threadOf(path)
  const first = NEWEST_SECONDS - 10 * 86_400
  const cases = [
    ['no filter', [], 10],
    ['WARN and worse', ['--min-level', 'warn'], 10],
    ['a thread', ['--thread-id', thread], 10],
    ['threadless', ['--threadless'], 10],
    ['a thread or threadless', ['--thread-id', thread, '--threadless'], 10],
    ['last hour', ['--since', String(NEWEST_SECONDS - 3600)], 10],
    ['ERROR (0.5 %)', ['--level', 'error'], 20],
    ['the first hour', ['--until', String(first + 3600)], 200],
    ['until five days ago', ['--until', String(NEWEST_SECONDS - 5 * 86_400)], 200],
    ['an hour in the middle', ['--since', String(first + 400_000), '--until', String(first + 403_600)], 200],
    [
      'an hour in the middle, ERROR',
      ['--since', String(first + 400_000), '--until', String(first + 403_600), '--level', 'error'],
      200,
    ],
    ['an empty range', ['--until', String(first - 86_400)], 5],
  ]
  const command = [...logs, 'query', '-n', '200', '--db', path]
  // A query that is answered from the index alone: all that is not the question itself.
  const base = [...command, '--thread-id', '00000000-0000-0000-0000-000000000000']
  for (const [what, flags, bound] of cases) {
    await run([...command, ...flags])
    const extra = []
    for (let round = 0; round < rounds * 3; round++) {
      const with_ = await run([...command, ...flags])
      const without = await run(base)
      extra.push(with_.wallMs - without.wallMs)
    }
    yield { what: `newest 200: ${what}`, value: Math.max(0, median(extra)), unit: 'ms', bound }
  }
}

function threadOf(path) {
  const database = new Database(path, { readonly: true })
  const offset = Math.floor(createRandom(7)() * 1000)
  const { thread_id } = database
    .prepare('SELECT thread_id FROM logs WHERE thread_id IS NOT NULL LIMIT 1 OFFSET ?')
    .get(offset)
  database.close()
  return thread_id
}
