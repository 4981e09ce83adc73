import { join } from 'node:path'
import { measureFailures } from './failures.mjs'
import { generateLogs } from './generate-logs.mjs'
import { dataFolder, logs, node, pair } from './measure.mjs'

/** Commands that answer a question, against the same sums of the sqlite3 program, or against a bare start of Node. */
export async function* measure(options) {
  yield* measureFailures(options)
  const { manyRows, rounds } = options
  const path = generateLogs(join(dataFolder, `${manyRows}/logs_2.sqlite`), { rowCount: manyRows })
  const few = { rounds: Math.max(1, Math.ceil(rounds / 2)) }
  const sums = 'count(*), sum(estimated_bytes), min(ts), max(ts)'
  const cli = (key) => ['sqlite3', '-readonly', '-list', path, `SELECT ${key}, ${sums} FROM logs GROUP BY 1`]
  for (const { by, key, bound } of [
    { by: 'level', key: 'level', bound: 0.6 },
    { by: 'target', key: 'target', bound: 0.6 },
    { by: 'hour', key: 'ts - ts % 3600', bound: 1.1 },
  ]) {
    const { ratio, aMs, peakMiB } = await pair([...logs, 'stats', '--by', by, '--db', path], cli(key), few)
    yield {
      what: `stats --by ${by} of ${manyRows} rows`,
      value: ratio,
      unit: 'of sqlite3',
      bound,
      detail: `${Math.round(aMs)} ms`,
    }
    yield { what: `stats --by ${by}: peak memory`, value: peakMiB, unit: 'MiB', bound: 200 }
  }
  const bare = [node, '-e', '0']
  const often = { rounds: rounds * 2 }
  for (const line of ['stuck', 'check --max-size 5GB --max-gb-per-day 10 --stuck 10m']) {
    const { ratio, aMs } = await pair([...logs, ...line.split(' '), '--db', path], bare, often)
    yield { what: line.replace(/ .*/, ''), value: ratio, unit: 'N', bound: 2, detail: `${aMs.toFixed(1)} ms` }
  }
}
