import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { generateLogs } from './generate-logs.mjs'
import { dataFolder, logs, node, pair } from './measure.mjs'

/** What went wrong, against the sqlite3 program that reads the same rows; turns against a bare start of Node. */
export async function* measureFailures({ fewRows, manyRows, rounds }) {
  const few = generateLogs(join(dataFolder, `turns-${fewRows}/logs_2.sqlite`), {
    rowCount: fewRows,
    withTurns: true,
  })
  const failed = `level IN ('WARN', 'ERROR') OR instr(feedback_log_body, 'Turn error: ') > 0`
  const cli = ['sqlite3', '-readonly', '-list', few, `SELECT * FROM logs WHERE ${failed}`]
  const some = { rounds: Math.max(1, Math.ceil(rounds / 2)) }
  const errors = await pair([...logs, 'errors', '--db', few], cli, some)
  const detail = `${Math.round(errors.aMs)} ms`
  yield { what: `errors of ${fewRows} rows`, value: errors.ratio, unit: 'of sqlite3', bound: 1.5, detail }
  yield { what: 'errors: peak memory', value: errors.peakMiB, unit: 'MiB', bound: 200 }

  const many = generateLogs(join(dataFolder, `${manyRows}/logs_2.sqlite`), { rowCount: manyRows })
  const sql = 'SELECT thread_id FROM logs WHERE thread_id IS NOT NULL ORDER BY id DESC LIMIT 1'
  const thread = execFileSync('sqlite3', ['-readonly', many, sql], { encoding: 'utf8' }).trim()
  const turns = await pair([...logs, 'turns', thread, '--db', many], [node, '-e', '0'], {
    rounds: rounds * 2,
  })
  yield {
    what: `turns of one thread of ${manyRows} rows`,
    value: turns.ratio,
    unit: 'N',
    bound: 2.2,
    detail: `${turns.aMs.toFixed(1)} ms`,
  }
}
