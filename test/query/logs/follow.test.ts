import { copyFileSync, mkdirSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { identityOf } from '../../../src/db/files.js'
import { StateError } from '../../../src/errors.js'
import type { LogFilter } from '../../../src/model/log.js'
import { type FollowEvent, followLogs } from '../../../src/query/logs/follow.js'
import { placeAtEnd, START } from '../../../src/query/logs/place.js'
import { type LogStore, openLogStore } from '../../../src/query/logs/store.js'
import { candidatesFor, listDatabases } from '../../../src/schema/files.js'
import { createHome, LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { createLogHome, NEWEST_LAYOUT } from '../../helpers/log-layouts.js'
import { insertLogRows, type NewLogRow } from '../../helpers/log-rows.js'
import { startWriter } from '../../helpers/writer.js'

/** What a look brought: ids of rows, and every other event in words. */
type Seen = number | string

/** A follow whose looks the test calls for one by one: polls, of which those that find nothing new look the least. */
function follow(
  home: string,
  { filter = {}, fromNow = true }: { filter?: LogFilter; fromNow?: boolean } = {},
) {
  const list = () => candidatesFor('logs', listDatabases(home))
  const open = openLogStore
  let idle = Promise.withResolvers<void>()
  let pending: ((next: IteratorResult<'poll'>) => void) | undefined
  let time = 0
  const changes: AsyncIterable<'poll'> = {
    [Symbol.asyncIterator]: () => ({
      next: () =>
        new Promise((resolve) => {
          pending = resolve
          idle.resolve()
        }),
      return: async () => ({ done: true, value: undefined }),
    }),
  }
  const store = open(list())
  const start = store && {
    store,
    place: fromNow ? placeAtEnd(store) : START,
    identity: identityOf(store.file.path),
  }
  const seen: Seen[] = []
  const events = followLogs({ list, open, start, filter, changes, now: () => time++, relocateMs: 1 })
  const collect = async () => {
    for await (const event of events) seen.push(...describeEvent(event, home))
  }
  const ended = collect()
  ended.catch((error) => idle.reject(error))

  return {
    /** One look; what it brought. */
    async look(): Promise<Seen[]> {
      await idle.promise
      idle = Promise.withResolvers()
      pending!({ done: false, value: 'poll' })
      await idle.promise
      return seen.splice(0)
    },
    /** Lets time go by between two looks. */
    wait(ms: number): void {
      time += ms
    },
    async end(): Promise<void> {
      await idle.promise
      pending!({ done: true, value: undefined })
      await ended
    },
  }
}

function describeEvent(event: FollowEvent, home: string): Seen[] {
  const name = (path = '') => path.replace(`${home}/`, '')
  switch (event.kind) {
    case 'rows':
    case 'earlier':
      return event.rows.map(({ id }) => Number(id))
    case 'pruned':
      return [`${event.rowCount} pruned`]
    case 'switched':
      return [
        `${event.reason}: ${name(event.path)}${event.repeatedCount > 0 ? `, ${event.repeatedCount} perhaps again` : ''}`,
      ]
    case 'reused':
      return [`reused: on after ${event.afterId}`]
    case 'returned':
      return [`returned: ${name(event.path)}`]
    case 'waiting':
      return [`waiting: ${name(event.path)}`]
    case 'failed':
      return [`failed: ${event.error.code}`]
  }
}

/** As one who restores a backup: a log of the old file would spoil the new one. */
function replace(other: string, path: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
  renameSync(other, path)
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

test('each row comes once and in order, across checkpoints, VACUUM, a new writer and a killed one', async () => {
  const { home, path } = createLogHome([])
  const { look, end } = follow(home)
  const seen: Seen[] = []
  const expectUpTo = async (last: number) => {
    seen.push(...(await look()))
    expect(seen).toEqual(upTo(last))
  }
  await expectUpTo(0)
  const first = startWriter(path)
  await first.insert(3)
  await expectUpTo(3)
  await first.insert(700)
  await first.insert(1)
  await expectUpTo(704)
  await first.checkpoint('PASSIVE')
  await expectUpTo(704)
  await first.insert(2)
  expect(await first.checkpoint('TRUNCATE')).toMatchObject({ busy: 0 })
  await expectUpTo(706)
  await first.insert(2)
  await first.exec('VACUUM')
  await first.insert(2)
  await expectUpTo(710)
  await first.close()
  await expectUpTo(710)
  const second = startWriter(path)
  await second.insert(5)
  await expectUpTo(715)
  await second.insert(5)
  await second.kill()
  await expectUpTo(720)
  const third = startWriter(path)
  await third.insert(1)
  await expectUpTo(721)
  await third.close()
  await expectUpTo(721)
  await end()
})

test('the rows of every layout', async () => {
  for (const layout of LAYOUTS) {
    const { home, path } = createLogHome([{}, {}], layout)
    const { look, end } = follow(home, { fromNow: false })
    expect(await look()).toEqual([1, 2])
    insertLogRows(path, [{}])
    expect(await look()).toEqual([3])
    await end()
  }
})

test('rows that do not match are passed over and not taken for pruned ones', async () => {
  const { home, path } = createLogHome([])
  const { look, end } = follow(home, { filter: { levels: ['ERROR'] } })
  insertLogRows(path, [{ level: 'INFO' }, { level: 'ERROR' }, { level: 'INFO' }])
  expect(await look()).toEqual([2])
  insertLogRows(path, [{ level: 'INFO' }])
  expect(await look()).toEqual([])
  insertLogRows(path, [{ level: 'error' }])
  expect(await look()).toEqual([5])
  await end()
})

test('rows that were pruned unread are counted, those that were read are not', async () => {
  const { home, path } = createLogHome(Array<NewLogRow>(5).fill({}))
  const { look, end } = follow(home)
  const writer = startWriter(path)
  expect(await writer.insert(10, 4)).toBe(15)
  expect(await look()).toEqual([...upTo(15, 12), '6 pruned'])
  expect(await writer.insert(2, 2)).toBe(17)
  expect(await look()).toEqual([16, 17])
  await writer.insert(5, 0)
  expect(await look()).toEqual(['5 pruned'])
  await writer.insert(2000, 1000)
  expect(await look()).toEqual([...upTo(2022, 1023), '1000 pruned'])
  expect(await look()).toEqual([])
  await end()
})

test('a database that comes later is waited for', async () => {
  const folder = join(temporaryFolder(), 'home')
  const { look, end } = follow(folder)
  expect(await look()).toEqual(['waiting: '])
  mkdirSync(folder)
  expect(await look()).toEqual([])
  const { path } = createLogHome([{}, {}])
  copyFileSync(path, join(folder, 'logs_2.sqlite'))
  expect(await look()).toEqual(['appeared: logs_2.sqlite', 1, 2])
  expect(await look()).toEqual([])
  await end()
})

test('an empty file is a database that is still being made', async () => {
  const folder = temporaryFolder()
  const { look, end } = follow(folder)
  const path = join(folder, 'logs_2.sqlite')
  const writer = startWriter(path)
  expect(await look()).toEqual(['waiting: '])
  await writer.exec(
    'CREATE TABLE logs (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INT, ts_nanos INT, level, target, message)',
  )
  await writer.insert(1)
  expect(await look()).toEqual(['appeared: logs_2.sqlite', 1])
  await end()
})

test('a newer generation is read from its start, after the rest of the older one', async () => {
  const older = LAYOUTS.find(({ logsFile }) => logsFile === 'logs_1.sqlite')!
  const { home, path } = createLogHome([{}], older)
  const { look, end } = follow(home)
  expect(await look()).toEqual([])
  insertLogRows(path, [{}, {}])
  copyFileSync(join(createHome(NEWEST_LAYOUT), 'logs_2.sqlite'), join(home, 'logs_2.sqlite'))
  insertLogRows(join(home, 'logs_2.sqlite'), [{}])
  expect(await look()).toEqual([2, 3, 'newer: logs_2.sqlite', 1])
  insertLogRows(path, [{}])
  insertLogRows(join(home, 'logs_2.sqlite'), [{}])
  expect(await look()).toEqual([2])
  await end()
})

test('a file that takes the place of the other is read from its start', async () => {
  const { home, path } = createLogHome([{}, {}, {}])
  const { look, end } = follow(home)
  const other = createLogHome(Array<NewLogRow>(5).fill({})).path
  insertLogRows(path, [{}])
  replace(other, path)
  expect(await look()).toEqual(['replaced: logs_2.sqlite, 5 perhaps again', ...upTo(5)])
  await end()
})

test('with rows of the old file that were not read yet first, while its writer lives', async () => {
  const { home, path } = createLogHome([{}, {}, {}])
  const writer = startWriter(path)
  await writer.insert(1)
  const { look, end } = follow(home)
  await writer.insert(2)
  replace(createLogHome([{}]).path, path)
  expect(await look()).toEqual([5, 6, 'replaced: logs_2.sqlite, 1 perhaps again', 1])
  await end()
})

test('a file that is deleted and made anew is read from its start', async () => {
  const { home, path } = createLogHome([{}, {}, {}])
  const { look, end } = follow(home)
  expect(await look()).toEqual([])
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
  expect(await look()).toEqual(['waiting: logs_2.sqlite'])
  copyFileSync(createLogHome(Array<NewLogRow>(5).fill({})).path, path)
  expect(await look()).toEqual(['appeared: logs_2.sqlite', ...upTo(5)])
  await end()
})

test('a database that comes back is read on from where it was left', async () => {
  const older = LAYOUTS.find(({ logsFile }) => logsFile === 'logs_1.sqlite')!
  const { home, path } = createLogHome([{}, {}], older)
  const { look, end } = follow(home)
  const newer = join(home, 'logs_2.sqlite')
  const aside = join(home, 'aside')
  copyFileSync(createLogHome([{}, {}, {}]).path, newer)
  expect(await look()).toEqual(['newer: logs_2.sqlite', 1, 2, 3])
  renameSync(newer, aside)
  insertLogRows(path, [{}])
  expect(await look()).toEqual(['returned: logs_1.sqlite', 3])
  insertLogRows(aside, [{}])
  renameSync(aside, newer)
  expect(await look()).toEqual(['returned: logs_2.sqlite', 4])
  await end()
})

test('an older generation that was never read is not begun with while the newer one is away', async () => {
  const older = LAYOUTS.find(({ logsFile }) => logsFile === 'logs_1.sqlite')!
  const { home, path } = createLogHome(distinct(3), older)
  const newer = join(home, 'logs_2.sqlite')
  const aside = join(home, 'aside')
  copyFileSync(createLogHome(distinct(2)).path, newer)
  const { look, end } = follow(home)
  renameSync(newer, aside)
  expect(await look()).toEqual(['returned: logs_1.sqlite'])
  insertLogRows(path, distinct(1))
  expect(await look()).toEqual([4])
  renameSync(aside, newer)
  insertLogRows(newer, distinct(1))
  expect(await look()).toEqual(['returned: logs_2.sqlite', 3])
  await end()
})

test('ids that begin anew in the same file are read from the first', async () => {
  const { home, path } = createLogHome(Array<NewLogRow>(5).fill({}))
  const { look, end } = follow(home)
  const writer = startWriter(path)
  await writer.exec('DELETE FROM logs; DELETE FROM sqlite_sequence')
  await writer.insert(2)
  expect(await look()).toEqual(['restarted: logs_2.sqlite', 1, 2])
  await end()
})

/** Rows that differ from each other, as those of Codex do. */
function distinct(count: number, body = 'row'): NewLogRow[] {
  return Array.from({ length: count }, (_, n) => ({ tsSeconds: 1000 + n, body: `${body} ${n}` }))
}

describe('ids that are given a second time', () => {
  const REBUILD = `
    CREATE TABLE rebuilt (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, ts_nanos INTEGER NOT NULL, level TEXT NOT NULL,
      target TEXT NOT NULL, feedback_log_body TEXT);
    INSERT INTO rebuilt SELECT id, ts, ts_nanos, level, target, feedback_log_body FROM logs;
    DROP TABLE logs;
    ALTER TABLE rebuilt RENAME TO logs;`

  test('by a table that was rebuilt after its newest rows were deleted: each row comes once', async () => {
    const { home, path } = createLogHome(distinct(5))
    const { look, end } = follow(home)
    insertLogRows(path, distinct(5, 'more'))
    expect(await look()).toEqual(upTo(10, 6))
    const writer = startWriter(path)
    await writer.exec(`DELETE FROM logs WHERE id > 7; ${REBUILD}`)
    await writer.insert(2)
    expect(await look()).toEqual(['reused: on after 7', 8, 9])
    await writer.insert(3)
    expect(await look()).toEqual(upTo(12, 10))
    await end()
  })

  test('and beyond what was seen, between two looks', async () => {
    const { home, path } = createLogHome(distinct(10))
    const { look, end } = follow(home)
    const writer = startWriter(path)
    await writer.exec(`DELETE FROM logs WHERE id > 7; ${REBUILD}`)
    await writer.insert(20)
    expect(await look()).toEqual(['reused: on after 7', ...upTo(27, 8)])
    await end()
  })

  test('by a table that was emptied with its sequence and is longer than before by the next look', async () => {
    const { home, path } = createLogHome(distinct(5))
    const { look, end } = follow(home)
    expect(await look()).toEqual([])
    const writer = startWriter(path)
    await writer.exec('DELETE FROM logs; DELETE FROM sqlite_sequence')
    await writer.insert(9)
    expect(await look()).toEqual(['restarted: logs_2.sqlite', ...upTo(9)])
    await end()
  })

  test('by a backup that was copied over the file', async () => {
    const { home, path } = createLogHome(distinct(10))
    const backup = join(temporaryFolder(), 'backup')
    copyFileSync(path, backup)
    const { look, end } = follow(home)
    insertLogRows(path, distinct(40, 'lost'))
    expect(await look()).toEqual(upTo(50, 11))
    copyFileSync(backup, path)
    insertLogRows(path, distinct(60, 'after'))
    expect(await look()).toEqual(['reused: on after 10', ...upTo(70, 11)])
    await end()
  })

  test('by another database that was copied over the file', async () => {
    const { home, path } = createLogHome(distinct(5))
    const other = createLogHome(distinct(9, 'other')).path
    const writer = startWriter(other)
    await writer.exec("UPDATE _sqlx_migrations SET installed_on = '2025-01-01 00:00:00'")
    await writer.close()
    const { look, end } = follow(home)
    expect(await look()).toEqual([])
    copyFileSync(other, path)
    expect(await look()).toEqual(['replaced: logs_2.sqlite', ...upTo(9)])
    await end()
  })

  test('are told from rows that were deleted, also when none of those that were seen is left', async () => {
    const { home, path } = createLogHome(distinct(5))
    const { look, end } = follow(home)
    const writer = startWriter(path)
    await writer.insert(3, 0)
    expect(await look()).toEqual(['3 pruned'])
    await writer.insert(2)
    expect(await look()).toEqual([9, 10])
    await end()
  })
})

test('each generation that came meanwhile is read, oldest first, after the rest of the one before', async () => {
  const older = LAYOUTS.find(({ logsFile }) => logsFile === 'logs_1.sqlite')!
  const { home, path } = createLogHome(distinct(2), older)
  const { look, end } = follow(home)
  expect(await look()).toEqual([])
  insertLogRows(path, distinct(1))
  copyFileSync(createLogHome(distinct(3)).path, join(home, 'logs_2.sqlite'))
  copyFileSync(createLogHome(distinct(4)).path, join(home, 'logs_3.sqlite'))
  expect(await look()).toEqual([3, 'newer: logs_2.sqlite', 1, 2, 3, 'newer: logs_3.sqlite', 1, 2, 3, 4])
  await end()
})

test('the generations after one that is gone are read from the oldest on', async () => {
  const older = LAYOUTS.find(({ logsFile }) => logsFile === 'logs_1.sqlite')!
  const { home, path } = createLogHome(distinct(2), older)
  const { look, end } = follow(home)
  expect(await look()).toEqual([])
  rmSync(path)
  copyFileSync(createLogHome(distinct(3)).path, join(home, 'logs_2.sqlite'))
  copyFileSync(createLogHome(distinct(4)).path, join(home, 'logs_3.sqlite'))
  expect(await look()).toEqual(['newer: logs_2.sqlite', 1, 2, 3, 'newer: logs_3.sqlite', 1, 2, 3, 4])
  await end()
})

test('a table without a sequence, and ids below 1, are followed like any other', async () => {
  const folder = temporaryFolder()
  const writer = startWriter(join(folder, 'logs_2.sqlite'))
  await writer.exec(
    'CREATE TABLE logs (id INTEGER PRIMARY KEY, ts INT, ts_nanos INT, level, target, message)',
  )
  await writer.exec(
    "INSERT INTO logs VALUES (-5, 1, 0, 'INFO', 't', 'below'), (0, 2, 0, 'INFO', 't', 'none')",
  )
  const { look, end } = follow(folder, { fromNow: false })
  expect(await look()).toEqual([-5, 0])
  await writer.insert(2)
  expect(await look()).toEqual([1, 2])
  await end()
})

test('a row far above the others takes one look', async () => {
  const { home, path } = createLogHome(distinct(3))
  const { look, end } = follow(home)
  insertLogRows(path, [{ id: 2n ** 40n }, { id: 2n ** 53n + 1n }])
  expect(await look()).toEqual([2 ** 40, 2 ** 53, `${2n ** 53n - 4n} pruned`])
  insertLogRows(path, [{}])
  expect(await look()).toEqual([2 ** 53 + 2])
  await end()
})

test('a migration of the table under us changes nothing', async () => {
  const layout = LAYOUTS.find(({ name }) => name === '0.113 to 0.116')!
  const { home, path } = createLogHome([{ body: 'old' }], layout)
  const { look, end } = follow(home)
  const writer = startWriter(path)
  await writer.insert(1)
  expect(await look()).toEqual([2])
  await writer.exec('ALTER TABLE logs RENAME COLUMN message TO feedback_log_body')
  await writer.insert(1)
  const seen = [...(await look()), ...(await look())]
  expect(seen).toEqual([3])
  await end()
})

test('a database that stays damaged ends it', async () => {
  const { home, path } = createLogHome(Array<NewLogRow>(2000).fill({ body: 'x'.repeat(50) }))
  const { look, wait } = follow(home, { fromNow: false })
  truncateSync(path, 8192)
  // It may be a file that is being copied over it.
  expect(await look()).toEqual([])
  wait(10_000)
  await expect(look()).rejects.toThrow(StateError)
})

test('all that is open is closed at the end', async () => {
  const { home } = createLogHome([{}])
  const store = openLogStore(listDatabases(home)) as LogStore
  let closed = 0
  const close = store.connection.close
  store.connection.close = () => {
    closed += 1
    close()
  }
  const events = followLogs({
    list: () => [],
    open: () => undefined,
    start: { store, place: START, identity: identityOf(store.file.path) },
    filter: {},
    changes: (async function* () {
      yield 'poll' as const
    })(),
    now: () => 0,
    relocateMs: 1000,
  })
  onTestFinished(() => store.connection.close())
  const seen: FollowEvent[] = []
  for await (const event of events) seen.push(event)
  expect(seen.map(({ kind }) => kind)).toEqual(['rows'])
  expect(closed).toBe(1)
})
