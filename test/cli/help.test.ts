import { describe, expect, test } from 'vitest'
import type { Program } from '../../src/cli/command.js'
import { itemsOf } from '../../src/cli/help.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { parseLine } from '../../src/cli/parse.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { widthOf } from '../../src/format/table.js'
import { copyHome } from '../helpers/homes.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { runLogs, runState } from '../helpers/run.js'

/** It ends by itself, needs nobody at the other end, and writes no file. */
function isPlain(words: readonly string[]): boolean {
  return !/^(tail|ship)\b|--watch|--html|--into| -o /.test(words.join(' '))
}

const CODEX_HOME = copyHome('codex-0.169.0')

async function listCommands(program: Program, run: typeof runLogs) {
  const commands = Object.entries(program.commands).filter(([, { isHidden }]) => !isHidden)
  return Promise.all(
    commands.map(async ([path, entry]) => ({
      name: program.name,
      path,
      run,
      command: (await entry.load()).command,
    })),
  )
}

const COMMANDS = [
  ...(await listCommands(LOGS_PROGRAM, runLogs)),
  ...(await listCommands(STATE_PROGRAM, runState)),
]

function wordsOf(line: string): string[] {
  return line.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ''))
}

const GROUPS = [...Object.keys(STATE_PROGRAM.groups), '']

test.each([
  ...COMMANDS.map(({ name, path, run }) => ({ name, path, run })),
  ...GROUPS.map((path) => ({ name: 'codex-state', path, run: runState })),
  { name: 'codex-logs', path: '', run: runLogs },
])('$name $path --help fits a terminal of 80 columns, and is the same in a pipe', async ({ path, run }) => {
  const argv = [...path.split(' ').filter(Boolean), '--help']
  const { stdout } = await run(argv)
  expect(stdout.split('\n').filter((line) => widthOf(line) > 80)).toEqual([])
  expect((await run(argv, { isTerminal: true, columns: 80 })).stdout).toBe(stdout)
})

describe.each(COMMANDS)('$name $path', ({ name, path, run, command }) => {
  test('has examples that run', async () => {
    expect(command.examples).not.toEqual([])
    const { stdout } = await run([...path.split(' '), '--help'])
    for (const line of command.examples) {
      expect(stdout).toContain(`\n  ${name} ${line}\n`)
      const words = wordsOf(line)
      const rest = words.slice(path.split(' ').length)
      expect(words.join(' ')).toBe([path, ...rest].join(' '))
      parseLine(command.flags, rest)
      if (!isPlain(words)) continue
      const { stderr, exitCode } = await run(words, {
        env: { CODEX_HOME },
        workingFolder: temporaryFolder(),
      })
      expect(stderr).not.toMatch(/See --help|unexpected error/)
      // What is not there in this home is 1.
      expect([0, 1]).toContain(exitCode)
    }
  })
})

test('a letter stands at the form of a flag that it is short for', () => {
  const either = COMMANDS.flatMap(({ command }) =>
    Object.entries(command.flags).filter(([, { form, short }]) => form === 'either' && short),
  )
  expect(either).not.toEqual([])
  for (const [flagName, flag] of either) {
    const [on, off] = itemsOf(flagName, flag)
    expect(on?.term.startsWith(`-${flag.short}, `)).toBe(true)
    expect(off?.term.startsWith('--no-')).toBe(true)
  }
})
