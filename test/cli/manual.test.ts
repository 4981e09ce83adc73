import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { itemsOf } from '../../src/cli/help.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { formatManuals } from '../../src/cli/manual.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { requirePrograms } from '../helpers/programs.js'
import { runLogs, runState } from '../helpers/run.js'
import { CLEAN_ENV } from '../helpers/spawn.js'

const PROGRAMS = {
  'codex-logs': { program: LOGS_PROGRAM, run: runLogs },
  'codex-state': { program: STATE_PROGRAM, run: runState },
} as const

const manuals = await formatManuals()

function writeManual(name: string): string {
  const path = join(temporaryFolder(), `${name}.1`)
  writeFileSync(path, manuals[name]!)
  return path
}

/** The page as a reader sees it, each run of blanks as one: lines are filled and justified. */
function readManual(name: string): string {
  requirePrograms('man', 'groff')
  return execFileSync('man', ['-l', writeManual(name)], {
    env: { ...CLEAN_ENV, LANG: 'C.UTF-8', MANWIDTH: '400', MAN_KEEP_FORMATTING: '' },
    encoding: 'utf8',
  }).replaceAll(/\s+/g, ' ')
}

describe.each(['codex-logs', 'codex-state'] as const)('the manual page of %s', (name) => {
  const { program, run } = PROGRAMS[name]
  const commands = Object.entries(program.commands).filter(([, { isHidden }]) => !isHidden)

  test('is read without a warning', () => {
    const path = writeManual(name)
    requirePrograms('man', 'groff')
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
    for (const [path, { summary }] of commands) {
      const words = path.split(' ')
      expect(page).toContain(`${path} [options]`)
      expect(page).toContain(summary)
      const { stdout: help } = await run([...words.slice(0, -1), '--help'])
      expect(help).toMatch(new RegExp(`^ {2}${words.at(-1)}\\b`, 'm'))
      const { stdout: offered } = await run(['__complete', '--', ...words])
      expect(offered).toContain(`\n${words.at(-1)}\t`)
    }
  })

  test('says what --help and completion say: every flag', async () => {
    const page = readManual(name)
    for (const [path, entry] of commands) {
      const { command } = await entry.load()
      const { stdout: help } = await run([...path.split(' '), '--help'])
      const { stdout: offered } = await run(['__complete', '--', ...path.split(' '), '--'])
      for (const [flagName, flag] of Object.entries(command.flags)) {
        for (const { term, text } of itemsOf(flagName, flag)) {
          expect(help).toContain(term)
          expect(page).toContain(`${term} ${text}`)
          for (const spelling of term.match(/--[a-z][-a-z]*/g) ?? []) {
            expect(offered).toContain(`\n${spelling}\t`)
          }
        }
      }
    }
  })

  test('shows the examples of --help, and the exit codes', async () => {
    const page = readManual(name)
    const { stdout: help } = await run(['--help'])
    const examples = /^Examples:\n([\s\S]*?)\n\n/m.exec(help)![1]!.split('\n')
    expect(examples.length).toBeGreaterThan(3)
    const codes = /^Exit codes: (.*)$/m.exec(help)![1]!
    for (const text of [...examples, codes]) expect(page).toContain(text.trim().replaceAll(/\s+/g, ' '))
  })
})
