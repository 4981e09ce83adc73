import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { createLogHome, type LogHome } from '../helpers/log-layouts.js'
import { insertLogRows } from '../helpers/log-rows.js'
import { requirePrograms } from '../helpers/programs.js'
import { binPath, CLEAN_ENV, runBin, startBin, startProcess, waitUntil } from '../helpers/spawn.js'
import { startWriter } from '../helpers/writer.js'

const ROW_COUNT = 20_000
let place: LogHome

beforeAll(() => {
  place = createLogHome(Array.from({ length: ROW_COUNT }, (_, n) => ({ body: `${n} `.padEnd(400, 'x') })))
})

/** A shell's pipeline, with `$LOGS` for the command. */
function runShell(line: string, home = place.home) {
  requirePrograms('bash')
  return startProcess('bash', ['-c', `set -o pipefail; ${line}`], {
    env: { LOGS: `${process.execPath} ${binPath('codex-logs')}`, CODEX_HOME: home },
  })
}

test.each([
  '$LOGS query | head -1',
  '$LOGS query --json | head -1',
  '$LOGS query --tz Asia/Tokyo | head -1',
  '$LOGS query --reverse | head -1',
  '$LOGS query --color always | head -1',
  '$LOGS tail --backfill all | head -1',
  '$LOGS tail --poll-ms 100 | head -1',
])('whoever reads only the beginning ends the program quietly: %s', async (line) => {
  const { home, path } = place
  const shell = runShell(line, home)
  // A tail meets the closed pipe when it has something to print.
  let ended = false
  const end = shell.end().finally(() => {
    ended = true
  })
  while (line.includes('--poll-ms') && !ended) {
    insertLogRows(path, [{ body: 'x'.repeat(400) }])
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { stdout, stderr, exitCode } = await end
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  expect(stdout.split('\n')).toHaveLength(2)
})

test('help and where into a closed pipe', async () => {
  expect(await runShell('$LOGS --help | true').end()).toMatchObject({ stderr: '', exitCode: 0 })
  expect(await runShell('$LOGS where | true').end()).toMatchObject({ stderr: '', exitCode: 0 })
})

test('a closed stderr does not matter', async () => {
  expect(await runShell('$LOGS query --codex-home /no/such/home 2>&-').end()).toMatchObject({ exitCode: 3 })
})

test('other programs see whole records', async () => {
  const { home } = createLogHome([{ body: 'two\nlines "here"' }, { body: 'one' }])
  expect((await runShell('$LOGS query | wc -l', home).end()).stdout.trim()).toBe('2')
  expect((await runShell('$LOGS query --json | jq -r .body', home).end()).stdout).toBe(
    'two\nlines "here"\none\n',
  )
  expect((await runShell('$LOGS query | grep -c here', home).end()).stdout).toBe('1\n')
  expect((await runShell('cat /dev/null | $LOGS query -n 1 --format cat', home).end()).stdout).toBe('one\n')
})

test('a non-blocking pipe that is full is waited for', async () => {
  // Reading slowly through a pipe that another process made non-blocking.
  const slow = `${process.execPath} -e 'process.stdin.on("data", (d) => { process.stdin.pause(); setTimeout(() => process.stdin.resume(), 1); process.stdout.write(d) })'`
  const { stdout, exitCode } = await runShell(`$LOGS query --json | ${slow} | wc -l`).end()
  expect({ stdout: Number(stdout) >= ROW_COUNT, exitCode }).toEqual({ stdout: true, exitCode: 0 })
})

test('a writer is not held up while stdout is blocked, and its log can be cut', async () => {
  const { home, path } = createLogHome(Array(ROW_COUNT).fill({ body: 'y'.repeat(400) }))
  const writer = startWriter(path)
  await writer.insert(1)
  const child = spawn(process.execPath, [binPath('codex-logs'), 'query', '--json', '--codex-home', home], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: CLEAN_ENV,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await untilBlocked(child.pid!)
  for (let turn = 0; turn < 20; turn++) {
    await writer.insert(50)
    expect(await writer.checkpoint('TRUNCATE')).toEqual({ busy: 0, log: 0, checkpointed: 0 })
    expect(statSync(`${path}-wal`).size).toBe(0)
  }
  const last = await writer.insert(1)
  const lines = (await text(child.stdout)).split('\n').slice(0, -1)
  const ids = lines.map((line) => JSON.parse(line).id as number)
  expect(ids).toEqual(Array.from({ length: ROW_COUNT + 1 }, (_, n) => n + 1))
  expect(last).toBe(ROW_COUNT + 1002)
})

test('a writer that does not wait for locks is never refused beside a tail', async () => {
  const { home, path } = createLogHome([])
  const writer = startWriter(path)
  const tail = startBin('codex-logs', [
    'tail',
    '-n',
    'all',
    '--codex-home',
    home,
    '--fields',
    'id',
    '--poll-ms',
    '1',
  ])
  let last = 0
  for (let turn = 0; turn < 200; turn++) {
    last = await writer.insert(20)
    if (turn % 20 === 19) await writer.checkpoint('PASSIVE')
  }
  await tail.until(() => tail.stdout.endsWith(`${last}\n`))
  expect(tail.stdout.split('\n')).toHaveLength(last + 1)
  expect(await tail.end('SIGINT')).toMatchObject({ stderr: '', exitCode: 130 })
})

test('Ctrl-C ends a query that writes', async () => {
  const child = spawn(process.execPath, [binPath('codex-logs'), 'query', '--codex-home', place.home], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: CLEAN_ENV,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await untilBlocked(child.pid!)
  child.kill('SIGINT')
  const signal = await new Promise((resolve) => child.on('exit', (_, name) => resolve(name)))
  expect(signal).toBe('SIGINT')
})

test('no such home, as a process', async () => {
  expect(await runBin('codex-logs', ['query'], { env: { CODEX_HOME: '/no/such/home' } })).toEqual({
    stdout: '',
    stderr:
      'codex-logs: no Codex database in /no/such/home (found by CODEX_HOME): there is no such folder. Pass --codex-home or --db, or set CODEX_HOME.\n',
    exitCode: 3,
    signal: null,
  })
})

/** Until the process sleeps and uses no more time: all that it can do then is wait for a reader. */
async function untilBlocked(pid: number): Promise<void> {
  let last = ''
  let unchanged = 0
  await waitUntil(() => {
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    const now = `${state} ${fields.slice(10, 12)}`
    unchanged = now === last && state === 'S' ? unchanged + 1 : 0
    last = now
    return unchanged === 20
  })
}
