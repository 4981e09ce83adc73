// What a whole run came to: bench/RESULTS.md, and the table of README.md between its two marks.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './measure.mjs'

const UNITS = `N is \`node -e 0\`, F a reader and formatter in C over the same SQLite`

/** What the README tells of it: the words for a newcomer by the name of the figure. */
const IN_README = {
  'codex-logs --help': '`codex-logs --help`',
  'query -n 200 of 5000000 rows': '`query -n 200` of 5,000,000 rows',
  'threads list, 50 of 50000': 'first page of 50,000 threads',
  'query --json of 1000000 rows': '`query --json`, all of 1,000,000 rows',
  'tail: commit to printed, 100 commits a second, p50': '`tail`: from commit to printed line, median',
}

const START = '<!-- speed: npm run bench -->'
const END = '<!-- end of speed -->'

export function isMet({ value, bound }) {
  return bound === undefined || value <= bound
}

export function formatValue(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export function writeReport({ about, results }) {
  writeFileSync(join(root, 'bench/RESULTS.md'), `${resultsTable(about, results)}\n`)
  const path = join(root, 'README.md')
  const readme = readFileSync(path, 'utf8')
  const [before, , after] = readme.split(new RegExp(`(?<=${START}\n)([^]*)(?=${END})`))
  writeFileSync(path, `${before}${readmeTable(about, results)}\n${after}`)
}

function resultsTable(about, results) {
  return [
    '# Measurements',
    '',
    `${about}. Medians of paired runs of whole processes, both run in turn; ${UNITS}.`,
    '',
    '| | what | measured | bound | |',
    '| --- | --- | --- | --- | --- |',
    ...results.map((result) => {
      const { benchmark, what, bound } = result
      const verdict = bound === undefined ? '' : isMet(result) ? 'met' : '**missed**'
      return `| ${benchmark} | ${what} | ${measured(result)} | ${bound ?? ''} | ${verdict} |`
    }),
  ].join('\n')
}

function readmeTable(about, results) {
  const rows = Object.entries(IN_README).flatMap(([what, words]) => {
    const result = results.find((one) => one.what === what)
    return result ? [`| ${words} | ${measured(result)} |`] : []
  })
  return [`${about}; ${UNITS}.`, '', '| | |', '| --- | --- |', ...rows].join('\n')
}

function measured({ value, unit, detail = '' }) {
  return `${formatValue(value)} ${unit}${detail && ` (${detail})`}`
}
