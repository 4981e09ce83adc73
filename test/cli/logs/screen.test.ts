import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { candidatesFor, listDatabases } from '../../../src/schema/files.js'
import { LOG_HOMES } from '../../helpers/homes.js'
import { createLogHome, T, THREAD_A } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'

const TERMINAL = { isTerminal: true, columns: 120, rows: 40 }

function linesOf(stdout: string): string[] {
  return stdout
    .replaceAll(/\x1b\[[\d;]*m/g, '')
    .split('\n')
    .slice(0, -1)
}

test('of every home that has as many, a terminal of 40 lines shows at least 30 rows, and no more than fit', async () => {
  for (const { name, copy } of LOG_HOMES) {
    const home = copy()
    // By file, as some configurations name another folder for them.
    const [file] = candidatesFor('logs', listDatabases(home))
    const where = ['--db', file!.path]
    const { stdout } = await runLogs(['tail', '--no-follow', ...where], TERMINAL)
    const { stdout: count } = await runLogs(['query', '--count', ...where])
    rmSync(home, { recursive: true })
    const lines = linesOf(stdout)
    const shown = lines.filter((line) => /^\d\d:\d\d:\d\d\.\d{3} /.test(line))
    expect(shown.length, name).toBeGreaterThanOrEqual(Math.min(30, Number(count)))
    expect(lines.length, name).toBeLessThanOrEqual(38)
  }
}, 60_000)

test('rows that fold leave no empty screen, as long as there are others', async () => {
  const bodies = [
    ...Array.from({ length: 50 }, (_, at) => `step ${at}`),
    ...Array.from({ length: 1000 }, () => 'again and again'),
  ]
  const { home } = createLogHome(
    bodies.map((body) => ({ body, threadId: THREAD_A, level: 'INFO', target: 'codex_core::a' })),
  )
  const argv = ['tail', '--no-follow', '--codex-home', home]
  const lines = linesOf((await runLogs(argv, TERMINAL)).stdout)
  expect(lines.length).toBe(37)
  expect(lines.at(-1)).toMatch(/again and again +×1000$/)
  expect(linesOf((await runLogs(argv, { ...TERMINAL, rows: 12 })).stdout).length).toBe(9)
  // Who asks for a number of rows gets that.
  expect(linesOf((await runLogs([...argv, '-n', '60'], TERMINAL)).stdout).length).toBe(2)
})

test('of a Codex that was idle for long, the rows before are shown as well', async () => {
  const idle = ['Reloading auth', 'Reloaded auth', 'waiting'].map((body) => ({
    body,
    level: 'INFO',
    target: 'a',
  }))
  const rows = [
    ...Array.from({ length: 50 }, (_, at) => ({
      body: `step ${at}`,
      level: 'INFO',
      target: 'a',
      tsSeconds: T + at,
    })),
    ...Array.from({ length: 1000 }, (_, at) =>
      idle.map((row) => ({ ...row, tsSeconds: T + 50 + at })),
    ).flat(),
  ]
  const { home } = createLogHome(rows)
  const { stdout } = await runLogs(['tail', '--no-follow', '--utc', '--codex-home', home], TERMINAL)
  const lines = linesOf(stdout)
  expect(lines.length).toBe(37)
  expect(lines.at(-1)).toMatch(/ ↻ {5}the 3 above, 999 times more \(2997 rows, \.000–09:32:31\.000\)$/)
  expect(lines.at(-5)).toMatch(/ step 49$/)
})
