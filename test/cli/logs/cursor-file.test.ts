import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { readCursor, writeCursor } from '../../../src/cli/logs/cursor-file.js'
import { temporaryFolder } from '../../helpers/layouts.js'
import { createLogHome } from '../../helpers/log-layouts.js'
import { insertLogRows, type NewLogRow } from '../../helpers/log-rows.js'
import { runLogs } from '../../helpers/run.js'

const some = (count: number): NewLogRow[] => Array(count).fill({})

describe('the file', () => {
  const cursor = {
    database: { path: '/home/logs_2.sqlite', created: '2026-02-06 09:15:02' },
    id: 7n,
    mark: { id: 7n, seconds: 5, nanos: 6, hash: 'abc' },
  }

  test('holds what was written, and no other file is left beside it', () => {
    const path = join(temporaryFolder(), 'cursor')
    expect(readCursor(path)).toBeUndefined()
    writeCursor(path, cursor)
    const big = 2n ** 63n - 1n
    writeCursor(path, { ...cursor, id: big, mark: undefined })
    expect(readCursor(path)).toEqual({ ...cursor, id: big, mark: undefined })
    writeCursor(path, cursor)
    expect(readCursor(path)).toEqual(cursor)
    expect(readdirSync(dirname(path))).toEqual(['cursor'])
  })

  test.each([
    '',
    'text',
    '{}',
    'null',
    '{"id":1}',
    '{"database":{"path":"/x","created":5},"id":1}',
    '{"database":{"path":"/x","created":"y"},"id":1.5}',
    '{"database":{"path":"/x","created":"y"},"id":"ten"}',
  ])('with other content is refused: %j', (content) => {
    const path = join(temporaryFolder(), 'cursor')
    writeFileSync(path, content)
    expect(() => readCursor(path)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: `${path} is not a cursor file` }),
    )
    expect(readFileSync(path, 'utf8')).toBe(content)
  })

  test('that cannot be read or written is named', () => {
    const folder = temporaryFolder()
    expect(() => readCursor(folder)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    expect(() => writeCursor('/no/such/folder/cursor', cursor)).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    )
    // Nor is anything left beside one that cannot be replaced.
    const taken = join(folder, 'taken')
    mkdirSync(join(taken, 'sub'), { recursive: true })
    expect(() => writeCursor(taken, cursor)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    expect(readdirSync(folder)).toEqual(['taken'])
  })
})

describe('query --cursor-file', () => {
  const query = (home: string, cursor: string, ...argv: string[]) =>
    runLogs(['query', '--codex-home', home, '--fields', 'id', '--cursor-file', cursor, ...argv])

  test('starts after the row recorded there and records the last one printed', async () => {
    const { home, path } = createLogHome(some(3))
    const cursor = join(temporaryFolder(), 'cursor')
    expect(await query(home, cursor)).toEqual({ stdout: '1\n2\n3\n', stderr: '', exitCode: 0 })
    expect(JSON.parse(readFileSync(cursor, 'utf8'))).toEqual({
      database: { path, created: '2026-11-21 00:11:16', role: 'logs', generation: 2 },
      id: 3,
      row: { ts: 0, ts_nanos: 0, hash: expect.stringMatching(/^[0-9a-f]{16}$/) },
    })
    expect(await query(home, cursor)).toEqual({ stdout: '', stderr: '', exitCode: 0 })
    insertLogRows(path, some(2))
    expect(await query(home, cursor, '-n', '1')).toMatchObject({ stdout: '5\n' })
    insertLogRows(path, [{ level: 'WARN' }, {}])
    expect(await query(home, cursor, '--level', 'warn')).toMatchObject({ stdout: '6\n' })
    expect(await query(home, cursor)).toMatchObject({ stdout: '7\n' })
  })

  test.each(['query', 'tail'])('%s says how many rows went since the row recorded', async (command) => {
    const { home, path } = createLogHome(some(3))
    const cursor = join(temporaryFolder(), 'cursor')
    await query(home, cursor)
    insertLogRows(path, some(4))
    const writer = new Database(path)
    writer.exec('DELETE FROM logs WHERE id IN (2, 4, 5)')
    writer.close()
    const argv = ['--codex-home', home, '--fields', 'id', '--cursor-file', cursor]
    const ending = command === 'tail' ? ['--no-follow'] : []
    expect(await runLogs([command, ...argv, ...ending])).toEqual({
      stdout: '6\n7\n',
      stderr: 'codex-logs: 2 rows were deleted by Codex before they could be read\n',
      exitCode: 0,
    })
  })

  test('newest first, the newest is recorded all the same', async () => {
    const { home } = createLogHome(some(3))
    const cursor = join(temporaryFolder(), 'cursor')
    expect(await query(home, cursor, '--reverse')).toMatchObject({ stdout: '3\n2\n1\n' })
    expect(readCursor(cursor)).toMatchObject({ id: 3n })
    expect(await query(home, cursor)).toMatchObject({ stdout: '' })
  })

  test('records nothing when nothing is printed, and refuses a file of another kind before it prints', async () => {
    const { home } = createLogHome(some(1))
    const folder = temporaryFolder()
    expect(await query(home, join(folder, 'cursor'), '--level', 'error')).toMatchObject({ exitCode: 0 })
    expect(readdirSync(folder)).toEqual([])
    writeFileSync(join(folder, 'notes'), 'my notes')
    expect(await query(home, join(folder, 'notes'))).toEqual({
      stdout: '',
      stderr: `codex-logs: ${join(folder, 'notes')} is not a cursor file. Name another file, or remove it.\n`,
      exitCode: 2,
    })
    mkdirSync(join(folder, 'sub'))
    expect(await query(home, join(folder, 'sub'))).toMatchObject({ stdout: '', exitCode: 2 })
  })

  test('belongs to one database', async () => {
    const one = createLogHome(some(3))
    const cursor = join(temporaryFolder(), 'cursor')
    await query(one.home, cursor)
    const other = createLogHome(some(2))
    expect(await query(other.home, cursor)).toEqual({
      stdout: '1\n2\n',
      stderr: `codex-logs: the cursor belongs to another database (${one.path}); starting anew\n`,
      exitCode: 0,
    })
  })
})
