import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { commandLines, pages } from './helpers/docs.js'
import { copyHome } from './helpers/homes.js'
import { temporaryFolder } from './helpers/layouts.js'
import { requirePrograms } from './helpers/programs.js'
import { runLogs, runState } from './helpers/run.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const readme = pages['README.md']!
const section = readme.slice(readme.indexOf('\n## Questions\n'), readme.indexOf('\n## Commands\n'))
const recipes = [...section.matchAll(/\n# ([^\n]+)\n([^\n]+)\n/g)].map(([, title, code]) => ({
  title: title!,
  code: code!,
}))

interface Outcome {
  stdout: string
  stderr: string
  exitCode: number | null
}

/** As a user's shell runs it: the commands on the PATH, a home of release 0.169, a folder of one's own. */
async function runRecipe(code: string, codexHome: string): Promise<Outcome> {
  const folder = temporaryFolder()
  const commands = join(folder, 'commands')
  mkdirSync(commands)
  for (const name of ['codex-logs', 'codex-state']) {
    const script = `#!/bin/sh\nexec "${process.execPath}" "${root}bin/${name}.js" "$@"\n`
    writeFileSync(join(commands, name), script, { mode: 0o755 })
  }
  const shell = spawn('sh', ['-c', code], {
    cwd: folder,
    detached: true,
    env: {
      ...process.env,
      CODEX_HOME: codexHome,
      HOME: folder,
      PATH: commands + delimiter + process.env.PATH,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const outcome: Outcome = { stdout: '', stderr: '', exitCode: null }
  // A recipe that follows ends as a person ends it, once it has shown something or after a while.
  const isFollowing = /codex-logs tail|\btail\b.* -f\b|--follow/.test(code)
  let end = () => {
    end = () => {}
    process.kill(-shell.pid!, 'SIGINT')
  }
  const patience = isFollowing ? setTimeout(() => end(), 2000) : undefined
  shell.stdout.on('data', (chunk) => {
    outcome.stdout += chunk
    if (isFollowing) end()
  })
  shell.stderr.on('data', (chunk) => {
    outcome.stderr += chunk
  })
  // A shell may wait for the command that was interrupted, or end of the signal itself.
  outcome.exitCode = await new Promise((resolve) =>
    shell.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal!])),
  )
  clearTimeout(patience)
  return outcome
}

/** The other programs that a line calls. */
function programsOf(line: string): string[] {
  const names = line.split('|').map((part) => part.trim().split(' ')[0]!)
  return names.filter((name) => ['jq', 'fzf'].includes(name))
}

/** The first command of each recipe → what it gives in the home of release 0.169. */
const EXPECTED: Record<string, { exitCode?: number; stdout: RegExp; stderr?: RegExp }> = {
  'codex-logs tail --thread-id': { exitCode: 130, stdout: /\[01a1fb72-1070-7d72-a57b-9ce71b9c75c6\]/ },
  'codex-logs errors --since 1h': { stdout: /^$/, stderr: /^(codex-logs: nothing .*\n)?$/ },
  'codex-logs query --min-level warn --json': { stdout: /^ +\d+ codex_/ },
  'codex-logs query --compact': { stdout: /ToolCall: / },
  'codex-logs query --json --cursor-file': { stdout: /^$/ },
  'codex-state threads list --search': { stdout: /^01a1fb71-715e-7f23-a852-149551519dd4\t/ },
  'echo codex resume': { stdout: /^codex resume 01a1fb71-715e-7f23-a852-149551519dd4\n$/ },
  'codex-state why': { exitCode: 1, stdout: /^pass\trow\t.*codex resume 01a1fb71-715e/s },
  'codex-state backfill run --dry-run': {
    stdout: /^insert\t/m,
    stderr: /1 thread would be inserted|1 thread inserted/,
  },
  'codex-state backfill run --into': { stdout: /rescued\/state_5\.sqlite\n$/, stderr: /25 threads stored/ },
  'codex-state du': { stdout: /^logs\t\d+\t/m },
  'codex-state memories last': { stdout: /^$/, stderr: /^(codex-state: no memories of .*\n)?$/ },
  'codex-state tokens --by day': { stdout: /^2026-11-21\t\d+\n$/ },
  'codex-state verify': { stdout: /state_5\.sqlite\tok.*\tthread turn root\tknown\t/s },
}

test('each question has an answer that is known', () => {
  expect(recipes.length).toBeGreaterThanOrEqual(14)
  expect(recipes.length).toBe(Object.keys(EXPECTED).length)
})

for (const { title, code } of recipes) {
  test(title, async () => {
    requirePrograms(...programsOf(code))
    const [command, expected] = Object.entries(EXPECTED).find(([start]) => code.startsWith(start))!
    const home = copyHome('codex-0.169.0')
    if (command.includes('--dry-run')) {
      const database = new Database(join(home, 'state_5.sqlite'))
      database.exec(`DELETE FROM threads WHERE id LIKE '01a1fb71-715e%'`)
      database.close()
    }
    const { stdout, stderr, exitCode } = await runRecipe(code, home)
    expect(stdout).toMatch(expected.stdout)
    expect(stderr).toMatch(expected.stderr ?? /^$/)
    expect(exitCode).toBe(expected.exitCode ?? 0)
  })
}

const HOME = 'codex-0.169.0'
let readHome: string | undefined

/** A line that asks nothing of a shell, and ends by itself. */
function isPlain(line: string): boolean {
  return !/[|><&;$"'`~]|\btail\b|--watch|--follow|--sample|\s-f\b|\brun\b|\brepair\b|\sship\b|\s-o\s/.test(
    line,
  )
}

/** Without a process of its own, which most lines do not need. */
async function runHere(line: string): Promise<Outcome> {
  const [program, ...argv] = line
    .replace(/\s#\s.*$/, '')
    .trim()
    .split(/\s+/)
  readHome ??= copyHome(HOME)
  const run = program === 'codex-logs' ? runLogs : runState
  return run(argv, { env: { CODEX_HOME: readHome }, workingFolder: temporaryFolder() })
}

/** Every other command line of the guide; what it prints is left out there or cut. */
const others = { ...pages, 'README.md': readme.replace(section, '') }
for (const [page, text] of Object.entries(others)) {
  for (const line of new Set(commandLines(text))) {
    test(`${page}: ${line}`, async () => {
      requirePrograms(...programsOf(line))
      // What watches for a while does so for a second here.
      const typed = line.replace(/--sample \S+/, '--sample 1s')
      const { stderr, exitCode } = await (isPlain(typed) ? runHere(typed) : runRecipe(typed, copyHome(HOME)))
      expect(stderr).not.toMatch(/See --help|unexpected error/)
      // Not misused, and a home that can be read: what is not there in this one is 1.
      expect(line.startsWith('codex-logs tail') ? [0, 130] : [0, 1]).toContain(exitCode)
    })
  }
}
