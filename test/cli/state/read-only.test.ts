import { describe, expect, test } from 'vitest'
import type { Program } from '../../../src/cli/command.js'
import { STATE_PROGRAM } from '../../../src/cli/state.js'
import { sampleOf } from '../../helpers/everything.js'
import { copyHome, HOMES } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'
import { fingerprintFolder } from '../../helpers/seed.js'

/** Every command, and each of its forms of JSON, but for those that say that they write. */
async function listCommandLines(program: Program): Promise<string[]> {
  const lines: string[] = []
  for (const [path, { load }] of Object.entries(program.commands)) {
    const { command } = await load()
    // What writes to a file of its own is run in a test of its own.
    if (command.writes !== undefined || !('codexHome' in command.flags) || 'output' in command.flags) continue
    const words = Object.values(command.args).map(({ example = '' }) => example)
    const line = [path, ...words].join(' ')
    lines.push(line, ...command.jsonForms.map(({ argv = [] }) => [line, ...argv, '--json'].join(' ')))
  }
  return lines
}

const COMMANDS = [
  ...(await listCommandLines(STATE_PROGRAM)),
  'threads list --codex-view',
  'threads list --codex-picker --archived',
  'threads list --cwd /home/demo/projects/web-shop',
  'memories last --cwd /home/demo/projects/web-shop',
  'table threads --json',
  'verify --full',
]

test('all commands are there but those that write', () => {
  const paths = Object.keys(STATE_PROGRAM.commands)
  const missing = paths.filter((path) => !COMMANDS.some((line) => line.startsWith(path)))
  expect(missing).toEqual(['history repair', 'backfill run', 'export', 'schemas', 'completion', '__complete'])
})

describe.each(sampleOf(HOMES, 6))('%s', (name) => {
  test('is the same, byte for byte, after every command', async () => {
    const home = copyHome(name)
    const before = fingerprintFolder(home)
    for (const command of COMMANDS) {
      const { exitCode } = await runState([...command.split(' '), '--codex-home', home])
      expect({ command, isSound: exitCode <= 1, after: fingerprintFolder(home) }).toEqual({
        command,
        isSound: true,
        after: before,
      })
    }
  }, 120_000)
})

test('an empty home is told of, and nothing is created in it', async () => {
  const home = `${copyHome('codex-0.93.0')}/sessions`
  const before = fingerprintFolder(home)
  const codes: Record<string, number> = {}
  for (const command of COMMANDS) {
    const { exitCode, stdout, stderr } = await runState([...command.split(' '), '--codex-home', home])
    codes[command] = exitCode
    expect({
      command,
      isQuiet: exitCode === 0 || (exitCode === 3 ? stdout.replace('[]\n', '') : '') === '',
    }).toEqual({
      command,
      isQuiet: true,
    })
    if (exitCode !== 0) expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  }
  expect(fingerprintFolder(home)).toEqual(before)
  expect(Object.entries(codes).filter(([line, code]) => code !== (line.startsWith('du') ? 0 : 3))).toEqual([])
})
