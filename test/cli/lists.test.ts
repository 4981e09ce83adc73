import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { Command, Program } from '../../src/cli/command.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { copyHome } from '../helpers/homes.js'
import { type RunResult, runLogs, runState } from '../helpers/run.js'

const home = ['--codex-home', copyHome('codex-0.169.0')]

interface Listed {
  program: string
  path: string
  command: Command
  run: typeof runLogs
}

async function listCommands(program: Program, run: typeof runLogs): Promise<Listed[]> {
  const commands = Object.entries(program.commands).map(async ([path, entry]) => ({
    program: program.name,
    path,
    run,
    ...(await entry.load()),
  }))
  return (await Promise.all(commands)).filter(
    ({ command }) =>
      command.writes === undefined && command.jsonForms.some(({ shape }) => shape !== 'object'),
  )
}

/** Every command that prints any number of records. */
const LISTS = [
  ...(await listCommands(LOGS_PROGRAM, runLogs)),
  ...(await listCommands(STATE_PROGRAM, runState)),
  // One never ends, and of the other an empty answer is a verdict.
].filter(({ path }) => path !== 'tail' && path !== 'threads read')

function lineOf({ path, command }: Listed): string[] {
  const words = Object.values(command.args).flatMap(({ form, example }) =>
    form === 'required' ? [example ?? ''] : [],
  )
  return [...path.split(' '), ...words, ...home]
}

function countRecords({ stdout }: RunResult): number {
  return stdout.startsWith('[') ? JSON.parse(stdout).length : stdout.split('\n').length - 1
}

describe.each(LISTS)('$program $path', (list) => {
  const line = lineOf(list)

  test('an empty list is an answer, and exit code 1 only with --exit-code', async () => {
    const isArray = list.command.jsonForms.some(({ shape }) => shape === 'array')
    const found = await list.run([...line, '--json'])
    const empty = await list.run([...line, '--json', '-n', '0'])
    // Nothing is wrong with this home: a verdict says so, however much of it is shown.
    expect(found.exitCode).toBe(0)
    expect(empty).toMatchObject({ stdout: isArray ? '[]\n' : '', exitCode: 0 })
    const asked = await list.run([...line, '--json', '-n', '0', '--exit-code'])
    expect(asked).toMatchObject({ stdout: empty.stdout, exitCode: 1 })
    const isSomething = found.stdout.length > '[]\n'.length
    expect((await list.run([...line, '--json', '--exit-code'])).exitCode).toBe(isSomething ? 0 : 1)
  })

  test('CSV has the records of the JSON, each on a line below a header', async () => {
    const csv = 'csv' in list.command.flags ? ['--csv'] : ['--format', 'csv']
    const [{ stdout }, json] = [await list.run([...line, ...csv]), await list.run([...line, '--json'])]
    const [header, ...rows] = stdout.split('\n').slice(0, -1)
    expect(header).toMatch(/^[\w:]+(,[\w:]+)*$/)
    expect(rows).toHaveLength(countRecords(json))
  })

  // What `query` shows of several rows may be one line.
  test.skipIf(list.path === 'query')('a terminal has a line of each, or a sentence of none', async () => {
    const shown = await list.run(line, { isTerminal: true })
    const count = countRecords(await list.run([...line, '--json']))
    if (count > 0) expect(shown.stdout.split('\n').slice(0, -1).length).toBeGreaterThan(count)
    else expect([shown.stdout, shown.stderr]).toEqual(['', expect.stringMatching(/ (no|nothing) /)])
  })
})

test('CSV quotes what a reader of CSV would take for more, and tells times and flags as JSON does', async () => {
  const fields = 'id,archived,created_at,name,title'
  const argv = ['threads', 'list', '--search', '🧺', '--fields', fields, ...home]
  expect((await runState([...argv, '--csv'])).stdout).toBe(
    `${fields}\n01a1fb72-1070-7d72-a57b-9ce71b9c75c6,false,2026-11-21T00:11:58.962Z,Naming: “Basketwise” 🧺,"Rename the project, please."\n`,
  )
  expect(await runState([...argv, '--csv', '--json'])).toMatchObject({ exitCode: 2 })
  const quoted = await runState([
    'threads',
    'list',
    '--search',
    'staged, unstaged',
    '--csv',
    '-n',
    '1',
    ...home,
  ])
  expect(quoted.stdout.split('\n')[1]).toContain('"Review the current code changes (staged, unstaged,')
})

test('CSV for a spreadsheet has no formula in it', async () => {
  const copy = copyHome('codex-0.169.0')
  const database = new Database(join(copy, 'state_5.sqlite'))
  database.exec(`UPDATE threads SET title = '=HYPERLINK("http://example.org")'`)
  database.close()
  const argv = ['threads', 'list', '-n', '1', '--fields', 'title', '--codex-home', copy]
  expect((await runState([...argv, '--csv'])).stdout).toBe('title\n"=HYPERLINK(""http://example.org"")"\n')
  expect((await runState([...argv, '--csv-safe'])).stdout).toBe(
    `title\n"'=HYPERLINK(""http://example.org"")"\n`,
  )
})

test('-q prints whole ids, on a terminal too, and --print0 ends each with a NUL', async () => {
  const { stdout } = await runState(['threads', 'list', '-q', ...home])
  const ids = stdout.split('\n').slice(0, -1)
  expect(ids).toHaveLength(25)
  const argv = ['threads', 'list', '-q', '--print0', ...home]
  for (const isTerminal of [false, true]) {
    expect((await runState(argv, { isTerminal })).stdout).toBe(ids.map((id) => `${id}\0`).join(''))
  }
  expect((await runState(['threads', 'list', '-q', ...home], { isTerminal: true })).stdout).toBe(stdout)
  expect(await runState(['threads', 'list', '--print0', ...home])).toMatchObject({ exitCode: 2 })
})
