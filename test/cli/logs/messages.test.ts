import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../helpers/layouts.js'
import { createLogHome } from '../../helpers/log-layouts.js'
import { runLogs, runState } from '../../helpers/run.js'

/** It would write to the clipboard of many terminals, clear the screen, and hide a word. */
const ACTING = '\x1b]52;c;aGk=\x07\x1b[2J\u200b'

test('what a message quotes does not act on the terminal that shows it', async () => {
  const { home } = createLogHome([{}])
  const missing = join(temporaryFolder(), ACTING)
  const results = [
    await runLogs(['query', '--db', missing]),
    await runLogs(['query', '--codex-home', missing]),
    await runLogs(['query', '--codex-home', home, '--thread-id', ACTING]),
    await runLogs(['query', '--codex-home', home, '--level', ACTING]),
    await runLogs(['tail', '--no-follow', '--codex-home', home, '--cursor-file', join(missing, 'cursor')]),
    await runState(['threads', 'show', ACTING, '--codex-home', home]),
  ]
  for (const { stderr, exitCode } of results) {
    expect(exitCode).toBeGreaterThan(0)
    expect(stderr).toContain('\\x1b]52;c;aGk=\\x07\\x1b[2J\\u200b')
    expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\u200b]/)
  }
})
