import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { copyHome } from '../helpers/homes.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { runLogs, runState } from '../helpers/run.js'

const CODEX_HOME = copyHome('codex-0.169.0')
const THREAD = '01a1fb71-715e-7f23-a852-149551519dd4'

const onTerminal = (run: typeof runLogs, line: string, codexHome = CODEX_HOME) =>
  run(line.split(' '), { env: { CODEX_HOME: codexHome, PAGER: '' }, isTerminal: true, columns: 80 })

describe('where nothing is shown, what is said is so', () => {
  test.each([
    ['errors --since 1m', 'no failure matches\n'],
    ['errors --search shell_snapshot', 'no failure matches\n'],
    ['mcp --since 1m', 'no row that matches mentions an MCP server\n'],
    ['mcp --events --since 1m', 'no row that matches mentions an MCP server\n'],
    ['turns --since 1m', `none of the 2 turns of thread ${THREAD} is of this time\n`],
    [
      'turns --items',
      `the log has no step and no call of 2 turns of thread ${THREAD}; 'codex-state threads turns 01a1fb71-715e --items' shows what its rollout has\n`,
    ],
  ])('codex-logs %s', async (line, text) => {
    const { stdout, stderr } = await onTerminal(runLogs, line)
    expect(stdout).toBe('')
    expect(stderr.endsWith(text)).toBe(true)
  })

  test.each([
    ['tokens --since 1m', 'no tokens were used in that time\n'],
    ['search CHECKOUT', 'nothing matches; upper and lower case count without -i\n'],
    ['search -i qqqqq', 'nothing matches\n'],
    ['search 47110815', 'nothing matches\n'],
  ])('codex-state %s', async (line, text) => {
    expect(await onTerminal(runState, line)).toMatchObject({ stdout: '', stderr: `codex-state: ${text}` })
  })

  test('a failure that is only a notice is counted', async () => {
    const { stdout, stderr } = await onTerminal(runLogs, 'errors --search Unknown --level warn')
    expect(stdout).toBe('')
    expect(stderr).toMatch(/: no failure matches, and \d+ notices of 1 kind \(--notices\)\n$/)
  })
})

test('a table that is not there: the one that is meant', async () => {
  const { stderr, exitCode } = await onTerminal(runState, 'table threds')
  expect(exitCode).toBe(1)
  expect(stderr).toBe(
    "codex-state: no database of this home has a table 'threds' (did you mean threads?). 'codex-state tables' names those that there are.\n",
  )
})

describe('a home without databases', () => {
  test('that has rollouts: what still answers, and how to get a database again', async () => {
    const home = copyHome('codex-0.169.0')
    for (const name of readdirSync(home)) if (/\.sqlite/.test(name)) rmSync(join(home, name))
    for (const [run, line] of [
      [runLogs, 'query'],
      [runState, 'threads list'],
      [runState, 'threads show last'],
      [runState, `threads show ${THREAD}`],
      [runState, 'where'],
    ] as const) {
      const { stderr, exitCode } = await onTerminal(run, line, home)
      expect(exitCode).toBe(3)
      expect(stderr).toMatch(
        /: no Codex database in .* \(found by CODEX_HOME\)\. Its rollouts are there: .*'codex-state backfill run --into DIR'/,
      )
    }
    // The one that was written to last, though no row says so.
    const { stdout } = await onTerminal(runState, 'threads path last', home)
    expect(stdout).toContain(THREAD)
    const read = await onTerminal(runState, 'threads read last --turn 1', home)
    expect(read).toMatchObject({ stdout: expect.stringContaining('Fix the rounding bug'), exitCode: 0 })
  })

  test('that has none: where else to look', async () => {
    const home = temporaryFolder()
    const { stderr, exitCode } = await onTerminal(runState, 'threads list', home)
    expect(exitCode).toBe(3)
    expect(stderr).toContain('(found by CODEX_HOME). Pass --codex-home or --db, or set CODEX_HOME.')
    mkdirSync(join(home, 'sessions'))
    expect((await onTerminal(runState, 'threads read last', home)).exitCode).toBe(3)
  })

  /** One follows on, one only counts files, one asks no home, and of four a place or a receiver is missing first. */
  const OTHERS = ['tail', 'du', 'explain', 'bundle', 'export', 'ship']
  const ASKING = [LOGS_PROGRAM, STATE_PROGRAM].flatMap((program) =>
    Object.entries(program.commands)
      .filter(([path]) => !OTHERS.includes(path))
      .map(([path, { load }]) => ({ program, path, load })),
  )

  test('is the same error of every command that asks one', async () => {
    const home = temporaryFolder()
    const asked: string[] = []
    for (const { program, path, load } of ASKING) {
      const { command } = await load()
      if (command.writes !== undefined || !('codexHome' in command.flags)) continue
      const words = Object.values(command.args).flatMap(({ form, example }) =>
        form === 'required' ? [example ?? ''] : [],
      )
      const run = program === LOGS_PROGRAM ? runLogs : runState
      expect(await run([...path.split(' '), ...words], { env: { CODEX_HOME: home } }), path).toEqual({
        stdout: '',
        stderr: `${program.name}: no Codex database in ${home} (found by CODEX_HOME). Pass --codex-home or --db, or set CODEX_HOME.\n`,
        exitCode: 3,
      })
      asked.push(path)
    }
    expect(asked.length).toBeGreaterThan(35)
  })
})
