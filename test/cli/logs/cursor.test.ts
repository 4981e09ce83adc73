import {
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { readCursor } from '../../../src/cli/logs/cursor-file.js'
import { copyHome, makeCase } from '../../helpers/homes.js'
import { LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { createLogHome } from '../../helpers/log-layouts.js'
import { insertLogRows, type NewLogRow } from '../../helpers/log-rows.js'
import { runLogs } from '../../helpers/run.js'

const ONE = LAYOUTS.find(({ logsFile }) => logsFile === 'logs_1.sqlite')!

/** Rows that differ from each other, as those of Codex do. */
function rows(count: number, body: string): NewLogRow[] {
  return Array.from({ length: count }, (_, n) => ({ tsSeconds: 1000 + n, body: `${body} ${n}` }))
}

const newCursor = () => join(temporaryFolder(), 'cursor')

/** Both commands take the same steps before a follow. */
const COMMANDS = ['query', 'tail'] as const

type Command = (typeof COMMANDS)[number]

async function read(command: Command, home: string, cursor: string, ...argv: string[]) {
  const end = command === 'tail' ? ['--no-follow'] : []
  const common = ['--codex-home', home, '--fields', 'body', '--format', 'cat', '--cursor-file', cursor]
  const { stdout, stderr, exitCode } = await runLogs([command, ...end, ...common, ...argv])
  expect(exitCode).toBe(0)
  return { bodies: stdout.split('\n').slice(0, -1), stderr }
}

function exec(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

describe.each(COMMANDS)('%s with a cursor', (command) => {
  test('finishes the generation it was in, then reads each newer one in order', async () => {
    const { home, path } = createLogHome(rows(3, 'one'), ONE)
    const cursor = newCursor()
    await read(command, home, cursor)
    insertLogRows(path, rows(2, 'between'))
    copyFileSync(createLogHome(rows(2, 'two')).path, join(home, 'logs_2.sqlite'))
    copyFileSync(createLogHome(rows(2, 'three')).path, join(home, 'logs_3.sqlite'))
    const seen = await read(command, home, cursor)
    expect(seen.bodies).toEqual(['between 0', 'between 1', 'two 0', 'two 1', 'three 0', 'three 1'])
    expect(readCursor(cursor)).toMatchObject({ database: { generation: 3 }, id: 2n })
    expect((await read(command, home, cursor)).bodies).toEqual([])
    insertLogRows(join(home, 'logs_3.sqlite'), rows(1, 'more'))
    expect((await read(command, home, cursor)).bodies).toEqual(['more 0'])
  })

  test('goes on with the next generation when its own is gone, and says what that means', async () => {
    const { home, path } = createLogHome(rows(3, 'one'), ONE)
    const cursor = newCursor()
    await read(command, home, cursor)
    rmSync(path)
    const next = join(home, 'logs_2.sqlite')
    copyFileSync(createLogHome(rows(2, 'two')).path, next)
    expect(await read(command, home, cursor)).toEqual({
      bodies: ['two 0', 'two 1'],
      stderr: `codex-logs: ${path} is gone, and with it what came after the last row shown; reading ${next} from its start\n`,
    })
  })

  test('starts anew in a backup that was put back, and says how many rows may be seen twice', async () => {
    const { home, path } = createLogHome(rows(10, 'old'))
    const backup = join(temporaryFolder(), 'backup')
    copyFileSync(path, backup)
    insertLogRows(path, rows(40, 'lost'))
    const cursor = newCursor()
    expect((await read(command, home, cursor)).bodies).toHaveLength(50)
    copyFileSync(backup, path)
    insertLogRows(path, rows(60, 'after'))
    const { bodies, stderr } = await read(command, home, cursor)
    expect(bodies).toEqual([...rows(10, 'old'), ...rows(60, 'after')].map(({ body }) => body))
    expect(stderr).toBe(
      `codex-logs: the ids of ${path} began anew; reading it from its start; up to 50 rows may be shown twice\n`,
    )
    insertLogRows(path, rows(5, 'later'))
    expect((await read(command, home, cursor)).bodies).toHaveLength(5)
  })

  test('starts anew where the table was emptied and ids begin again, as a guard or a person did', async () => {
    const cursor = newCursor()
    const home = copyHome('codex-0.169.0')
    const before = await read(command, home, cursor, ...(command === 'tail' ? ['-n', 'all'] : []))
    expect(before.bodies.length).toBeGreaterThan(40)
    rmSync(home, { recursive: true })
    renameSync(makeCase('log-emptied', 'codex-0.169.0'), home)
    const { bodies, stderr } = await read(command, home, cursor)
    expect(bodies).toHaveLength(40)
    expect(stderr).toContain(`codex-logs: the ids of ${join(home, 'logs_2.sqlite')} began anew;`)
    rmSync(dirname(home), { recursive: true })
  })

  test('goes on where its row was deleted, as Codex does', async () => {
    const { home, path } = createLogHome(rows(10, 'old'))
    const cursor = newCursor()
    await read(command, home, cursor)
    exec(path, 'DELETE FROM logs')
    insertLogRows(path, rows(2, 'new'))
    expect(await read(command, home, cursor)).toEqual({ bodies: ['new 0', 'new 1'], stderr: '' })
  })

  test('starts anew where its row is gone and a row before it is younger', async () => {
    const { home, path } = createLogHome(rows(10, 'old'))
    const cursor = newCursor()
    await read(command, home, cursor)
    exec(path, 'DELETE FROM logs; DELETE FROM sqlite_sequence')
    insertLogRows(
      path,
      Array.from({ length: 20 }, (_, n) => ({ tsSeconds: 90_000 + n, body: `new ${n}` })),
    )
    exec(path, 'DELETE FROM logs WHERE id = 10')
    const { bodies, stderr } = await read(command, home, cursor)
    expect(bodies).toHaveLength(19)
    expect(stderr).toBe(`codex-logs: the ids of ${path} began anew; reading it from its start\n`)
  })

  test('is that of the same database through a link to the home', async () => {
    const { home, path } = createLogHome(rows(3, 'old'))
    const cursor = newCursor()
    const link = join(temporaryFolder(), 'link')
    symlinkSync(home, link)
    await read(command, link, cursor)
    insertLogRows(path, rows(1, 'new'))
    expect(await read(command, home, cursor)).toEqual({ bodies: ['new 0'], stderr: '' })
    insertLogRows(path, rows(1, 'newer'))
    expect(await read(command, link, cursor)).toEqual({ bodies: ['newer 0'], stderr: '' })
  })

  test('of an earlier version is understood', async () => {
    const { home, path } = createLogHome(rows(5, 'old'))
    const cursor = newCursor()
    const database = { path, created: '2026-11-21 00:11:16' }
    writeFileSync(cursor, JSON.stringify({ database, id: 3 }))
    expect((await read(command, home, cursor)).bodies).toEqual(['old 3', 'old 4'])
  })
})

test('the newest rows across generations are the newest, in either order', async () => {
  const { home, path } = createLogHome(rows(1, 'zero'), ONE)
  const cursor = newCursor()
  await read('query', home, cursor)
  insertLogRows(path, rows(3, 'one'))
  copyFileSync(createLogHome(rows(2, 'two')).path, join(home, 'logs_2.sqlite'))
  const saved = readFileSync(cursor)
  expect((await read('query', home, cursor, '-n', '3')).bodies).toEqual(['one 2', 'two 0', 'two 1'])
  writeFileSync(cursor, saved)
  const { bodies } = await read('query', home, cursor, '--reverse')
  expect(bodies).toEqual(['two 1', 'two 0', 'one 2', 'one 1', 'one 0'])
  expect((await read('query', home, cursor)).bodies).toEqual([])
})

test('a cursor at an id beyond 2^53 goes on after exactly that row', async () => {
  const { home, path } = createLogHome([{ id: 2n ** 53n, body: 'a' }])
  const cursor = newCursor()
  await read('query', home, cursor)
  insertLogRows(path, [{ body: 'b' }, { body: 'c' }])
  expect((await read('query', home, cursor, '-n', '2')).bodies).toEqual(['b', 'c'])
  insertLogRows(path, [{ body: 'd' }])
  expect((await read('query', home, cursor)).bodies).toEqual(['d'])
})

test('nothing is left beside a cursor file that could not be written, and a link to it stays one', async () => {
  const { home, path } = createLogHome(rows(1, 'one'))
  const folder = temporaryFolder()
  const target = join(folder, 'target')
  const link = join(folder, 'link')
  writeFileSync(target, '{"database":{"path":"/x","created":"y"},"id":1}')
  symlinkSync(target, link)
  await read('query', home, link)
  expect(readCursor(target)).toMatchObject({ id: 1n, database: { path } })
  expect(readdirSync(folder).sort()).toEqual(['link', 'target'])
  const missing = join(folder, 'missing', 'cursor')
  const result = await runLogs(['query', '--codex-home', home, '--cursor-file', missing])
  expect(result).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining(`cannot write the cursor file ${missing}: its folder does not exist`),
  })
})
