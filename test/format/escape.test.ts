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
  ['\u200f mark, \u2028 separator', '\u200f mark, \u2028 separator'],
])('on a terminal: %j', (text, expected) => {
  expect(escapeForTerminal(text)).toBe(expected)
})

test('JSON stays the same value and has no control in it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('\0', '\n', '\x1b', '\x7f', '\u009b', '\u202e', '"', '\\', 'é') }),
      (text) => {
        const json = escapeJsonForTerminal(JSON.stringify({ text }))
        expect(json).not.toMatch(/[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/)
        expect(JSON.parse(json)).toEqual({ text })
      },
    ),
  )
})
