import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Program } from '../src/cli/command.js'
import { LOGS_PROGRAM } from '../src/cli/logs.js'
import { STATE_PROGRAM } from '../src/cli/state.js'
import { TEST_EVERYTHING } from './helpers/everything.js'
import { copyFixtureHome, copyHome, type FixtureKind, fixtureNames, HOMES } from './helpers/homes.js'
import { temporaryFolder } from './helpers/layouts.js'
import { type RunResult, runLogs, runState } from './helpers/run.js'
import { fingerprintFolder } from './helpers/seed.js'

type Run = (argv: readonly string[]) => Promise<RunResult>

/** Every command that says of itself that it changes nothing, in each of its forms of JSON. */
async function listCommands(program: Program, run: Run): Promise<{ argv: string[]; run: Run }[]> {
  const found: { argv: string[]; run: Run }[] = []
  for (const [path, { load }] of Object.entries(program.commands)) {
    const { command } = await load()
    // What ship reads it reads as query does; it needs a receiver.
    if (command.writes !== undefined || !('codexHome' in command.flags) || path === 'ship') continue
    const words = Object.values(command.args).map(({ example = '' }) => example)
    // Without the first it would not end; what is exported goes elsewhere.
    const ending = [
      ...(path === 'tail' ? ['--no-follow'] : []),
      ...(path === 'export' ? ['-o', join(temporaryFolder(), 'rows.ndjson')] : []),
      ...(path === 'bundle' ? ['--dry-run', '--no-redact'] : []),
    ]
    const argv = [...path.split(' '), ...words, ...ending].filter((word) => word !== '')
    for (const { argv: form = [] } of command.jsonForms)
      found.push({ argv: [...argv, ...form, '--json'], run })
    found.push({ argv, run })
  }
  return found
}

const COMMANDS = [
  ...(await listCommands(LOGS_PROGRAM, runLogs)),
  ...(await listCommands(STATE_PROGRAM, runState)),
]

const KINDS = ['failures', 'turns', 'items', 'memories'] as const satisfies readonly FixtureKind[]
const FIXTURES = [
  ...HOMES.map((name) => ({ path: name, copy: () => copyHome(name) })),
  ...KINDS.flatMap((kind) =>
    fixtureNames(kind).map((name) => ({ path: `${kind}/${name}`, copy: () => copyFixtureHome(kind, name) })),
  ),
].filter((_, index) => TEST_EVERYTHING || index % 12 === 0)

test.each(FIXTURES)('every reading command leaves each byte of $path', async ({ copy }) => {
  const home = copy()
  onTestFinished(() => rmSync(dirname(home), { recursive: true }))
  const before = fingerprintFolder(home)
  for (const { argv, run } of COMMANDS) {
    const { stderr, exitCode } = await run([...argv, '--codex-home', home])
    // The code of `history list` is the worst of what it found.
    const codes = argv[0] === 'history' ? [0, 1, 2, 3] : [0, 1, 3]
    expect(codes, `${argv.join(' ')}: ${stderr}`).toContain(exitCode)
    expect(stderr, argv.join(' ')).not.toContain('unexpected error')
  }
  expect(fingerprintFolder(home)).toEqual(before)
})
