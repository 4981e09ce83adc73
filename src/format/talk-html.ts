import type { Turn } from '../model/turn.js'
import { formatDuration } from './quantity.js'
import { describeTurn, type TalkBlock } from './talk.js'
import { traceTurn } from './turn-course.js'

export interface HtmlTalk {
  title: string
  /** Below the title: the thread's id, its folder, its release. */
  facts: readonly string[]
  turns: readonly { turn: Turn | null; blocks: readonly TalkBlock[] }[]
  formatTime(epochMs: number, withDate: boolean): string
}

/** Outputs of more lines are closed until they are clicked at. */
const OPEN_LINES = 12

/** Of the first line of what is closed. */
const SUMMARY_LENGTH = 100

/** What the colours of the course stand for, by their class. */
const KEYS = Object.entries({
  wait: 'waiting for the model',
  model: 'model',
  call: 'call',
  bad: 'failed call',
})
  .map(([name, words]) => `<span><i class="key ${name}"></i> ${words}</span>`)
  .join(' ')

/** A page of its own, without a script and without anything from elsewhere: the browser is told to load nothing. */
export function* formatHtmlTalk({ title, facts, turns, formatTime }: HtmlTalk): Generator<string> {
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p class="facts">${facts.map(escapeHtml).join(' · ')}</p>
`
  const courses = turns.flatMap(({ turn }) => (turn && traceTurn(turn)) ?? [])
  if (courses.length > 0) {
    yield `<h2>Course</h2>\n<p class="facts keys">${KEYS}</p>\n<div class="course">\n`
    for (const { number, fromMs, toMs, waitMs, calls } of courses) {
      const spanMs = Math.max(1, toMs - fromMs)
      const place = (from: number, to: number) =>
        `left:${percent((from - fromMs) / spanMs)};width:${percent(Math.max(0, to - from) / spanMs)}`
      const bars = [
        `<i class="wait" style="${place(fromMs, Math.min(toMs, fromMs + waitMs))}"></i>`,
        ...calls.map(
          (call) =>
            `<i class="${call.isBad ? 'bad' : 'call'}" style="${place(call.fromMs, call.toMs)}" title="${escapeHtml(`${call.label.slice(0, 200)} (${formatDuration(call.toMs - call.fromMs)})`)}"></i>`,
        ),
      ]
      yield `<a href="#turn-${number}">turn ${number}</a><div class="bar">${bars.join('')}</div><span>${formatDuration(spanMs)}</span>\n`
    }
    yield '</div>\n'
  }
  for (const { turn, blocks } of turns) {
    if (turn) {
      const atMs = turn.startedAtSeconds === null ? turn.firstLineAtMs : turn.startedAtSeconds * 1000
      const told = [...(atMs === null ? [] : [formatTime(atMs, true)]), ...describeTurn(turn)]
      yield `<h2 id="turn-${turn.number}">Turn ${turn.number}</h2>\n<p class="facts">${escapeHtml(told.join(', '))}</p>\n`
    } else {
      yield '<h2>In no turn</h2>\n'
    }
    for (const block of blocks) yield formatBlock(block, formatTime)
  }
  yield '</body>\n</html>\n'
}

function formatBlock(block: TalkBlock, formatTime: HtmlTalk['formatTime']): string {
  const { part, who, atMs, command, body, form, facts, isBad } = block
  const aside = [...(atMs === null ? [] : [formatTime(atMs, false)]), ...facts].join(', ')
  const head = `<header><b>${escapeHtml(who)}</b> <span${isBad ? ' class="failed"' : ''}>${escapeHtml(aside)}</span></header>`
  const lines = body.replace(/\n+$/, '').split('\n')
  const inner =
    form === 'diff'
      ? lines.map((line) => `<span class="${classOf(line)}">${escapeHtml(line)}</span>`).join('\n')
      : escapeHtml(lines.join('\n'))
  const shown =
    body === ''
      ? ''
      : form === 'words'
        ? `<div class="words">${inner}</div>`
        : lines.length > OPEN_LINES
          ? `<details><summary>${lines.length} lines: ${escapeHtml(lines[0]!.slice(0, SUMMARY_LENGTH))}</summary><pre>${inner}</pre></details>`
          : `<pre>${inner}</pre>`
  const run = command === '' ? '' : `<pre class="command">${escapeHtml(command)}</pre>`
  return `<section class="${part}">${head}${run}${shown}</section>\n`
}

function classOf(line: string): string {
  if (line.startsWith('+')) return 'added'
  return line.startsWith('-') ? 'removed' : 'same'
}

function percent(part: number): string {
  return `${Math.round(Math.min(1, Math.max(0, part)) * 10_000) / 100}%`
}

/** Marks that turn the direction of text are shown by their number: they would make a line read as another. */
function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replaceAll(
      /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--faint:#777;--call:#3b82c4;--bad:#c43b3b;--model:#8883;--wait:#8886}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem}
.facts,header span{color:var(--faint);font-size:.85rem}header .failed{color:var(--bad)}
section{margin:1rem 0}.words{white-space:pre-wrap}
.user .words{background:var(--soft);border-left:3px solid var(--call);padding:.5rem .8rem .5rem calc(.8rem - 3px)}
.reasoning,.notes{color:var(--faint)}
pre{font:13px/1.45 ui-monospace,monospace;background:var(--soft);padding:.5rem .8rem;margin:.3rem 0;overflow-x:auto;white-space:pre-wrap}
pre.command{border-left:3px solid var(--line);padding-left:calc(.8rem - 3px)}
.added{color:#2a8a3e}.removed{color:var(--bad)}summary{cursor:pointer;color:var(--faint)}
.course{display:grid;grid-template-columns:max-content 1fr max-content;gap:.2rem .8rem;align-items:center;font-size:.85rem}
.bar{position:relative;height:.9rem;background:var(--model);overflow:hidden}
.course>span{text-align:right}
.bar i{position:absolute;top:0;bottom:0;min-width:1px}
i.wait{background:var(--wait)}i.call{background:var(--call)}i.bad{background:var(--bad)}i.model{background:var(--model)}
.keys{display:flex;flex-wrap:wrap;gap:.2rem 1rem}.keys span{white-space:nowrap}
.key{display:inline-block;width:.8rem;height:.8rem}
`
