import { expect, test } from 'vitest'
import { type LogFormat, piecesOf } from '../../src/format/formats.js'
import { createTextFormatter, type TextOptions } from '../../src/format/log-text.js'
import { createPalette } from '../../src/format/palette.js'
import { createUtcTime } from '../../src/format/time.js'
import type { LogRow } from '../../src/model/log.js'
import type { LogField } from '../../src/model/log-records.js'

const row: LogRow = {
  id: 1,
  tsSeconds: 1_770_369_302,
  tsNanos: 41_123_456,
  level: 'WARN',
  target: 'codex_core',
  body: 'text',
  threadId: null,
  processUuid: null,
  modulePath: null,
  file: null,
  line: null,
}

interface Options extends Partial<TextOptions> {
  format?: LogFormat
  fields?: LogField[]
}

function format(given: Partial<LogRow>, { format = 'cat', fields, ...options }: Options = {}): string {
  const defaults: TextOptions = {
    indent: format === 'cat' ? '' : '    ',
    time: createUtcTime(),
    palette: undefined,
    isMultiline: true,
    isRaw: false,
  }
  return createTextFormatter(piecesOf(format, fields), { ...defaults, ...options })({ ...row, ...given })
}

test('a further line is indented, but where the body stands alone', () => {
  const body = 'one\ntwo\n'
  expect(format({ body }, { format: 'compact' })).toBe('09:15:02 WARN  one\n    two\n')
  expect(format({ body }, { format: 'full' })).toBe(
    '2026-02-06T09:15:02.041Z WARN  [-] codex_core - one\n    two\n',
  )
  expect(format({ body })).toBe('one\ntwo\n')
  expect(format({ body }, { isMultiline: false })).toBe('one\\ntwo\\n\n')
})

test.each([
  [null, '\n'],
  ['', '\n'],
  ['\n', '\n'],
  ['a\r\nb', 'a\nb\n'],
])('the body %j', (body, expected) => {
  expect(format({ body })).toBe(expected)
})

test('a head stays on one line', () => {
  const given = { target: 'a\nb\x1b[2J', threadId: 'x\ry', level: 'W\n' }
  expect(format(given, { format: 'full' })).toBe(
    '2026-02-06T09:15:02.041Z W\\n   [x\\ry] a\\nb\\x1b[2J - text\n',
  )
})

test('levels have their colours, in any case, and unknown ones are bold', () => {
  const palette = createPalette()
  const level = (name: string) => format({ level: name }, { palette, fields: ['level'] })
  expect(['TRACE', 'DEBUG', 'INFO', 'WARN', 'error', 'FATAL'].map(level)).toEqual([
    '\x1b[1m\x1b[35mTRACE\x1b[39m\x1b[22m\n',
    '\x1b[1m\x1b[34mDEBUG\x1b[39m\x1b[22m\n',
    '\x1b[1m\x1b[32mINFO\x1b[39m\x1b[22m\n',
    '\x1b[1m\x1b[33mWARN\x1b[39m\x1b[22m\n',
    '\x1b[1m\x1b[31merror\x1b[39m\x1b[22m\n',
    '\x1b[1mFATAL\x1b[22m\n',
  ])
})

test('matches are marked line by line, inside of patches too', () => {
  const palette = createPalette()
  const body = 'ToolCall: apply_patch\n+ab\n-ab\n ab'
  expect(format({ body }, { palette, highlight: /a/g })).toBe(
    'ToolC\x1b[7ma\x1b[27mll: \x1b[7ma\x1b[27mpply_p\x1b[7ma\x1b[27mtch\n' +
      '\x1b[32m+\x1b[7ma\x1b[27mb\x1b[39m\n\x1b[31m-\x1b[7ma\x1b[27mb\x1b[39m\n \x1b[7ma\x1b[27mb\n',
  )
  expect(format({}, { palette, highlight: /x*/g })).toBe('te\x1b[7mx\x1b[27mt\n')
})

test('a marked text cannot bring codes of its own', () => {
  expect(format({ body: 'a\x1b[31mb' }, { palette: createPalette(), highlight: /b/g })).toBe(
    'a\\x1\x1b[7mb\x1b[27m[31m\x1b[7mb\x1b[27m\n',
  )
})

test('raw leaves everything', () => {
  expect(format({ body: 'a\x1b[31m\r\nb' }, { isRaw: true })).toBe('a\x1b[31m\r\nb\n')
})
