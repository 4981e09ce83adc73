import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compareFolders, isSameFolder } from '../../src/query/cwd-spellings.js'
import { temporaryFolder } from '../helpers/layouts.js'

test('a folder is the same in each of its spellings and through a link, and no other folder is', () => {
  const folder = temporaryFolder()
  const [shop, other, link, gone] = ['shop', 'other', 'link', 'gone'].map((name) => join(folder, name))
  mkdirSync(shop!)
  mkdirSync(other!)
  symlinkSync(shop!, link!)
  for (const spelling of [shop!, `${shop}/`, link!]) expect(isSameFolder(shop!, spelling)).toBe(true)
  expect(isSameFolder('/srv/caf\u00e9', '/srv/cafe\u0301')).toBe(true)
  expect(isSameFolder('C:\\Users\\Me', '\\\\?\\c:\\users\\me')).toBe(true)
  for (const different of [other!, gone!, folder]) {
    expect(isSameFolder(shop!, different)).toBe(false)
    expect(isSameFolder(different, shop!)).toBe(false)
  }
  expect(compareFolders(shop!, link!)).toBe(true)
  expect(compareFolders(shop!, other!)).toBe(false)
  // Where a folder that is not here leads, nobody can tell.
  expect(compareFolders(shop!, gone!)).toBe(null)
})
