import { expect, test } from 'vitest'
import { openLogStore } from '../../../src/query/logs/store.js'
import { findLoggedThread } from '../../../src/query/logs/threads.js'
import { listDatabases } from '../../../src/schema/files.js'
import {
  createLogHome,
  LOG_LAYOUTS,
  SAMPLE_ROWS,
  THREAD_A,
  THREAD_A2,
  THREAD_B,
} from '../../helpers/log-layouts.js'

const storeOf = (rows = SAMPLE_ROWS, layout = LOG_LAYOUTS.at(-1)) =>
  openLogStore(listDatabases(createLogHome(rows, layout).home))!

test('a beginning that only one thread has, in any case', () => {
  const store = storeOf()
  expect(findLoggedThread(store, '019b')).toBe(THREAD_B)
  expect(findLoggedThread(store, ' 019A111 ')).toBe(THREAD_A)
  expect(findLoggedThread(store, '019a112')).toBe(THREAD_A2)
  store.connection.close()
})

test('a full id is taken as it is: its rows may be yet to come', () => {
  const id = 'ffffffff-0000-7000-8000-000000000000'
  expect(findLoggedThread(undefined, id.toUpperCase())).toBe(id)
})

test.each(['ffff', '', ' ', '%', '019a1111-0000-7000-8000-00000000000a0'])('%j is no thread', (typed) => {
  const store = storeOf()
  expect(() => findLoggedThread(store, typed)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
  expect(() => findLoggedThread(undefined, typed)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
  store.connection.close()
})

test('a layout without threads has none', () => {
  const store = storeOf(SAMPLE_ROWS, LOG_LAYOUTS[0])
  expect(() => findLoggedThread(store, '019b')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
  store.connection.close()
})

test('of many threads that begin alike the first ones are named', () => {
  const ids = Array.from({ length: 9 }, (_, n) => `019a000${n}-0000-7000-8000-000000000000`)
  const store = storeOf(ids.map((threadId) => ({ threadId })))
  expect(() => findLoggedThread(store, '019a')).toThrow(
    expect.objectContaining({
      code: 'AMBIGUOUS',
      message: `'019a' fits more than one thread:\n${[...ids.slice(0, 6), '…'].map((id) => `  ${id}`).join('\n')}`,
    }),
  )
  store.connection.close()
})
