import { describe, expect, test } from 'vitest'
import { BODY_FIELD_NAMES } from '../../../src/body/meanings.js'
import { copyFixtureHome } from '../../helpers/homes.js'
import { createLogHome, SAMPLE_ROWS, T, THREAD_A } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'

const FIELDS = [
  'id',
  'level',
  'line',
  ...BODY_FIELD_NAMES,
  'field.status',
  'field.call_id',
  'span.turn.model',
]

type Told = Record<string, unknown> & { id: number }

async function query(home: string, ...args: string[]): Promise<Told[]> {
  const { stdout, stderr } = await runLogs(['query', '--codex-home', home, '--json', ...args])
  expect(stderr).toBe('')
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

const idsOf = (rows: readonly Told[]) => rows.map(({ id }) => id)

describe.each(['0.99.0-tui', '0.113.0-tools', '0.140.0-agents', '0.140.0-odd', '0.169.0-mcp'])(
  'in the home of %s',
  (name) => {
    const home = copyFixtureHome('failures', name)

    test('a condition on any field finds the rows in which the field says so', async () => {
      const all = await query(home, `--fields=${FIELDS.join()}`)
      for (const field of FIELDS) {
        const values = all.map((row) => row[field]).filter((value) => typeof value === 'string')
        const [value] = [...new Set(values)].sort((a, b) => b.length - a.length)
        if (value === undefined) continue
        const equal = idsOf(all.filter((row) => row[field] === value))
        const holds = idsOf(await query(home, '--where', `${field}=${value}`, '--fields=id'))
        expect({ field, ids: holds }).toEqual({ field, ids: equal })
        const differs = idsOf(await query(home, '--where', `${field}!=${value}`, '--fields=id'))
        expect([...holds, ...differs].sort((a, b) => a - b)).toEqual(idsOf(all))
      }
    })

    test('--tool and --turn are conditions too; an id may be cut to its beginning', async () => {
      const all = await query(home, '--fields=id,tool,turn_id')
      const tool = all.find((row) => row.tool !== null)?.tool
      if (typeof tool === 'string') {
        const rows = all.filter((row) => row.tool === tool)
        expect(idsOf(await query(home, '--tool', tool))).toEqual(idsOf(rows))
      }
      const turn = all.find((row) => row.turn_id !== null)?.turn_id
      if (typeof turn !== 'string') return
      const rows = all.filter((row) => String(row.turn_id).startsWith(turn.slice(0, 13)))
      expect(idsOf(await query(home, '--turn', turn.slice(0, 13)))).toEqual(idsOf(rows))
    })

    test('--json --parse adds what the body holds to the columns', async () => {
      const plain = await query(home, '-n', '200')
      const parsed = await query(home, '-n', '200', '--parse')
      const added = ['message', 'spans', 'event_fields', 'turn_id']
      for (const [index, row] of parsed.entries()) {
        expect(Object.keys(row)).toEqual([...Object.keys(plain[index]!), ...added])
        expect({ ...row, ...Object.fromEntries(added.map((key) => [key, undefined])) }).toEqual({
          ...plain[index]!,
          ...Object.fromEntries(added.map((key) => [key, undefined])),
        })
        expect(Array.isArray(row.spans)).toBe(true)
      }
    })
  },
)

test('a failed turn is found by --failed, although its level is INFO', async () => {
  const home = copyFixtureHome('failures', '0.169.0-model')
  const failed = await query(home, '--failed', '--parse')
  expect(failed.map(({ level }) => level)).toContain('INFO')
  expect(failed.some(({ message }) => String(message).startsWith('Turn error: '))).toBe(true)
  const all = await query(home, '--parse')
  const unknownModel = all.filter(({ message }) => String(message).startsWith('Unknown model '))
  // Harmless, as everything in the home is of such a model.
  expect(unknownModel.length).toBeGreaterThan(0)
  expect(idsOf(failed)).not.toContain(unknownModel[0]!.id)
})

describe('what values may hold', () => {
  const bodies = [
    'turn{turn.id=7}: done took=46.2ms count=12',
    'turn{turn.id=8}: done took=1.5s count=Some(9)',
    'told text="say \\"hi\\" at C:\\\\temp" count=x',
    'a\0b count=12',
    'é text="naïve \\u{200b}x"',
    null,
  ]
  const { home } = createLogHome(bodies.map((body) => ({ body, threadId: THREAD_A, target: 'codex_core' })))

  test.each([
    ['field.took>100ms', [2]],
    ['field.took<1s', [1]],
    ['field.count>9', [1, 4]],
    ['field.count<10', [2]],
    ['field.count=12', [1, 4]],
    ['field.text=say "hi" at C:\\temp', [3]],
    ['field.text=naïve \u200bx', [5]],
    ['field.text~^NAÏVE', []],
    ['field.text~^naïve', [5]],
    ['span.turn.turn.id=8', [2]],
    ['field.took!=', [1, 2]],
    ['field.took=', [3, 4, 5, 6]],
    ['message=', [6]],
    ['message~^done$', [1, 2]],
    ['id>4', [5, 6]],
    [`thread_id=${THREAD_A}`, [1, 2, 3, 4, 5, 6]],
    ['target~_CORE', []],
    ['level=info', [1, 2, 3, 4, 5, 6]],
  ])('%s', async (condition, ids) => {
    expect(idsOf(await query(home, '--where', condition))).toEqual(ids)
  })

  test('several conditions hold together', async () => {
    const rows = await query(home, '--where', 'field.count=12', '--where', 'field.took<1s')
    expect(idsOf(rows)).toEqual([1])
  })

  test.each([
    ['count', "--where: 'count' is not a condition"],
    ['field.count>=1', "--where: 'field.count>=1' is not a condition"],
    ['count=12', "--where: 'count' is not a field"],
    ['time>12:00', '--where cannot compare times'],
    ['field.count>many', "--where: 'many' is not a number"],
    ['message~(', "--where: '(' is not a valid regular expression: Unterminated group"],
  ])('%s is misuse, and told so', async (condition, message) => {
    const { stderr, exitCode } = await runLogs(['query', '--codex-home', home, '--where', condition])
    expect(stderr).toContain(message)
    expect(exitCode).toBe(2)
  })
})

test('what people type is understood', async () => {
  const { home } = createLogHome([
    { level: 'WARN', body: 'one' },
    { level: 'ERROR', body: 'two' },
  ])
  const signal = AbortSignal.timeout(200)
  const run = async (...argv: string[]) => {
    const { stdout, stderr } = await runLogs([...argv, '--codex-home', home, '--format', 'cat'], { signal })
    return stdout + stderr
  }
  expect(await run('query', '--level', 'warning')).toBe('one\n')
  expect(await run('query', '--level', 'warn,error', '-n', '1')).toBe('two\n')
  expect(await run('tail', '-f', '-n', '1')).toBe('two\n')
  expect(await run('query', '-f', '--lines', '1')).toBe('two\n')
  expect(await run('query', '--follow', '--reverse')).toContain('--follow shows new rows last')
})

test('conditions on the id hold however the rows are found: by window, thread, time, around a match, or for a failure', async () => {
  const { home } = createLogHome(SAMPLE_ROWS)
  const at = ['--codex-home', home, '--where', 'id>2']
  const ids = async (...argv: string[]) =>
    (await runLogs(['query', '--format', 'cat', '--fields', 'id', ...at, ...argv])).stdout
      .split('\n')
      .filter(Boolean)
  expect(await ids()).toEqual(['3', '4', '5', '6', '7'])
  expect(await ids('--thread-id', THREAD_A)).toEqual(['6'])
  expect(await ids('--threadless')).toEqual(['5'])
  expect(await ids('--threadless', '-n', '1')).toEqual(['5'])
  expect(await ids('-n', '2', '--reverse')).toEqual(['7', '6'])
  expect(await ids('--thread-id', THREAD_A, '-C', '1')).toEqual(['2', '6'])
  expect(await ids('--where', 'id!=6', '--since', String(T))).toEqual(['3', '4', '5'])
  for (const command of [
    ['errors', '--json'],
    ['stats', '--json'],
    ['tail', '--no-follow', '--json'],
  ]) {
    const { exitCode, stderr } = await runLogs([...command, ...at, '--threadless'])
    expect([command, exitCode, stderr]).toEqual([command, 0, expect.not.stringContaining('unexpected')])
  }
})
