import { Chalk } from 'chalk'
import type { Style } from '../model/log-records.js'

/** Of which each thread has one. */
export const THREAD_STYLES = ['thread1', 'thread2', 'thread3', 'thread4', 'thread5', 'thread6'] as const

export const STYLE_NAMES = [
  'time',
  'thread',
  'target',
  'body',
  'TRACE',
  'DEBUG',
  'INFO',
  'WARN',
  'ERROR',
  'FAIL',
  'otherLevel',
  'added',
  'removed',
  'match',
  'heading',
  'faint',
  'good',
  'warning',
  'bad',
  ...THREAD_STYLES,
] as const

export type StyleName = (typeof STYLE_NAMES)[number]

export type Palette = Readonly<Record<StyleName, Style>>

/**
 * Whether there is colour was decided before: output without it has no palette, and does not load this module.
 */
const chalk = new Chalk({ level: 1 })

/** The codes are taken from chalk once: per row they are only concatenated. */
export function createPalette(): Palette {
  return {
    time: codesOf(chalk.dim),
    thread: codesOf(chalk.dim.blue),
    target: codesOf(chalk.dim),
    body: NO_STYLE,
    TRACE: codesOf(chalk.bold.magenta),
    DEBUG: codesOf(chalk.bold.blue),
    INFO: codesOf(chalk.bold.green),
    WARN: codesOf(chalk.bold.yellow),
    ERROR: codesOf(chalk.bold.red),
    FAIL: codesOf(chalk.bold.inverse.red),
    otherLevel: codesOf(chalk.bold),
    added: codesOf(chalk.green),
    removed: codesOf(chalk.red),
    match: codesOf(chalk.inverse),
    heading: codesOf(chalk.bold),
    faint: codesOf(chalk.dim),
    good: codesOf(chalk.green),
    warning: codesOf(chalk.yellow),
    bad: codesOf(chalk.red),
    thread1: codesOf(chalk.cyan),
    thread2: codesOf(chalk.magenta),
    thread3: codesOf(chalk.blue),
    thread4: codesOf(chalk.green),
    thread5: codesOf(chalk.cyanBright),
    thread6: codesOf(chalk.magentaBright),
  }
}

const NO_STYLE: Style = { open: '', close: '' }

function codesOf(style: (text: string) => string): Style {
  const [open = '', close = ''] = style('\0').split('\0')
  return { open, close }
}
