import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeFolder } from '../helpers/folder.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { requirePrograms } from '../helpers/programs.js'
import { binPath, runBin, startBin, startProcess } from '../helpers/spawn.js'

const ROW_COUNT = 20_000
let crashed: string

/** A log that a crash left without its index, as large as worker threads would help with. */
beforeAll(() => {
  const { path } = createLogHome(Array.from({ length: ROW_COUNT }, () => ({ body: 'x'.repeat(500) })))
  const writer = new Database(path)
  writer.exec("INSERT INTO logs (ts, ts_nanos, level, target) VALUES (0, 0, 'INFO', 'in the log')")
  crashed = temporaryFolder()
  for (const suffix of ['', '-wal']) {
    copyFileSync(path + suffix, join(crashed, `logs_2.sqlite${suffix}`))
    utimesSync(join(crashed, `logs_2.sqlite${suffix}`), 0, 0)
  }
  writer.close()
})

const query = (home = crashed) => ['query', '--json', '--codex-home', home]
/** Errors are JSON where the rows are. */
const asText = (home = crashed) => ['query', '--codex-home', home]
const inside = (TMPDIR: string) => ({ env: { TMPDIR } })
const copies = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('codex-state-copy-'))

describe('a private copy is gone', () => {
  test('after a query that ends well, with every row read and the home as it was', async () => {
    const folder = temporaryFolder()
    const before = describeFolder(crashed)
    const { stdout, stderr, exitCode } = await runBin('codex-logs', query(), inside(folder))
    expect({ rows: stdout.split('\n').length - 1, exitCode }).toEqual({ rows: ROW_COUNT + 1, exitCode: 0 })
    expect(stderr.split('\n')).toEqual([
      `codex-logs: reading a private copy of ${join(crashed, 'logs_2.sqlite')}: its write-ahead log cannot be read in place`,
      '',
    ])
    expect(copies(folder)).toEqual([])
    expect(describeFolder(crashed)).toEqual(before)
  })

  test.each(['SIGINT', 'SIGKILL'] as const)('while it is read, so that %s leaves nothing', async (signal) => {
    const folder = temporaryFolder()
    const running = startBin('codex-logs', query(), inside(folder))
    running.child.stdout?.pause()
    await running.until(() => running.stderr.includes('private copy'))
    expect(copies(folder)).toEqual([])
    expect(running.child.exitCode).toBe(null)
    expect((await running.end(signal)).signal).toBe(signal)
    expect(copies(folder)).toEqual([])
  })

  test('after Ctrl-C while it is made', async () => {
    const home = temporaryFolder()
    const path = join(home, 'logs_2.sqlite')
    for (const suffix of ['', '-wal']) copyFileSync(join(crashed, `logs_2.sqlite${suffix}`), path + suffix)
    // Sparse: SQLite knows from the log how long the database is.
    truncateSync(path, 300 * 1024 * 1024)
    const folder = temporaryFolder()
    const running = startBin('codex-logs', ['query', '-n', '1', '--codex-home', home], inside(folder))
    await running.until(() => copies(folder).length > 0 || running.child.exitCode !== null)
    const { signal } = await running.end('SIGINT')
    expect(signal).toBe('SIGINT')
    expect(copies(folder)).toEqual([])
  })

  test('of a process that was killed while it made one, as soon as another is made; others stay', async () => {
    const folder = temporaryFolder()
    const machine = hostname().replaceAll(/[^\w.-]/g, '_')
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    const names = {
      dead: `codex-state-copy-${machine}-${pid}-abcdef`,
      alive: `codex-state-copy-${machine}-${process.pid}-abcdef`,
      elsewhere: `codex-state-copy-not-${machine}-${pid}-abcdef`,
    }
    for (const name of Object.values(names)) {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'logs_2.sqlite'), 'half of it')
    }
    await runBin('codex-logs', ['query', '-n', '1', '--codex-home', crashed], inside(folder))
    expect(copies(folder)).toEqual([names.alive, names.elsewhere].sort())
  })
})

describe('what a user can do something about is no unexpected error', () => {
  test('no temporary folder', async () => {
    const folder = join(temporaryFolder(), 'gone')
    expect(await runBin('codex-logs', asText(), inside(folder))).toEqual({
      stdout: '',
      stderr: `codex-logs: cannot read ${join(crashed, 'logs_2.sqlite')} in place, nor copy it to ${folder}: there is no such folder. Name a temporary folder with room for it in TMPDIR.\n`,
      exitCode: 3,
      signal: null,
    })
  })

  test('a temporary folder that does not hold the copy, and nothing is left in it', async () => {
    requirePrograms('bash')
    const folder = temporaryFolder()
    const running = startProcess(
      'bash',
      ['-c', `ulimit -f 1000; exec "$0" "$@"`, process.execPath, binPath('codex-logs'), ...asText()],
      inside(folder),
    )
    expect(await running.end()).toEqual({
      stdout: '',
      stderr: `codex-logs: cannot read ${join(crashed, 'logs_2.sqlite')} in place, nor copy it to ${folder}: a file there may not become that large. Name a temporary folder with room for it in TMPDIR.\n`,
      exitCode: 3,
      signal: null,
    })
    expect(readdirSync(folder)).toEqual([])
  })

  test.runIf(existsSync('/dev/full'))('no space for the output', async () => {
    const { home } = createLogHome([{ body: 'one' }])
    const full = openSync('/dev/full', 'w')
    const running = startBin('codex-logs', asText(home), { stdio: ['ignore', full, 'pipe'] })
    expect(await running.end()).toEqual({
      stdout: '',
      stderr: 'codex-logs: cannot write the output: no space left on device\n',
      exitCode: 1,
      signal: null,
    })
  })
})
