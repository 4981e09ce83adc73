import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { copyHome } from '../helpers/homes.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { requirePrograms } from '../helpers/programs.js'
import { binPath, CLEAN_ENV, waitUntil } from '../helpers/spawn.js'

let home: string
beforeAll(() => {
  home = copyHome('codex-0.169.0')
})

/** A terminal of 19 lines (and tmux's own) that runs one command line of ours and then says how that ended. */
function openTerminal(line: string, env: Record<string, string> = {}) {
  requirePrograms('tmux', 'less')
  const socket = join(temporaryFolder(), 'tmux')
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
      env: { ...CLEAN_ENV, LANG: 'C.UTF-8', TERM: 'xterm-256color', CODEX_HOME: home, ...env },
      encoding: 'utf8',
    })
  const run = (name: 'codex-logs' | 'codex-state') => `'${process.execPath}' '${binPath(name)}'`
  const command = line.replace('codex-logs', run('codex-logs')).replace('codex-state', run('codex-state'))
  tmux(
    'new-session',
    '-d',
    '-x',
    '100',
    '-y',
    '20',
    `trap : INT; ${command}; echo "ended with $?"; read -r _`,
  )
  onTestFinished(() => void tmux('kill-server'))
  return {
    screen: () => tmux('capture-pane', '-p').trimEnd(),
    press: (key: string) => void tmux('send-keys', key),
  }
}

test('what is longer than the terminal waits in less, which is left with q', async () => {
  const { screen, press } = openTerminal('codex-logs query --format cat')
  await waitUntil(() => screen().endsWith('\n:'))
  expect(screen()).not.toContain('ended with')
  press('C-c')
  // What is typed while less is interrupted is lost.
  await waitUntil(() => {
    press('q')
    return screen().includes('ended with 0')
  })
})

test('what fits is printed, and less is gone', async () => {
  const { screen } = openTerminal('codex-logs query --format cat -n 2')
  await waitUntil(() => screen().includes('ended with 0'))
  expect(screen().split('\n').length).toBeGreaterThan(2)
})

test('the newest rows that fill the terminal are shown without a pager', async () => {
  const { screen } = openTerminal('codex-logs tail --no-follow')
  await waitUntil(() => screen().includes('ended with 0'))
  // A line for the prompt and one for how it ended.
  expect(screen().split('\n').length).toBeGreaterThan(15)
})

test('the end of the output is reached, with its colours', async () => {
  const { screen, press } = openTerminal('codex-logs query --fields id -n 500')
  await waitUntil(() => screen().endsWith('\n:'))
  press('G')
  await waitUntil(() => screen().includes('(END)'))
  const last = execFileSync(process.execPath, [binPath('codex-logs'), 'query', '--fields', 'id', '-n', '1'], {
    env: { ...CLEAN_ENV, CODEX_HOME: home },
    encoding: 'utf8',
  }).trim()
  expect(screen()).toContain(last)
  press('q')
})

test('$PAGER is what shows it', async () => {
  const pager = join(temporaryFolder(), 'pager')
  writeFileSync(pager, '#!/bin/sh\necho "mine: $(wc -l)"\n', { mode: 0o755 })
  const { screen } = openTerminal('codex-logs query --fields id -n 77', { PAGER: `'${pager}'` })
  await waitUntil(() => screen().includes('ended with 0'))
  expect(screen()).toContain('mine: 77')
})

test.each([
  ['--no-pager', 'codex-logs query --fields id -n 77 --no-pager', {}],
  ['an empty $PAGER', 'codex-logs query --fields id -n 77', { PAGER: '' }],
  ['no terminal to read keys from', 'codex-logs query --fields id -n 77 < /dev/null', {}],
  ['no less', 'PATH=/nonexistent codex-logs query --fields id -n 77', {}],
])('with %s everything is printed at once', async (_, line, env) => {
  const { screen } = openTerminal(line, env)
  await waitUntil(() => screen().includes('ended with 0'))
  expect(screen().split('\n')).toHaveLength(19)
})

test('a tail that follows does not page', async () => {
  const { screen, press } = openTerminal('codex-logs tail --fields id -n 77')
  await waitUntil(() => /^\d+$/m.test(screen()))
  press('C-c')
  await waitUntil(() => screen().includes('ended with 130'))
})

test('an error is seen', async () => {
  const { screen } = openTerminal('codex-logs query --codex-home /nonexistent/home')
  await waitUntil(() => screen().includes('ended with 3'))
  expect(screen()).toContain('codex-logs: no Codex database')
})

test('what is told on stderr meanwhile comes when less has left', async () => {
  const withoutRows = copyHome('codex-0.169.0')
  const database = new Database(join(withoutRows, 'state_5.sqlite'))
  database.exec('DELETE FROM threads')
  database.close()
  const { screen, press } = openTerminal('codex-state diff', { CODEX_HOME: withoutRows })
  await waitUntil(() => screen().endsWith('\n:'))
  press('G')
  await waitUntil(() => screen().endsWith('(END)'))
  expect(screen()).not.toMatch(/^codex-state:/m)
  press('q')
  await waitUntil(() => screen().includes('ended with 1'))
  expect(screen()).toMatch(/\ncodex-state: \d+ differences\nended with 1$/)
})

describe('while rows are being looked for', () => {
  /** How many ways there are to part the letters x of a row is how many steps this takes on it. */
  const line = "codex-logs query --format cat --grep 'found|(x+x+)+y'"

  /** Half a minute's work: what waits for its end waits in vain. */
  const SLOW_ROWS = Array<string>(50_000).fill('x'.repeat(16))

  function openSearch() {
    const found = Array.from({ length: 600 }, (_, index) => `found ${index}`)
    const bodies = [...found, ...SLOW_ROWS]
    return openTerminal(line, { CODEX_HOME: createLogHome(bodies.map((body) => ({ body }))).home })
  }

  test('Ctrl-C ends at once what has shown nothing yet', async () => {
    const { home } = createLogHome([{ body: 'x'.repeat(60) }])
    const { screen, press } = openTerminal(line, { CODEX_HOME: home })
    // It is at that row by then, or has not even begun: it ends either way.
    await new Promise((resolve) => setTimeout(resolve, 300))
    press('C-c')
    await waitUntil(() => screen().includes('ended with'))
    expect(screen().replace('^C', '').trim()).toBe('ended with 130')
  })

  test('Ctrl-C ends the search; what was found stays until less is left', async () => {
    const { screen, press } = openSearch()
    await waitUntil(() => screen().includes('found 18'))
    press('C-c')
    press('G')
    await waitUntil(() => screen().includes('found 599') && screen().endsWith('(END)'))
    press('q')
    await waitUntil(() => screen().includes('ended with'))
    expect(screen()).toContain('codex-logs: interrupted: not all was shown\nended with 130')
  })

  test('the search ends when less is left', async () => {
    const { screen, press } = openSearch()
    await waitUntil(() => screen().includes('found 18'))
    press('q')
    await waitUntil(() => screen().includes('ended with'))
    expect(screen()).toContain('ended with 0')
  })
})
