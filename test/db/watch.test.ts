import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { watchChanges } from '../../src/db/watch.js'
import { temporaryFolder } from '../helpers/layouts.js'

/** Poll interval of a test in which no look may come from the poll. */
const NEVER_MS = 600_000

function start(folder: string, pollMs: number, platform?: NodeJS.Platform) {
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  const isRelevant = (name: string) => name.startsWith('logs')
  const looks = watchChanges({ folder, isRelevant, pollMs, signal: controller.signal, platform })
  return { looks, stop: () => controller.abort() }
}

test('the first look is due at once, the next at a change, and again shortly after', async () => {
  const folder = temporaryFolder()
  const { looks } = start(folder, NEVER_MS)
  expect(await looks.next()).toEqual({ done: false, value: 'poll' })
  const next = looks.next()
  writeFileSync(join(folder, 'logs_2.sqlite-wal'), 'x')
  expect(await next).toEqual({ done: false, value: 'change' })
  expect(await looks.next()).toEqual({ done: false, value: 'change' })
})

test('it is looked every pollMs, without a change and without a folder', async () => {
  const { looks } = start('/no/such/folder', 5)
  for (let turn = 0; turn < 3; turn++) expect(await looks.next()).toMatchObject({ done: false })
})

test('a folder that comes later is watched', async () => {
  const folder = join(temporaryFolder(), 'later')
  const { looks } = start(folder, 5)
  await looks.next()
  mkdirSync(folder)
  await looks.next()
  writeFileSync(join(folder, 'logs_2.sqlite'), '')
  expect(await looks.next()).toMatchObject({ done: false })
})

test('other names do not count, and the end comes at once', async () => {
  const folder = temporaryFolder()
  const { looks, stop } = start(folder, NEVER_MS)
  await looks.next()
  const next = looks.next()
  writeFileSync(join(folder, 'other'), 'x')
  const waited = await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 60, 'waiting'))])
  expect(waited).toBe('waiting')
  stop()
  expect(await next).toEqual({ done: true, value: undefined })
  expect(await looks.next()).toEqual({ done: true, value: undefined })
})

test('on macOS, whose folders tell of a write only when the file is closed, the files themselves are watched', async () => {
  // A link stands for it here: what is written elsewhere is no change of this folder.
  const folder = temporaryFolder()
  const log = join(temporaryFolder(), 'log')
  writeFileSync(log, '')
  symlinkSync(log, join(folder, 'logs_2.sqlite-wal'))
  const { looks } = start(folder, NEVER_MS, 'darwin')
  await looks.next()
  for (let round = 0; round < 2; round++) {
    const next = looks.next()
    appendFileSync(log, 'x')
    expect(await next).toEqual({ done: false, value: 'change' })
  }
})
