import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as library from '../src/index.js'
import { pages } from './helpers/docs.js'
import { copyHome, expectedPath } from './helpers/homes.js'
import { temporaryFolder } from './helpers/layouts.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const text = pages['docs/library.md']!

/** A review, which 0.98 does not list: it does not find the user message in the head of its rollout. */
const REVIEW = '01a1fb73-dd38-77f0-a010-855aaea199aa'

/** A project with the package in its node_modules, as npm would put it there: what package.json calls its files. */
function createProject(): string {
  const project = temporaryFolder()
  const installed = join(project, 'node_modules', 'codex-state')
  mkdirSync(installed, { recursive: true })
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] }
  for (const file of ['package.json', ...files]) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(installed, file), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules', 'better-sqlite3'), join(project, 'node_modules', 'better-sqlite3'))
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
  return project
}

test('the example reads a real home, installed as a package', () => {
  const example = /```ts\n([\s\S]*?)```/.exec(text)![1]!
  const project = createProject()
  writeFileSync(join(project, 'example.ts'), example)
  const home = copyHome('codex-0.98.0')
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'example.ts', home],
    { cwd: project, encoding: 'utf8' },
  )
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  const threads = stdout.split('\n').filter((line) => /^[0-9a-f-]{36} /.test(line))
  const listed = readFileSync(
    join(expectedPath('codex-0.98.0'), 'thread-list.active.updated_at.json'),
    'utf8',
  )
  const { data } = JSON.parse(listed) as { data: { id: string }[] }
  const ids = threads.map((line) => line.slice(0, 36))
  expect(ids.filter((id) => id !== REVIEW)).toEqual(data.map(({ id }) => id))
  expect(ids).toHaveLength(data.length + 1)
})

test('every name in the text is there', () => {
  const quoted = [...text.matchAll(/`([a-z]\w+)`/g)].map(([, name]) => name!)
  const names = quoted.filter((name) => /^[a-z]+[A-Z]/.test(name))
  const members = Object.getOwnPropertyNames(library.StateRuntime.prototype)
  const statics = Object.getOwnPropertyNames(library.StateRuntime)
  const options = ['onWarning', 'onProgress', 'onFailure', 'workerCount']
  const known = new Set([...members, ...statics, ...options, ...Object.keys(library)])
  expect(names.length).toBeGreaterThan(30)
  expect(names.filter((name) => !known.has(name))).toEqual([])
  // What is exported is named in the text, and what is named is exported.
  const constants = [...text.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name!)
  const unnamed = Object.keys(library).filter(
    (name) => !text.includes(`\`${name}\``) && !text.includes(`\`${name}(`),
  )
  expect(unnamed).toEqual([])
  const codes: readonly string[] = library.STATE_ERROR_CODES
  expect(constants.filter((name) => !(name in library) && !codes.includes(name))).toEqual([])
  const described = members.filter((name) => name !== 'constructor' && name !== 'close')
  expect(described.filter((name) => !quoted.includes(name))).toEqual([])
})
