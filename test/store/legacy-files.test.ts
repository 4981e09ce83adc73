import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { retireLegacyStateFiles } from '../../src/store/legacy-files.js'
import { startChild } from '../helpers/child.js'
import { copyHome } from '../helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from '../helpers/layouts.js'

/** What is said, with the folder left out. */
function retire(folder: string): string[] {
  const said: string[] = []
  retireLegacyStateFiles(folder, 4, (message) => said.push(message.replaceAll(`${folder}/`, '')))
  return said.sort()
}

test('only a sound state database of Codex is removed; whatever else has such a name is moved to db-backups', () => {
  const folder = temporaryFolder()
  const codex = join(
    createHome(LAYOUTS.find(({ stateFile }) => stateFile === 'state_2.sqlite')!),
    'state_2.sqlite',
  )
  cpSync(codex, join(folder, 'state_1.sqlite'))
  cpSync(codex, join(folder, 'state_0.sqlite'))
  const damaged = readFileSync(codex)
  damaged.fill(0xff, 4096, 8192)
  writeFileSync(join(folder, 'state_2.sqlite'), damaged)
  writeFileSync(join(folder, 'state_3.sqlite'), 'my notes about the state\n')
  writeFileSync(join(folder, 'state_02.sqlite'), '')
  const foreign = new Database(join(folder, 'state.sqlite'))
  foreign.exec(`CREATE TABLE threads (id TEXT); INSERT INTO threads VALUES ('of somebody')`)
  foreign.close()
  writeFileSync(join(folder, 'state_03.sqlite-journal'), 'left over')
  const contents = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('latin1')]),
  )

  const said = retire(folder)
  expect(readdirSync(folder)).toEqual(['db-backups'])
  const kept = Object.fromEntries(
    readdirSync(join(folder, 'db-backups'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name)).toString('latin1')]),
  )
  const { 'state_0.sqlite': _, 'state_1.sqlite': __, ...rest } = contents
  expect(kept).toEqual(rest)
  expect(said.map((line) => line.replace(/replaced-\d+/, 'replaced-N'))).toEqual([
    'moved state.sqlite to db-backups/replaced-N: it is no state database of Codex',
    'moved state_02.sqlite to db-backups/replaced-N: it is no state database of Codex',
    'moved state_03.sqlite-journal to db-backups/replaced-N: no database is beside it',
    expect.stringMatching(/^moved state_2\.sqlite to db-backups\/replaced-N: .*damaged/),
    'moved state_3.sqlite to db-backups/replaced-N: state_3.sqlite is not an SQLite database',
    'removed the older state database state_0.sqlite',
    'removed the older state database state_1.sqlite',
  ])
  expect(retire(folder)).toEqual([])
})

test('a removed database that holds the only copy of log rows is told with their number', () => {
  const home = copyHome('codex-0.98.0')
  expect(retire(home)).toEqual([
    'removed the older state database state_2.sqlite, and with it the only copy of 1424 log rows',
  ])
  expect(readdirSync(home).filter((name) => name.startsWith('state'))).toEqual([])
})

test('what lies beside a database goes where it goes', () => {
  const home = copyHome('codex-0.98.0')
  const folder = temporaryFolder()
  for (const name of ['state.sqlite', 'state_2.sqlite']) {
    cpSync(join(home, 'state_2.sqlite'), join(folder, name))
    for (const suffix of ['-wal', '-shm']) writeFileSync(join(folder, name + suffix), '')
  }
  const text = join(folder, 'text')
  writeFileSync(text, 'text')
  renameSync(text, join(folder, 'state.sqlite'))
  retire(folder)
  expect(readdirSync(folder)).toEqual(['db-backups'])
  expect(readdirSync(join(folder, 'db-backups', 'replaced-1')).sort()).toEqual([
    'state.sqlite',
    'state.sqlite-shm',
    'state.sqlite-wal',
  ])
  expect(existsSync(join(folder, 'db-backups', 'replaced-2'))).toBe(false)
})

test('a file that can be neither removed nor moved is a warning, and the rest is gone on with', async () => {
  const folder = temporaryFolder()
  for (const name of ['state.sqlite', 'state_2.sqlite']) writeFileSync(join(folder, name), 'old')
  chmodSync(folder, 0o555)
  const child = startChild('remove-legacy', [folder])
  const said = [await child.nextLine(), await child.nextLine(), await child.nextLine()]
  expect(await child.end()).toEqual({ exitCode: 0, stderr: '' })
  expect(said.slice(0, 2).sort()).toEqual(
    ['state.sqlite', 'state_2.sqlite'].map((name) => {
      const path = join(folder, name)
      const target = join(folder, 'db-backups')
      return `cannot take away the older state database ${path}: EACCES: permission denied, mkdir '${target}'`
    }),
  )
  expect(said[2]).toBeUndefined()
  expect(readdirSync(folder)).toEqual(['state.sqlite', 'state_2.sqlite'])
})

test('a folder that cannot be read is a warning', () => {
  const folder = join(temporaryFolder(), 'missing')
  const warnings: string[] = []
  retireLegacyStateFiles(folder, 4, (message) => warnings.push(message))
  expect(warnings).toEqual([
    `cannot look for older state databases in ${folder}: ENOENT: no such file or directory, scandir '${folder}'`,
  ])
})
