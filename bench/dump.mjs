import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { generateLogs, LOG_FILES } from './generate-logs.mjs'
import { buildC, dataFolder, logs, pair, run } from './measure.mjs'

/** With one core to run on no worker is started. */
const ONE_CORE = ['taskset', '-c', '0']

export async function* measure({ fewRows, manyRows, rounds, smoke }) {
  const few = generateLogs(join(dataFolder, `${fewRows}/logs_2.sqlite`), { rowCount: fewRows })
  const floor = buildC('floor', { withSqlite: true })
  const json = [...logs, 'query', '--json', '--db', few]
  const text = [...logs, 'query', '--db', few]
  if (floor) {
    // Nothing is worth timing that does not print the same, whatever the layout.
    const ofEachLayout = LOG_FILES.map((name) =>
      generateLogs(join(dataFolder, '100000', name), { rowCount: 100_000 }),
    )
    for (const path of [few, ...ofEachLayout]) {
      for (const [flags, mode] of [
        [['--json'], 'json'],
        [[], 'text'],
      ]) {
        const ours = [...logs, 'query', ...flags, '--db', path]
        if (hashOf(ours) !== hashOf([floor, mode, path]))
          throw new Error(`${ours.join(' ')} differs from the floor's ${mode}`)
      }
    }
    for (const [what, ours, mode, on, bound] of [
      [`query --json of ${fewRows} rows`, json, 'json', [], 1.4],
      [`query of ${fewRows} rows`, text, 'text', [], 1.25],
      ['query --json, one thread', json, 'json', ONE_CORE, 2.1],
      ['query, one thread', text, 'text', ONE_CORE, 1.7],
    ]) {
      const { ratio, aMs } = await pair([...on, ...ours], [...on, floor, mode, few], { rounds })
      yield { what, value: ratio, unit: 'F', bound, detail: `${Math.round(aMs)} ms` }
    }
    for (const [into, bound] of [
      ['grep -c ERROR', 1.4],
      ['jq -c .level', 1.1],
    ]) {
      const { ratio } = await pair(json, [floor, 'json', few], { rounds, into })
      yield { what: `query --json | ${into}`, value: ratio, unit: 'F', bound }
    }
  }
  const columns =
    'id, ts, ts_nanos, level, target, feedback_log_body, thread_id, process_uuid, module_path, file, line'
  const cli = (mode) => ['sqlite3', '-readonly', mode, few, `SELECT ${columns} FROM logs ORDER BY id`]
  const toCliJson = await pair(json, cli('-json'), { rounds })
  yield { what: 'query --json against sqlite3 -json', value: toCliJson.ratio, unit: 'times', bound: 0.5 }
  const toCliList = await pair(text, cli('-list'), { rounds })
  yield { what: 'query against sqlite3 -list', value: toCliList.ratio, unit: 'times', bound: 1.2 }
  const colored = [...logs, 'query', '--color', 'always', '--db', few]
  const toPlain = await pair(colored, text, { rounds, output: join(dataFolder, 'out.txt') })
  yield {
    what: 'query --color always into a file, against plain',
    value: toPlain.ratio,
    unit: 'times',
    bound: 2,
  }
  if (smoke) return
  const many = generateLogs(join(dataFolder, `${manyRows}/logs_2.sqlite`), { rowCount: manyRows })
  for (const [what, on, bound] of [
    [`query --json of ${manyRows} rows: peak memory`, [], 220],
    ['the same, one thread', ONE_CORE, 160],
  ]) {
    const { peakMiB } = await run([...on, ...logs, 'query', '--json', '--db', many])
    yield { what, value: peakMiB, unit: 'MiB', bound }
  }
}

function hashOf([program, ...args]) {
  return execFileSync('sh', ['-c', '"$@" | sha256sum', 'sh', program, ...args]).toString()
}
