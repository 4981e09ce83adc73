import { expect, test } from 'vitest'
import { paint } from '../../src/format/paint.js'
import { createPalette, STYLE_NAMES } from '../../src/format/palette.js'

test('every style opens and closes with codes of its own, whatever the environment says', () => {
  const palette = createPalette()
  expect(Object.keys(palette).sort()).toEqual([...STYLE_NAMES].sort())
  expect(palette.ERROR).toEqual({ open: '\x1b[1m\x1b[31m', close: '\x1b[39m\x1b[22m' })
  expect(palette.body).toEqual({ open: '', close: '' })
  for (const { open, close } of Object.values(palette)) {
    expect(open).toMatch(/^(\x1b\[\d+m)*$/)
    expect(close).toMatch(/^(\x1b\[\d+m)*$/)
  }
})

test('no palette, no codes', () => {
  expect(paint(undefined, 'ERROR', 'text')).toBe('text')
  expect(paint(createPalette(), 'ERROR', 'text')).toBe('\x1b[1m\x1b[31mtext\x1b[39m\x1b[22m')
})
