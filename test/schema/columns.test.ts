import { expect, test } from 'vitest'
import { columnSql, quoteIdentifier, resolveColumns } from '../../src/schema/columns.js'

test('each property gets the newest spelling that is there, or none', () => {
  const sources = { body: ['feedback_log_body', 'message'], id: ['id'], threadId: ['thread_id'] }
  expect(resolveColumns(sources, new Set(['id', 'message']))).toEqual({
    body: 'message',
    id: 'id',
    threadId: undefined,
  })
  expect(resolveColumns(sources, new Set(['message', 'feedback_log_body', 'thread_id', 'more']))).toEqual({
    body: 'feedback_log_body',
    id: undefined,
    threadId: 'thread_id',
  })
})

test('a column as SQL', () => {
  expect(columnSql('thread_id')).toBe('thread_id')
  expect(columnSql(undefined)).toBe('NULL')
  expect(quoteIdentifier('odd "name')).toBe('"odd ""name"')
})
