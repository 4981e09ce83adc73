import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { copyHome } from '../../helpers/homes.js'
import { createHome, LAYOUTS } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'

const home = copyHome('codex-0.169.0')
const ID = '01a1fb71-715e-7f23-a852-149551519dd4'
const LINK = /\x1b\]8;;(file:\/\/[^\x1b]*)\x1b\\([^\x1b]*)\x1b\]8;;\x1b\\/g

test('on a terminal that shows links, the id of a thread leads to its rollout', async () => {
  const shown = await runState(['threads', 'show', ID, '--codex-home', home], {
    isTerminal: true,
    env: { TERM: 'xterm-kitty', NO_COLOR: '1' },
  })
  const links = [...shown.stdout.matchAll(LINK)]
  expect(links.map(([, , text]) => text)).toEqual([ID])
  expect(existsSync(new URL(links[0]![1]!))).toBe(true)
})

test('in a table too, but not to a file that is gone', async () => {
  const { home: moved, kept } = createHomeWithRollouts()
  const { stdout } = await runState(['threads', 'list', '--codex-home', moved], {
    isTerminal: true,
    env: { TERM: 'xterm-kitty', NO_COLOR: '1' },
  })
  const links = [...stdout.matchAll(LINK)]
  expect(links.map(([, url, text]) => [fileURLToPath(url!), text])).toEqual([[kept, '0199aaaa-0000']])
})

test.each([
  ['elsewhere', { isTerminal: true, env: { TERM: 'xterm-256color' } }],
  ['in a pipe', { isTerminal: false, env: { FORCE_HYPERLINK: '1' } }],
])('no link %s', async (_, options) => {
  const { stdout } = await runState(['threads', 'show', ID, '--codex-home', home], options)
  expect(stdout).toContain(ID)
  expect(stdout).not.toContain('\x1b]8')
})

/** Two threads; the rollout of the first is this very home's database, of the second no file at all. */
function createHomeWithRollouts(): { home: string; kept: string } {
  const layout = LAYOUTS.find(({ name }) => name === '0.99')!
  const created = createHome(layout)
  const kept = join(created, layout.stateFile)
  const database = new Database(kept)
  const columns = database.pragma('table_info(threads)') as { name: string; notnull: number; type: string }[]
  for (const [id, path] of [
    ['0199aaaa-0000-7000-8000-000000000001', kept],
    ['0199bbbb-0000-7000-8000-000000000002', join(created, 'gone.jsonl')],
  ]) {
    const values = columns.map(({ name, type }) =>
      name === 'id' ? id : name === 'rollout_path' ? path : type === 'INTEGER' ? 1_770_000_000 : 'text',
    )
    database.prepare(`INSERT INTO threads VALUES (${columns.map(() => '?').join(', ')})`).run(...values)
  }
  database.close()
  return { home: created, kept }
}
