import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { packageExecutable, packageWithPkg } from '../../scripts/package.mjs'
import { copyHome } from '../helpers/homes.js'
import { runLogs, runState } from '../helpers/run.js'
import { root, runProgram } from './environment.js'

/** Root may write anywhere, so the executables run as somebody who may not. */
const NOBODY = process.getuid?.() === 0 ? 65534 : undefined

function giveAway(folder: string): void {
  if (NOBODY === undefined) return
  chownSync(folder, NOBODY, NOBODY)
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(folder, name), NOBODY, NOBODY)
  }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'codex-state-executable-'))
  giveAway(folder)
  return folder
}

describe.each([
  { how: 'Node alone', build: packageExecutable },
  { how: '@yao-pkg/pkg', build: packageWithPkg },
])('the executable made by $how', ({ build }) => {
  let install: string
  let home: string
  let temporary: string
  let size: number
  const logs = () => join(install, 'codex-logs')
  const state = () => join(install, 'codex-state')

  /** Nothing on PATH, no HOME, no cache: only a folder for temporary files. */
  const run = (command: string, args: string[], env: Record<string, string> = {}) => {
    const identity = NOBODY === undefined ? {} : { uid: NOBODY, gid: NOBODY }
    return runProgram(command, args, { env: { TMPDIR: temporary, ...env }, cwd: '/', ...identity })
  }

  beforeAll(async () => {
    const built = await build()
    size = statSync(built).size
    install = join(mkdtempSync(join(tmpdir(), 'codex-state-install-')), 'bin')
    cpSync(dirname(built), install, { recursive: true, verbatimSymlinks: true })
    chmodSync(dirname(install), 0o755)
    chmodSync(install, 0o555)
    home = copyHome('codex-0.169.0')
    chmodSync(dirname(home), 0o755)
    giveAway(home)
    temporary = temporaryFolder()
  })

  test('is small enough, and has two names', () => {
    expect(size).toBeLessThan(115e6)
    expect(readlinkSync(logs())).toBe('codex-state')
    expect(readdirSync(install).sort()).toEqual(['LICENSE', 'LICENSES.txt', 'codex-logs', 'codex-state'])
  })

  test('answers to the name that it is called by', () => {
    expect(run(logs(), ['--help']).stdout).toContain('Usage: codex-logs')
    expect(run(state(), ['--help']).stdout).toContain('Usage: codex-state')
  })

  test.each([
    ['codex-logs', 'where', '--json'],
    ['codex-logs', 'query', '--json', '--since', '2026-01-01'],
    ['codex-logs', 'query', '--level', 'warn', '-g', 'a.*b', '--color', 'always', '--utc'],
    ['codex-logs', 'tail', '--no-follow', '-n', '5', '--compact', '--tz', 'Asia/Tokyo'],
    ['codex-state', 'where'],
    ['codex-state', 'threads', 'list', '--json'],
    ['codex-state', 'threads', 'show', '01a1fb71-715e'],
    ['codex-state', 'why', 'last', '--json'],
    ['codex-state', 'backfill', 'status', '--json'],
    ['codex-state', 'completion', 'zsh'],
  ])('%s %s prints what the sources print', async (name, ...args) => {
    const argv = args[0] === 'completion' ? args : [...args, '--codex-home', home]
    const runSource = name === 'codex-logs' ? runLogs : runState
    const expected = await runSource(argv, { env: {}, workingFolder: '/' })
    const { stdout, stderr, status } = run(join(install, name), argv)
    expect({ stdout, stderr, exitCode: status }).toEqual(expected)
    expect(stdout).not.toBe('')
  })

  test('leaves nothing behind where it may not keep its addon', () => {
    expect(run(logs(), ['where', '--codex-home', home]).status).toBe(0)
    expect(readdirSync(temporary)).toEqual([])
  })

  test('keeps its addon in the cache, for itself', () => {
    const user = temporaryFolder()
    const keep = () => run(logs(), ['where', '--codex-home', home], { HOME: user })
    expect(keep()).toMatchObject({ stderr: '', status: 0 })
    const cache = join(user, '.cache/codex-state')
    expect(statSync(cache).mode & 0o777).toBe(0o700)
    const [addon, ...others] = readdirSync(cache)
    expect(addon).toMatch(/^better-sqlite3-[0-9a-f]{64}\.node$/)
    expect(others).toEqual([])
    const { ino } = statSync(join(cache, addon!))
    expect(keep()).toMatchObject({ stderr: '', status: 0 })
    expect(statSync(join(cache, addon!)).ino).toBe(ino)
  })

  test('does not load what somebody else could have put into the cache', () => {
    const user = temporaryFolder()
    mkdirSync(join(user, 'codex-state'), { recursive: true })
    chmodSync(join(user, 'codex-state'), 0o777)
    giveAway(user)
    expect(run(logs(), ['where', '--codex-home', home], { XDG_CACHE_HOME: user }).status).toBe(0)
    expect(readdirSync(join(user, 'codex-state'))).toEqual([])
  })

  test('reads in threads when there is much to write', async () => {
    const expected = await runLogs(['query', '--json', '--codex-home', home], { env: {} })
    const identity = NOBODY === undefined ? {} : { uid: NOBODY, gid: NOBODY }
    const child = spawn(logs(), ['query', '--json', '--codex-home', home], {
      env: { TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
      ...identity,
    })
    const threads = () => readdirSync(`/proc/${child.pid}/task`).length
    // Nobody reads yet: the first write waits until the program finds that it takes long.
    await sleep(700)
    const alone = threads()
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (chunks.length === 16) child.stdout.pause()
    })
    await Promise.race([once(child.stdout, 'pause'), once(child, 'close')])
    await sleep(200)
    const together = threads()
    child.stdout.resume()
    expect(await once(child, 'close')).toEqual([0, null])
    // Compared as a whole: the difference of two such texts would be megabytes.
    expect(Buffer.concat(chunks).toString() === expected.stdout).toBe(true)
    expect(together).toBeGreaterThan(alone)
  })

  test('backfills into a database of its own, in threads', async () => {
    const into = temporaryFolder()
    const ran = run(state(), ['backfill', 'run', '--into', into, '--codex-home', home, '--json'])
    expect(ran.status).toBe(0)
    const threads = run(state(), ['threads', 'list', '--json', '--codex-home', into])
    const own = run(state(), ['threads', 'list', '--json', '--codex-home', home])
    const ids = (text: string) =>
      JSON.parse(text)
        .map(({ id }: { id: string }) => id)
        .sort()
    expect(ids(threads.stdout)).toEqual(ids(own.stdout))
  })

  test('follows', async () => {
    const identity = NOBODY === undefined ? {} : { uid: NOBODY, gid: NOBODY }
    const child = spawn(logs(), ['tail', '-n', '1', '--format', 'cat', '--codex-home', home], {
      env: { TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
      ...identity,
    })
    await once(child.stdout, 'data')
    const closed = once(child, 'close')
    child.kill('SIGINT')
    expect(await closed).toEqual([130, null])
  })
})

test('compressed, the executable is a third of its size', () => {
  const { stdout } = runProgram(
    'sh',
    ['-c', 'xz -T0 -c "$0" | wc -c', join(root, 'build/codex-state-linux-x64/codex-state')],
    {
      env: { PATH: process.env.PATH ?? '' },
    },
  )
  expect(Number(stdout)).toBeLessThan(35e6)
})
