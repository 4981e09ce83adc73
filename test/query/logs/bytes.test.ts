import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { SqlValue } from '../../../src/db/connection.js'
import { ENCODINGS, type EncodingName, type Piece } from '../../../src/format/encodings.js'
import { LOG_FORMATS, type LogFormat, piecesOf } from '../../../src/format/formats.js'
import { createRecordFormatter } from '../../../src/format/log-line.js'
import { createPalette } from '../../../src/format/palette.js'
import { createUtcTime } from '../../../src/format/time.js'
import { LOG_FIELD_NAMES, type LogField, type PieceStyles } from '../../../src/model/log-records.js'
import { HIGHEST_ID, LOWEST_ID } from '../../../src/query/logs/batches.js'
import { mayDiffer, readLogBytes } from '../../../src/query/logs/bytes.js'
import { readLogRows } from '../../../src/query/logs/rows.js'
import { type LogStore, openLogStore } from '../../../src/query/logs/store.js'
import { listDatabases } from '../../../src/schema/files.js'
import { TEST_EVERYTHING } from '../../helpers/everything.js'
import { createLogHome } from '../../helpers/log-layouts.js'
import { insertInto, type NewLogRow } from '../../helpers/log-rows.js'
import { runLogs } from '../../helpers/run.js'
import { binPath } from '../../helpers/spawn.js'

/** Texts in which every special character is frequent. */
const specials = [
  '\0',
  '\b',
  '\t',
  '\n',
  '\r',
  '\x1b',
  '\x07',
  '\x7f',
  '\u0085',
  '\u009b',
  '\u00a0',
  '\u2028',
  '\u2029',
  '\ufeff',
  '\ufffd',
  '"',
  "'",
  '\\',
  ',',
  '=',
  ' ',
  '%',
  '_',
  '[',
  ']',
  '*',
  '?',
  '-',
  '~',
  '!',
  '#',
  '<',
  '>',
  'é',
  'ß',
  '中',
  '😀',
  '\u{10ffff}',
  'a',
  'Z',
  '0',
]
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom(...specials), maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.toWellFormed()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', 'INFO', 'codex_core::codex', 'x'.repeat(70_000), '"\n,'.repeat(9000)),
  },
)
/** A column holds any type, whatever was declared. */
const anyValue: fc.Arbitrary<SqlValue> = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: text.map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((value) => Buffer.from(value)) },
)
const nullable = fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 5, arbitrary: anyValue })
const seconds: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000_000 }),
  fc.constantFrom(
    -62_135_596_801,
    -62_135_596_800,
    -1,
    0,
    253_370_764_799,
    253_370_764_800,
    2 ** 53 - 1,
    -(2 ** 53 - 1),
  ),
  fc.constantFrom(1.5, '1770369302', 'soon', ''),
)
const nanos: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.integer({ min: 0, max: 999_999_999 }),
  fc.constantFrom(0, -1, -41_123_456, -999_999_999, -1_000_000_000, 1_000_000_000, 41_123_456_789, 'x', 0.5),
)
const row: fc.Arbitrary<NewLogRow> = fc.record({
  tsSeconds: seconds,
  tsNanos: nanos,
  level: anyValue,
  target: anyValue,
  body: nullable,
  threadId: nullable,
  processUuid: nullable,
  modulePath: nullable,
  file: nullable,
  line: fc.oneof(
    fc.constantFrom(null, 1.5, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
    fc.integer(),
    text,
  ),
})

function openSample() {
  const { home, path } = createLogHome([])
  const store = openLogStore(listDatabases(home))!
  const writer = new Database(path)
  onTestFinished(() => {
    store.connection.close()
    writer.close()
  })
  return {
    home,
    store,
    replace(rows: readonly NewLogRow[]) {
      writer.exec('DELETE FROM logs; DELETE FROM sqlite_sequence')
      insertInto(writer, rows)
    },
  }
}

const everything = { kind: 'window', low: LOWEST_ID, high: HIGHEST_ID } as const

function bothTexts(
  store: LogStore,
  format: LogFormat,
  fields: readonly LogField[] | undefined,
  options: { isRaw?: boolean; styles?: PieceStyles },
) {
  return bothTextsOf(store, piecesOf(format, fields), options)
}

function bothTextsOf(
  store: LogStore,
  pieces: readonly Piece[],
  options: { isRaw?: boolean; styles?: PieceStyles },
) {
  const written = readLogBytes(store, everything, pieces, options)
  const bytes = written?.bytes ?? new Uint8Array()
  const formatRow = createRecordFormatter(pieces, { time: createUtcTime(), ...options })
  const fromRows = readLogRows(store, everything)
    .map((row) => formatRow(row))
    .join('')
  return {
    bytes,
    fromSqlite: written?.mayDiffer ? fromRows : Buffer.from(bytes).toString(),
    fromRows,
  }
}

describe.each(LOG_FORMATS)('records that SQLite writes: %s', (format) => {
  test.each([
    { isRaw: false, isColored: false },
    { isRaw: true, isColored: false },
    { isRaw: false, isColored: true },
    { isRaw: true, isColored: true },
  ])(
    'are the same as those written here, whatever the rows hold (raw: $isRaw, coloured: $isColored)',
    ({ isRaw, isColored }) => {
      const options = isColored ? { isRaw, styles: createPalette() } : { isRaw }
      const { store, replace } = openSample()
      fc.assert(
        fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
          replace(rows)
          const { fromSqlite, fromRows } = bothTexts(store, format, undefined, options)
          expect(fromSqlite).toBe(fromRows)
        }),
        { numRuns: TEST_EVERYTHING ? 150 : 40, seed: 20_260_206 },
      )
    },
  )

  test('field by field', () => {
    const { store, replace } = openSample()
    fc.assert(
      fc.property(row, fc.subarray(LOG_FIELD_NAMES, { minLength: 1 }), (one, fields) => {
        replace([one])
        const { fromSqlite, fromRows } = bothTexts(store, format, fields, {})
        expect(fromSqlite).toBe(fromRows)
      }),
      { numRuns: TEST_EVERYTHING ? 150 : 40, seed: 20_260_206 },
    )
  })

  test('a whole command prints the same through either', async () => {
    const { home, replace } = openSample()
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        replace(rows)
        const argv = ['query', '--codex-home', home, '--format', format]
        const throughBytes = await runLogs(argv)
        // SQLite writes a window in the order of its ids, so for the other order JavaScript does.
        const throughRows = await runLogs([...argv, '--reverse'])
        const recordsOf = (result: typeof throughBytes) =>
          result.stdout
            .split('\n')
            .slice(format === 'csv' ? 1 : 0, -1)
            // The rules between days stand above other rows then.
            .filter((line) => !line.startsWith('──'))
        expect(recordsOf(throughBytes)).toEqual(recordsOf(throughRows).reverse())
        expect(throughBytes.exitCode).toBe(0)
        expect(throughRows.exitCode).toBe(0)
      }),
      { numRuns: TEST_EVERYTHING ? 40 : 15, seed: 20_260_206 },
    )
  })
})

test('mayDiffer finds every character that a record must not hold, and no other', () => {
  const of = (text: string, format: LogFormat = 'full', isRaw = false) =>
    mayDiffer(Buffer.from(text), text.split('\n').length - 1, piecesOf(format), { isRaw })
  for (const character of '\0\b\r\x1b\u0080\u0085\u009b\u009f') expect(of(`ab${character}c`)).toBe(true)
  expect(of('tab\t newline\n é ß \u00a0 中 😀 \x07\x7f')).toBe(false)
  expect(of('')).toBe(false)
  expect(mayDiffer(Buffer.from('a target of\ntwo lines\n'), 1, piecesOf('full'))).toBe(true)
  expect(of('\x1b', 'full', true)).toBe(false)
  expect(of('\0', 'full', true)).toBe(true)
  expect(of('\x1b', 'json')).toBe(false)
  expect(of('\0', 'logfmt')).toBe(true)
})

describe.each(Object.keys(ENCODINGS) as EncodingName[])('the encoding %s', (as) => {
  test.each([
    { isRaw: false, isColored: false },
    { isRaw: true, isColored: false },
    { isRaw: false, isColored: true },
  ])(
    'gives the same from SQLite and from JavaScript for every field (raw: $isRaw, coloured: $isColored)',
    (given) => {
      const options = given.isColored
        ? { isRaw: given.isRaw, styles: createPalette() }
        : { isRaw: given.isRaw }
      const { store, replace } = openSample()
      fc.assert(
        fc.property(row, fc.constantFrom(...LOG_FIELD_NAMES), (one, field) => {
          replace([one])
          const pieces: Piece[] = [{ field, as, style: field === 'level' ? 'level' : undefined }, '\n']
          const { fromSqlite, fromRows } = bothTextsOf(store, pieces, options)
          expect(fromSqlite).toBe(fromRows)
        }),
        { numRuns: TEST_EVERYTHING ? 150 : 40, seed: 20_260_206 },
      )
    },
  )
})

test('JSON is valid JSON in valid UTF-8, whatever bytes a text or a BLOB holds', () => {
  const { home, replace } = openSample()
  const writer = new Database(join(home, 'logs_2.sqlite'))
  replace([{ body: Buffer.from([0x61, 0xff, 0x62]) }, { target: Buffer.from([0xed, 0xa0, 0x80]) }, {}])
  // A lone surrogate, as text.
  writer.exec(
    "UPDATE logs SET feedback_log_body = CAST(x'eda080' AS TEXT) WHERE id = (SELECT max(id) FROM logs)",
  )
  writer.close()
  for (const argv of [
    ['--json'],
    ['--json', '--reverse'],
    ['--json', '--raw'],
    ['--format', 'logfmt'],
    ['--compact'],
  ]) {
    // The bytes themselves, not a string made of them.
    const bytes = execFileSync(process.execPath, [
      binPath('codex-logs'),
      'query',
      '--codex-home',
      home,
      ...argv,
    ])
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    expect(text).toContain('\ufffd')
    if (argv[0] === '--json') for (const line of text.split('\n').slice(0, -1)) JSON.parse(line)
  }
})

test('a window is read in the order of its ids, and a list in its own', () => {
  const { store, replace } = openSample()
  replace([
    { body: 'one', tsSeconds: 9 },
    { body: 'two', tsSeconds: 5 },
    { body: 'three', tsSeconds: 7 },
  ])
  const pieces = piecesOf('cat')
  expect(Buffer.from(readLogBytes(store, everything, pieces)!.bytes).toString()).toBe('one\ntwo\nthree\n')
  const ids = { kind: 'ids', ids: [3, 1, 99, 2] } as const
  expect(Buffer.from(readLogBytes(store, ids, pieces)!.bytes).toString()).toBe('three\none\ntwo\n')
  expect(readLogBytes(store, { kind: 'ids', ids: [99] }, pieces)).toBeUndefined()
})
