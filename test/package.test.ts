import { execFileSync } from 'node:child_process'
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { VERSION } from '../src/cli/version.js'
import { requirePrograms } from './helpers/programs.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readJson = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))

interface LockedPackage {
  link?: boolean
  resolved?: string
  integrity?: string
  optional?: boolean
  dev?: boolean
  optionalDependencies?: Record<string, string>
}
const locked = readJson('package-lock.json').packages as Record<string, LockedPackage>

test('the version is that of the package', () => {
  expect(VERSION).toBe(readJson('package.json').version)
  expect(readJson('package-lock.json').version).toBe(VERSION)
})

test('the lock file names no address and every package’s digest', () => {
  for (const [path, entry] of Object.entries(locked)) {
    if (!path.includes('node_modules/') || entry.link) continue
    expect(entry.resolved, path).toBeUndefined()
    expect(entry.integrity, path).toMatch(/^sha512-/)
  }
  expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"https?:\/\/[^"]*\.tgz"/)
})

test('the lock file has the packages of every platform, without which npm ci refuses it', () => {
  for (const [path, { optionalDependencies = {} }] of Object.entries(locked)) {
    for (const name of Object.keys(optionalDependencies)) {
      const isLocked = `node_modules/${name}` in locked || `${path}/node_modules/${name}` in locked
      expect(isLocked, `${name}, which ${path} asks for`).toBe(true)
    }
  }
})

test('a user installs the SQLite driver alone', () => {
  expect(readJson('package.json').dependencies).toEqual({ 'better-sqlite3': expect.any(String) })
  const installed = Object.entries(locked).filter(
    ([path, entry]) => path.startsWith('node_modules/') && !entry.dev && !entry.optional && !entry.link,
  )
  expect(installed.map(([path]) => path)).not.toContain('node_modules/luxon')
})

test('nothing of the toolchain needs an install script', () => {
  expect(readFileSync(join(root, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m)
  const { scripts } = readJson('package.json')
  expect(Object.keys(scripts).filter((name) => /^(pre|post)/.test(name))).toEqual([])
})

test('the fixtures stay small', () => {
  const folder = join(root, 'test', 'fixtures')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const size = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  expect(size).toBeGreaterThan(0)
  expect(size).toBeLessThan(20 * 1024 * 1024)
})

test('what CI runs is a script that holds together', () => {
  const path = join(root, '.ci', 'run')
  accessSync(path, constants.X_OK)
  requirePrograms('bash')
  execFileSync('bash', ['-n', path])
  const { scripts } = readJson('package.json')
  for (const [, name] of readFileSync(path, 'utf8').matchAll(/^npm run (\w+)$/gm))
    expect(scripts).toHaveProperty(name!)
})

test('the launcher of the scripts passes on what a script returns', () => {
  const launch = (...args: string[]) =>
    execFileSync(process.execPath, [join(root, 'scripts', 'node24.mjs'), ...args], { encoding: 'utf8' })
  expect(launch('-p', '6 * 7')).toBe('42\n')
  expect(() => launch('-e', 'process.exit(7)')).toThrow(expect.objectContaining({ status: 7 }))
})

// What a machine lacks (another user, a program, a device) leaves a test out there: `runIf`, `skipIf`.
test('no test is skipped everywhere, and none runs alone', () => {
  const names = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  const tests = names.filter((name) => name.endsWith('.test.ts'))
  const marked = tests.filter((name) =>
    /\b(test|it|describe)\.(skip|only|todo|fails)\b/.test(readFileSync(join(root, 'test', name), 'utf8')),
  )
  expect(marked).toEqual([])
})
