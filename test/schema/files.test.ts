import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { candidatesFor, listDatabases, parseDatabaseFilename } from '../../src/schema/files.js'
import { temporaryFolder } from '../helpers/layouts.js'

test.each([
  ['state.sqlite', { role: 'state', generation: 0 }],
  ['state_4.sqlite', { role: 'state', generation: 4 }],
  ['state_10.sqlite', { role: 'state', generation: 10 }],
  ['logs_1.sqlite', { role: 'logs', generation: 1 }],
  ['memories_v2_1.sqlite', { role: 'memories_v2', generation: 1 }],
  ['thread_history_1.sqlite', { role: 'thread_history', generation: 1 }],
  ['agent_message_board_1.sqlite', { role: 'agent_message_board', generation: 1 }],
])('%s is a database', (name, expected) => {
  expect(parseDatabaseFilename(name)).toEqual(expected)
})

test.each([
  'state_abc.sqlite',
  'state_.sqlite',
  'state.sqlite_backup',
  'state.sqlite.bak',
  'mystate_4.sqlite',
  'logs_2.sqlite-wal',
  'logs_2.sqlite-shm',
  'logs_2.sqlite-x',
  'State_4.sqlite',
  'other_1.sqlite',
  'sqlite',
  '',
])('%j is none', (name) => {
  expect(parseDatabaseFilename(name)).toBeUndefined()
})

test('a folder’s databases come by role, newest generation first, by number and not by name', () => {
  const folder = temporaryFolder()
  const names = [
    'logs_2.sqlite',
    'state.sqlite',
    'logs_10.sqlite',
    'state_5.sqlite',
    'goals_1.sqlite',
    'logs_1.sqlite',
  ]
  for (const name of [...names, 'state_5.sqlite-wal', 'config.toml', 'history.jsonl']) {
    writeFileSync(join(folder, name), '')
  }
  mkdirSync(join(folder, 'state_9.sqlite'))
  symlinkSync(join(folder, 'nowhere'), join(folder, 'state_8.sqlite'))
  symlinkSync(join(folder, 'state.sqlite'), join(folder, 'state_4.sqlite'))
  const found = listDatabases(folder)
  expect(found.map(({ path, ...rest }) => [path.slice(folder.length + 1), rest])).toEqual([
    ['state_5.sqlite', { role: 'state', generation: 5, age: 'known' }],
    ['state_4.sqlite', { role: 'state', generation: 4, age: 'older' }],
    ['state.sqlite', { role: 'state', generation: 0, age: 'older' }],
    ['logs_10.sqlite', { role: 'logs', generation: 10, age: 'newer' }],
    ['logs_2.sqlite', { role: 'logs', generation: 2, age: 'known' }],
    ['logs_1.sqlite', { role: 'logs', generation: 1, age: 'older' }],
    ['goals_1.sqlite', { role: 'goals', generation: 1, age: 'known' }],
  ])
  const names_ = (table: Parameters<typeof candidatesFor>[0]) =>
    candidatesFor(table, found).map(({ path }) => path.slice(folder.length + 1))
  expect(names_('logs')).toEqual([
    'logs_10.sqlite',
    'logs_2.sqlite',
    'logs_1.sqlite',
    'state_5.sqlite',
    'state_4.sqlite',
    'state.sqlite',
  ])
  expect(names_('threads')).toEqual(['state_5.sqlite', 'state_4.sqlite', 'state.sqlite'])
})

test('a folder that is not there holds none', () => {
  expect(listDatabases('/no/such/folder')).toEqual([])
})
