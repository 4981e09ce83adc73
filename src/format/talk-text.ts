import type { Turn } from '../model/turn.js'
import { cleanLine } from './clean.js'
import { escapeForTerminal } from './escape.js'
import { paint } from './paint.js'
import type { Palette, StyleName } from './palette.js'
import { describeTurn, foldBody, type TalkBlock } from './talk.js'

export interface TalkLook {
  palette: Palette | undefined
  /** An instant as it is shown; of a turn's head the date as well. */
  formatTime(epochMs: number, withDate: boolean): string
  isFull: boolean
}

/** The talk as text: a line for who and when, what was said below it, set in. */
export function createTextTalk({ palette, formatTime, isFull }: TalkLook) {
  return {
    turn(turn: Turn): string {
      const atMs = turn.startedAtSeconds === null ? turn.firstLineAtMs : turn.startedAtSeconds * 1000
      const facts = [...(atMs === null ? [] : [formatTime(atMs, true)]), ...describeTurn(turn)]
      return `${paint(palette, 'heading', `── turn ${turn.number}`)}  ${paint(palette, turn.outcome === 'failed' ? 'bad' : 'faint', cleanLine(facts.join(', ')))}\n\n`
    },

    block(block: TalkBlock): string {
      const { who, atMs, command, part, isBad, facts } = block
      const aside = [...(atMs === null ? [] : [formatTime(atMs, false)]), ...facts].join(', ')
      const isRun = who === 'ran' || who === 'user ran'
      const isSpoken = part === 'user' || part === 'assistant'
      const head = paint(palette, isBad ? 'bad' : isSpoken ? 'heading' : 'faint', cleanLine(who))
      let text = `${head}  ${paint(palette, isBad ? 'bad' : 'faint', cleanLine(aside))}`.trimEnd()
      text += '\n'
      for (const [at, line] of lines(command).entries()) {
        text += `${paint(palette, 'faint', at > 0 ? '  ' : isRun ? '$ ' : '> ')}${line}\n`
      }
      const folded = foldBody({ ...block, body: escapeForTerminal(block.body) }, isFull)
      for (const [at, line] of folded.lines.entries()) {
        const style = at === folded.foldedAt ? 'faint' : styleOf(block, line)
        text += `${line === '' ? '' : `  ${paint(palette, style, line)}`}\n`
      }
      return `${text}\n`
    },
  }
}

function lines(text: string): string[] {
  return text === '' ? [] : escapeForTerminal(text).split('\n')
}

function styleOf({ form, part }: TalkBlock, line: string): StyleName {
  if (part === 'reasoning' || part === 'notes') return 'faint'
  if (form !== 'diff') return 'body'
  if (line.startsWith('+')) return 'added'
  if (line.startsWith('-')) return 'removed'
  return /^(add|update|delete|\*\*\*|@@)/.test(line) ? 'heading' : 'body'
}

/** The talk as Markdown. */
export function createMarkdownTalk({ formatTime, isFull }: Omit<TalkLook, 'palette'>) {
  return {
    turn(turn: Turn): string {
      const atMs = turn.startedAtSeconds === null ? turn.firstLineAtMs : turn.startedAtSeconds * 1000
      const facts = [...(atMs === null ? [] : [formatTime(atMs, true)]), ...describeTurn(turn)]
      return `## Turn ${turn.number}\n\n${escapeMarkdown(cleanLine(facts.join(', ')))}\n\n`
    },

    block(block: TalkBlock): string {
      const { who, atMs, command, form, facts } = block
      const aside = [...(atMs === null ? [] : [formatTime(atMs, false)]), ...facts].join(', ')
      const { lines: body } = foldBody(block, isFull)
      const head = `**${escapeMarkdown(cleanLine(who))}** ${escapeMarkdown(cleanLine(aside))}`.trimEnd()
      if (form === 'words') return `${head}\n\n${body.join('\n')}\n\n`
      const code = [
        ...(command === '' ? [] : [`${who === 'ran' || who === 'user ran' ? '$' : '>'} ${command}`]),
        ...body,
      ].join('\n')
      const fence = '`'.repeat(Math.max(3, 1 + longestRun(code)))
      return `${head}\n\n${fence}${form === 'diff' ? 'diff' : 'console'}\n${code}\n${fence}\n\n`
    },
  }
}

/** A code block ends at as many backticks as began it. */
function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_<>[\]]/g, '\\$&')
}
