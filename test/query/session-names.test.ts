import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readSessionNames } from '../../src/query/session-names.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { requirePrograms } from '../helpers/programs.js'
import { threadId } from '../helpers/threads.js'

const line = (number: number, name: string) =>
  `${JSON.stringify({ id: threadId(number), thread_name: name, updated_at: '2026-02-05T10:20:30Z' })}\n`

function read(home: string): { names: [string, string][]; notices: string[] } {
  const notices: string[] = []
  const names = readSessionNames(home, (text) => notices.push(text.replace(home, 'HOME')))
  return { names: [...names], notices }
}

test('the last line of a thread wins, an empty name takes it away, and a bad line is passed over', () => {
  const home = temporaryFolder()
  writeFileSync(
    join(home, 'session_index.jsonl'),
    [line(1, 'a'), line(2, 'b'), '{"id":\n', line(1, 'c'), line(2, '')].join(''),
  )
  expect(read(home)).toEqual({ names: [[threadId(1), 'c']], notices: [] })
  expect(read(temporaryFolder())).toEqual({ names: [], notices: [] })
})

test('of an index of gigabytes the end is read, and that is said', () => {
  const home = temporaryFolder()
  const path = join(home, 'session_index.jsonl')
  writeFileSync(path, line(1, 'lost'))
  truncateSync(path, 5_000_000_000)
  appendFileSync(path, `\n${line(2, 'kept')}`)
  expect(read(home)).toEqual({
    names: [[threadId(2), 'kept']],
    notices: [
      'only the last 64 MiB of HOME/session_index.jsonl are read: older names of threads are missing',
    ],
  })
})

test('an index that is a pipe or a folder is said, and waits for nobody', () => {
  requirePrograms('mkfifo')
  const home = temporaryFolder()
  execFileSync('mkfifo', [join(home, 'session_index.jsonl')])
  expect(read(home).notices).toEqual([
    'cannot read HOME/session_index.jsonl: it is not a regular file, so names of threads may be missing',
  ])
  const other = temporaryFolder()
  mkdirSync(join(other, 'session_index.jsonl'))
  expect(read(other).notices).toEqual([
    'cannot read HOME/session_index.jsonl: it is a folder, so names of threads may be missing',
  ])
})
