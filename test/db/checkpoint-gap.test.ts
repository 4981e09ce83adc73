import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createCheckpointGap } from '../../src/db/checkpoint-gap.js'
import { temporaryFolder } from '../helpers/layouts.js'

function createFile() {
  const path = join(temporaryFolder(), 'logs_2.sqlite')
  writeFileSync(path, '')
  const write = (second: number) => utimesSync(path, second, second)
  write(1)
  return { path, write }
}

/** Whether a promise is still pending after a few milliseconds. */
async function isWaiting(promise: Promise<void>): Promise<boolean> {
  const later = new Promise((resolve) => setTimeout(resolve, 20, 'later'))
  return (await Promise.race([promise, later])) === 'later'
}

test('nobody waits while the main file rests', async () => {
  const { path } = createFile()
  const leaveGap = createCheckpointGap(path)
  expect(await isWaiting(leaveGap())).toBe(false)
})

test('after a checkpoint it is waited for the next one', async () => {
  const { path, write } = createFile()
  const leaveGap = createCheckpointGap(path)
  write(2)
  const gap = leaveGap()
  expect(await isWaiting(gap)).toBe(true)
  write(3)
  await gap
  expect(await isWaiting(leaveGap())).toBe(false)
})

test('a writer that stops keeps nobody, nor does a file that is gone', async () => {
  const { path, write } = createFile()
  const leaveGap = createCheckpointGap(path)
  write(2)
  await leaveGap()
  expect(await isWaiting(leaveGap())).toBe(false)
  await createCheckpointGap(`${path}.gone`)()
})
