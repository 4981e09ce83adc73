import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { describeFolder } from '../../helpers/folder.js'
import { copyHome, makeCase } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

const ANEW = `codex-state: 'codex-state backfill run --into DIR' builds the threads of state_5.sqlite anew, from the rollouts\n`

test('a log of another copy of the database: the file is said to be sound without it, and what builds it anew', async () => {
  const home = makeCase('foreign-wal', 'codex-0.169.0')
  const path = join(home, 'state_5.sqlite')
  const before = describeFolder(home)
  const { stdout, stderr, exitCode } = await runState(['verify', '--json=state,problems', '--db', path])
  const [{ state, problems }] = JSON.parse(stdout)
  expect({ state, exitCode }).toEqual({ state: 'damaged', exitCode: 1 })
  // In the words of SQLite, by which people search.
  expect(problems[0]).toMatch(/^cannot read .*: the file is damaged \(.*(malformed|corrupt).*\)$/)
  const notices = stderr.split('codex-state: ').filter((line) => !line.includes('private copy'))
  expect(notices.join('codex-state: ')).toBe(
    'codex-state: state_5.sqlite is sound without its write-ahead log: state_5.sqlite-wal may belong to another ' +
      `copy of it. Codex reads both; whoever puts a backup back has to take the log away\n${ANEW}`,
  )
  expect(describeFolder(home)).toEqual(before)
})

test('a table with a damaged page: the others are said to be readable, each with its rows', async () => {
  const home = copyHome('codex-0.169.0')
  const path = join(home, 'state_5.sqlite')
  const database = new Database(path)
  database.pragma('wal_checkpoint(TRUNCATE)')
  const { page } = database
    .prepare(`SELECT rootpage AS page FROM sqlite_schema WHERE name = 'threads'`)
    .get() as { page: number }
  const { n } = database.prepare('SELECT count(*) AS n FROM _sqlx_migrations').get() as { n: number }
  const size = database.pragma('page_size', { simple: true }) as number
  database.close()
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(64, 0xee), 0, 64, (page - 1) * size)
  closeSync(file)
  const bytes = readFileSync(path)
  const { stderr, exitCode } = await runState(['verify', '--db', path])
  expect(exitCode).toBe(1)
  const lines = stderr.split('\n')
  expect(lines.find((line) => line.includes('can be read to their end'))).toContain(
    `_sqlx_migrations (${n} rows)`,
  )
  expect(lines).toContain('codex-state: these tables of state_5.sqlite cannot: threads')
  expect(stderr.endsWith(ANEW)).toBe(true)
  expect(readFileSync(path)).toEqual(bytes)
})
