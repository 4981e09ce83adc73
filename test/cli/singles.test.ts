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

/** Those that can print one thing: of some it need not be named. */
const OBJECTS = COMMANDS.filter(
  ({ command }) => command.writes === undefined && command.jsonForms.some(({ shape }) => shape === 'object'),
)

test.each(OBJECTS)('$program $path says it in words on a terminal', async ({ path, command, run }) => {
  const words = Object.values(command.args).flatMap(({ form, example }) =>
    form === 'required' ? [example ?? ''] : [],
  )
  const line = [...path.split(' '), ...words, ...home]
  const shown = await run(line, { isTerminal: true })
  const json = await run([...line, '--json'])
  expect(shown.exitCode).toBe(json.exitCode)
  expect(shown.stdout + shown.stderr).toMatch(/\w/)
  expect(shown.stdout).not.toMatch(/undefined|NaN|\[object|^[[{"]/)
})
