import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { explainText } from '../../../src/body/explain-failure.js'
import { FAILURES } from '../../../src/body/failures.js'
import { runLogs } from '../../helpers/run.js'

test('a name is told with its cause and what can be done', async () => {
  expect(await runLogs(['explain', 'mcp-start-timeout'])).toEqual({
    stdout: `mcp-start-timeout  MCP server did not answer in time

cause  The server did not answer within \`startup_timeout_sec\`.
do     Run the command by hand. Raise \`startup_timeout_sec\` if the server is slow.
seen   in logs of 0.155-0.169
`,
    stderr: '',
    exitCode: 0,
  })
})

test.each([
  ['■ stream disconnected before completion: stream closed before response.completed', 'stream-closed-early'],
  ['  ⚠ You’ve hit your usage limit. Try again at 3 PM.', 'usage-limit'],
  ["You've hit your usage limit. Upgrade to Pro", 'usage-limit'],
  ['2026-11-25T14:55:07Z  WARN state db touch failed: (code: 5) database is locked', 'database-locked'],
  [
    'Error: failed to initialize state runtime at /home/a/.codex: (code: 5) database is locked',
    'database-locked',
  ],
  [
    'MCP client for `ghost` failed to start: handshaking with MCP server failed: connection closed: initialize response',
    'mcp-start-exited',
  ],
  ['session_loop{thread_id=01}:turn{}: Turn error: unexpected status 401 Unauthorized: bad key', 'http-401'],
  ['Turn error: unexpected status 403 Forbidden: no, url: https://a.example/v1', 'unexpected-status'],
  ['migration 38 was previously applied but has been modified', 'migration'],
  ['patch rejected: writing is blocked by read-only sandbox', 'sandbox-denied-patch'],
  [
    'exec_command failed: CreateProcess { message: "Rejected(\\"rejected by user\\")" }',
    'tool-rejected-by-user',
  ],
  [
    'WARN Failed to delete shell snapshot at "/home/a/.codex/shell_snapshots/01.tmp": Os { code: 2, message: "No such file or directory" }',
    'noise-shell-snapshot',
  ],
  [
    'failed to sync curated plugins repo: git ls-remote failed; error sending request for url (https://api.example/repo)',
    'noise-plugins',
  ],
  ['■ unexpected status 401 Unauthorized: no key, url: wss://chatgpt.com/v1/responses', 'http-401'],
  ['unexpected status 503 Service Unavailable, url: ws://127.0.0.1/v1/responses', 'websocket-refused'],
  ['exec command rejected by user', 'tool-rejected-by-user'],
  ['{\n  "error": {\n    "message": "Unsupported parameter"', 'http-400'],
  ['tool call failed for `a/b`\n\nCaused by:\n    Transport closed', 'mcp-transport-closed'],
  ['MCP server ghost did not start: No such file or directory (os error 2)', 'mcp-start-no-command'],
])('the message %s is found', (text, name) => {
  expect(explainText(text)?.name).toBe(name)
})

test.each([
  '',
  'all is well',
  'cat: a.txt: No such file or directory',
  'git: timed out after 5 s',
  'a '.repeat(100_000),
  '"('.repeat(50_000),
])('a text that means nothing has no entry', (text) => {
  expect(explainText(text)).toBeUndefined()
})

test('without a word all entries are listed; a text that fits none leads to similar ones', async () => {
  const { stdout } = await runLogs(['explain', '--json'])
  expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toEqual(
    FAILURES.map(({ name }) => name),
  )
  const { stderr, exitCode } = await runLogs(['explain', 'something', 'locked'])
  expect(stderr).toContain('database-locked')
  expect(exitCode).toBe(1)
})

test('an entry is found by its title too', async () => {
  const { stdout } = await runLogs(['explain', 'Context', 'window', 'full'])
  expect(stdout).toMatch(/^context-window {2}context window full\n/)
})

test.each(['stream disconnected - retrying sampling request (1/5 in 189ms)...', 'Reconnecting... 2/5'])(
  'the retry %s is called none of its causes',
  async (text) => {
    const { stderr, exitCode } = await runLogs(['explain', text])
    expect({ stderr, exitCode }).toEqual({
      stderr:
        "codex-logs: a retry has the same text whatever its cause. 'codex-logs errors --explain' takes the cause from the rows around it.\n",
      exitCode: 1,
    })
  },
)

test('docs/errors.md holds every entry as the program tells it', async () => {
  const groups = {
    failure: 'What failed',
    recovered: 'What went on',
    notice: 'What is harmless or was wanted',
  }
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const tables = Object.entries(groups).map(([severity, heading]) => {
    const rows = FAILURES.filter((entry) => entry.severity === severity).map(
      ({ name, title, cause, step, seen }) =>
        `| \`${name}\` | ${cell(title)} | ${cell(`${cause}${step === '' ? '' : ` **Do:** ${step}`}`)} | ${seen} |`,
    )
    return `## ${heading}\n\n| name | what | cause, and what can be done | seen in |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  })
  const intro = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8').split(
    '\n## What failed\n',
  )[0]
  await expect(`${intro}\n${tables.join('\n')}`).toMatchFileSnapshot('../../../docs/errors.md')
})
