import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeForTerminal, escapeJsonForTerminal, escapeLine } from '../../src/format/escape.js'

test.each([
  ['plain é 中 😀', 'plain é 中 😀'],
  ['tab\there', 'tab\there'],
  ['a\nb\r\nc\rd', 'a\\nb\\r\\nc\\rd'],
  ['\x1b]0;title\x07', '\\x1b]0;title\x07'],
  ['\0 \b \u009b31m \u0085', '\\x00 \\x08 \\x9b31m \\x85'],
])('on one line: %j', (text, expected) => {
  expect(escapeLine(text)).toBe(expected)
})

test.each([
  ['a\nb\tc', 'a\nb\tc'],
  ['a\r\nb', 'a\nb'],
  ['over\rwritten', 'over\\rwritten'],
  ['\x1b]0;title\x07 \x1b[2J', '\\x1b]0;title\\x07 \\x1b[2J'],
  ['\u009b31m \x7f \x0b\x0c\x0e', '\\x9b31m \\x7f \\x0b\\x0c\\x0e'],
  ['\u202eright\u2066', '\\u202eright\\u2066'],
  ['\u200emark\u200f \u200bzero\u2060 \ufeff', '\\u200emark\\u200f \\u200bzero\\u2060 \\ufeff'],
  ['hi\u{e0068}\u{e0069}', 'hi\\u{e0068}\\u{e0069}'],
  ['👨\u200d👩 and a\u200db', '👨\u200d👩 and a\\u200db'],
  ['می\u200cخواهم and न\u094d\u200dय', 'می\u200cخواهم and न\u094d\u200dय'],
  ['pay\u200cpal and \u200cstart', 'pay\\u200cpal and \\u200cstart'],
  ['a line \u2028 separator', 'a line \u2028 separator'],
])('on a terminal: %j', (text, expected) => {
  expect(escapeForTerminal(text)).toBe(expected)
})

test('JSON stays the same value and has no control in it', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom(
          '\0',
          '\n',
          '\x1b',
          '\x7f',
          '\u009b',
          '\u202e',
          '\u200b',
          '\u200c',
          '\u{e0041}',
          '"',
          '\\',
          'é',
        ),
      }),
      (text) => {
        const json = escapeJsonForTerminal(JSON.stringify({ text }))
        expect(json).not.toMatch(/[\0-\x1f\x7f-\x9f\u200b\u200c\u202a-\u202e\u2066-\u2069]|\u{e0041}/u)
        expect(JSON.parse(json)).toEqual({ text })
      },
    ),
  )
})
