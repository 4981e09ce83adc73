import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createRedactor } from '../../src/share/redact.js'
import { findBySecretlint } from '../../src/share/secretlint.js'
import { copyFixtureHome, copyHome, type HomeName } from '../helpers/homes.js'

/** Where the bodies of log rows are, of the oldest and the newest kind. */
const SOURCES = [
  ['homes', 'codex-0.93.0', 'state.sqlite', 'message'],
  ['homes', 'codex-0.113.0', 'logs_1.sqlite', 'message'],
  ['homes', 'codex-0.120.0', 'logs_2.sqlite', 'feedback_log_body'],
  ['homes', 'codex-0.140.0', 'logs_2.sqlite', 'feedback_log_body'],
  ['homes', 'codex-0.169.0', 'logs_2.sqlite', 'feedback_log_body'],
  ['failures', '0.140.0-model', 'logs_2.sqlite', 'feedback_log_body'],
  ['failures', '0.169.0-mcp', 'logs_2.sqlite', 'feedback_log_body'],
] as const

/** Of each row apart: what must be the same before and after. */
const SURVIVORS = {
  ids: /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
  'call ids': /\b(?:call|req|resp|msg)_[A-Za-z0-9_]+/g,
  'paths of sources': /\b[\w-]+(?:\/[\w.-]+)*\.rs\b(?::\d+)?/g,
  'names of modules': /\bcodex_\w+(?:::\w+)*/g,
  'names of models': /\bgpt-[\w.-]+/g,
  numbers: /(?<![\w.\-\]:/])\d+(?:\.\d+)?(?:ms|s|µs)?\b/g,
}

const PLANTED = /sk-demo-[\w-]*\**\d*/g

describe.each(SOURCES)('the bodies of %s %s', (kind, name, file, column) => {
  test('lose the made-up keys, and nothing that somebody needs', async () => {
    const home = kind === 'homes' ? copyHome(name as HomeName) : copyFixtureHome(kind, name)
    const database = new Database(join(home, file), { readonly: true })
    const bodies = database
      .prepare(`SELECT ${column} FROM logs WHERE ${column} IS NOT NULL`)
      .pluck()
      .all() as string[]
    database.close()
    rmSync(dirname(home), { recursive: true })
    expect(bodies.length).toBeGreaterThan(200)

    const text = bodies.join('\u001e')
    const redacted = await createRedactor({ findMore: findBySecretlint }).redact(text)
    expect(redacted.split('\u001e')).toHaveLength(bodies.length)
    expect(redacted.match(PLANTED)).toBeNull()
    expect(redacted).not.toContain('/home/demo')

    const rest = text.replaceAll(PLANTED, '')
    const damage = Object.entries(SURVIVORS).map(([what, pattern]) => {
      const before = countAll(rest, pattern)
      const after = countAll(redacted, pattern)
      return [what, [...before].filter(([value, count]) => (after.get(value) ?? 0) < count)] as const
    })
    expect(Object.fromEntries(damage)).toEqual(
      Object.fromEntries(Object.keys(SURVIVORS).map((what) => [what, []])),
    )
  })
})

function countAll(text: string, pattern: RegExp): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [value] of text.matchAll(pattern)) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
