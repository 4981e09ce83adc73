import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeFolder } from '../helpers/folder.js'
import { LAYOUTS, temporaryFolder } from '../helpers/layouts.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { insertLogRows, type NewLogRow } from '../helpers/log-rows.js'
import { type Running, startBin } from '../helpers/spawn.js'
import { startWriter } from '../helpers/writer.js'

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => first + n)
const some = (count: number): NewLogRow[] => Array(count).fill({})

function startTail(home: string, ...args: string[]): Running {
  return startBin('codex-logs', ['tail', '--codex-home', home, '--fields', 'id', '--poll-ms', '100', ...args])
}

/** The ids that were printed: whole lines, since an id cut in two would show as another. */
function idsOf(text: string): number[] {
  expect(text === '' || text.endsWith('\n')).toBe(true)
  return text.split('\n').slice(0, -1).map(Number)
}

describe('codex-logs tail', () => {
  test('prints each row that another process writes once and in order', async () => {
    const { home, path } = createLogHome(some(5))
    const writer = startWriter(path)
    const tail = startTail(home, '--backfill', '2')
    await tail.until(() => tail.stdout === '4\n5\n')
    for (let turn = 0; turn < 40; turn++) {
      await writer.insert(turn % 7 === 0 ? 150 : 3)
      if (turn % 10 === 3) await writer.checkpoint('PASSIVE')
      if (turn % 10 === 6) await writer.checkpoint('TRUNCATE')
      if (turn === 20) await writer.exec('VACUUM')
    }
    await writer.close()
    const next = startWriter(path)
    const last = await next.insert(5)
    await next.kill()
    await tail.until(() => tail.stdout.endsWith(`\n${last}\n`))
    const { stdout, stderr, exitCode } = await tail.end('SIGINT')
    expect(idsOf(stdout)).toEqual(upTo(last, 4))
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 130 })
  })

  test('counts on stderr what Codex deleted unread', async () => {
    const { home, path } = createLogHome(some(3))
    const writer = startWriter(path)
    const tail = startTail(home)
    await tail.until(() => tail.stdout === '1\n2\n3\n')
    await writer.insert(50, 10)
    await tail.until(() => tail.stdout.endsWith('53\n') && tail.stderr !== '')
    const { stdout, stderr } = await tail.end('SIGTERM')
    expect(idsOf(stdout)).toEqual([1, 2, 3, ...upTo(53, 44)])
    expect(stderr).toBe('codex-logs: 40 rows were deleted by Codex before they could be read\n')
  })

  test('changes nothing in the home', async () => {
    const { home, path } = createLogHome(some(3))
    const before = describeFolder(home)
    const tail = startTail(home)
    await tail.until(() => tail.stdout === '1\n2\n3\n')
    await tail.end('SIGINT')
    expect(describeFolder(home)).toEqual(before)
    const writer = startWriter(path)
    await writer.insert(1)
    const live = describeFolder(home)
    const beside = startTail(home)
    await beside.until(() => beside.stdout.endsWith('4\n'))
    await beside.end('SIGINT')
    expect(describeFolder(home)).toEqual(live)
  })

  test('waits for a home that is not there yet', async () => {
    const home = join(temporaryFolder(), 'home')
    const tail = startTail(home)
    await tail.until(() => tail.stderr === `codex-logs: no log database in ${home} yet; waiting for one\n`)
    mkdirSync(home)
    copyFileSync(createLogHome(some(2)).path, join(home, 'logs_2.sqlite'))
    await tail.until(() => tail.stdout === '1\n2\n')
    const { stderr, exitCode } = await tail.end('SIGINT')
    expect(exitCode).toBe(130)
    expect(stderr.split('\n')[1]).toBe(`codex-logs: reading ${join(home, 'logs_2.sqlite')}`)
  })

  test('goes on with a newer generation, and with a new file under the same name', async () => {
    const layout = LAYOUTS.find(({ logsFile }) => logsFile === 'logs_1.sqlite')!
    const { home, path: older } = createLogHome(some(2), layout)
    const tail = startTail(home)
    await tail.until(() => tail.stdout === '1\n2\n')
    const path = join(home, 'logs_2.sqlite')
    copyFileSync(createLogHome(some(3)).path, path)
    await tail.until(() => tail.stdout === '1\n2\n1\n2\n3\n')
    renameSync(createLogHome(some(4)).path, path)
    await tail.until(() => tail.stdout === '1\n2\n1\n2\n3\n1\n2\n3\n4\n')
    rmSync(path)
    insertLogRows(older, some(1))
    await tail.until(() => tail.stdout.endsWith('4\n3\n'))
    const { stderr } = await tail.end('SIGINT')
    expect(stderr).toContain(`codex-logs: going on with ${older}\n`)
    expect(stderr).toContain(`codex-logs: a newer database appeared; reading ${path} from its start\n`)
    expect(stderr).toContain(
      `codex-logs: the database was replaced; reading ${path} from its start; up to 4 rows may be shown twice\n`,
    )
  })

  test('with --db follows that very file, whatever its name', async () => {
    const { path } = createLogHome(some(1))
    const moved = join(dirname(path), 'backup.db')
    renameSync(path, moved)
    const tail = startBin('codex-logs', ['tail', '--db', moved, '--fields', 'id', '--poll-ms', '100'])
    await tail.until(() => tail.stdout === '1\n')
    insertLogRows(moved, some(1))
    await tail.until(() => tail.stdout === '1\n2\n')
    expect(await tail.end('SIGINT')).toMatchObject({ stderr: '', exitCode: 130 })
  })

  test('shows what matches alone', async () => {
    const { home, path } = createLogHome([{ level: 'INFO' }, { level: 'WARN' }])
    const tail = startTail(home, '--min-level', 'warn', '-g', 'b')
    const writer = startWriter(path)
    await writer.insert(1)
    insertLogRows(path, [
      { level: 'ERROR', body: 'abc' },
      { level: 'INFO', body: 'abc' },
      { level: 'WARN', body: 'B' },
    ])
    await tail.until(() => tail.stdout === '4\n6\n')
    await tail.end('SIGINT')
  })

  test('ends by itself when nothing can come any more', async () => {
    const { home } = createLogHome([{ tsSeconds: 100 }, { tsSeconds: 200 }])
    expect(await startTail(home, '--until', '1970-01-01T00:02:00Z').end()).toEqual({
      stdout: '1\n',
      stderr: '',
      exitCode: 0,
      signal: null,
    })
  })

  test.each([
    { signal: 'SIGINT', exitCode: 130 },
    { signal: 'SIGTERM', exitCode: 143 },
    { signal: 'SIGHUP', exitCode: 129 },
  ] as const)('$signal ends it with $exitCode', async ({ signal, exitCode }) => {
    const { home } = createLogHome(some(1))
    const tail = startTail(home)
    await tail.until(() => tail.stdout === '1\n')
    expect(await tail.end(signal)).toEqual({ stdout: '1\n', stderr: '', exitCode, signal: null })
  })

  test('a signal amid many rows leaves whole lines', async () => {
    const { home } = createLogHome(Array(30_000).fill({ body: 'x'.repeat(300) }))
    const tail = startBin('codex-logs', ['tail', '--codex-home', home, '--backfill', 'all'])
    await tail.until(() => tail.stdout.length > 0)
    const { stdout, exitCode } = await tail.end('SIGINT')
    expect(exitCode).toBe(130)
    const lines = stdout.split('\n')
    expect(lines.pop()).toBe('')
    expect(new Set(lines.map((line) => line.length)).size).toBe(1)
  })
})

function recordedId(cursor: string): number | undefined {
  return existsSync(cursor) ? JSON.parse(readFileSync(cursor, 'utf8')).id : undefined
}

describe('codex-logs tail --cursor-file', () => {
  test('goes on where the last one ended', async () => {
    const { home, path } = createLogHome(some(3))
    const cursor = join(temporaryFolder(), 'cursor')
    const first = startTail(home, '--cursor-file', cursor)
    await first.until(() => first.stdout === '1\n2\n3\n')
    insertLogRows(path, some(2))
    await first.until(() => first.stdout.endsWith('5\n'))
    await first.end('SIGINT')
    insertLogRows(path, some(400))
    const second = startTail(home, '--cursor-file', cursor, '--backfill', '1')
    await second.until(() => second.stdout.endsWith('405\n'))
    insertLogRows(path, some(1))
    await second.until(() => second.stdout.endsWith('406\n'))
    const { stdout, stderr } = await second.end('SIGINT')
    expect(idsOf(stdout)).toEqual(upTo(406, 6))
    expect(stderr).toBe('')
  })

  test('loses and doubles nothing when it is killed', async () => {
    const { home, path } = createLogHome([])
    const cursor = join(temporaryFolder(), 'cursor')
    const writer = startWriter(path)
    const seen: number[] = []
    let last = 0
    for (let turn = 0; turn < 4; turn++) {
      const tail = startTail(home, '--cursor-file', cursor)
      last = await writer.insert(5)
      await tail.until(() => tail.stdout.endsWith(`${last}\n`))
      // Printed, and then recorded: in between a kill would print the batch once more.
      await tail.until(() => recordedId(cursor) === last)
      const { stdout, signal } = await tail.end('SIGKILL')
      expect(signal).toBe('SIGKILL')
      seen.push(...idsOf(stdout))
      last = await writer.insert(2)
    }
    const tail = startTail(home, '--cursor-file', cursor)
    await tail.until(() => tail.stdout.endsWith(`${last}\n`))
    seen.push(...idsOf((await tail.end('SIGINT')).stdout))
    expect(seen).toEqual(upTo(last))
  })

  test('goes on where it ended when the database is there only later', async () => {
    const { home, path } = createLogHome(some(3))
    const cursor = join(temporaryFolder(), 'cursor')
    await startTail(home, '--no-follow', '--cursor-file', cursor).end()
    const aside = join(temporaryFolder(), 'aside')
    renameSync(home, aside)
    const tail = startTail(home, '--cursor-file', cursor)
    await tail.until(() => tail.stderr !== '')
    insertLogRows(join(aside, 'logs_2.sqlite'), some(2))
    renameSync(aside, home)
    await tail.until(() => tail.stdout.endsWith('5\n'))
    const { stdout, stderr } = await tail.end('SIGINT')
    expect(stdout).toBe('4\n5\n')
    expect(stderr).toBe(
      `codex-logs: no log database in ${home} yet; waiting for one\ncodex-logs: going on with ${path}\n`,
    )
  })

  test('of another database is not used, and that is said', async () => {
    const cursor = join(temporaryFolder(), 'cursor')
    const one = createLogHome(some(3))
    const other = createLogHome(some(2))
    const first = startTail(one.home, '--no-follow', '--cursor-file', cursor)
    expect((await first.end()).stdout).toBe('1\n2\n3\n')
    const second = startTail(other.home, '--no-follow', '--cursor-file', cursor)
    expect(await second.end()).toEqual({
      stdout: '1\n2\n',
      stderr: `codex-logs: the cursor belongs to another database (${one.path}); starting anew\n`,
      exitCode: 0,
      signal: null,
    })
    expect(JSON.parse(readFileSync(cursor, 'utf8'))).toMatchObject({ database: { path: other.path }, id: 2 })
  })
})
