import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { listBelow } from '../../src/cli/registry.js'
import { describeFolder } from '../helpers/folder.js'
import { temporaryFolder } from '../helpers/layouts.js'
import {
  createLogHome,
  LOG_LAYOUTS,
  type LogHome,
  PROCESS_41,
  PROCESS_412,
  SAMPLE_NOW,
  SAMPLE_ROWS,
  T,
  THREAD_A,
  THREAD_A2,
  THREAD_B,
} from '../helpers/log-layouts.js'
import { insertLogRows } from '../helpers/log-rows.js'
import { type RunOptions, runLogs } from '../helpers/run.js'

const LOG_COMMANDS = listBelow(LOGS_PROGRAM)
  .map(({ name }) => name)
  .join(', ')

interface FilterCase {
  argv: string[]
  ids: number[]
  /** What is found where the layout has no threads, or no processes. */
  withoutThreads?: number[]
  withoutProcesses?: number[]
}

const ALL = [1, 2, 3, 4, 5, 6, 7]
const only = (ids: number[], ...argv: string[]): FilterCase => ({ argv, ids })

/** Every filter of the table of flags; times are local to Europe/Berlin, an hour ahead of UTC then. */
const FILTERS: FilterCase[] = [
  only(ALL),
  only([5], '--level', 'error'),
  only([5], '--level', 'Error'),
  only([4, 5], '--level', 'warn', '--level', 'ERROR'),
  only([1, 4], '--level', 'trace, warn'),
  only(ALL, '--min-level', 'trace'),
  only([2, 3, 4, 5, 6, 7], '--min-level', 'debug'),
  only([3, 4, 5, 6, 7], '--min-level', 'INFO'),
  only([4, 5], '--min-level', 'warn'),
  only([5], '--min-level', 'error'),
  only([4], '--min-level', 'warn', '--level', 'warn', '--level', 'debug'),
  only([], '--min-level', 'error', '--level', 'info'),
  // Times: every form, from
  only([3, 4, 5, 6], '--from', '2026-02-06T09:15:02Z'),
  only([3, 4, 5, 6], '--since', '2026-02-06T09:15:02Z'),
  only([3, 4, 5, 6], '--since', '2026-02-06t10:15:02+01:00'),
  only([4, 5, 6], '--since', '2026-02-06T09:15:02.041Z'),
  only([4, 5, 6], '--since', '2026-02-06T09:15:02.041123456Z'),
  only([5, 6], '--since', '2026-02-06T09:15:02.041123457Z'),
  only([6], '--since', '2026-02-06T09:15:02.041123458Z'),
  only([3, 4, 5, 6], '--since', String(T)),
  only([4, 5, 6], '--since', `${T}041`),
  only([5, 6], '--since', `${T}.041123457`),
  only([3, 4, 5, 6], '--since', '2026-02-06 10:15:02'),
  only([3, 4, 5, 6], '--since', '2026-02-06 10:15'),
  only([3, 4, 5, 6], '--since', '2026-02-06T10:15:02'),
  only([2, 3, 4, 5, 6, 7], '--since', '2026-02-06'),
  only([2, 3, 4, 5, 6, 7], '--since', 'today'),
  only([2, 3, 4, 5, 6, 7], '--since', 'yesterday'),
  only([], '--since', 'now'),
  only([3, 4, 5, 6, 7], '--since', '10m'),
  only([2, 3, 4, 5, 6, 7], '--since', '2h30m'),
  only(ALL, '--since', '3d'),
  only(ALL, '--since', '1w'),
  only([4, 5, 6], '--since', '2026-02-06 04:15:02.041', '--tz', 'America/New_York'),
  only([3, 4, 5, 6], '--since', '2026-02-06 09:15:02', '--utc'),
  // to
  only([1, 2, 3, 4, 5, 7], '--to', '2026-02-06T09:15:02Z'),
  only([1, 2, 3, 4, 5, 7], '--until', '2026-02-06T09:15:02Z'),
  only([1, 2, 3, 4, 5, 7], '--until', '2026-02-06T09:15:02.041Z'),
  only([1, 2, 3, 7], '--until', '2026-02-06T09:15:02.040Z'),
  only([1, 2, 3, 4, 7], '--until', '2026-02-06T09:15:02.041123456Z'),
  only([1, 2, 3, 4, 5, 7], '--until', String(T)),
  only([1, 2, 3, 4, 7], '--until', `${T}.041123456`),
  only([1, 2], '--until', '2026-02-06 10:14'),
  only([1], '--until', '2026-02-06'),
  only([1], '--until', 'today'),
  only([1], '--until', 'yesterday'),
  only(ALL, '--until', 'now'),
  only([1, 2, 3, 4, 5, 7], '--until', '100s'),
  only([3, 4, 5], '--since', '2026-02-06T09:15:02Z', '--until', '2026-02-06T09:15:02Z'),
  only([4], '--from', `${T}.041123456`, '--to', `${T}.041123456`),
  only([], '--since', 'now', '--until', 'yesterday'),
  // Substrings: any case, % and _ are letters
  only([2, 3, 4], '--module', 'codex_core'),
  only([2, 3, 4], '--module', 'CODEX_CORE::'),
  only([3], '--module', 'plan_mode'),
  only([], '--module', '%'),
  only([3, 6], '--module', 'plan_mode', '--module', 'tui'),
  only([3], '--file', 'plan_'),
  only([5], '--file', '100%/'),
  only([2, 3, 4, 6], '--file', '.rs', '--file', 'app', '--level', 'debug,info,warn'),
  only([3, 4], '--target', 'plan'),
  only([3], '--target', 'plan_'),
  only([1, 6], '--target', 'log', '--target', 'tui'),
  only([], '--target', '\\'),
  // Threads
  { argv: ['--thread-id', THREAD_A], ids: [2, 6], withoutThreads: [] },
  { argv: ['--thread-id', THREAD_A.toUpperCase()], ids: [2, 6], withoutThreads: [] },
  { argv: ['--thread-id', THREAD_A, '--thread-id', THREAD_B], ids: [2, 3, 6, 7], withoutThreads: [] },
  { argv: ['--threadless'], ids: [1, 5], withoutThreads: ALL },
  { argv: ['--threadless', '--thread-id', THREAD_A2], ids: [1, 4, 5], withoutThreads: ALL },
  only([], '--thread-id', '00000000-0000-0000-0000-000000000000'),
  // Processes
  { argv: ['--process', PROCESS_41], ids: [1, 2, 3, 7], withoutProcesses: [] },
  { argv: ['--process', '41'], ids: [1, 2, 3, 7], withoutProcesses: [] },
  { argv: ['--process', '412'], ids: [4, 5, 6], withoutProcesses: [] },
  { argv: ['--process', '41', '--process', PROCESS_412], ids: ALL, withoutProcesses: [] },
  only([], '--process', '4'),
  only([], '--process', 'pid:41'),
  // Bodies
  only([3], '--search', '100%'),
  only([3, 4], '--search', 'reached'),
  only([], '--search', 'Reached'),
  only([3, 7], '--search', '100% of', '--search', 'flush'),
  only([6], '--search', 'line\nsecond'),
  only([5, 6], '-g', 'timed out'),
  only([5], '-g', 'Connection'),
  only([5], '-g', 'timed out$'),
  only([6], '-g', '^second: \\S+ out,'),
  only([5, 6], '--grep', '[t]IMED out'.toLowerCase()),
  only([1, 2, 3, 4, 7], '--grep', 'timed out', '-v'),
  only([1], '-g', '.', '--invert-match'),
  only([1], '-g', '^$', '--target', 'log'),
  // Together
  { argv: ['--level', 'info', '--thread-id', THREAD_A, '-g', 'line'], ids: [6], withoutThreads: [] },
  only([4], '--min-level', 'warn', '--since', `${T}`, '--search', 'reached', '--file', 'plan'),
  // How many, and which way round
  only([6, 7], '-n', '2'),
  only([6, 7], '--lines', '2'),
  only([], '-n', '0'),
  only(ALL, '-n', '1000'),
  only([7, 6, 5, 4, 3, 2, 1], '--reverse'),
  only([7, 6], '-n', '2', '--reverse'),
  only([4, 5], '-n', '2', '--min-level', 'warn'),
  only([4, 2], '-n', '2', '--reverse', '--level', 'warn,debug'),
  only([3, 7], '-n', '2', '--until', '2026-02-06T09:15:02.000Z'),
  { argv: ['-n', '1', '--thread-id', THREAD_A], ids: [6], withoutThreads: [] },
  { argv: ['-n', '2', '--threadless', '--thread-id', THREAD_A], ids: [5, 6], withoutThreads: [6, 7] },
]

describe.each(LOG_LAYOUTS)('codex-logs on the layout of $name', (layout) => {
  let place: LogHome
  let before: Record<string, string>

  beforeAll(() => {
    place = createLogHome(SAMPLE_ROWS, layout)
    before = describeFolder(place.home)
  })
  afterAll(() => {
    expect(describeFolder(place.home)).toEqual(before)
  })
  const run = (argv: string[], options: RunOptions = {}) =>
    runLogs([...argv, '--codex-home', place.home], { now: SAMPLE_NOW, ...options })

  test.each(FILTERS)('query $argv finds $ids', async ({ argv, ids, ...variants }) => {
    const expected =
      (place.hasThreads ? undefined : variants.withoutThreads) ??
      (place.hasProcesses ? undefined : variants.withoutProcesses) ??
      ids
    const unnamed = [
      ...(argv.includes('--thread-id') && !place.hasThreads ? ['thread'] : []),
      ...(argv.includes('--process') && !place.hasProcesses ? ['process'] : []),
    ]
    const told = (word: string) =>
      `codex-logs: the rows of ${place.path} do not name their ${word}: none is found by it\n`
    expect(await run(['query', '--format', 'cat', '--fields', 'id', ...argv])).toEqual({
      stdout: expected.map((id) => `${id}\n`).join(''),
      stderr: unnamed.map(told).join(''),
      exitCode: 0,
    })
  })

  test.each([
    { tail: ['-n', '3'], query: ['-n', '3'] },
    { tail: ['--backfill', '3'], query: ['--lines', '3'] },
    { tail: ['--backfill', 'all'], query: [] },
    { tail: ['--backfill', '0'], query: ['-n', '0'] },
    { tail: [], query: ['-n', '200'] },
    {
      tail: ['-n', '2', '--min-level', 'warn', '--json'],
      query: ['-n', '2', '--min-level', 'warn', '--json'],
    },
  ])('tail --no-follow $tail is query $query', async ({ tail, query }) => {
    expect(await run(['tail', '--no-follow', ...tail])).toEqual(await run(['query', ...query]))
  })

  test('prints a row in every format', async () => {
    const thread = place.hasThreads ? THREAD_A : null
    const process = place.hasProcesses ? PROCESS_412 : null
    const stdout = async (...argv: string[]) =>
      (await run(['query', '--level', 'info', '--target', 'codex_tui', ...argv])).stdout
    const body = String.raw`first line\nsecond: TIMED OUT, "quoted"\n`

    const full = `2026-02-06T09:15:03.500Z INFO  [${thread ?? '-'}] codex_tui - ${body}\n`
    expect(await stdout()).toBe(full)
    expect(await stdout('--format', 'full')).toBe(full)
    expect(await stdout('--compact')).toBe(`09:15:03 INFO  ${body}\n`)
    expect(await stdout('--format', 'compact')).toBe(`09:15:03 INFO  ${body}\n`)
    expect(await stdout('--format', 'cat')).toBe(`${body}\n`)
    const json = `${JSON.stringify({
      id: 6,
      time: '2026-02-06T09:15:03.500000000Z',
      ts: T + 1,
      ts_nanos: 500_000_000,
      level: 'INFO',
      target: 'codex_tui',
      body: 'first line\nsecond: TIMED OUT, "quoted"\n',
      thread_id: thread,
      process_uuid: process,
      module_path: 'codex_tui::app',
      file: 'tui/src/app.rs',
      line: 50,
    })}\n`
    expect(await stdout('--json')).toBe(json)
    expect(await stdout('--format', 'json')).toBe(json)
    expect(await stdout('--format', 'logfmt')).toBe(
      `id=6 time=2026-02-06T09:15:03.500000000Z ts=${T + 1} ts_nanos=500000000 level=INFO target=codex_tui ` +
        `body="first line\\nsecond: TIMED OUT, \\"quoted\\"\\n" thread_id=${thread ?? ''} ` +
        `process_uuid=${process ?? ''} module_path=codex_tui::app file=tui/src/app.rs line=50\n`,
    )
    expect(await stdout('--format', 'csv')).toBe(
      'id,time,ts,ts_nanos,level,target,body,thread_id,process_uuid,module_path,file,line\n' +
        `6,2026-02-06T09:15:03.500000000Z,${T + 1},500000000,INFO,codex_tui,` +
        `"first line\\nsecond: TIMED OUT, ""quoted""\\n",${thread ?? ''},${process ?? ''},codex_tui::app,tui/src/app.rs,50\n`,
    )
  })

  test('prints what is missing as null, a dash or nothing', async () => {
    const stdout = async (...argv: string[]) =>
      (await run(['query', '--target', 'log', '--fields', 'thread_id,body,line', ...argv])).stdout
    expect(await stdout('--json')).toBe('{"thread_id":null,"body":null,"line":null}\n')
    expect(await stdout('--format', 'logfmt')).toBe('thread_id= body= line=\n')
    expect(await stdout('--format', 'csv')).toBe('thread_id,body,line\n,,\n')
    expect(await stdout()).toBe('\t\t\n')
    expect((await run(['query', '--target', 'log'])).stdout).toBe(
      '2026-02-04T09:15:02.000Z TRACE [-] log - \n',
    )
  })
})

describe('output', () => {
  let place: LogHome
  beforeAll(() => {
    place = createLogHome(SAMPLE_ROWS)
  })
  const run = (argv: string[], options: RunOptions = {}) =>
    runLogs([...argv, '--codex-home', place.home], { now: SAMPLE_NOW, ...options })

  test('selected fields are separated by tabs, in the order asked for', async () => {
    const { stdout } = await run(['query', '-n', '2', '--fields', 'level, id,target'])
    expect(stdout).toBe('INFO\t6\tcodex_tui\nINFO\t7\tcodex_core\n')
  })

  test('--fields alone lists the names, with no database at hand', async () => {
    const names =
      'id\ntime\nts\nts_nanos\nlevel\ntarget\nbody\nthread_id\nprocess_uuid\nmodule_path\nfile\nline\n' +
      'message\nspans\nevent_fields\nturn_id\nrequest\ntool\ncall_id\nmcp_server\nmodel\nfield.<name>\nspan.<name>.<field>\n'
    expect(await runLogs(['query', '--fields'])).toEqual({ stdout: names, stderr: '', exitCode: 0 })
    expect(await runLogs(['tail', '--fields'])).toEqual({ stdout: names, stderr: '', exitCode: 0 })
  })

  test('times are UTC in a pipe, local on a terminal, and in a zone with --tz', async () => {
    const time = async (argv: string[], options: RunOptions = {}) =>
      (await run(['query', '-n', '1', '--color', 'never', ...argv], options)).stdout.split(' ')[0]
    expect(await time([])).toBe('2026-02-06T09:14:52.000Z')
    expect(await time(['--full'], { isTerminal: true })).toBe('2026-02-06T10:14:52.000+01:00')
    expect(await time(['--full', '--utc'], { isTerminal: true })).toBe('2026-02-06T09:14:52.000Z')
    expect(await time(['--tz', 'America/New_York'])).toBe('2026-02-06T04:14:52.000-05:00')
    expect(await time(['--tz', 'UTC+5:30'])).toBe('2026-02-06T14:44:52.000+05:30')
    expect(await time(['--compact', '--tz', 'Asia/Tokyo'])).toBe('18:14:52')
    expect(await time(['--compact'], { isTerminal: true })).toBe('10:14:52')
  })

  test('a body over several lines is indented on a terminal and one line in a pipe', async () => {
    const argv = ['query', '--fields', 'level,body', '--search', 'first', '--color', 'never']
    expect((await run(argv, { isTerminal: true })).stdout).toBe(
      'INFO\tfirst line\n    second: TIMED OUT, "quoted"\n',
    )
    expect((await run(argv)).stdout).toBe('INFO\tfirst line\\nsecond: TIMED OUT, "quoted"\\n\n')
    expect((await run([...argv, '--raw'])).stdout).toBe('INFO\tfirst line\nsecond: TIMED OUT, "quoted"\n\n')
  })

  const COLOR: { argv?: string[]; env?: Record<string, string>; isTerminal: boolean; isColored: boolean }[] =
    [
      { isTerminal: false, isColored: false },
      { isTerminal: true, isColored: true },
      { argv: ['--color', 'always'], isTerminal: false, isColored: true },
      { argv: ['--color', 'never'], isTerminal: true, isColored: false },
      { argv: ['--color', 'auto'], isTerminal: true, isColored: true },
      { env: { NO_COLOR: '1' }, isTerminal: true, isColored: false },
      { env: { NO_COLOR: '' }, isTerminal: true, isColored: true },
      { env: { FORCE_COLOR: '1' }, isTerminal: false, isColored: true },
      { env: { FORCE_COLOR: '0' }, isTerminal: true, isColored: false },
      { env: { TERM: 'dumb' }, isTerminal: true, isColored: false },
      { env: { TERM: 'xterm-256color' }, isTerminal: true, isColored: true },
      {
        argv: ['--color', 'always'],
        env: { NO_COLOR: '1', TERM: 'dumb' },
        isTerminal: false,
        isColored: true,
      },
      { argv: ['--color', 'never'], env: { FORCE_COLOR: '1' }, isTerminal: true, isColored: false },
    ]
  test.each(COLOR)('colour with $argv $env, terminal: $isTerminal → $isColored', async (given) => {
    const { stdout } = await run(['query', '-n', '1', ...(given.argv ?? [])], given)
    expect(stdout.includes('\x1b[')).toBe(given.isColored)
  })

  test('levels, time, thread and target are coloured', async () => {
    const { stdout } = await run(['query', '-n', '1', '--color', 'always'])
    expect(stdout).toBe(
      '\x1b[2m2026-02-06T09:14:52.000Z\x1b[22m \x1b[1m\x1b[32mINFO \x1b[39m\x1b[22m ' +
        `[\x1b[2m\x1b[34m${THREAD_B}\x1b[39m\x1b[22m] \x1b[2mcodex_core\x1b[22m - late flush\n`,
    )
  })

  test('JSON, CSV and logfmt are never coloured', async () => {
    for (const format of ['json', 'csv', 'logfmt']) {
      const argv = ['query', '--format', format]
      const plain = await run(argv)
      expect(await run([...argv, '--color', 'always'], { isTerminal: true })).toEqual(plain)
      expect(plain.stdout).not.toContain('\x1b')
    }
  })

  test('what was searched for is marked in bodies', async () => {
    const body = async (...argv: string[]) =>
      (await run(['query', '--format', 'cat', '--color', 'always', ...argv])).stdout
    expect(await body('--search', 'flush')).toBe('late \x1b[7mflush\x1b[27m\n')
    expect(await body('-g', 'CONN|on t'.toLowerCase())).toBe(
      '\x1b[7mConn\x1b[27mecti\x1b[7mon t\x1b[27mimed out\n',
    )
    expect(await body('-g', 'timed', '--search', 'Connection')).toBe(
      '\x1b[7mConnection\x1b[27m \x1b[7mtimed\x1b[27m out\n',
    )
    expect(await body('-g', 'reached|line|turn|late|timed', '-v')).toBe('\n')
  })
})

describe('an apply_patch call', () => {
  test('has its added and removed lines coloured on a terminal', async () => {
    const { home } = createLogHome([
      { body: 'ToolCall: apply_patch *** Begin Patch\n-old\n+new\n same' },
      { body: 'no patch\n+not added' },
    ])
    const { stdout } = await runLogs(['query', '--codex-home', home, '--format', 'cat'], { isTerminal: true })
    expect(stdout).toBe(
      'ToolCall: apply_patch *** Begin Patch\n\x1b[31m-old\x1b[39m\n\x1b[32m+new\x1b[39m\n same\nno patch\n+not added\n',
    )
  })
})

describe('what a body may do to a terminal', () => {
  const NASTY =
    'title \x1b]0;owned\x07 clear \x1b[2J csi \u009b31m cr \r over \b\x0e del \x7f bidi \u202e end'
  let place: LogHome
  beforeAll(() => {
    place = createLogHome([{ body: NASTY, target: NASTY, level: NASTY, file: NASTY, modulePath: NASTY }])
  })
  const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/

  test.each(['full', 'compact', 'cat', 'json', 'logfmt', 'csv'])(
    'nothing: %s on a terminal',
    async (format) => {
      const argv = ['query', '--codex-home', place.home, '--format', format, '--color', 'never']
      const { stdout } = await runLogs(argv, { isTerminal: true })
      expect(stdout).toContain('owned')
      expect(stdout).not.toMatch(CONTROLS)
    },
  )

  test('as JSON it is still the same body', async () => {
    for (const isTerminal of [true, false]) {
      const { stdout } = await runLogs(['query', '--codex-home', place.home, '--json'], { isTerminal })
      expect(JSON.parse(stdout)).toMatchObject({ body: NASTY, target: NASTY, level: NASTY, file: NASTY })
    }
  })

  test.each(['full', 'compact', 'cat', 'json', 'logfmt', 'csv'])(
    'nothing that begins an escape sequence or breaks a line comes out of a pipe: %s',
    async (format) => {
      const argv = ['query', '--codex-home', place.home, '--format', format]
      const { stdout } = await runLogs(argv)
      expect(stdout.trimEnd().split('\n')).toHaveLength(format === 'csv' ? 2 : 1)
      expect(stdout).not.toMatch(/[\0\b\r\x1b]/)
      const colored = await runLogs([...argv, '--color', 'always'])
      expect(colored.stdout).not.toContain('\x1b]')
      expect(colored.stdout).not.toContain('\x1b[2J')
    },
  )

  test('--raw lets it through', async () => {
    const argv = ['query', '--codex-home', place.home, '--format', 'cat', '--raw']
    expect((await runLogs(argv)).stdout).toBe(`${NASTY}\n`)
    expect((await runLogs(argv, { isTerminal: true, env: { NO_COLOR: '1' } })).stdout).toBe(`${NASTY}\n`)
  })
})

describe('threads by the beginning of their ids', () => {
  let place: LogHome
  beforeAll(() => {
    place = createLogHome(SAMPLE_ROWS)
  })
  const run = (id: string) =>
    runLogs(['query', '--codex-home', place.home, '--fields', 'id', '--thread-id', id])

  test('one that is unique', async () => {
    expect(await run('019b')).toEqual({ stdout: '3\n7\n', stderr: '', exitCode: 0 })
    expect(await run('019A112')).toEqual({ stdout: '4\n', stderr: '', exitCode: 0 })
  })
  test('one that several have', async () => {
    expect(await run('019a')).toEqual({
      stdout: '',
      stderr: `codex-logs: '019a' fits more than one thread:\n  ${THREAD_A}\n  ${THREAD_A2}\n`,
      exitCode: 1,
    })
  })
  test('one that none has', async () => {
    expect(await run('ffff')).toEqual({
      stdout: '',
      stderr:
        "codex-logs: no thread in the logs has an id that begins with 'ffff'. Give the full id, or see codex-state threads list.\n",
      exitCode: 1,
    })
  })
})

describe('wrong usage', () => {
  const WRONG: { argv: string[]; says: string }[] = [
    {
      argv: ['--json', 'query'],
      says: "unknown option '--json'. Options stand after the command. See --help.",
    },
    {
      argv: ['qury'],
      says: `unknown command 'qury' (did you mean query?). Commands: ${LOG_COMMANDS}. See --help.`,
    },
    {
      argv: ['query', '--levle', 'info'],
      says: "unknown option '--levle' (did you mean --level?). See --help.",
    },
    {
      argv: ['query', 'extra'],
      says: "too many arguments: no arguments are expected, not 'extra'. See --help.",
    },
    {
      argv: ['query', '--level', 'loud'],
      says: "'loud' is not a level. The levels are trace, debug, info, warn, error.",
    },
    {
      argv: ['query', '--min-level', 'warnings'],
      says: "'warnings' is not a level. The levels are trace, debug, info, warn, error.",
    },
    {
      argv: ['query', '--since', 'soon'],
      says: "'soon' is not a time. Give RFC 3339, [YYYY-MM-DD] HH:MM[:SS], YYYY-MM-DD, unix seconds, today, yesterday, now, or a span before now such as 10m, 2h30m, 3d, 2 hours ago.",
    },
    {
      argv: ['query', '--until', '2026-02-30'],
      says: "'2026-02-30' is not a time. Give RFC 3339, [YYYY-MM-DD] HH:MM[:SS], YYYY-MM-DD, unix seconds, today, yesterday, now, or a span before now such as 10m, 2h30m, 3d, 2 hours ago.",
    },
    {
      argv: ['query', '-n', 'many'],
      says: "-n, --lines <count>: 'many' is not valid. It must be a whole number, 0 or more.",
    },
    {
      argv: ['query', '-n', '-1'],
      says: "-n, --lines <count>: '-1' is not valid. It must be a whole number, 0 or more.",
    },
    {
      argv: ['tail', '--backfill', 'some'],
      says: `-n, --lines, --backfill <count>: 'some' is not valid. It must be a whole number, 0 or more, or "all".`,
    },
    {
      argv: ['tail', '--poll-ms', '0'],
      says: "--poll-ms <ms>: '0' is not valid. It must be a whole number, 1 or more.",
    },
    { argv: ['query', '-g', '('], says: "--grep: '(' is not a valid regular expression: Unterminated group" },
    { argv: ['query', '-v'], says: '--invert-match requires --grep' },
    {
      argv: ['query', '--format', 'xml'],
      says: "--format <format>: 'xml' is not valid. It must be one of short, full, compact, cat, json, logfmt, csv.",
    },
    {
      argv: ['query', '--color', 'sometimes'],
      says: "--color <when>: 'sometimes' is not valid. It must be one of auto, always, never.",
    },
    { argv: ['query', '--json', '--compact'], says: 'only one of the formats json, compact can be printed' },
    {
      argv: ['query', '--json', '--format', 'csv'],
      says: 'only one of the formats json, csv can be printed',
    },
    {
      argv: ['query', '--fields', 'id,bodi'],
      says: "'bodi' is not a field. The fields are id, time, ts, ts_nanos, level, target, body, thread_id, process_uuid, module_path, file, line, message, spans, event_fields, turn_id, request, tool, call_id, mcp_server, model, field.<name>, span.<name>.<field>.",
    },
    {
      argv: ['query', '--tz', 'Mars/Olympus'],
      says: "'Mars/Olympus' is not a time zone. Give an IANA name such as Europe/Berlin, or an offset such as UTC+2.",
    },
    { argv: ['query', '--since'], says: '--from, --since <time>: missing value. See --help.' },
  ]
  test.each(WRONG)('$argv', async ({ argv, says }) => {
    const { stdout, stderr, exitCode } = await runLogs(argv)
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 })
    if (!argv.includes('--json')) expect(stderr).toBe(`codex-logs: ${says}\n`)
    else expect(says.startsWith(JSON.parse(stderr).error.message)).toBe(true)
  })

  test('no command at all, and nothing to look at: the help, on stderr', async () => {
    const { stdout, stderr, exitCode } = await runLogs([])
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 })
    expect(stderr).toContain('Usage: codex-logs')
  })
})

describe('no readable database', () => {
  test('no such home', async () => {
    expect(await runLogs(['query', '--codex-home', '/no/such/home'])).toEqual({
      stdout: '',
      stderr:
        'codex-logs: no Codex database in /no/such/home (found by --codex-home): there is no such folder. Pass --codex-home or --db, or set CODEX_HOME.\n',
      exitCode: 3,
    })
    expect(await runLogs(['tail', '--no-follow', '--codex-home', '/no/such/home'])).toMatchObject({
      exitCode: 3,
    })
  })

  test('no such file', async () => {
    expect(await runLogs(['query', '--db', 'none.sqlite'], { workingFolder: '/no/such' })).toEqual({
      stdout: '',
      stderr: 'codex-logs: no database at /no/such/none.sqlite. Check the path given to --db.\n',
      exitCode: 3,
    })
  })

  test('a home whose databases hold no logs', async () => {
    const { path, home } = createLogHome([])
    expect(await runLogs(['query', '--db', join(home, 'goals_1.sqlite')])).toEqual({
      stdout: '',
      stderr: `codex-logs: no table of logs in ${join(home, 'goals_1.sqlite')}. See codex-logs where.\n`,
      exitCode: 3,
    })
    expect(path).toBe(join(home, 'logs_2.sqlite'))
  })

  test('no stack but with DEBUG', async () => {
    const argv = ['query', '--codex-home', '/no/such/home']
    expect((await runLogs(argv)).stderr.split('\n')).toHaveLength(2)
    expect((await runLogs(argv, { env: { DEBUG: '1' } })).stderr).toContain('\n    at ')
  })
})

describe('choosing the database', () => {
  const ids = async (argv: string[], options: RunOptions = {}) =>
    await runLogs(['query', '--format', 'cat', ...argv], options)

  test('--db means that very file, under any name', async () => {
    const { path, home } = createLogHome([{ body: 'logs_2' }])
    const older = createLogHome([{ body: 'older' }], LOG_LAYOUTS[1])
    expect(await ids(['--db', path])).toMatchObject({ stdout: 'logs_2\n', stderr: '' })
    expect(await ids(['--db', older.path, '--codex-home', home])).toMatchObject({
      stdout: 'older\n',
      stderr: '',
    })
    const moved = join(temporaryFolder(), 'backup.db')
    const database = createLogHome([{ body: 'renamed' }])
    const { renameSync } = await import('node:fs')
    renameSync(database.path, moved)
    expect(await ids(['--db', 'backup.db'], { workingFolder: dirname(moved) })).toMatchObject({
      stdout: 'renamed\n',
      stderr: '',
      exitCode: 0,
    })
  })

  test('the newest generation wins, and one newer than known is read with one warning', async () => {
    const { home, path } = createLogHome([{ body: 'second' }])
    const { copyFileSync } = await import('node:fs')
    const future = join(home, 'logs_10.sqlite')
    copyFileSync(path, future)
    insertLogRows(future, [{ body: 'tenth' }])
    expect(await ids(['--codex-home', home])).toEqual({
      stdout: 'second\ntenth\n',
      stderr: `codex-logs: ${future} is of a newer layout than this version knows; it is read by its columns\n`,
      exitCode: 0,
    })
  })

  test('CODEX_HOME, CODEX_SQLITE_HOME and the default', async () => {
    const typed = createLogHome([{ body: 'typed' }]).home
    const fromEnv = createLogHome([{ body: 'environment' }]).home
    const moved = createLogHome([{ body: 'moved' }]).home
    const env = { CODEX_HOME: fromEnv }
    expect(await ids([], { env })).toMatchObject({ stdout: 'environment\n' })
    expect(await ids([], { env: { ...env, CODEX_SQLITE_HOME: moved } })).toMatchObject({ stdout: 'moved\n' })
    expect(await ids(['--codex-home', typed], { env: { ...env, CODEX_SQLITE_HOME: moved } })).toMatchObject({
      stdout: 'typed\n',
    })
    expect(await ids([], { userHome: dirname(fromEnv) })).toMatchObject({ stdout: 'environment\n' })
  })

  test('sqlite_home of config.toml', async () => {
    const { home } = createLogHome([{ body: 'in the sub-folder' }])
    const { renameSync, writeFileSync } = await import('node:fs')
    mkdirSync(join(home, 'db'))
    renameSync(join(home, 'logs_2.sqlite'), join(home, 'db', 'logs_2.sqlite'))
    writeFileSync(join(home, 'config.toml'), 'sqlite_home = "db"\n')
    expect(await ids(['--codex-home', home])).toEqual({
      stdout: 'in the sub-folder\n',
      stderr: '',
      exitCode: 0,
    })
  })
})
