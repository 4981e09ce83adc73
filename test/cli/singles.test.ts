import { describe, expect, test } from 'vitest'
import type { Program } from '../../src/cli/command.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { copyHome } from '../helpers/homes.js'
import { runLogs, runState } from '../helpers/run.js'

const home = ['--codex-home', copyHome('codex-0.169.0')]

async function load(program: Program, run: typeof runLogs) {
  const commands = Object.entries(program.commands).map(async ([path, entry]) => ({
    program: program.name,
    path,
    run,
    ...(await entry.load()),
  }))
  return Promise.all(commands)
}

const COMMANDS = [...(await load(LOGS_PROGRAM, runLogs)), ...(await load(STATE_PROGRAM, runState))]

test('what prints JSON has a schema of it', () => {
  const without = COMMANDS.filter(({ command }) => 'json' in command.flags && command.jsonForms.length === 0)
  expect(without.map(({ program, path }) => `${program} ${path}`)).toEqual([])
})

/** Those that print one thing, which is named. */
const SINGLES = COMMANDS.filter(
  ({ command }) =>
    command.writes === undefined &&
    command.jsonForms.some(({ shape }) => shape === 'object') &&
    Object.values(command.args).some(({ form }) => form === 'required'),
)

describe.each(SINGLES)('$program $path', ({ path, run }) => {
  test('of what is not there is null in JSON, one object on stderr, and exit code 1', async () => {
    const { stdout, stderr, exitCode } = await run([...path.split(' '), '999999999', '--json', ...home])
    expect({ stdout, exitCode }).toEqual({ stdout: 'null\n', exitCode: 1 })
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'NOT_FOUND' } })
  })
})

function lineOf({ path, command }: (typeof COMMANDS)[number]): string[] {
  const words = Object.values(command.args).flatMap(({ form, example }) =>
    form === 'required' ? [example ?? ''] : [],
  )
  return [...path.split(' '), ...words, ...home]
}

/** Those that can print one thing: of some it need not be named. */
const OBJECTS = COMMANDS.filter(
  ({ command }) => command.writes === undefined && command.jsonForms.some(({ shape }) => shape === 'object'),
)

/** In this home there are no memories, and of `codex exec` the newest thread: no picker shows it. */
const SAYS_NO = ['memories show', 'memories why', 'memories given', 'why']

test.each(OBJECTS)('$program $path says it in words on a terminal', async (single) => {
  const shown = await single.run(lineOf(single), { isTerminal: true })
  const json = await single.run([...lineOf(single), '--json'])
  const exitCode = SAYS_NO.includes(single.path) ? 1 : 0
  expect([shown.exitCode, json.exitCode]).toEqual([exitCode, exitCode])
  expect(shown.stdout + shown.stderr).toMatch(/\w/)
  expect(shown.stdout).not.toMatch(/undefined|NaN|\[object|^[[{"]/)
})

const RECORDS = OBJECTS.filter(
  ({ command }) => 'fields' in command.flags && command.jsonForms.every(({ shape }) => shape === 'object'),
)

test.each(RECORDS)('$program $path shows each field that is asked for', async (single) => {
  const line = [...lineOf(single), '--fields']
  const names = (await single.run(line)).stdout.split('\n').slice(0, -1)
  expect(names.length).toBeGreaterThan(1)
  const asked = [...line, names.join()]
  const piped = await single.run(asked)
  const shown = await single.run([...asked, '--color', 'never'], { isTerminal: true })
  // In this home there are no memories.
  const found = single.path === 'memories show' ? [] : names
  expect(piped.stdout.split('\n').map((text) => text.split('\t')[0])).toEqual([...found, ''])
  const labels = shown.stdout.split('\n').flatMap((text) => /^\S+( \S+)*(?= {2,}\S)/.exec(text)?.[0] ?? [])
  expect(labels).toEqual(found.map((name) => name.replaceAll('_', ' ')))
})
