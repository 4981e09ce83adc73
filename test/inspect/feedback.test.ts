import { mkdtempSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { copyFixtureHome, copyHome } from '../helpers/homes.js'
import { keep } from '../helpers/kept.js'
import { runLogs } from '../helpers/run.js'

const model = keep(copyFixtureHome('failures', '0.169.0-model'))

function threadsOf(home: string): string[] {
  const database = new Database(join(home, 'logs_2.sqlite'), { readonly: true })
  const ids = database
    .prepare(
      'SELECT thread_id FROM logs WHERE thread_id IS NOT NULL GROUP BY thread_id ORDER BY count(*) DESC',
    )
    .pluck()
    .all() as string[]
  database.close()
  return ids
}

describe('codex-logs feedback', () => {
  test('has as many rows as Codex would upload, those of no thread among them', async () => {
    const [thread] = threadsOf(model)
    const { stdout, stderr, exitCode } = await runLogs(['feedback', thread!, '--codex-home', model])
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(
      /^851 rows, .* of 1 thread; 611 of them belong to no thread, but to the same process\n/,
    )
    expect(stderr).toMatch(
      /the same process worked on 2 other threads: rows that name no thread may be about them/,
    )
    const lines = stdout.split('\n').filter((line) => /^\d{4}-\d\d-\d\dT/.test(line))
    expect(lines).toHaveLength(851)
    expect(
      lines.every((line) =>
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (?:TRACE|DEBUG| INFO| WARN|ERROR) /.test(line),
      ),
    ).toBe(true)
    expect(lines.map((line) => line.slice(0, 26))).toEqual(lines.map((line) => line.slice(0, 26)).toSorted())
  })

  test('-o writes the very text, and marks nothing in it', async () => {
    const [thread] = threadsOf(model)
    const path = join(mkdtempSync(join(dirname(model), 'feedback-')), 'log.txt')
    const marked = (await runLogs(['feedback', thread!, '--codex-home', model])).stdout
    const { stdout, exitCode } = await runLogs(['feedback', thread!, '--codex-home', model, '-o', path])
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 })
    const text = readFileSync(path, 'utf8')
    expect(text).not.toContain('>>>')
    expect(marked.replaceAll('>>>', '').replaceAll('<<<', '')).toBe(text)
  })

  test('every made-up key is marked', async () => {
    const home = keep(copyHome('codex-0.140.0'))
    let found = 0
    for (const thread of threadsOf(home)) {
      const { stdout, exitCode } = await runLogs(['feedback', thread, '--codex-home', home])
      expect(exitCode).toBe(0)
      for (const [before] of stdout.matchAll(/.{3}sk-demo-[\w-]{10,}/g)) {
        expect(before).toMatch(/^>>>/)
        found += 1
      }
    }
    expect(found).toBeGreaterThan(0)
  })

  test('to 0.116 it is the bodies of one thread alone', async () => {
    const home = keep(copyHome('codex-0.113.0'))
    const database = new Database(join(home, 'logs_1.sqlite'), { readonly: true })
    const { id, n } = database
      .prepare(
        'SELECT thread_id AS id, count(message) AS n FROM logs WHERE thread_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 1',
      )
      .get() as { id: string; n: number }
    database.close()
    const { stderr, stdout } = await runLogs(['feedback', id, '--codex-home', home])
    expect(stderr).toMatch(new RegExp(`^${n.toLocaleString('en')} rows, `))
    expect(stdout).not.toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (?:TRACE|DEBUG| INFO)/m)
  })

  test('what is over ten megabytes is left out from the oldest on, and counted', async () => {
    const home = keep(copyFixtureHome('failures', '0.169.0-model'))
    const [thread] = threadsOf(home)
    const database = new Database(join(home, 'logs_2.sqlite'))
    // The newest row is said to take nearly all.
    const newest = database
      .prepare('SELECT id FROM logs WHERE thread_id = ? ORDER BY ts DESC, ts_nanos DESC, id DESC LIMIT 1')
      .pluck()
      .get(thread)
    database.prepare('UPDATE logs SET estimated_bytes = 10485760 WHERE id = ?').run(newest)
    database.close()
    const { stderr } = await runLogs(['feedback', thread!, '--codex-home', home])
    expect(stderr).toMatch(/^\d+ rows?, /)
    expect(stderr).toMatch(/\d+ older rows do not fit into the 10 MiB that are uploaded/)
  })
})
