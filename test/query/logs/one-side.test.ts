import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import type { LogRow, LogRowQuery } from '../../../src/model/log.js'
import { StateRuntime } from '../../../src/runtime.js'
import { copyHome } from '../../helpers/homes.js'
import { runLogs } from '../../helpers/run.js'

interface SameQuestion {
  query: LogRowQuery
  argv: string[]
}

/** Questions that the library and the commands can both be asked, for a home that holds these rows. */
function questionsFor(rows: readonly LogRow[]): SameQuestion[] {
  const middle = rows[rows.length >> 1]!
  const thread = rows.find(({ threadId }) => threadId !== null)?.threadId
  const word = /\w{4,}/.exec(middle.body ?? '')?.[0] ?? 'nothing'
  const part = (middle.modulePath ?? middle.target).slice(2, 9).toUpperCase()
  return [
    { query: {}, argv: [] },
    { query: { descending: true, limit: 7 }, argv: ['-n', '7', '--reverse'] },
    { query: { level: 'warn' }, argv: ['--level', 'warn'] },
    { query: { level: middle.level, descending: true }, argv: ['--level', middle.level, '--reverse'] },
    { query: { fromSeconds: middle.tsSeconds }, argv: ['--since', String(middle.tsSeconds)] },
    { query: { toSeconds: middle.tsSeconds }, argv: ['--until', String(middle.tsSeconds)] },
    {
      query: { fromSeconds: middle.tsSeconds, toSeconds: middle.tsSeconds, descending: true },
      argv: ['--since', String(middle.tsSeconds), '--until', String(middle.tsSeconds), '--reverse'],
    },
    { query: { moduleLike: [part] }, argv: ['--module', part] },
    { query: { fileLike: ['codex', 'core'] }, argv: ['--file', 'codex', '--file', 'core'] },
    { query: { search: word }, argv: ['--search', word] },
    { query: { includeThreadless: true }, argv: ['--threadless'] },
    ...(thread
      ? [
          { query: { threadIds: [thread] }, argv: ['--thread-id', thread] },
          {
            query: { threadIds: [thread], includeThreadless: true, descending: true, limit: 5 },
            argv: ['--thread-id', thread, '--threadless', '--reverse', '-n', '5'],
          },
        ]
      : []),
  ]
}

/** A record of `--json` in the library's names. */
function toLogRow(line: string): LogRow {
  const {
    id,
    ts,
    ts_nanos,
    level,
    target,
    body,
    thread_id,
    process_uuid,
    module_path,
    file,
    line: at,
  } = JSON.parse(line)
  return {
    id,
    tsSeconds: ts,
    tsNanos: ts_nanos,
    level,
    target,
    body,
    threadId: thread_id,
    processUuid: process_uuid,
    modulePath: module_path,
    file,
    line: at,
  }
}

async function expectSameAnswers(home: string): Promise<number> {
  using runtime = StateRuntime.openExisting({ codexHome: home, defaultProvider: 'openai' })
  const all = runtime.queryLogs()
  if (all.length === 0) return 0
  for (const { query, argv } of questionsFor(all)) {
    const { stdout, exitCode } = await runLogs(['query', '--json', '--codex-home', home, ...argv])
    expect(exitCode).toBe(0)
    const fromCommand = stdout.split('\n').slice(0, -1).map(toLogRow)
    expect(fromCommand, argv.join(' ')).toEqual(runtime.queryLogs(query))
    const highest = fromCommand.reduce((id, row) => Math.max(id, row.id), 0)
    if (query.limit === undefined) expect(runtime.maxLogId(query), argv.join(' ')).toBe(highest)
  }
  return all.length
}

/** One of each layout of the table. */
const HOMES_OF_LAYOUTS = [
  'codex-0.93.0',
  'codex-0.95.0',
  'codex-0.111.0',
  'codex-0.113.0',
  'codex-0.120.0',
  'codex-0.169.0',
] as const

test.each(HOMES_OF_LAYOUTS)('the command and the library give the same rows of %s', async (name) => {
  const home = copyHome(name)
  const rowCount = await expectSameAnswers(home)
  expect(rowCount).toBeGreaterThan(0)
  rmSync(dirname(home), { recursive: true })
})

test('and of a table that was rebuilt without keys and indexes', async () => {
  const home = copyHome('codex-0.169.0')
  const database = new Database(join(home, 'logs_2.sqlite'))
  database.exec('CREATE TABLE copy AS SELECT * FROM logs; DROP TABLE logs; ALTER TABLE copy RENAME TO logs')
  database.close()
  expect(await expectSameAnswers(home)).toBeGreaterThan(0)
  rmSync(dirname(home), { recursive: true })
})
