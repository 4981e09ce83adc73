import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { openReadWrite } from '../../src/db/open-write.js'
import { copyDatabase, listCopies, putBack } from '../../src/sync/home-copies.js'
import { createHome, LAYOUTS, temporaryFolder } from '../helpers/layouts.js'
import { insertThreads, threadId } from '../helpers/seed.js'

const NOW_MS = Date.UTC(2026, 10, 21, 4, 45, 6)

function createDatabase(name = '0.140'): string {
  const layout = LAYOUTS.find((each) => each.name === name)!
  const path = join(createHome(layout), layout.stateFile)
  insertThreads(path, [{ id: threadId(1) }, { id: threadId(2) }])
  return path
}

async function copy(path: string, nowMs = NOW_MS): Promise<string> {
  const state = openReadWrite(path)
  try {
    return await copyDatabase(state, nowMs)
  } finally {
    state.close()
  }
}

function execute(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

function readIds(path: string): string[] {
  const database = new Database(path, { readonly: true })
  const ids = database.prepare('SELECT id FROM threads ORDER BY id').pluck().all() as string[]
  database.close()
  return ids
}

const names = (path: string) => listCopies(path).map(({ name }) => name)

test('copies are in the order in which they were made, whatever the clock says', async () => {
  const path = createDatabase()
  for (const hours of [0, -1, 2, -48]) await copy(path, NOW_MS + hours * 3_600_000)
  expect(names(path)).toEqual([
    'codex-state-0004-20261119T044506Z',
    'codex-state-0003-20261121T064506Z',
    'codex-state-0002-20261121T034506Z',
    'codex-state-0001-20261121T044506Z',
  ])
  const parent = join(dirname(path), 'db-backups')
  cpSync(
    join(parent, 'codex-state-0001-20261121T044506Z'),
    join(parent, 'codex-state-9999-20261121T044506Z-undone'),
    {
      recursive: true,
    },
  )
  expect(basename(dirname(await copy(path)))).toBe('codex-state-10000-20261121T044506Z')
})

test('a copy has the mode of the original, and nobody else can read it while it is made', async () => {
  const path = createDatabase()
  execute(path, 'PRAGMA user_version = 1')
  const { chmodSync } = await import('node:fs')
  chmodSync(path, 0o600)
  const made = await copy(path)
  expect(statSync(made).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(made)).mode & 0o777).toBe(0o700)
  chmodSync(path, 0o640)
  expect(statSync(await copy(path)).mode & 0o777).toBe(0o640)
})

test('an unfinished copy is no copy, and goes with the next one', async () => {
  const path = createDatabase()
  // No process has that number.
  const unfinished = join(dirname(path), 'db-backups', 'codex-state-unfinished-999999999')
  mkdirSync(unfinished, { recursive: true })
  writeFileSync(join(unfinished, basename(path)), 'half')
  expect(listCopies(path)).toEqual([])
  await copy(path)
  expect(existsSync(unfinished)).toBe(false)
  expect(names(path)).toHaveLength(1)
})

test('a damaged database is not copied as if it were one to go back to', async () => {
  const path = createDatabase()
  const bytes = readFileSync(path)
  bytes.fill(0xff, 8192, 12_288)
  writeFileSync(path, bytes)
  await expect(copy(path)).rejects.toMatchObject({ name: 'StateError', code: 'DB_CORRUPT' })
  expect(listCopies(path)).toEqual([])
})

test('what is no sound copy of the database is not put back, and the database stays', async () => {
  const path = createDatabase()
  const made = await copy(path)
  execute(path, `DELETE FROM threads WHERE id = '${threadId(2)}'`)
  const [sound] = listCopies(path)
  const damaged = readFileSync(made)
  damaged.fill(0xff, 8192, 12_288)
  const foreign = join(temporaryFolder(), 'foreign.sqlite')
  execute(foreign, 'CREATE TABLE threads (id TEXT)')
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', Buffer.alloc(0), /no state database of Codex/],
    ['cut off', readFileSync(made).subarray(0, 10_000), /damaged|malformed|input\/output/],
    ['text', Buffer.from('not a database at all'), /not an SQLite database/],
    ['damaged', damaged, /damaged/],
    ['of another program', readFileSync(foreign), /no state database of Codex/],
    [
      'of another release',
      readFileSync(createDatabase('0.96 to 0.98')),
      /its migration \d+ is not the one here/,
    ],
  ]
  for (const [title, bytes, reason] of cases) {
    const folder = join(dirname(path), 'db-backups', 'codex-state-0002-20261121T044506Z')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, basename(path)), bytes)
    const [bad] = listCopies(path)
    expect(bad!.name, title).toBe('codex-state-0002-20261121T044506Z')
    await expect(putBack(path, bad!, NOW_MS), title).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(reason),
    })
    expect(readIds(path), title).toEqual([threadId(1)])
  }
  await putBack(path, sound!, NOW_MS)
  expect(readIds(path)).toEqual([threadId(1), threadId(2)])
})

test('what was before an undo can be put back by its name', async () => {
  const path = createDatabase()
  await copy(path)
  execute(path, `DELETE FROM threads WHERE id = '${threadId(2)}'`)
  const { saved } = await putBack(path, listCopies(path)[0]!, NOW_MS)
  expect(readIds(path)).toHaveLength(2)
  expect(listCopies(path).map(({ name, isNext }) => [name, isNext])).toEqual([
    ['codex-state-0002-20261121T044506Z-before-undo', false],
    ['codex-state-0001-20261121T044506Z-undone', false],
  ])
  await putBack(path, saved, NOW_MS)
  expect(readIds(path)).toEqual([threadId(1)])
  expect(names(path)).toEqual([
    'codex-state-0003-20261121T044506Z-before-undo',
    'codex-state-0002-20261121T044506Z-before-undo',
    'codex-state-0001-20261121T044506Z-undone',
  ])
})

test('a copy of a database that was migrated since is put back', async () => {
  const path = createDatabase()
  await copy(path)
  execute(
    path,
    `INSERT INTO _sqlx_migrations VALUES (99, 'later', '2030-01-01 00:00:00', 1, x'00', 1);
     CREATE TABLE later (x); DELETE FROM threads`,
  )
  await putBack(path, listCopies(path)[0]!, NOW_MS)
  expect(readIds(path)).toHaveLength(2)
  expect(readdirSync(dirname(path))).not.toContain('later')
})

test('copies that earlier versions made are found, behind the numbered ones', async () => {
  const path = createDatabase()
  const folder = join(dirname(path), 'db-backups', 'codex-state-20261121T044506.227Z')
  mkdirSync(folder, { recursive: true })
  cpSync(path, join(folder, basename(path)))
  expect(listCopies(path).map(({ name, isNext }) => [name, isNext])).toEqual([
    ['codex-state-20261121T044506.227Z', true],
  ])
  await copy(path)
  expect(names(path)[1]).toBe('codex-state-20261121T044506.227Z')
})
