// `npm run picture`: docs/terminal.svg, a terminal in which the commands really ran, on a copy of the demo home.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build, root } from './build.mjs'

const COLUMNS = 138
const COMMANDS = [
  'codex-logs tail --no-follow -n 12 --min-level info',
  'codex-state threads list',
  'codex-state threads turns 01a1fb71-c86c',
]

/** The sixteen colours of the picture, as terminals number them. */
const PALETTE = [
  ...['#1e2430', '#f0717b', '#a3d977', '#f2c572', '#73b8f1', '#c897f0', '#63d0cd', '#d5dae5'],
  ...['#6b7488', '#ff8f98', '#bdea96', '#ffdc96', '#93cbff', '#dab4ff', '#86e6e3', '#ffffff'],
]
const FOREGROUND = '#d5dae5'
const CELL = { width: 8.4, height: 19, size: 14 }

await build()
const folder = mkdtempSync(join(tmpdir(), 'codex-state-picture-'))
try {
  const screen = await recordScreen()
  writeFileSync(`${root}docs/terminal.svg`, drawScreen(screen))
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Types the commands into a shell in tmux, and gives what it shows, with its colours. */
async function recordScreen() {
  const home = join(folder, '.codex')
  cpSync(`${root}demo/home`, home, { recursive: true })
  await writeRows(join(home, 'logs_2.sqlite'))
  for (const name of ['codex-logs', 'codex-state']) {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${root}bin/${name}.js' "$@"\n`
    writeFileSync(join(folder, name), script, { mode: 0o755 })
  }
  writeFileSync(join(folder, 'rc'), "PS1='\\[\\e[32m\\]$\\[\\e[0m\\] '\n")
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    HOME: folder,
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    PAGER: '',
    HISTFILE: '/dev/null',
  }
  const tmux = (...args) =>
    execFileSync('tmux', ['-S', join(folder, 'tmux'), '-f', '/dev/null', ...args], { env, encoding: 'utf8' })
  const rc = join(folder, 'rc')
  tmux('new-session', '-d', '-x', String(COLUMNS), '-y', '60', `bash --noprofile --rcfile '${rc}' -i`)
  try {
    for (const command of COMMANDS) {
      await settle(tmux)
      tmux('send-keys', '-l', command)
      tmux('send-keys', 'Enter')
    }
    await settle(tmux)
    return tmux('capture-pane', '-p', '-e').trimEnd().split('\n').slice(0, -1)
  } finally {
    tmux('kill-server')
  }
}

/** The rows of a Codex at work, as `npm start` shows them: one round of the demo's writer. */
async function writeRows(database) {
  const writer = spawn(process.execPath, [`${root}scripts/demo-writer.mjs`, database], { stdio: 'inherit' })
  await sleep(3400)
  writer.kill('SIGTERM')
  await once(writer, 'exit')
}

/** Until the prompt has come back. */
async function settle(tmux) {
  for (let waited = 0; waited < 200; waited++) {
    await sleep(100)
    const lines = tmux('capture-pane', '-p').trimEnd().split('\n')
    if (lines.at(-1).trim() === '$') return
  }
  throw new Error('a command does not end')
}

function drawScreen(lines) {
  const width = Math.ceil(COLUMNS * CELL.width) + 32
  const height = lines.length * CELL.height + 64
  const rows = lines.map((line, row) => {
    const y = 52 + row * CELL.height
    return splitStyles(line)
      .filter(({ text }) => text.trim() !== '')
      .map(({ text, column, style }) => {
        const x = (16 + column * CELL.width).toFixed(1)
        const length = (text.length * CELL.width).toFixed(1)
        return `<text x="${x}" y="${y}" textLength="${length}" ${attributesOf(style)}>${escapeXml(text)}</text>`
      })
      .join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="codex-logs and codex-state in a terminal">
<rect width="100%" height="100%" rx="8" fill="${PALETTE[0]}"/>
<circle cx="20" cy="18" r="6" fill="${PALETTE[1]}"/><circle cx="40" cy="18" r="6" fill="${PALETTE[3]}"/><circle cx="60" cy="18" r="6" fill="${PALETTE[2]}"/>
<g font-family="ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${CELL.size}" xml:space="preserve">
${rows.filter((row) => row !== '').join('\n')}
</g>
</svg>
`
}

/** The pieces of a line that look alike, each with the column where it begins. */
function splitStyles(line) {
  const pieces = []
  let style = {}
  let column = 0
  for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
    const codes = /^\x1b\[([\d;]*)m$/.exec(part)?.[1]
    if (codes === undefined) {
      if (part !== '') pieces.push({ text: part, column, style })
      column += part.length
    } else {
      style = applyCodes(style, codes === '' ? [0] : codes.split(';').map(Number))
    }
  }
  return pieces
}

/** https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ 8.3.117 */
function applyCodes(before, codes) {
  let style = { ...before }
  for (const code of codes) {
    if (code === 0) style = {}
    else if (code === 1) style.isBold = true
    else if (code === 2) style.isFaint = true
    else if (code === 22) style = { ...style, isBold: false, isFaint: false }
    else if (code === 39) style.color = undefined
    else if (code >= 30 && code <= 37) style.color = PALETTE[code - 30]
    else if (code >= 90 && code <= 97) style.color = PALETTE[code - 82]
  }
  return style
}

function attributesOf({ color = FOREGROUND, isBold, isFaint }) {
  return `fill="${color}"${isBold ? ' font-weight="bold"' : ''}${isFaint ? ' opacity="0.6"' : ''}`
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
