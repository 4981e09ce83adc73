import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { afterAll, describe, expect, test } from 'vitest'
import { sampleOf } from '../helpers/everything.js'
import { describeFolder } from '../helpers/folder.js'
import { copyFixtureHome, copyHome, fixtureNames, HOMES } from '../helpers/homes.js'
import { keep } from '../helpers/kept.js'
import { runLogs } from '../helpers/run.js'
import { asOrdinaryUser, binPath, runBin, startBin, startProcess } from '../helpers/spawn.js'

const folder = mkdtempSync(join(tmpdir(), 'codex-state-bundle-'))
afterAll(() => rmSync(folder, { recursive: true }))

const home = keep(copyHome('codex-0.140.0'))

/** A thread whose process wrote a key into the log. */
const THREAD = await (async () => {
  const { stdout } = await runLogs(['query', '--json', '--codex-home', home])
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<'body' | 'process_uuid' | 'thread_id', string | null>)
  const keys = rows.filter(({ body }) => body?.includes('sk-demo-'))
  const found = rows.find(
    ({ thread_id, process_uuid }) =>
      thread_id !== null && keys.some((row) => row.process_uuid === process_uuid),
  )
  return found!.thread_id!
})()

/** Names and texts of a ZIP file. */
function unzip(path: string): Record<string, string> {
  const files = unzipSync(readFileSync(path))
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString()]),
  )
}

test('a ZIP file has all of a thread, redacted with the same placeholders, and tells what is in it', async () => {
  const before = describeFolder(home)
  const path = join(folder, 'thread.zip')
  const { stdout, stderr, exitCode } = await runBin('codex-logs', [
    'bundle',
    THREAD,
    '-o',
    path,
    '--with-rollout',
    '--codex-home',
    home,
  ])
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  const files = unzip(path)
  expect(Object.keys(files)).toEqual([
    'README.md',
    'rows.ndjson',
    'log-turns.json',
    'thread.json',
    'turns.json',
    'where.json',
    'schema.json',
    'verify.json',
    'versions.json',
    'rollout.jsonl',
  ])
  for (const [name, text] of Object.entries(files)) {
    expect(text, name).not.toMatch(/sk-demo-|\/home\/demo/)
    if (name.endsWith('.json')) JSON.parse(text)
    if (/l$|ndjson$/.test(name)) for (const line of text.trimEnd().split('\n')) JSON.parse(line)
    if (name !== 'README.md') for (const told of [stdout, files['README.md']]) expect(told).toContain(name)
  }
  const rows = files['rows.ndjson']!.trimEnd().split('\n')
  const { stdout: counted } = await runLogs([
    'query',
    '--count',
    '--thread-id',
    THREAD,
    '--with-process',
    '--codex-home',
    home,
  ])
  expect(rows).toHaveLength(Number(counted))
  expect(JSON.parse(files['thread.json']!)).toMatchObject({
    id: THREAD,
    cwd: expect.stringMatching(/^\[home\]/),
  })
  expect(files['README.md']).toMatch(/Replaced: \d+ secrets?, \d+ home folders?/)
  expect(stdout).toMatch(/\nWritten to .*thread\.zip\n$/)
  expect(readdirSync(folder)).toEqual(['thread.zip'])
  expect(describeFolder(home)).toEqual(before)
})

test('--dry-run prints the same and writes nothing', async () => {
  const place = join(folder, 'dry')
  mkdirSync(place)
  const { stdout, exitCode } = await runBin(
    'codex-logs',
    ['bundle', THREAD, '--dry-run', '-o', 'x.zip', '--codex-home', home],
    { cwd: place },
  )
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^rows\.ndjson +[\d.]+ \w+ {2}its log rows/m)
  expect(stdout).toMatch(/^rollout\.jsonl +- {2}not in it: not asked for \(--with-rollout\)$/m)
  expect(stdout).toMatch(/^Replaced: \d+ secrets?/m)
  expect(stdout).toMatch(/\nNothing was written\.\n$/)
  expect(readdirSync(place)).toEqual([])
})

describe('every home', () => {
  test.each(sampleOf(HOMES, 4))('%s: the newest thread in a folder', async (name) => {
    await bundleNewest(keep(copyHome(name)), name)
  })

  test.each(sampleOf(fixtureNames('failures'), 4))('failures/%s', async (name) => {
    await bundleNewest(keep(copyFixtureHome('failures', name)), `failures-${name}`)
  })

  async function bundleNewest(path: string, name: string): Promise<void> {
    // Of some the databases lay on a disk that is not there.
    const config = join(path, 'config.toml')
    if (existsSync(config))
      writeFileSync(config, readFileSync(config, 'utf8').replace(/^sqlite_home.*$/m, ''))
    const before = describeFolder(path)
    const target = join(folder, name)
    const argv = ['bundle', 'last', '--no-redact', '--with-rollout', '-o', target]
    const { stdout, stderr, exitCode } = await runLogs([...argv, '--codex-home', path])
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toContain('NOT REDACTED')
    const files = readdirSync(target)
    expect(files).toEqual(expect.arrayContaining(['README.md', 'thread.json', 'where.json', 'versions.json']))
    for (const file of files) expect(stdout + file).toContain(file)
    expect(describeFolder(path)).toEqual(before)
  }
})

test.each([
  [['-o', join(folder, 'none', 'x.zip')], /cannot write .*x\.zip: its folder does not exist/, 2],
  [[], /^codex-logs: missing option: -o <path>/, 2],
  [['-o', join(folder, 'x.zip'), '--db', join(folder, 'no.sqlite')], /no\.sqlite/, 3],
])('%j is refused in one line, and leaves nothing', async (args, message, exitCode) => {
  const before = readdirSync(folder)
  expect(await runLogs(['bundle', THREAD, '--no-redact', '--codex-home', home, ...args])).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(message),
    exitCode,
  })
  expect(readdirSync(folder)).toEqual(before)
})

test('a folder that is there already is left as it is', async () => {
  const target = join(folder, 'taken')
  mkdirSync(target)
  writeFileSync(join(target, 'mine'), 'mine')
  expect(await runLogs(['bundle', THREAD, '--no-redact', '-o', target, '--codex-home', home])).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(/there is something of that name already/),
    exitCode: 2,
  })
  expect(readdirSync(target)).toEqual(['mine'])
})

test('a thread that is not there is told, and where nothing may be written', async () => {
  const argv = ['bundle', '01a1fb71-0000-7000-8000-000000000000', '--no-redact', '-o', join(folder, 'n.zip')]
  expect(await runLogs([...argv, '--codex-home', home])).toMatchObject({ stdout: '', exitCode: 1 })
  const locked = join(folder, 'locked')
  mkdirSync(locked, { mode: 0o500 })
  const [command, args] = asOrdinaryUser(process.execPath, [
    binPath('codex-logs'),
    'bundle',
    THREAD,
    '-o',
    join(locked, 'x.zip'),
    '--codex-home',
    home,
  ])
  expect(await startProcess(command, args).end()).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(/cannot write .*x\.zip: permission denied/),
    exitCode: 2,
  })
})

test('one that is interrupted leaves nothing', async () => {
  const place = join(folder, 'cut')
  mkdirSync(place)
  const running = startBin('codex-logs', ['bundle', THREAD, '-o', join(place, 'x.zip'), '--codex-home', home])
  await running.until(() => readdirSync(place).length > 0)
  await running.end('SIGINT')
  // It may have been done already: then it is whole.
  expect(readdirSync(place).filter((name) => name !== 'x.zip')).toEqual([])
})

test('of a fork the rollout is its own file, and the README names the one that it continues', async () => {
  const path = keep(copyHome('codex-0.169.0'))
  const target = join(folder, 'fork')
  const argv = [
    'bundle',
    '01a1fb72-1103-7553-aa61-2900b1c951c7',
    '--no-redact',
    '--with-rollout',
    '-o',
    target,
  ]
  const { exitCode } = await runLogs([...argv, '--codex-home', path])
  expect(exitCode).toBe(0)
  expect(readFileSync(join(target, 'README.md'), 'utf8')).toMatch(
    /rollout\.jsonl: it continues rollout 01a1fb7[\w-]+: what was said before that point is not in the file/,
  )
})
