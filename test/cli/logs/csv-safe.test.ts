import { expect, test } from 'vitest'
import { createLogHome } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'

test('--csv-safe leaves no text a formula, and numbers and other texts as they are', async () => {
  const bodies = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '=HYPERLINK("x","y")', 'a=1', '', "'quoted"]
  const { home } = createLogHome(bodies.map((body) => ({ body, line: -5 })))
  const argv = ['query', '--codex-home', home, '--fields', 'body,line', '--csv-safe']
  const { stdout, stderr, exitCode } = await runLogs(argv)
  expect(stdout.split('\n')).toEqual([
    'body,line',
    "'=1+1,-5",
    "'+1,-5",
    "'-1,-5",
    "'@SUM(A1),-5",
    "'\t=1,-5",
    `"'=HYPERLINK(""x"",""y"")",-5`,
    'a=1,-5',
    ',-5',
    "'quoted,-5",
    '',
  ])
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  const reversed = (await runLogs([...argv, '--reverse'])).stdout.split('\n').slice(1, -1)
  expect(reversed.reverse()).toEqual(stdout.split('\n').slice(1, -1))
})
