import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPlural,
  formatRelative,
} from '../../src/format/quantity.js'
import {
  cutToWidth,
  findTellingColumns,
  fitColumns,
  formatTableRow,
  leaveOutColumns,
  prepareCell,
  widthOf,
} from '../../src/format/table.js'

const column = (
  heading: string,
  options: { isRightAligned?: boolean; minWidth?: number; cutsStart?: boolean } = {},
) => ({
  heading,
  isRightAligned: false,
  minWidth: 4,
  cutsStart: false,
  ...options,
})

describe('a table', () => {
  test('takes the room that it has, and the widest columns give way', () => {
    const columns = [column('ID'), column('TITLE'), column('N', { isRightAligned: true })]
    const rows = [
      ['abc', 'a title that is long', '7'],
      ['d', '你好，世界', '12345'],
    ]
    expect(fitColumns(columns, rows, 100)).toEqual([3, 20, 5])
    const widths = fitColumns(columns, rows, 24)
    expect(rows.map((row) => formatTableRow(columns, widths, row))).toEqual([
      'abc  a title tha…      7',
      'd    你好，世界    12345',
    ])
    expect(fitColumns(columns, rows, 5)).toEqual([3, 4, 4])
  })

  test('keeps room for what later rows may have: where it is reserved, and behind the last column', () => {
    const columns = [{ ...column('WHO'), reserved: 9 }, column('TEXT')]
    expect(fitColumns(columns, [['user', 'Say']], 40)).toEqual([9, 29])
  })

  test.each([
    { text: 'abcdef', width: 6, cut: 'abcdef' },
    { text: 'abcdef', width: 5, cut: 'abcd…' },
    { text: 'abc def', width: 5, cut: 'abc…' },
    { text: '/srv/demo/shop', width: 8, cutsStart: true, cut: '…mo/shop' },
    { text: '你好世界', width: 5, cut: '你好…' },
    { text: '👩‍👩‍👧‍👦 family', width: 4, cut: '👩‍👩‍👧‍👦…' },
    { text: '目录/项目', width: 6, cutsStart: true, cut: '…/项目' },
    { text: 'abc', width: 1, cut: '…' },
    { text: 'abc', width: 0, cut: '' },
  ])('cuts $text to $width cells', ({ text, width, cutsStart, cut }) => {
    expect(cutToWidth(text, width, cutsStart)).toBe(cut)
    expect(widthOf(cut)).toBeLessThanOrEqual(width)
  })

  test.each([
    ['two\nlines\tand\r\nmore', 'two lines and more'],
    ['\x1b[31mred', '\\x1b[31mred'],
    ['left\u202eright', 'left\\u202eright'],
    ['\u009b31m', '\\x9b31m'],
  ])('makes %j safe', (text, safe) => {
    expect(prepareCell(text)).toBe(safe)
  })
})

test.each([
  [0, 'just now'],
  [59_999, 'just now'],
  [60_000, '1m ago'],
  [3_599_999, '59m ago'],
  [7_200_000, '2h ago'],
  [172_800_000, '2d ago'],
  [5_259_600_000, '2mo ago'],
  [63_115_200_000, '2y ago'],
  [-7_200_000, 'in 2h'],
])('tells %d ms as %s', (age, text) => {
  expect(formatRelative(1_770_000_000_000 - age, 1_770_000_000_000)).toBe(text)
})

test.each([
  [12, '12 ms'],
  [1234, '1.2 s'],
  [185_000, '3m 5s'],
  [300_000, '5m'],
  [3_600_000, '1h'],
  [7_440_000, '2h 4m'],
  [86_400_000, '1d'],
  [430_020_000, '4d 23h'],
])('tells %d ms that something took as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1_048_575, '1.0 MiB'],
  [5_000_000_000, '4.7 GiB'],
])('tells %d bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test('counts have separators, and one thing is one', () => {
  expect([
    formatCount(1_234_567),
    formatCount(999),
    formatPlural(1, 'thread'),
    formatPlural(2000, 'thread'),
  ]).toEqual(['1,234,567', '999', '1 thread', '2,000 threads'])
})

describe('columns where all do not fit', () => {
  const column = (heading: string, stays = false) => ({
    heading,
    isRightAligned: false,
    minWidth: 4,
    cutsStart: false,
    stays,
  })
  const columns = [
    column('ID'),
    column('WHEN', true),
    column('EMPTY'),
    column('SAME'),
    column('OTHER'),
    column('TITLE'),
  ]
  const rows = [
    ['1', 'noon', '', 'x', 'a', 'one title'],
    ['2', 'noon', '', 'x', 'b', 'two titles'],
  ]

  test.each([
    [100, [0, 1, 2, 3, 4, 5]],
    [36, [0, 1, 3, 4, 5]],
    [20, [0, 1, 4, 5]],
  ])('in %d cells: the empty ones go, then the equal ones, but for times', (width, indexes) => {
    expect(findTellingColumns(columns, rows, width)).toEqual(indexes)
  })

  test('of those that tell something what yields goes first, then what stands farther right', () => {
    const telling = [
      { ...column('ID'), isWhole: true },
      { ...column('FIRST'), yields: true },
      column('A'),
      column('B'),
      { ...column('SIZE'), isWhole: true },
      column('TITLE'),
    ]
    const values = [['0123456789', 'Nov 21', 'aaaaaa', 'bbbbbb', '1.0 KiB', 'a long title']]
    const left = (width: number) => leaveOutColumns(telling, values, [0, 1, 2, 3, 4, 5], width)
    expect(left(43)).toEqual([0, 1, 2, 3, 4, 5])
    expect(left(42)).toEqual([0, 2, 3, 4, 5])
    expect(left(36)).toEqual([0, 2, 3, 5])
    expect(left(1)).toEqual([0, 5])
    // What is whole is not cut, and the others share what is left.
    expect(fitColumns(telling, values, 43)).toEqual([10, 4, 4, 4, 7, 4])
  })

  test('of one row are equal in it, and stay', () => {
    expect(findTellingColumns(columns, rows.slice(0, 1), 20)).toEqual([0, 1, 3, 4, 5])
  })
})

test('a width that is not measured is the one that would be', () => {
  const bare = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit))
  const differing = bare.filter((character) => widthOf(character) !== stringWidth(character))
  expect(differing).toEqual([])
  const characters = fc.constantFrom(
    ...'aZ09#* ~äß…–—“”•←↔─│╭■▶✓✗ʼ',
    '\u00ad',
    '\u0301',
    '\u200d',
    '\ufe0f',
    '\u20e3',
    '世',
    '🧺',
  )
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 12 }), (parts) => {
      expect(widthOf(parts.join(''))).toBe(stringWidth(parts.join('')))
    }),
  )
})
