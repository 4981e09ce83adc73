import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateLogs } from '../../../bench/generate-logs.mjs'
import { temporaryFolder } from '../../helpers/layouts.js'
import { requirePrograms } from '../../helpers/programs.js'

/** Enough rows that reading them takes longer than a command waits before it starts workers. */
const ROWS = 150_000
const bin = fileURLToPath(new URL('../../../bin/codex-logs.js', import.meta.url))
const path = join(temporaryFolder(), 'logs_2.sqlite')

beforeAll(() => {
  generateLogs(path, { rowCount: ROWS })
}, 120_000)
afterAll(() => rmSync(dirname(path), { recursive: true }))

/** A digest of what the shell command prints; the paths are its `$0`, `$1` and `$2`. */
function digest(script: string): string {
  return execFileSync('sh', ['-c', `${script} | sha256sum`, process.execPath, bin, path]).toString()
}

describe('a selection that takes long, read by several threads', () => {
  test('has every row once and in order', () => {
    requirePrograms('sqlite3', 'sha256sum')
    expect(digest('"$0" "$1" query --json --fields id,body --db "$2"')).toBe(
      digest(
        `sqlite3 -readonly "$2" "SELECT printf('{\\"id\\":%d,\\"body\\":%s}', id, json_quote(feedback_log_body))
          FROM logs ORDER BY id"`,
      ),
    )
  })

  test('finds the newest rows of a filter that few rows match', () => {
    requirePrograms('sqlite3', 'sha256sum')
    const rare = 'submission.id="0000000'
    const ours = digest(`"$0" "$1" query --format cat --fields id -n 40 --search '${rare}' --db "$2"`)
    const theirs = digest(
      `sqlite3 -readonly "$2" "SELECT id FROM (SELECT id FROM logs WHERE instr(feedback_log_body, '${rare.replaceAll('"', '\\"')}') > 0
        ORDER BY id DESC LIMIT 40) ORDER BY id"`,
    )
    expect(ours).toBe(theirs)
  })

  test.each(['--format short', '--json --parse', '--json --fields id,tool'])(
    '%s: the same as one thread reads, also of batches with few rows',
    (form) => {
      requirePrograms('taskset', 'sha256sum')
      const command = `"$0" "$1" query ${form} --search 'submission.id="000000' --db "$2"`
      expect(digest(command)).toBe(digest(`taskset -c 0 ${command}`))
    },
    60_000,
  )

  test('ends quietly when its reader goes away', () => {
    requirePrograms('head')
    const first = execFileSync('sh', [
      '-c',
      '"$0" "$1" query --json --db "$2" | head -n 1',
      process.execPath,
      bin,
      path,
    ])
    expect(JSON.parse(first.toString())).toMatchObject({ ts: expect.any(Number), level: expect.any(String) })
  })
})
