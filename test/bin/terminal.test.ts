import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../helpers/layouts.js'
import { createLogHome, T, THREAD_A } from '../helpers/log-layouts.js'
import { insertLogRows } from '../helpers/log-rows.js'
import { requirePrograms } from '../helpers/programs.js'
import { binPath, CLEAN_ENV, startProcess, waitUntil } from '../helpers/spawn.js'

/** A terminal of tmux that runs one command line and then says how that ended. */
function openTerminal(line: string) {
  requirePrograms('tmux')
  const socket = join(temporaryFolder(), 'tmux')
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
      env: { ...CLEAN_ENV, LANG: 'C.UTF-8', TERM: 'xterm-256color' },
      encoding: 'utf8',
    })
  tmux('new-session', '-d', '-x', '120', '-y', '40', `${line}; echo "ended with $?"; read -r _`)
  onTestFinished(() => void tmux('kill-server'))
  return {
    /** What stands on the screen; with the codes of its colours if asked for. */
    screen: (...flags: string[]) => tmux('capture-pane', '-p', ...flags).trimEnd(),
    resize: (columns: number) => void tmux('resize-window', '-x', String(columns)),
    press: (key: string) => void tmux('send-keys', key),
    title: () => tmux('display-message', '-p', '#{pane_title}').trim(),
  }
}

const command = `'${process.execPath}' '${binPath('codex-logs')}'`
const NASTY = 'a \x1b]0;owned\x07 b \x1b[2J\x1b[H c \u009b2J d \r e \x1b[31m f'

describe('tail on a terminal', () => {
  test('colours, local times, bodies over several lines, new rows and Ctrl-C', async () => {
    const { home, path } = createLogHome([
      {
        tsSeconds: T,
        tsNanos: 41_000_000,
        level: 'WARN',
        target: 'codex_core',
        threadId: THREAD_A,
        body: 'one\ntwo',
      },
      { tsSeconds: T, level: 'INFO', target: 'codex_core', body: NASTY },
    ])
    const { screen, press, title } = openTerminal(`${command} tail --full --codex-home '${home}'`)
    await waitUntil(() => screen().includes('f'), screen)
    const shown = [
      `2026-02-06T10:15:02.041+01:00 WARN  [${THREAD_A}] codex_core - one`,
      '    two',
      String.raw`2026-02-06T10:15:02.000+01:00 INFO  [-] codex_core - a \x1b]0;owned\x07 b \x1b[2J\x1b[H c \x9b2J d \r e \x1b[31m f`,
    ]
    const lines = () =>
      screen('-J')
        .split('\n')
        .map((text) => text.trimEnd())
    expect(lines()).toEqual(shown)
    expect(screen('-e', '-J')).toContain('\x1b[1m\x1b[33mWARN')
    expect(title()).not.toContain('owned')

    insertLogRows(path, [{ tsSeconds: T + 1, level: 'ERROR', target: 'codex_core', body: 'later' }])
    const last = '2026-02-06T10:15:03.000+01:00 ERROR [-] codex_core - later'
    await waitUntil(() => screen().includes('later'), screen)
    expect(lines()).toEqual([...shown, last])
    press('C-c')
    await waitUntil(() => screen().includes('ended with'), screen)
    expect(lines()).toEqual([...shown, `${last}`, '^Cended with 130'])
  })
})

describe('a tail as it is on a terminal', () => {
  test('the message on one line under the day, new rows at once', async () => {
    const { home, path } = createLogHome([
      {
        tsSeconds: T,
        tsNanos: 41_000_000,
        level: 'WARN',
        target: 'codex_core::x',
        threadId: THREAD_A,
        body: 'one\ntwo',
      },
      { tsSeconds: T, level: 'INFO', target: 'codex_core', body: NASTY },
      {
        tsSeconds: T,
        level: 'DEBUG',
        target: 'codex_core::x',
        body: 'turn{turn.id=7}:run_turn: नमस्ते 👩‍👩‍👧 n=1',
      },
    ])
    const { screen, press } = openTerminal(`${command} tail --codex-home '${home}'`)
    await waitUntil(() => screen().includes('n=1'), screen)
    const lines = () =>
      screen('-J')
        .split('\n')
        .map((text) => text.trimEnd())
    const shown = [
      '10:15:02.041 WARN  019a1111-0000 x                        one two',
      String.raw`10:15:02.000 INFO                core                     a \x1b]0;owned\x07 b \x1b[2J\x1b[H c \x9b2J d e \x1b[31m f`,
    ]
    expect(lines()[0]).toMatch(/^── Fri 6 Feb 2026, \+01:00 ─+$/)
    expect(lines().slice(1, 3)).toEqual(shown)
    expect(lines()[3]).toContain('x                        नमस्ते 👩')
    insertLogRows(path, [
      { tsSeconds: T + 1, level: 'INFO', target: 'codex_core', body: 'Turn error: no more' },
    ])
    await waitUntil(() => screen().includes('no more'), screen)
    press('C-c')
    await waitUntil(() => screen().includes('ended with'), screen)
    expect(lines().slice(1, 3)).toEqual(shown)
    expect(lines().slice(4)).toEqual([
      '10:15:03.000 INFO                core                     Turn error: no more',
      '^Cended with 130',
    ])
  })
})

test('rows that come after a terminal was made narrower fit into it', async () => {
  const long = (word: string) => ({
    tsSeconds: T,
    level: 'INFO',
    target: 'codex_core::x',
    body: `${word} ${'x'.repeat(300)}`,
  })
  const { home, path } = createLogHome([long('first')])
  const { screen, press, resize } = openTerminal(`${command} tail --codex-home '${home}'`)
  await waitUntil(() => screen().includes('first'), screen)
  expect(screen().split('\n')[1]).toMatch(/^.{119}…$/)
  // The terminal takes its new size when it comes to it.
  for (const columns of [70, 160]) {
    resize(columns)
    await waitUntil(() => {
      insertLogRows(path, [long(`at ${columns}`)])
      const shown = screen()
        .split('\n')
        .findLast((line) => line.includes(`at ${columns}`))
      return shown?.length === columns && shown.endsWith('…')
    }, screen)
  }
  press('C-c')
  await waitUntil(() => screen().includes('ended with 130'), screen)
})

test('status --watch draws over what it drew, whatever the size of the terminal, until Ctrl-C', async () => {
  const row = { tsSeconds: T, level: 'INFO', target: 'codex_core::x', threadId: THREAD_A, body: 'one' }
  const { home, path } = createLogHome([row])
  const { screen, press, resize } = openTerminal(`${command} status --watch --codex-home '${home}'`)
  await waitUntil(() => screen().includes('log reaches'), screen)
  const heading = screen().split('\n')[0]
  const drawn = () =>
    screen()
      .split('\n')
      .filter((line) => line.startsWith('log reaches')).length
  insertLogRows(
    path,
    Array.from({ length: 41 }, () => row),
  )
  await waitUntil(() => /newest 42 rows/.test(screen()), screen)
  expect([screen().split('\n')[0], drawn()]).toEqual([heading, 1])
  resize(60)
  insertLogRows(path, [row])
  await waitUntil(() => /newest 43 rows/.test(screen()), screen)
  expect(drawn()).toBe(1)
  press('C-c')
  await waitUntil(() => screen().includes('ended with 130'), screen)
})

describe('bytes that reach a terminal', () => {
  let home: string
  beforeAll(() => {
    home = createLogHome([{ body: NASTY, target: NASTY }]).home
  })

  /** What the command writes to a terminal, by `script`. */
  async function write(...args: string[]): Promise<string> {
    const line = `${command} query --codex-home '${home}' ${args.join(' ')}`
    requirePrograms('script')
    const { stdout } = await startProcess('script', ['-qec', line, '/dev/null'], {
      // The bytes of the program, not those of a pager.
      env: { TERM: 'xterm-256color', PAGER: '' },
    }).end()
    return stdout
  }

  test.each(['short', 'full', 'compact', 'cat', 'json', 'logfmt', 'csv'])(
    'have no escape of a body’s own: %s',
    async (format) => {
      const written = await write('--format', format)
      expect(written).toContain('owned')
      // Colours are the program's; a terminal turns each newline into CR and LF.
      const rest = written.replaceAll(/\x1b\[(?:[12]|7|2[27]|[39][0-9])m/g, '').replaceAll('\r\n', '\n')
      expect(rest).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]/)
    },
  )

  test('are as they are with --raw', async () => {
    expect(await write('--format', 'cat', '--raw')).toContain('\x1b]0;owned\x07')
  })

  test('have no colour when that is not wanted', async () => {
    expect(await write('--color', 'never')).not.toContain('\x1b')
    expect(await write()).toContain('\x1b[2m')
  })
})
