import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { createLogsProgram } from '../../src/cli/logs.js'
import type { CommandContext } from '../../src/cli/main.js'
import { formatManuals } from '../../src/cli/manual.js'
import { createStateProgram } from '../../src/cli/state.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { runLogs, runState } from '../helpers/run.js'
import { CLEAN_ENV } from '../helpers/spawn.js'

const PROGRAMS = {
  'codex-logs': { create: createLogsProgram, run: runLogs },
  'codex-state': { create: createStateProgram, run: runState },
} as const

const manuals = formatManuals()

function writeManual(name: string): string {
  const path = join(temporaryFolder(), `${name}.1`)
  writeFileSync(path, manuals[name]!)
  return path
}

/** The page as a reader sees it, each run of blanks as one: lines are filled and justified. */
function readManual(name: string): string {
  return execFileSync('man', ['-l', writeManual(name)], {
    env: { ...CLEAN_ENV, LANG: 'C.UTF-8', MANWIDTH: '400', MAN_KEEP_FORMATTING: '' },
    encoding: 'utf8',
  }).replaceAll(/\s+/g, ' ')
}

/** Every command that somebody sees, by what is typed behind the program's name. */
function listCommands(command: Command, path: readonly string[] = []): [path: readonly string[], Command][] {
  const below = command
    .createHelp()
    .visibleCommands(command)
    .flatMap((child) => listCommands(child, [...path, child.name()]))
  return [[path, command], ...below]
}

describe.each(['codex-logs', 'codex-state'] as const)('the manual page of %s', (name) => {
  const { create, run } = PROGRAMS[name]
  const commands = listCommands(create({ exitCode: 0 } as CommandContext))

  test('is read without a warning', () => {
    const path = writeManual(name)
    const groff = spawnSync('groff', ['-man', '-ww', '-z', '-Tutf8', path], { encoding: 'utf8' })
    expect(groff).toMatchObject({ stdout: '', stderr: '', status: 0 })
    const man = spawnSync('man', ['--warnings', '-l', path], {
      encoding: 'utf8',
      env: { ...CLEAN_ENV, LANG: 'C.UTF-8' },
    })
    expect(man).toMatchObject({ stderr: '', status: 0 })
    expect(man.stdout).toContain('SEE ALSO')
  })

  test('says what --help and completion say: every command', async () => {
    const page = readManual(name)
    expect(commands.length).toBeGreaterThan(3)
    for (const [path, command] of commands) {
      if (path.length === 0 || command.commands.length > 0) continue
      expect(page).toContain(`${path.join(' ')} [options]`)
      expect(page).toContain(command.description())
      const { stdout: help } = await run([...path.slice(0, -1), '--help'])
      expect(help).toMatch(new RegExp(`^ {2}${command.name()}\\b`, 'm'))
      const { stdout: offered } = await run(['__complete', '--', ...path])
      expect(offered).toContain(`\n${command.name()}\t`)
    }
  })

  test('says what --help and completion say: every flag', async () => {
    const page = readManual(name)
    for (const [path, command] of commands) {
      if (command.commands.length > 0 && path.length > 0) continue
      const { stdout: help } = await run([...path, '--help'])
      const { stdout: offered } = await run(['__complete', '--', ...path, '--'])
      for (const { flags, description } of command.createHelp().visibleOptions(command)) {
        expect(help).toContain(flags)
        expect(page).toContain(`${flags} ${description}`)
        for (const flag of flags.match(/--[a-z][-a-z]*/g) ?? []) expect(offered).toContain(`\n${flag}\t`)
      }
    }
  })

  test('shows the examples of --help, and the exit codes', async () => {
    const page = readManual(name)
    const { stdout: help } = await run(['--help'])
    const examples = /^Examples:\n([\s\S]*?)\n\n/.exec(help)![1]!.split('\n')
    expect(examples.length).toBeGreaterThan(3)
    const codes = /^Exit codes: (.*)$/m.exec(help)![1]!
    for (const text of [...examples, codes]) expect(page).toContain(text.trim().replaceAll(/\s+/g, ' '))
  })
})
