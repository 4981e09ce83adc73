// `npm test`: all tests, a report for machines in test-report.json, and the closing line. What a machine lacks is left
// out and named; with TEST_EVERYTHING=1 that is a failure, and the long tests run as well.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const report = `${root}test-report.json`

rmSync(report, { force: true })
const vitest = spawn(
  process.execPath,
  [
    `${root}node_modules/vitest/vitest.mjs`,
    'run',
    `--reporter=${root}scripts/test-reporter.mjs`,
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  // Vitest keeps a secret of its own in the user's data folder.
  { cwd: root, stdio: 'inherit', env: { ...process.env, XDG_DATA_HOME: `${root}node_modules/.cache` } },
)
vitest.on('exit', (code) => {
  process.exitCode = code ?? 1
  if (!existsSync(report)) return
  const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that does not even load has no failed test of its own.
  const failed = numFailedTests + (numFailedTests === 0 ? numFailedTestSuites : 0)
  process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`)
})
