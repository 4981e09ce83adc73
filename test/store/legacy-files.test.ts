import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { removeLegacyStateFiles } from '../../src/store/legacy-files.js'
import { startChild } from '../helpers/child.js'
import { temporaryFolder } from '../helpers/layouts.js'

test('a file that cannot be removed is a warning, and the rest is gone on with', async () => {
  const folder = temporaryFolder()
  for (const name of ['state.sqlite', 'state_2.sqlite']) writeFileSync(join(folder, name), 'old')
  chmodSync(folder, 0o555)
  const child = startChild('remove-legacy', [folder])
  const said = [await child.nextLine(), await child.nextLine(), await child.nextLine()]
  expect(await child.end()).toEqual({ exitCode: 0, stderr: '' })
  expect(said.slice(0, 2).sort()).toEqual(
    ['state.sqlite', 'state_2.sqlite'].map((name) => {
      const path = join(folder, name)
      return `cannot remove the older state database ${path}: EACCES: permission denied, unlink '${path}'`
    }),
  )
  expect(said[2]).toBeUndefined()
  expect(readdirSync(folder)).toEqual(['state.sqlite', 'state_2.sqlite'])
})

test('a folder that cannot be read is a warning', () => {
  const folder = join(temporaryFolder(), 'missing')
  const warnings: string[] = []
  removeLegacyStateFiles(folder, 4, (message) => warnings.push(message))
  expect(warnings).toEqual([
    `cannot look for older state databases in ${folder}: ENOENT: no such file or directory, scandir '${folder}'`,
  ])
})
