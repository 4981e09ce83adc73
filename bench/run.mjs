// npm run bench [-- NAME …] [--check] [--rows 5000000] [--rounds 7]: measures the commands against peers in the
// same run, prints and writes what came out. `--check` ends with 1 when a bound is missed; `--smoke` takes small
// data, for correctness alone.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from '../scripts/build.mjs'
import { dataFolder, root } from './measure.mjs'
import { formatValue, isMet, writeReport } from './report.mjs'

/** Name → module with `measure(options)`, an async generator of results. */
const BENCHMARKS = [
  'startup',
  'dump',
  'newest',
  'search',
  'follow',
  'threads',
  'turns',
  'backfill',
  'body',
  'answers',
  'rows',
  'leave',
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    rows: { type: 'string' },
    rounds: { type: 'string', default: '7' },
  },
})
const unknown = positionals.filter((name) => !BENCHMARKS.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(', ')}; there are ${BENCHMARKS.join(', ')}\n`)
  process.exit(2)
}
const options = {
  smoke: values.smoke,
  rounds: values.smoke ? 1 : Number(values.rounds),
  manyRows: values.smoke ? 100_000 : Number(values.rows ?? 5_000_000),
  fewRows: values.smoke ? 100_000 : Math.min(Number(values.rows ?? 1_000_000), 1_000_000),
}

mkdirSync(dataFolder, { recursive: true })
await build()
const results = []
for (const name of positionals.length > 0 ? positionals : BENCHMARKS) {
  const { measure } = await import(`./${name}.mjs`)
  for await (const result of measure(options)) {
    results.push({ benchmark: name, ...result })
    process.stdout.write(`${line(results.at(-1))}\n`)
  }
}

if (!values.smoke && positionals.length === 0) {
  const about = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0].model.trim()}, ${new Date().toISOString().slice(0, 10)}`
  writeFileSync(join(root, 'bench/RESULTS.json'), `${JSON.stringify({ about, options, results }, null, 2)}\n`)
  writeReport({ about, results })
}
const bounds = results.filter(({ bound }) => bound !== undefined)
const missed = bounds.filter((result) => !isMet(result))
process.stdout.write(
  values.smoke
    ? `${results.length} figures, of data too small to judge by\n`
    : `${bounds.length - missed.length} bounds met, ${missed.length} missed\n`,
)
if (values.check && missed.length > 0) process.exitCode = 1

function line(result) {
  const { benchmark, what, value, unit, bound, detail = '' } = result
  const verdict =
    bound === undefined || values.smoke ? '' : `bound ${bound} ${isMet(result) ? 'met' : 'MISSED'}`
  return `${benchmark.padEnd(9)} ${what.padEnd(52)} ${formatValue(value).padStart(9)} ${unit.padEnd(10)} ${verdict.padEnd(16)} ${detail}`
}
