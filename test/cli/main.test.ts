import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Program } from '../../src/cli/command.js'
import { defineTextCommand } from '../../src/cli/command.js'
import { ClosedPipe, type Io } from '../../src/cli/io.js'
import { runProgram } from '../../src/cli/main.js'
import { listBelow } from '../../src/cli/registry.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { VERSION } from '../../src/cli/version.js'
import { STATE_ERROR_CODES, StateError, type StateErrorCode } from '../../src/errors.js'
import { copyHome } from '../helpers/homes.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { runLogs, runState } from '../helpers/run.js'

test('the version', async () => {
  for (const argv of [['--version'], ['-V'], ['version']]) {
    expect(await runLogs(argv)).toEqual({ stdout: `${VERSION}\n`, stderr: '', exitCode: 0 })
    expect(await runState(argv)).toEqual({ stdout: `${VERSION}\n`, stderr: '', exitCode: 0 })
  }
})

test('help goes to stdout, with examples and the exit codes', async () => {
  for (const argv of [['--help'], ['-h']]) {
    const { stdout, stderr, exitCode } = await runLogs(argv)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toContain('Examples:\n  codex-logs tail')
    expect(stdout).toContain('Exit codes: 0 fine, 1 the answer is no,')
  }
})

test.each(['tail', 'query'])('every flag of %s is in its help', async (command) => {
  const { stdout } = await runLogs([command, '--help'])
  const flags = `--codex-home --db --level --min-level --from --since --to --until --module --file --target
    --thread-id --threadless --process --search -g --grep -v --invert-match --format --json --compact --fields
    --utc --tz --raw --color --cursor-file -n ${command === 'tail' ? '--backfill --poll-ms --no-follow' : '--lines --reverse'}`
  for (const flag of flags.split(/\s+/)) expect(stdout).toMatch(new RegExp(`(^|[ ,])${flag}[ ,]`, 'm'))
})

test.each([
  ['threads', 'lst', ' (did you mean list?)'],
  ['backfill', 'statsu', ' (did you mean status?)'],
  ['memories', 'fffx', ''],
])('%s %s: what there is instead', async (group, word, guess) => {
  const names = listBelow(STATE_PROGRAM, group).map(({ name }) => name)
  const { stdout, stderr, exitCode } = await runState([group, word])
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 })
  expect(stderr).toMatch(
    `codex-state: unknown command '${group} ${word}'${guess}. Commands: ${names.join(', ')}. See --help.`,
  )
  expect((await runState([group, '--json', 'id', word])).stderr).toMatch(/too many arguments/)
})

async function runThrowing(error: unknown, env: Record<string, string> = {}) {
  const stderr: string[] = []
  const io = {
    stdout: { isTerminal: false, columns: undefined, write() {} },
    stderr: { isTerminal: false, columns: undefined, write: (text: string) => void stderr.push(text) },
    env,
  } as unknown as Io
  const command = defineTextCommand({
    examples: [],
    run() {
      throw error
    },
  })
  const program: Program = {
    name: 'codex-x',
    summary: '',
    examples: '',
    groups: {},
    commands: { go: { summary: '', load: async () => ({ command }) } },
  }
  const exitCode = await runProgram(program, ['go'], io)
  return { stderr: stderr.join(''), exitCode }
}

const DATABASE_ERRORS: StateErrorCode[] = [
  'DB_NOT_FOUND',
  'DB_NOT_A_DATABASE',
  'DB_NO_TABLE',
  'DB_CORRUPT',
  'DB_UNREADABLE',
  'DB_BUSY',
  'DB_REPLACED',
  'DB_TOO_BIG',
]

test.each(STATE_ERROR_CODES)('an error of code %s is one line', async (code) => {
  const expected = code === 'USAGE' ? 2 : DATABASE_ERRORS.includes(code) ? 3 : 1
  expect(await runThrowing(new StateError(code, 'it went wrong', { hint: 'Do that.' }))).toEqual({
    stderr: 'codex-x: it went wrong. Do that.\n',
    exitCode: expected,
  })
})

test('what to do about a database that cannot be read is always said', async () => {
  for (const code of [
    'DB_NOT_A_DATABASE',
    'DB_CORRUPT',
    'DB_UNREADABLE',
    'DB_BUSY',
    'DB_REPLACED',
  ] as const) {
    const { stderr } = await runThrowing(new StateError(code, 'it went wrong'))
    expect(stderr).toMatch(/^codex-x: it went wrong\. [A-Z][^\n]+\n$/)
  }
  const { stderr } = await runThrowing(new StateError('ABORTED', 'it went wrong'))
  expect(stderr).toBe('codex-x: it went wrong\n')
})

test('the stack and the cause are shown with DEBUG', async () => {
  const error = new StateError('NOT_FOUND', 'it went wrong', { cause: new Error('because') })
  const { stderr } = await runThrowing(error, { DEBUG: '1' })
  expect(stderr).toMatch(/^codex-x: it went wrong\nStateError: it went wrong\n {4}at /)
  expect(stderr).toContain('Error: because')
})

test('a bug is named as such', async () => {
  expect(await runThrowing(new TypeError('x is not a function'))).toEqual({
    stderr: 'codex-x: unexpected error: x is not a function (DEBUG=1 shows where)\n',
    exitCode: 1,
  })
  expect((await runThrowing(new TypeError('oops'), { DEBUG: '1' })).stderr).toContain('    at ')
})

test('a pipe that was closed is no error', async () => {
  expect(await runThrowing(new ClosedPipe())).toEqual({ stderr: '', exitCode: 0 })
})

test('with --json an error is one object, and what is not there is null', async () => {
  const at = ['--codex-home', copyHome('codex-0.169.0')]
  const run = async (...argv: string[]) => {
    const { stdout, stderr, exitCode } = await runState(argv)
    return { stdout, error: JSON.parse(stderr).error, exitCode }
  }
  expect(await run('threads', 'path', 'no-such-thread', '--json', ...at)).toEqual({
    stdout: 'null\n',
    error: { code: 'NOT_FOUND', message: expect.stringContaining('no-such-thread'), hint: expect.anything() },
    exitCode: 1,
  })
  expect(await run('threads', 'list', '--json', '--levle', 'x')).toEqual({
    stdout: '',
    error: { code: 'USAGE', message: expect.stringContaining("'--levle'"), hint: 'See --help.' },
    exitCode: 2,
  })
  expect(await run('threads', 'list', '--json=id', '--codex-home', '/no/such/home')).toMatchObject({
    stdout: '',
    error: { code: 'DB_NOT_FOUND' },
    exitCode: 3,
  })
  // No rollout has the thread, and there is no database that could.
  const empty = temporaryFolder()
  mkdirSync(join(empty, 'sessions'))
  expect(await run('threads', 'path', 'no-such-thread', '--json', '--codex-home', empty)).toMatchObject({
    error: { code: 'DB_NOT_FOUND' },
    exitCode: 3,
  })
})

test('what an error quotes cannot drive a terminal', async () => {
  const osc = '\x1b]52;c;YQ==\x07'
  const hidden = '\t\u200b\u202e\u{e0041}\x9b\x7f'
  for (const argv of [
    ['threads', 'show', `x${osc}${hidden}`, '--codex-home', copyHome('codex-0.169.0')],
    ['threads', 'list', '--codex-home', `/no/${osc}${hidden}`],
    [`th${osc}${hidden}`],
    ['threads', 'list', `--x${osc}${hidden}`],
    ['threads', 'list', '--json', '--sort', `${osc}${hidden}`],
  ]) {
    const { stderr, exitCode } = await runState(argv, { isTerminal: true })
    expect(exitCode).not.toBe(0)
    expect(stderr).toMatch(/x1b|u001b/)
    expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u{e0041}]/u)
  }
})

test('what is none of the choices of an argument is answered with the choices', async () => {
  const { stderr } = await runState(['completion', 'tcsh'])
  expect(stderr).toBe("codex-state: 'tcsh' is not supported. Shells: bash, zsh, fish, powershell.\n")
  expect((await runState(['export', 'goals'])).stderr).toBe(
    "codex-state: 'goals' is not supported. Records: threads, tokens, turns.\n",
  )
  expect((await runState(['export'])).stderr).toBe(
    'codex-state: missing argument: what. Records: threads, tokens, turns.\n',
  )
})

test('schemas: the names, and one by its command or name', async () => {
  const { stdout } = await runState(['schemas'])
  expect(stdout.split('\n')).toEqual(
    expect.arrayContaining(['codex-state.threads-list', 'codex-state.tokens-list-by-day']),
  )
  const { stdout: schema } = await runState(['schemas', 'threads', 'list'])
  expect(JSON.parse(schema)).toMatchObject({ title: 'codex-state threads-list', type: 'array' })
  expect((await runState(['schemas', 'codex-state.threads-list'])).stdout).toBe(schema)
  const { stdout: names } = await runLogs(['schemas'])
  // Two commands print records of logs.
  expect(names.match(/^codex-logs\.record$/gm)).toHaveLength(1)
  expect((await runLogs(['schemas', 'query'])).stdout).toContain('"codex-logs record"')
  expect(await runState(['schemas', 'nothing'])).toMatchObject({ stdout: '', exitCode: 1 })
})
