import { mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { normalizeCwd } from '../../src/rollout/cwd.js'
import { makeFolder } from '../helpers/rollouts.js'

test('a cwd behind a link is the folder itself', () => {
  const folder = realpathSync(makeFolder())
  mkdirSync(join(folder, 'real'))
  symlinkSync(join(folder, 'real'), join(folder, 'link'))
  expect(normalizeCwd(join(folder, 'link', '..', 'link'))).toBe(join(folder, 'real'))
})

test.each([
  ['', ''],
  ['.', '.'],
  ['/no/such/folder', '/no/such/folder'],
  ['\\\\?\\C:\\work', 'C:\\work'],
  ['\\\\?\\UNC\\server\\share', '\\\\server\\share'],
  ['\\\\server\\share', '\\\\server\\share'],
])('the cwd %j is %j', (cwd, normalized) => {
  expect(normalizeCwd(cwd)).toBe(normalized)
})
