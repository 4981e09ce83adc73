import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SHELLS } from '../../src/cli/completion/scripts.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { listBelow } from '../../src/cli/registry.js'
import { describeFolder } from '../helpers/folder.js'
import { copyHome } from '../helpers/homes.js'
import { createHome, LAYOUTS, temporaryFolder } from '../helpers/layouts.js'
import { runLogs, runState } from '../helpers/run.js'
import { runBin } from '../helpers/spawn.js'

const home = copyHome('codex-0.169.0')

async function complete(program: 'codex-logs' | 'codex-state', words: string[], codexHome = home) {
  const run = program === 'codex-logs' ? runLogs : runState
  const { stdout, stderr, exitCode } = await run(['__complete', '--', ...words], {
    env: { CODEX_HOME: codexHome },
  })
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  const [kind = '', ...lines] = stdout.split('\n').slice(0, -1)
  return { kind, values: lines.map((line) => line.split('\t')[0]!), lines }
}

test.each<{ words: string[]; first: string[] }>([
  { words: [''], first: listBelow(LOGS_PROGRAM).map(({ name }) => name) },
  { words: ['qu'], first: ['query'] },
  {
    words: ['query', '--t'],
    first: ['--to', '--target', '--thread-id', '--threadless', '--turn', '--tool', '--tz'],
  },
  { words: ['query', '--level', ''], first: ['trace', 'debug', 'info', 'warn', 'error'] },
  { words: ['query', '--level=w'], first: ['--level=warn'] },
  { words: ['query', '--color', ''], first: ['auto', 'always', 'never'] },
  { words: ['query', '--fields', 'ts'], first: ['ts', 'ts_nanos'] },
  { words: ['tail', '--backfill', 'a'], first: ['all'] },
  { words: ['query', '--json', '--json-'], first: [] },
  { words: ['query', '--utc', '--ut'], first: [] },
  { words: ['query', '--level', 'warn', '--lev'], first: ['--level'] },
  { words: ['completion', ''], first: [...SHELLS] },
  { words: ['query', 'anything', ''], first: [] },
  { words: ['nonsense', '--x'], first: [] },
])('codex-logs $words is followed by $first', async ({ words, first }) => {
  expect((await complete('codex-logs', words)).values).toEqual(first)
})

test.each([
  { words: ['query', '--db', ''], kind: 'files' },
  { words: ['query', '--cursor-file=x'], kind: 'files' },
  { words: ['query', '--codex-home', ''], kind: 'folders' },
])('codex-logs $words leaves it to the shell to list $kind', async ({ words, kind }) => {
  expect(await complete('codex-logs', words)).toEqual({ kind, values: [], lines: [] })
})

test('what is stored is offered: threads by id with their title, targets by how often they come', async () => {
  const threads = await complete('codex-logs', ['query', '--thread-id', '01a1fb71-715'])
  expect(threads.lines).toEqual([
    '01a1fb71-715e-7f23-a852-149551519dd4\tFix the rounding bug in src/cart.js and drop the unused helper.',
  ])
  const targets = await complete('codex-logs', ['query', '--target=codex_core::sh'])
  expect(targets.lines[0]).toMatch(/^--target=codex_core::shell_snapshot\t\d+ of the newest rows$/)
})

test('a thread is offered by id, or by its title to who types one', async () => {
  expect((await complete('codex-state', ['why', 'la'])).values).toEqual(['last'])
  expect((await complete('codex-state', ['why', '01a1fb71-715'])).values).toEqual([
    '01a1fb71-715e-7f23-a852-149551519dd4',
  ])
  expect((await complete('codex-state', ['threads', 'show', 'Count'])).values).toContain(
    'Count the rows in data.csv',
  )
})

test('a thread that has a name is offered by it, as lists call it', async () => {
  expect((await complete('codex-state', ['threads', 'show', '01a1fb72-107'])).lines).toEqual([
    '01a1fb72-1070-7d72-a57b-9ce71b9c75c6\tNaming: “Basketwise” 🧺',
  ])
  expect((await complete('codex-state', ['threads', 'show', 'Naming'])).values).toEqual([
    'Naming: “Basketwise” 🧺',
  ])
})

test('a group takes the flags of the command that it runs by itself', async () => {
  const flags = (await complete('codex-state', ['threads', '--'])).values
  expect(flags).toEqual((await complete('codex-state', ['threads', 'list', '--'])).values)
  expect(flags).toContain('--archived')
})

test('the home that was typed counts, also with a ~', async () => {
  const { stdout } = await runLogs(
    ['__complete', '--', 'query', '--codex-home', `~/${basename(home)}`, '--target', 'codex_core::sh'],
    { userHome: dirname(home) },
  )
  expect(stdout).toContain('codex_core::shell_snapshot')
})

describe.each(LAYOUTS)('$name', (layout) => {
  test('an empty home offers nothing, in silence', async () => {
    const empty = createHome(layout)
    for (const flag of ['--thread-id', '--target', '--module', '--file', '--process']) {
      expect(await complete('codex-logs', ['query', flag, ''], empty)).toEqual({
        kind: '',
        values: [],
        lines: [],
      })
    }
    expect((await complete('codex-state', ['threads', 'show', ''], empty)).values).toEqual(['last'])
  })
})

test('changes nothing in the home', async () => {
  const before = describeFolder(home)
  await complete('codex-logs', ['query', '--target', ''])
  await complete('codex-state', ['threads', 'show', ''])
  expect(describeFolder(home)).toEqual(before)
})

test('says nothing when there is no home, or a damaged one', async () => {
  const missing = join(temporaryFolder(), 'missing')
  const damaged = temporaryFolder()
  writeFileSync(join(damaged, 'logs_2.sqlite'), 'SQLite format 3\0 and nothing of it')
  for (const place of [missing, damaged, '/dev/null']) {
    expect((await complete('codex-logs', ['query', '--target', ''], place)).values).toEqual([])
  }
})

test('a Tab is answered with what the home holds', async () => {
  const { stdout } = await runBin('codex-logs', ['__complete', '--', 'query', '--target', 'codex'], {
    env: { CODEX_HOME: home },
  })
  expect(stdout).toContain('codex_core::shell_snapshot')
})

test.each(SHELLS)('the script for %s asks the program and names it', async (shell) => {
  const { stdout } = await runLogs(['completion', shell])
  expect(stdout).toContain('codex-logs')
  expect(stdout).toMatch(/__complete '?--'?/)
  expect(stdout).not.toMatch(/\beval\b/)
})

test('an unknown shell is a usage error', async () => {
  expect(await runLogs(['completion', 'tcsh'])).toMatchObject({ stdout: '', exitCode: 2 })
})
