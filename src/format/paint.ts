import type { Style } from '../model/log-records.js'
import type { Palette, StyleName } from './palette.js'

/** A text in a style; `undefined` palette: no colour. */
export function paint(palette: Palette | undefined, style: StyleName, text: string): string {
  return palette ? paintStyle(palette[style], text) : text
}

export function paintStyle({ open, close }: Style, text: string): string {
  return open === '' ? text : open + text + close
}
