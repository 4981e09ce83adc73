import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openReadOnly } from '../../../src/db/open-read.js'
import { normalizePath } from '../../../src/model/paths.js'
import { findForeignRollout, readThreadFiles } from '../../../src/query/threads/find.js'
import { describeThreadTable } from '../../../src/query/threads/table.js'
import { createHome, LAYOUTS } from '../../helpers/layouts.js'
import { insertThreads, threadId } from '../../helpers/seed.js'

test('a rollout of Windows is the one that its row names, in whichever spelling', () => {
  const layout = LAYOUTS.at(-1)!
  const path = join(createHome(layout), layout.stateFile)
  insertThreads(path, [
    { id: threadId(1), rolloutPath: '\\\\?\\C:\\Users\\me\\.codex\\sessions\\a.jsonl' },
    { id: threadId(2), rolloutPath: 'c:/users/me/.codex/sessions/b.jsonl' },
  ])
  const reader = openReadOnly(path)
  onTestFinished(() => reader.close())
  const threads = describeThreadTable(reader)
  const files = readThreadFiles(threads)
  const idAt = (spelling: string) => files.get(normalizePath(spelling))?.id
  expect(idAt('C:\\Users\\me\\.codex\\sessions\\a.jsonl')).toBe(threadId(1))
  expect(idAt('C:\\Users\\me\\.codex\\sessions\\b.jsonl')).toBe(threadId(2))
  expect(findForeignRollout(threads, 'C:\\Users\\me\\.codex\\')).toBeUndefined()
  expect(findForeignRollout(threads, 'C:\\Users\\me\\.code\\')).toBe(
    '\\\\?\\C:\\Users\\me\\.codex\\sessions\\a.jsonl',
  )
})

test('the release that was here last is told by the threads that changed last, not by old ones', () => {
  const layout = LAYOUTS.at(-1)!
  const path = join(createHome(layout), layout.stateFile)
  insertThreads(
    path,
    Array.from({ length: 120 }, (_, number) => ({ id: threadId(number), updatedAt: 1_770_000_000 + number })),
  )
  const database = new Database(path)
  // Somebody tried a newer one long ago, and went back.
  database.exec(
    `UPDATE threads SET cli_version = iif(updated_at < 1770000060, '0.168.0', iif(updated_at = 1770000119, '0.150.1', '0.150.0'))`,
  )
  database.close()
  const reader = openReadOnly(path)
  onTestFinished(() => reader.close())
  expect(describeThreadTable(reader).newestVersion).toBe('0.150.1')
})
