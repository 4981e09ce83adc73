import { expect, test } from 'vitest'
import { linkToFile, supportsHyperlinks } from '../../src/format/hyperlink.js'

test.each<[env: Record<string, string>, isSupported: boolean]>([
  [{}, false],
  [{ TERM: 'xterm-256color' }, false],
  [{ TERM: 'xterm-kitty' }, true],
  [{ TERM: 'foot' }, true],
  [{ TERM_PROGRAM: 'iTerm.app' }, true],
  [{ TERM_PROGRAM: 'Apple_Terminal' }, false],
  [{ TERM_PROGRAM: 'vscode', TERM: 'dumb' }, false],
  [{ VTE_VERSION: '4800' }, false],
  [{ VTE_VERSION: '7006' }, true],
  [{ VTE_VERSION: '7006', TMUX: '/tmp/tmux-0/default,1,0' }, false],
  [{ WT_SESSION: '0a' }, true],
  [{ FORCE_HYPERLINK: '1' }, true],
  [{ FORCE_HYPERLINK: '0', TERM: 'xterm-kitty' }, false],
])('%j: %s', (env, isSupported) => {
  expect(supportsHyperlinks(env)).toBe(isSupported)
})

test.each([
  ['/home/demo/.codex/a b.jsonl', false, 'file:///home/demo/.codex/a%20b.jsonl'],
  ['/tmp/\x1b]0;owned\x07?#%', false, 'file:///tmp/%1B%5D0;owned%07%3F%23%25'],
  ['C:\\Users\\demo\\.codex\\a.jsonl', true, 'file:///C:/Users/demo/.codex/a.jsonl'],
  ['\\\\server\\share\\a.jsonl', true, 'file://server/share/a.jsonl'],
])('%j (Windows: %s) is linked as %s', (path, isWindows, url) => {
  expect(linkToFile(path, 'text', isWindows)).toBe(`\x1b]8;;${url}\x1b\\text\x1b]8;;\x1b\\`)
})
