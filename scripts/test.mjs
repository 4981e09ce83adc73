// `npm test`: all tests, a report for machines in test-report.json, and the closing line.
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ensureTestTools } from './test-tools.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const report = `${root}test-report.json`
const args = process.argv.slice(2)

ensureTestTools()
rmSync(report, { force: true })
const vitest = spawn(
  process.execPath,
  [
    `${root}node_modules/vitest/vitest.mjs`,
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...args,
  ],
  { cwd: root, stdio: 'inherit' },
)
vitest.on('exit', (code) => {
  const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that does not even load has no failed test of its own.
  const failed = numFailedTests + (numFailedTests === 0 ? numFailedTestSuites : 0)
  process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`)
  process.exitCode = code ?? 1
})
