import { describe, expect, test } from 'vitest'
import type { Program } from '../../src/cli/command.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { widthOf } from '../../src/format/table.js'
import { copyFixtureHome, copyHome } from '../helpers/homes.js'
import { runLogs, runState } from '../helpers/run.js'

const HOMES = [
  copyHome('codex-0.98.0'),
  copyHome('codex-0.169.0'),
  copyFixtureHome('memories', 'codex-0.169.0-dual-memories'),
]

interface Line {
  line: string
  argv: string[]
  run: typeof runLogs
}

/** Every list, and every form of it that a flag asks for, as a terminal shows it without fields being named. */
async function listLines(program: Program, run: typeof runLogs): Promise<Line[]> {
  const lines = Object.entries(program.commands).map(async ([path, { load }]) => {
    const { command } = await load()
    const isList = command.jsonForms.some(({ shape }) => shape === 'array')
    if (!isList || command.writes !== undefined) return []
    const words = Object.values(command.args).flatMap(({ form, example }) =>
      form === 'required' ? [example ?? ''] : [],
    )
    return command.jsonForms.map(({ argv = [] }) => [...path.split(' '), ...words, ...argv])
  })
  const unlike = new Map((await Promise.all(lines)).flat().map((argv) => [argv.join(' '), argv]))
  return [...unlike].map(([line, argv]) => ({ line: `${program.name} ${line}`, argv, run }))
}

const LINES = [
  ...(await listLines(LOGS_PROGRAM, runLogs)),
  ...(await listLines(STATE_PROGRAM, runState)),
].filter(({ line }) => !line.includes('--sample'))

/** Forms of their own. */
const OTHERS: Line[] = [
  { line: 'codex-logs status', argv: ['status'], run: runLogs },
  { line: 'codex-logs turns last', argv: ['turns', 'last'], run: runLogs },
  { line: 'codex-logs errors --explain', argv: ['errors', '--explain'], run: runLogs },
  { line: 'codex-logs query', argv: ['query', '-n', '200'], run: runLogs },
  { line: 'codex-state why last', argv: ['why', 'last', '--all'], run: runState },
  { line: 'codex-state threads show last', argv: ['threads', 'show', 'last'], run: runState },
  { line: 'codex-state backfill status', argv: ['backfill', 'status'], run: runState },
]

/** What is there to be copied is whole, however long. */
const COPIED = /\.jsonl$|codex resume |codex-state threads turns .* --items/

/** A cell with a number or a size of which a part is gone. */
const CUT_NUMBER = /(?:^| {2})[\d.,]+(?: [KMGT]?i?)?…(?: {2}|$)/

describe.each([60, 80])('on a terminal of %d columns', (columns) => {
  test.each([...LINES, ...OTHERS])('$line fits, and no number is cut', async ({ argv, run }) => {
    for (const codexHome of HOMES) {
      const { stdout } = await run(argv, {
        env: { CODEX_HOME: codexHome, NO_COLOR: '1', PAGER: '' },
        isTerminal: true,
        columns,
      })
      // A path that was asked for is whole.
      const lines = stdout.split('\n').filter((line) => !line.includes(codexHome) && !COPIED.test(line))
      expect(lines.filter((line) => widthOf(line) > columns)).toEqual([])
      expect(lines.filter((line) => CUT_NUMBER.test(line))).toEqual([])
    }
  })
})
