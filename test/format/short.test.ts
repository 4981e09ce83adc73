import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { createPalette } from '../../src/format/palette.js'
import { createShortFormatter } from '../../src/format/short.js'
import type { ShortOptions } from '../../src/format/short-line.js'
import { createUtcTime, createZonedTime } from '../../src/format/time.js'
import type { LogSummary } from '../../src/model/log-summary.js'

const THREAD = '01a1fb71-8b7b-7f23-a852-149551519dd4'
const START = Date.UTC(2026, 10, 21, 0, 11, 25) / 1000

/** Here only the same words are of one kind. */
const kindOf = ({ text }: LogSummary) => text

let nextId = 1

function row(millis: number, text: string, rest: Partial<LogSummary> = {}): LogSummary {
  return {
    id: nextId++,
    tsSeconds: START + Math.trunc(millis / 1000),
    tsNanos: (millis % 1000) * 1e6,
    level: 'DEBUG',
    target: 'codex_http_client::client',
    threadId: THREAD,
    text,
    fields: [],
    turn: undefined,
    isFailure: false,
    ...rest,
  }
}

function print(rows: readonly LogSummary[], options: Partial<ShortOptions> = {}): string {
  const formatter = createShortFormatter({
    time: createUtcTime(),
    palette: undefined,
    width: 120,
    ...options,
  })
  return rows.map((one) => formatter.format(one)).join('') + formatter.flush()
}

const ROWS = [
  row(83, 'POST http://127.0.0.1:4141/v1/responses → 200 OK'),
  row(134, 'prepared step skill catalog', {
    target: 'codex_skills_extension::step_state',
    fields: [
      { key: 'discovery_v2', value: 'false' },
      { key: 'cloud_skill_count', value: 'None' },
      { key: 'executor_skill_count', value: '0' },
    ],
  }),
  row(135, 'app-server event: thread/status/changed', {
    level: 'TRACE',
    threadId: null,
    target: 'codex_app_server::outgoing_message',
  }),
  row(
    137,
    'apply_patch verification failed: Failed to read file to update /home/demo/projects/web-shop/src/nope.js: No such file or directory (os error 2)',
    {
      level: 'ERROR',
      target: 'codex_core::tools::router',
    },
  ),
  row(763, 'Turn error: We’re currently experiencing high demand.', {
    level: 'FAIL',
    target: 'codex_core::session::turn',
  }),
]

test('one line a row under the day, two for what went wrong, the message before the fields', () => {
  expect(print(ROWS)).toMatchInlineSnapshot(`
    "── Sat 21 Nov 2026, UTC ────────────────────────────────────────────────────────────────────────────────────────────────
    00:11:25.083 DEBUG 01a1fb71-8b7b http_client::client      POST http://127.0.0.1:4141/v1/responses → 200 OK
    00:11:25.134 DEBUG 01a1fb71-8b7b …s_extension::step_state prepared step skill catalog discovery_v2=false cloud_skill_co…
    00:11:25.135 TRACE               …erver::outgoing_message app-server event: thread/status/changed
    00:11:25.137 ERROR 01a1fb71-8b7b tools::router            apply_patch verification failed: Failed to read file to update
                                                              /home/demo/projects/web-shop/src/nope.js: No such file or dir…
    00:11:25.763 FAIL  01a1fb71-8b7b session::turn            Turn error: We’re currently experiencing high demand.
    "
  `)
})

test('compact: the second, a letter, four characters of the thread and the message', () => {
  expect(print(ROWS, { isCompact: true })).toMatchInlineSnapshot(`
    "00:11:25 D 8b7b POST http://127.0.0.1:4141/v1/responses → 200 OK
    00:11:25 D 8b7b prepared step skill catalog
    00:11:25 T      app-server event: thread/status/changed
    00:11:25 E 8b7b apply_patch verification failed: Failed to read file to update /home/demo/projects/web-shop/src/nope.js…
    00:11:25 ! 8b7b Turn error: We’re currently experiencing high demand.
    "
  `)
})

test('in a pipe nothing is cut', () => {
  const text = print(ROWS, { width: undefined })
  expect(text).toContain('codex_skills_extension::step_state'.replace('codex_', ''))
  expect(text).toContain('executor_skill_count=0\n')
  expect(text.split('\n')).toHaveLength(ROWS.length + 2)
})

test('a narrow terminal has the message and leaves out what has no room', () => {
  expect(print(ROWS.slice(3), { width: 60 })).toMatchInlineSnapshot(`
    "── Sat 21 Nov 2026, UTC ────────────────────────────────────
    00:11:25.137 ERROR 8b7b apply_patch verification failed:
                            Failed to read file to update /home…
    00:11:25.763 FAIL  8b7b Turn error: We’re currently
                            experiencing high demand.
    "
  `)
  expect(print(ROWS.slice(3), { width: 20 })).toMatchInlineSnapshot(`
    "── Sat 21 Nov 2026,…
    00:11:25 E apply_pat
               ch verif…
    00:11:25 ! Turn erro
               r: We’re…
    "
  `)
})

test('rows of one thread: its title, its turns, the second once', () => {
  const rows = [
    row(430, 'Submission: turn_input', {
      turn: { kind: 'start', id: '01a1fb72-1246-7000', text: 'turn_input' },
    }),
    row(431, 'Unknown model x is used.', { level: 'WARN' }),
    row(431, 'Unknown model x is used.', { level: 'WARN' }),
    ...[458, 460, 466].map((millis, index) =>
      row(millis, 'ran shadow skill selection', { fields: [{ key: 'method', value: String(index) }] }),
    ),
    row(1034, 'Turn error: stream disconnected', {
      level: 'FAIL',
      turn: { kind: 'failed', id: '1', text: 'stream disconnected' },
    }),
    row(2000, 'Submission: turn_input', { turn: { kind: 'start', id: '2', text: 'turn_input' } }),
    row(3500, 'post sampling', { turn: { kind: 'end', id: '2', text: '5672 tokens in context' } }),
    row(3600, 'Submission: turn_input', { turn: { kind: 'start', id: '3', text: 'turn_input' } }),
    row(3650, 'aborting running task', { turn: { kind: 'stopped', id: '3', text: '' } }),
  ]
  const thread = { id: THREAD, title: 'Drop the connection\nin the middle.', model: 'gpt-5.2-codex' }
  expect(print(rows, { thread, kindOf })).toMatchInlineSnapshot(`
    "── 01a1fb71-8b7b “Drop the connection in the middle.” ── gpt-5.2-codex ── Sat 21 Nov 2026, UTC ─────────────────────────
    00:11:25.430 ▶ turn 01a1fb72-1246 turn_input
            .431 WARN  Unknown model x is used.                                                                           ×2
            .458 DEBUG ran shadow skill selection method=0                                             (+2 alike, .458–.466)
    00:11:26.034 ✗ turn failed after 0.6 s: stream disconnected
    00:11:27.000 ▶ turn 2 turn_input
    00:11:28.500 ✓ turn done after 1.5 s: 5672 tokens in context
            .600 ▶ turn 3 turn_input
            .650 ■ turn stopped after 50 ms
    "
  `)
})

test('the end of what is folded is told with its seconds where they are not those of the beginning', () => {
  const rows = [row(500, 'a', { fields: [{ key: 'n', value: '1' }] }), row(1200, 'a')]
  expect(print(rows, { kindOf })).toContain('(+1 alike, .500–26.200)')
})

test('neighbours are folded, warnings with other words are not', () => {
  const warnings = [
    row(1, 'a is used', { level: 'WARN' }),
    row(2, 'b is used', { level: 'WARN' }),
    row(3, 'b is used', { level: 'WARN' }),
  ]
  expect(print(warnings, { kindOf, isCompact: true, width: 60 })).toBe(
    `00:11:25 W 8b7b a is used\n00:11:25 W 8b7b b is used${' '.repeat(33)}×2\n`,
  )
  const formatter = createShortFormatter({
    time: createUtcTime(),
    palette: undefined,
    width: 60,
    kindOf,
    isCompact: true,
  })
  expect(formatter.format(row(1, 'x'))).toBe('')
  expect(formatter.format(row(2, 'x'))).toBe('')
  // A follow that has no more rows for now waits for none.
  expect(formatter.flush()).toContain('×2')
  expect(formatter.flush()).toBe('')
})

test('rows that come again in the same order are told in a line, with the time of the first', () => {
  const trio = (millis: number) =>
    ['Reloading auth', 'Reloaded auth', 'waiting to resolve'].map((text) =>
      row(millis, text, { level: 'INFO', threadId: null, target: 'codex_login::auth::manager' }),
    )
  const rows = [...[776, 1778, 2779, 60_800].flatMap(trio).toSpliced(9, 1), row(60_900, 'POST')]
  expect(print(rows.slice(0, 9), { kindOf, width: 100 })).toMatchInlineSnapshot(`
    "── Sat 21 Nov 2026, UTC ────────────────────────────────────────────────────────────────────────────
    00:11:25.776 INFO                …::auth::manager Reloading auth
    00:11:25.776 INFO                …::auth::manager Reloaded auth
    00:11:25.776 INFO                …::auth::manager waiting to resolve
    00:11:26.778 ↻     the 3 above, 2 times more (6 rows, .778–27.779)
    "
  `)
  expect(print(rows.slice(0, 9), { kindOf, width: 50, isCompact: true })).toMatchInlineSnapshot(`
    "00:11:25 I      Reloading auth
    00:11:25 I      Reloaded auth
    00:11:25 I      waiting to resolve
    00:11:26 ↻ the 3 above, 2 times more
    "
  `)
  const warned = [0, 10_000, 20_000, 30_000, 40_000].flatMap((millis) => [
    row(millis, 'a', { fields: [{ key: 'n', value: String(millis) }] }),
    row(millis + 5, 'b is used', { level: 'WARN' }),
  ])
  const thread = { id: THREAD }
  expect(print(warned, { kindOf, width: 90 })).toContain(
    '00:11:35.000 ↻     like the 2 above, 4 times more (8 rows, 4 WARN, .000–00:12:05.005)\n',
  )
  // There the warning is counted in its turn.
  expect(print(warned, { kindOf, width: 90, thread })).toMatch(/ ×5 in turn\n.*\+3 alike/)
})

test('on a narrow line the message goes before the times of what is folded', () => {
  const rows = [1, 2, 3].map((millis) =>
    row(millis, 'inotify event: OPEN', { fields: [{ key: 'n', value: String(millis) }] }),
  )
  expect(print(rows, { kindOf, width: 60 })).toMatch(/inotify event: OPEN n=1 +\(\+2 alike\)\n/)
  expect(print(rows, { kindOf, width: 80 })).toMatch(/OPEN n=1 +\(\+2 alike, .001–.003\)\n/)
  const longer = rows.map((one) => ({ ...one, text: 'inotify event: OPEN "ld.so.cache"' }))
  expect(print(longer, { kindOf, width: 80 })).toMatch(/OPEN "ld.so.cache"…? +\(\+2 alike\)\n/)
})

test('a new day and a new offset have a rule', () => {
  const rows = [row(0, 'a'), row(86_400_000, 'b')]
  expect(
    print(rows)
      .split('\n')
      .filter((line) => line.startsWith('──'))
      .map((line) => line.slice(0, 24)),
  ).toEqual(['── Sat 21 Nov 2026, UTC ', '── Sun 22 Nov 2026, UTC '])
  expect(print(rows, { time: createZonedTime(() => 60) })).toContain('── Sat 21 Nov 2026, +01:00 ─')
})

test('what is no date is shown as it is stored', () => {
  expect(print([row(0, 'x', { tsSeconds: -1e15, tsNanos: 0 })])).toBe(
    '-1000000000000000.000000000Z DEBUG 01a1fb71-8b7b http_client::client      x\n',
  )
})

test('a patch keeps its lines, in their colours', () => {
  const patch = row(
    1,
    'ToolCall: apply_patch *** Begin Patch\n*** Update File: a.js\n-old\n+new\n*** End Patch\n',
  )
  const lines = print([patch]).split('\n').slice(1, -1)
  expect(lines.map((line) => line.slice(58))).toEqual([
    'ToolCall: apply_patch *** Begin Patch',
    '*** Update File: a.js',
    '-old',
    '+new',
    '*** End Patch',
  ])
  const palette = createPalette()
  const coloured = print([patch], { palette })
  expect(coloured).toContain(`${palette.added.open}+new${palette.added.close}`)
  expect(stripVTControlCharacters(coloured)).toBe(print([patch]))
})

test('with all lines wanted no word is lost', () => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ')
  const text = print([row(1, words)], { wraps: true, width: 80 })
  expect(
    text
      .split('\n')
      .slice(1)
      .join(' ')
      .match(/word\d+/g),
  ).toHaveLength(60)
})

test('real text stays real, what acts is escaped', () => {
  const text = print([row(1, 'नमस्ते 👩‍👩‍👧 e\u0301 \u202eevil\u2066 \x1b[31mred \x07\x9b')], { width: 200 })
  expect(text).toContain('नमस्ते 👩‍👩‍👧 e\u0301 \\u202eevil\\u2066 \\x1b[31mred \\x07\\x9b')
})

test('no line is wider than the terminal, whatever the row holds', () => {
  const texts = [
    '',
    'a'.repeat(300),
    '家'.repeat(200),
    'नमस्ते '.repeat(50),
    '👩‍👩‍👧'.repeat(80),
    `${'x '.repeat(5)}\n\n${'y'.repeat(99)}`,
    '\t\t\x1b\u202e'.repeat(40),
    `e${'\u0301'.repeat(1000)}`,
  ]
  for (const width of [1, 5, 20, 21, 39, 40, 59, 60, 79, 80, 109, 110, 120, 1000]) {
    for (const isCompact of [false, true]) {
      for (const thread of [undefined, { id: THREAD, title: '家'.repeat(100_000), model: 'm'.repeat(999) }]) {
        const rows = texts.flatMap((text) =>
          ['WARN', 'TRACE', 'odd level'].map((level) =>
            row(1, text, { level, target: text || 't', threadId: text.slice(0, 99) || null }),
          ),
        )
        const lines = print([...rows, ...rows], {
          width,
          isCompact,
          kindOf,
          ...(thread && { thread }),
        }).split('\n')
        const widest = Math.max(...lines.map((line) => stringWidth(line)))
        // Below this there is no room for the time and a letter.
        expect(widest, `${width} ${isCompact} ${thread !== undefined}`).toBeLessThanOrEqual(
          Math.max(width, 40),
        )
        if (width >= 40) expect(widest).toBeLessThanOrEqual(width)
      }
    }
  }
})

test('in a thread’s own view a warning that comes again in a turn is counted where it was first told', () => {
  const thread = { id: THREAD }
  const warning = (millis: number) => row(millis, 'Unknown model', { level: 'WARN' })
  const turn = (millis: number) => row(millis, '', { turn: { kind: 'start', id: 'T1', text: 'turn_input' } })
  const rows = [
    turn(1),
    warning(2),
    row(3, 'one'),
    warning(4),
    warning(5),
    row(6, 'one'),
    row(7, 'Unknown model', { level: 'WARN', fields: [{ key: 'model', value: 'b' }] }),
    turn(8),
    warning(9),
  ]
  expect(print(rows, { thread, kindOf, width: 60 })).toMatchInlineSnapshot(`
    "── 01a1fb71-8b7b ── Sat 21 Nov 2026, UTC ───────────────────
    00:11:25.001 ▶ turn T1 turn_input
            .002 WARN  Unknown model                  ×3 in turn
            .003 DEBUG one                                    ×2
            .007 WARN  Unknown model model=b
            .008 ▶ turn T1 turn_input
            .009 WARN  Unknown model
    "
  `)
  // Nothing is counted in the view of all threads, or where nobody folds.
  expect(print(rows, { kindOf, width: 100 }).match(/WARN/g)).toHaveLength(4)
  expect(print(rows, { thread, width: 100 }).match(/WARN/g)).toHaveLength(5)
})

test('a follow prints what it has when no more rows are there, and goes on', () => {
  const formatter = createShortFormatter({
    time: createUtcTime(),
    palette: undefined,
    width: 60,
    thread: { id: THREAD },
    kindOf,
  })
  const warning = (millis: number) => row(millis, 'Unknown model', { level: 'WARN' })
  expect(formatter.format(warning(1)) + formatter.format(warning(2))).toBe('')
  expect(formatter.flush()).toContain('Unknown model')
  expect(formatter.format(warning(3)) + formatter.flush()).toMatch(/\.003 WARN {2}Unknown model\n$/)
})

test('a warning told in full takes one line when it comes again soon', () => {
  const long = `it ${'did not work '.repeat(6)}`
  const rows = [0, 1, 2].map((at) => row(at * 2000, long, { level: 'WARN' }))
  expect(print(rows, { width: 80 }).split('\n').length - 2).toBe(4)
  const others = Array.from({ length: 40 }, (_, at) => row(4000 + at, 'other'))
  expect(print([...rows, ...others, rows[0]!], { width: 80 }).split('\n').length - 2).toBe(46)
})
