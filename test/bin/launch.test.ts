import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { describeFolder } from '../helpers/folder.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { binPath, runBin, startProcess } from '../helpers/spawn.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = join(root, 'bin')
const dist = join(root, 'dist')
const codeFolder = join(dist, 'code')
const require = createRequire(import.meta.url)
const { findNode } = require(join(bin, 'find-node.js'))
const { isNewEnough } = require(join(bin, 'launch.js'))
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

test.each([
  ['18.20.0', false],
  ['20.20.2', false],
  ['22.11.0', false],
  ['22.12.0', true],
  ['22.23.3', true],
  ['23.0.0', true],
  ['24.21.0', true],
  ['100.0.0', true],
])('Node %s is new enough: %s', (node, expected) => {
  expect(isNewEnough(node)).toBe(expected)
})

describe('the Node to run under', () => {
  const running = { execPath: '/usr/bin/node', platform: process.platform, arch: process.arch }

  test('is the running one when that is new enough', () => {
    expect(findNode({ ...running, versions: { node: '22.12.0' } })).toEqual({ path: '/usr/bin/node' })
  })
  test('else the one of a checkout', () => {
    const { path } = findNode({ ...running, versions: { node: '20.20.2' } })
    expect(path).toMatch(/node_modules[\\/]node-.*node(\.exe)?$/)
  })
  test('else none, and what is needed is said', () => {
    const elsewhere = { ...running, platform: 'aix', versions: { node: '20.20.2' } }
    expect(findNode(elsewhere)).toEqual({
      problem:
        'codex-state needs Node 22.12 or newer; this is Node 20.20.2 (/usr/bin/node). Install a newer one, or use the executable, which needs none.',
    })
  })
})

/** Runs a command's file as if this Node were an older one. */
function runUnder(node: string, folder: string, name: string, ...args: string[]) {
  const pretend = join(temporaryFolder(), 'pretend.cjs')
  writeFileSync(
    pretend,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } })`,
  )
  return startProcess(process.execPath, ['--require', pretend, join(folder, `${name}.js`), ...args])
}

describe.each(['codex-logs', 'codex-state'] as const)('%s', (name) => {
  test('runs', async () => {
    expect(await runBin(name, ['--version'])).toMatchObject({
      stdout: `${version}\n`,
      stderr: '',
      exitCode: 0,
    })
  })

  test('under an old Node, installed: one clear line', async () => {
    const copy = join(temporaryFolder(), 'bin')
    cpSync(bin, copy, { recursive: true })
    expect(await runUnder('20.20.2', copy, name, '--version').end()).toEqual({
      stdout: '',
      stderr: `codex-state needs Node 22.12 or newer; this is Node 20.20.2 (${process.execPath}). Install a newer one, or use the executable, which needs none.\n`,
      exitCode: 1,
      signal: null,
    })
  })

  test('under an old Node, in a checkout: runs again under the newer one', async () => {
    expect(await runUnder('20.20.2', bin, name, '--version').end()).toMatchObject({
      stdout: `${version}\n`,
      stderr: '',
      exitCode: 0,
    })
    expect(await runUnder('18.0.0', bin, name, 'where', '--db', '/no/such').end()).toMatchObject({
      exitCode: 3,
    })
  })
})

test.each([
  { signal: 'SIGINT', exitCode: 130 },
  { signal: 'SIGTERM', exitCode: 143 },
] as const)(
  '$signal is passed on to the newer Node, and its exit code back',
  async ({ signal, exitCode }) => {
    const { home } = createLogHome([{ body: 'first' }])
    const tail = runUnder('20.20.2', bin, 'codex-logs', 'tail', '--format', 'cat', '--codex-home', home)
    await tail.until(() => tail.stdout === 'first\n')
    expect(await tail.end(signal)).toEqual({ stdout: 'first\n', stderr: '', exitCode, signal: null })
  },
)

test('bin/ needs nothing but itself before the version is known', () => {
  for (const file of readdirSync(bin).filter((name) => name.endsWith('.js'))) {
    const required = readFileSync(join(bin, file), 'utf8').matchAll(/require\('([^']+)'\)/g)
    for (const [, name] of required) expect(name).toMatch(/^(node:|\.\/)/)
  }
})

/** A folder that holds the commands as they are built, with or without the code that V8 made of them. */
function copyCommands({ withCode }: { withCode: boolean }) {
  const folder = temporaryFolder()
  cpSync(bin, join(folder, 'bin'), { recursive: true })
  cpSync(dist, join(folder, 'dist'), {
    recursive: true,
    filter: (path) => withCode || !path.startsWith(codeFolder),
  })
  return folder
}

/** How V8 took the code of each part of a program that has only started; in a V8 that has seen no source yet. */
function startWith(folder: string, name: string) {
  const script = `
    const { open } = require('./bin/launch.js')
    const program = open('dist', '${name}', (part) => 'dist/code/' + part)
    program.start()
    console.log(JSON.stringify(program.taken.map(({ script }) => script.cachedDataRejected ?? 'none')))`
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' }))
}

describe.each([
  ['codex-logs', 'codex-logs.code'],
  ['codex-state', 'codex-state.code'],
])('what V8 made of %s', (name, part) => {
  test('is what a start takes', () => {
    expect(startWith(root, name)).toEqual([false])
  })

  test.each([
    ['is missing', () => undefined],
    [
      'is of other chunks',
      (kept: Buffer) => Buffer.concat([Buffer.from('0123456789abcdef'), kept.subarray(16)]),
    ],
    ['is of another V8', (kept: Buffer) => Buffer.concat([kept.subarray(0, 16), Buffer.alloc(64, 1)])],
    ['is cut short in the code', (kept: Buffer) => kept.subarray(0, 1000)],
    ['is cut short in the source', (kept: Buffer) => kept.subarray(0, kept.length - 1000)],
    ['is empty', () => Buffer.alloc(0)],
  ])('is done without when it %s', async (_, change) => {
    const folder = copyCommands({ withCode: true })
    const file = join(folder, 'dist/code', part)
    const code = change(readFileSync(file))
    if (code) writeFileSync(file, code)
    else rmSync(file)
    expect(startWith(folder, name)).not.toEqual([false])
    const command = startProcess(process.execPath, [join(folder, 'bin', `${name}.js`), '--version'])
    expect(await command.end()).toEqual({ stdout: `${version}\n`, stderr: '', exitCode: 0, signal: null })
  })
})

interface Index {
  chunks: [length: number, requires: number[]][]
  byName: Record<string, number>
}

test('what is loaded at once is small: the beginning of a program, then the command', () => {
  const { openChunks } = require(join(bin, 'launch.js'))
  const { readIndex } = require(join(bin, 'chunks.js'))
  const { chunks, byName } = readIndex(openChunks(dist).file) as Index
  const gather = (number: number, gathered = new Set<number>()): Set<number> => {
    if (gathered.has(number)) return gathered
    gathered.add(number)
    for (const required of chunks[number]![1]) gather(required, gathered)
    return gathered
  }
  const sizeOf = (number: number) => [...gather(number)].reduce((sum, each) => sum + chunks[each]![0], 0)
  for (const name of ['codex-logs', 'codex-state']) expect(sizeOf(byName[name]!)).toBeLessThan(32_000)
  const named = Object.entries(byName)
  expect(named.length).toBeGreaterThan(50)
  for (const [name, number] of named) expect(sizeOf(number), name).toBeLessThan(300_000)
})

test('a package that is installed has all that it needs', async () => {
  // As npm lays it out: the files of the package, its one dependency beside it.
  const modules = join(temporaryFolder(), 'node_modules')
  const { files, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  mkdirSync(join(modules, 'codex-state'), { recursive: true })
  for (const name of ['package.json', ...files.filter((file: string) => ['bin', 'dist'].includes(file))]) {
    cpSync(join(root, name), join(modules, 'codex-state', name), { recursive: true })
  }
  for (const name of Object.keys(dependencies)) {
    cpSync(join(root, 'node_modules', name), join(modules, name), {
      recursive: true,
      filter: (path) => !/better-sqlite3[\\/](deps|src)([\\/]|$)/.test(path),
    })
  }
  const { home } = createLogHome([{ body: 'first' }])
  const command = join(modules, 'codex-state', 'bin', 'codex-logs.js')
  const query = startProcess(process.execPath, [command, 'query', '--format', 'cat', '--codex-home', home], {
    env: { XDG_CACHE_HOME: temporaryFolder() },
  })
  expect(await query.end()).toEqual({ stdout: 'first\n', stderr: '', exitCode: 0, signal: null })
  expect(binPath('codex-logs')).not.toBe(command)
})

describe('an installed command', () => {
  const installed = copyCommands({ withCode: false })
  const { home } = createLogHome([{ body: 'first' }])

  async function query(env: Record<string, string>) {
    const command = join(installed, 'bin', 'codex-logs.js')
    const query = startProcess(process.execPath, [command, 'where', '--codex-home', home], { env })
    const { stdout, stderr, exitCode } = await query.end()
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toContain(home)
  }
  const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : [])

  test('keeps the code that V8 made of it in the cache folder of the user, and takes it the next time', async () => {
    const cache = temporaryFolder()
    await query({ XDG_CACHE_HOME: cache })
    const names = list(join(cache, 'codex-state'))
    expect(names.map((name) => name.replace(/^v8-[\w.-]+?-(x64|arm64)\./, ''))).toEqual(
      expect.arrayContaining(['codex-logs.code', 'codex-logs.cli-where+cli-parse.code']),
    )
    const files = names.map((name) => join(cache, 'codex-state', name))
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600)
    const written = files.map((file) => statSync(file).mtimeMs)
    await query({ XDG_CACHE_HOME: cache })
    expect(list(join(cache, 'codex-state'))).toEqual(names)
    expect(files.map((file) => statSync(file).mtimeMs)).toEqual(written)
    // What is of no use is made anew.
    const file = files.find((name) => name.endsWith('.codex-logs.code'))!
    writeFileSync(file, 'nonsense')
    await query({ XDG_CACHE_HOME: cache })
    expect(statSync(file).size).toBeGreaterThan(10_000)
  })

  test('takes it also after a command that told V8 how to collect garbage', async () => {
    const cache = temporaryFolder()
    const argv = [join(installed, 'bin', 'codex-state.js'), 'tokens', 'list', '--codex-home', home]
    const listTokens = () => startProcess(process.execPath, argv, { env: { XDG_CACHE_HOME: cache } }).end()
    await listTokens()
    const files = list(join(cache, 'codex-state')).map((name) => join(cache, 'codex-state', name))
    expect(files.map((file) => file.replace(/.*(x64|arm64)\./, ''))).toContain(
      'codex-state.state-tokens-list+cli-parse.code',
    )
    const written = files.map((file) => statSync(file).mtimeMs)
    await listTokens()
    expect(files.map((file) => statSync(file).mtimeMs)).toEqual(written)
  })

  test('takes no code that somebody else could have written', async () => {
    const cache = temporaryFolder()
    mkdirSync(join(cache, 'codex-state'))
    chmodSync(join(cache, 'codex-state'), 0o777)
    await query({ XDG_CACHE_HOME: cache })
    expect(list(join(cache, 'codex-state'))).toEqual([])
  })

  test('does without, in silence, where there is no place; a Codex home is none', async () => {
    const before = describeFolder(home)
    await query({ XDG_CACHE_HOME: home, CODEX_HOME: home })
    await query({ XDG_CACHE_HOME: join(home, 'cache'), CODEX_HOME: home })
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    await query({ XDG_CACHE_HOME: file })
    await query({ XDG_CACHE_HOME: 'relative' })
    expect(describeFolder(home)).toEqual(before)
    expect(existsSync('relative')).toBe(false)
  })
})
