import { join } from 'node:path'
import { generateLogs } from './generate-logs.mjs'
import { dataFolder, logs, pair } from './measure.mjs'

/** Texts that 50 rows or so have, against the sqlite3 program. */
export async function* measure({ manyRows, rounds }) {
  const path = generateLogs(join(dataFolder, `${manyRows}/logs_2.sqlite`), { rowCount: manyRows })
  const needle = 'id="00000012345'
  const cli = (condition) => ['sqlite3', '-readonly', '-list', path, `SELECT * FROM logs WHERE ${condition}`]
  const instr = cli(`instr(feedback_log_body, '${needle}') > 0`)
  const few = { rounds: Math.max(1, Math.ceil(rounds / 2)) }
  const search = await pair([...logs, 'query', '--search', needle, '--db', path], instr, few)
  yield {
    what: `rare --search in ${manyRows} rows`,
    value: search.ratio,
    unit: 'of sqlite3',
    bound: 0.65,
    detail: `${Math.round(search.aMs)} ms`,
  }
  yield { what: 'rare --search: peak memory', value: search.peakMiB, unit: 'MiB', bound: 120 }
  const newest = await pair([...logs, 'query', '-n', '200', '--search', needle, '--db', path], instr, few)
  yield { what: 'the same, newest 200', value: newest.ratio, unit: 'of sqlite3', bound: 0.65 }
  const grep = await pair([...logs, 'query', '--grep', 'id="0000001234[5]', '--db', path], instr, few)
  yield {
    what: 'rare --grep',
    value: grep.ratio,
    unit: 'of sqlite3',
    bound: 1.5,
    detail: `${Math.round(grep.aMs)} ms`,
  }
}
