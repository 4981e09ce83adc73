import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { describeFolder } from '../helpers/folder.js'
import { copyHome } from '../helpers/homes.js'
import { requirePrograms } from '../helpers/programs.js'
import { binPath, CLEAN_ENV, waitUntil } from '../helpers/spawn.js'

const PROMPT = 'ready>'

let home: string
/** Holds both commands under their names, as an installation would. */
let bin: string

beforeAll(() => {
  home = copyHome('codex-0.169.0')
  bin = mkdtempSync(join(tmpdir(), 'codex-state-bin-'))
  for (const name of ['codex-logs', 'codex-state'] as const) {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${binPath(name)}' "$@"\n`
    writeFileSync(join(bin, name), script, { mode: 0o755 })
  }
})

const STARTS = {
  bash: (folder: string) => {
    const lines = [
      `PS1='${PROMPT} '`,
      'bind "set bell-style none"',
      'source <(codex-logs completion bash)',
      'source <(codex-state completion bash)',
    ]
    writeFileSync(join(folder, 'bashrc'), lines.join('\n'))
    return `bash --noprofile --rcfile '${join(folder, 'bashrc')}' -i`
  },
  zsh: (folder: string) => {
    const lines = [
      `PROMPT='${PROMPT} '`,
      'unsetopt beep',
      'autoload -Uz compinit && compinit -u',
      'source <(codex-logs completion zsh)',
      'source <(codex-state completion zsh)',
    ]
    writeFileSync(join(folder, '.zshrc'), lines.join('\n'))
    return `ZDOTDIR='${folder}' zsh -d -i`
  },
  fish: (folder: string) => {
    const completions = join(folder, 'fish/completions')
    mkdirSync(completions, { recursive: true })
    for (const name of ['codex-logs', 'codex-state']) {
      const script = execFileSync(join(bin, name), ['completion', 'fish'])
      writeFileSync(join(completions, `${name}.fish`), script)
    }
    const config = `function fish_prompt; echo -n '${PROMPT} '; end\nset -g fish_greeting\nset -g fish_autosuggestion_enabled 0\n`
    writeFileSync(join(folder, 'fish/config.fish'), config)
    return `XDG_CONFIG_HOME='${folder}' fish -i`
  },
} as const

/** A real shell in a real terminal. */
async function openShell(shell: keyof typeof STARTS) {
  requirePrograms('tmux', shell)
  const folder = mkdtempSync(join(tmpdir(), 'codex-state-shell-'))
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-S', join(folder, 'tmux'), '-f', '/dev/null', ...args], {
      env: {
        ...CLEAN_ENV,
        PATH: `${bin}:${process.env.PATH}`,
        HOME: folder,
        CODEX_HOME: home,
        LANG: 'C.UTF-8',
        TERM: 'xterm-256color',
        SHELL: '/bin/sh',
      },
      cwd: folder,
      encoding: 'utf8',
    })
  tmux('new-session', '-d', '-x', '160', '-y', '50', STARTS[shell](folder))
  onTestFinished(() => void tmux('kill-server'))
  const screen = () => tmux('capture-pane', '-p', '-J').trimEnd()
  await waitUntil(() => screen().includes(PROMPT))
  return {
    folder,
    screen,
    type: (text: string) => void tmux('send-keys', '-l', text),
    press: (...keys: string[]) => void tmux('send-keys', ...keys),
    /** What Tab makes of a line. */
    async complete(typed: string, expected: string) {
      tmux('send-keys', 'C-u')
      await waitUntil(() => /ready>\s*$/.test(screen()) || !screen().includes(typed))
      tmux('send-keys', '-l', typed)
      await waitUntil(() => screen().includes(typed))
      tmux('send-keys', 'Tab')
      // Stands behind what Tab made of the line, so that a space at its end shows.
      tmux('send-keys', '-l', '+')
      await waitUntil(() => screen().endsWith('+'))
      expect(screen().split('\n').at(-1)).toBe(`${PROMPT} ${expected}+`)
    },
  }
}

describe.each(['bash', 'zsh', 'fish'] as const)('Tab in %s', (shell) => {
  test('completes commands, flags, values, and what is stored', async () => {
    const { complete, folder } = await openShell(shell)
    writeFileSync(join(folder, 'notes.sqlite'), '')
    mkdirSync(join(folder, 'some-home'))
    await complete('codex-logs que', 'codex-logs query ')
    await complete('codex-logs query --min-l', 'codex-logs query --min-level ')
    await complete('codex-logs query --min-level wa', 'codex-logs query --min-level warn ')
    await complete('codex-logs query --format=lo', 'codex-logs query --format=logfmt ')
    await complete(
      'codex-logs query --target codex_core::sh',
      'codex-logs query --target codex_core::shell_snapshot ',
    )
    await complete('codex-logs query --codex-home so', 'codex-logs query --codex-home some-home/')
    await complete('codex-logs query --db not', 'codex-logs query --db notes.sqlite ')
    await complete('codex-state threads sh', 'codex-state threads show ')
    await complete('codex-state why 01a1fb71-71', 'codex-state why 01a1fb71-715e-7f23-a852-149551519dd4 ')
    // fish sets no space behind a dot.
    const end = shell === 'fish' ? '' : ' '
    await complete(
      'codex-state threads show Fix',
      String.raw`codex-state threads show Fix\ the\ rounding\ bug\ in\ src/cart.js\ and\ drop\ the\ unused\ helper.${end}`,
    )
  })

  test('lists what is possible, and says nothing when nothing is', async () => {
    const { screen, type, press } = await openShell(shell)
    type('codex-logs query --format ')
    press(...(shell === 'bash' ? ['Tab', 'Tab'] : ['Tab']))
    await waitUntil(() => ['compact', 'cat', 'logfmt', 'csv'].every((format) => screen().includes(format)))
    press('C-c')
    await waitUntil(() => /ready>\s*$/.test(screen()))
    press('C-l')
    type('codex-logs query --db /nonexistent --target x')
    press('Tab')
    type('y')
    await waitUntil(() => screen().includes('--target xy'))
    expect(screen().trim()).toBe(`${PROMPT} codex-logs query --db /nonexistent --target xy`)
  })
})

test('a title that is a command is only text', async () => {
  const { type, press, screen, folder } = await openShell('bash')
  type("codex-logs query --target '$(touch owned)")
  press('Tab', 'Tab')
  type('!')
  await waitUntil(() => screen().includes('owned)!'))
  expect(describeFolder(folder)).not.toHaveProperty('owned')
})
