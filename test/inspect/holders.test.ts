import { spawnSync } from 'node:child_process'
import { linkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findHolders, parseLsof } from '../../src/inspect/holders.js'
import type { DatabaseFile } from '../../src/schema/files.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { requirePrograms } from '../helpers/programs.js'
import { type Running, startProcess } from '../helpers/spawn.js'

function createFile(): DatabaseFile {
  const path = join(temporaryFolder(), 'state_5.sqlite')
  writeFileSync(path, 'ours')
  return { path, role: 'state', generation: 5, age: 'known' }
}

async function ready(holder: Running): Promise<Running> {
  await holder.until(() => holder.stdout.includes('open'))
  return holder
}

/** Opens the file that is named by its first argument. */
const HOLD = 'exec 3<"$1"; echo open; exec sleep 60'

const canUnshare = spawnSync('unshare', ['--map-root-user', '--mount', 'true']).status === 0

describe('who holds a database', () => {
  test('is found by the file, under whatever name it was opened', async () => {
    requirePrograms('sleep')
    const file = createFile()
    const other = join(temporaryFolder(), 'another name')
    linkSync(file.path, other)
    const holder = await ready(startProcess('sh', ['-c', HOLD, 'sh', other]))
    expect(findHolders([file])).toMatchObject({
      isKnown: true,
      holders: [{ pid: holder.child.pid, database: file.path, suffixes: [''] }],
    })
    await holder.end('SIGKILL')
    expect(findHolders([file]).holders).toEqual([])
  })

  test.runIf(process.platform === 'linux')('is told with the locks it has, by file', async () => {
    const file = createFile()
    rmSync(file.path)
    const script = `const database = require('better-sqlite3')(process.argv[1])
      database.pragma('journal_mode = WAL')
      database.exec('CREATE TABLE one (id); BEGIN IMMEDIATE; INSERT INTO one VALUES (1)')
      console.log('open')
      setTimeout(() => {}, 60_000)`
    const holder = await ready(startProcess(process.execPath, ['-e', script, file.path]))
    expect(findHolders([file]).holders).toMatchObject([
      {
        pid: holder.child.pid,
        suffixes: expect.arrayContaining(['', '-wal', '-shm']),
        locks: expect.arrayContaining(['POSIX READ', 'POSIX WRITE on -shm']),
      },
    ])
    await holder.end('SIGKILL')
  })

  test.skipIf(!canUnshare)(
    'is nobody who has another file open under the same path, as in a container',
    async () => {
      const file = createFile()
      const folder = join(file.path, '..')
      const script = `mount -t tmpfs none "$2" && echo theirs > "$1"; ${HOLD}`
      const args = ['--map-root-user', '--mount', 'sh', '-c', script, 'sh', file.path, folder]
      const holder = await ready(startProcess('unshare', args))
      expect(findHolders([file]).holders).toEqual([])
      await holder.end('SIGKILL')
    },
  )

  test('is told by lsof where the system is not Linux', async () => {
    requirePrograms('lsof', 'sleep')
    const file = createFile()
    const holder = await ready(startProcess('sh', ['-c', HOLD, 'sh', file.path]))
    expect(findHolders([file], 'darwin')).toMatchObject({
      isKnown: true,
      holders: [{ pid: holder.child.pid, database: file.path, suffixes: [''] }],
    })
    await holder.end('SIGKILL')
    expect(findHolders([file], 'darwin').holders).toEqual([])
  })

  test('is not known on Windows, and why is said', () => {
    expect(findHolders([createFile()], 'win32')).toEqual({
      holders: [],
      isKnown: false,
      reason: 'Windows does not say which process has a file open',
      hiddenCount: undefined,
    })
  })
})

test('a name that lsof prints with escapes is the name of the file', () => {
  const database = '/h/é\\a\n/state_5.sqlite'
  const text = 'p12\nccodex\nf7\nlr\nn/h/\\xc3\\xa9\\\\a\\n/state_5.sqlite\n'
  const files = new Map([[database, { database, suffix: '' }]])
  expect(parseLsof(text, files)).toMatchObject([{ pid: 12, database }])
})

test('what lsof prints: processes, and of each the files of a database with their locks', () => {
  const text = `p12\nccodex\nf7\nlr\nn/h/state_5.sqlite\nf8\nlw\nn/h/state_5.sqlite-wal\nf9\nl \nn/h/other\np13\nctail\nf3\nl \nn/h/state_5.sqlite\n`
  const database = '/h/state_5.sqlite'
  const files = new Map(['', '-wal'].map((suffix) => [database + suffix, { database, suffix }]))
  expect(parseLsof(text, files)).toEqual([
    {
      pid: 12,
      command: 'codex',
      database,
      suffixes: ['', '-wal'],
      locks: ['POSIX READ', 'POSIX WRITE on -wal'],
    },
    { pid: 13, command: 'tail', database, suffixes: [''], locks: [] },
  ])
})
