import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { StateRuntime } from '../src/index.js'
import { THREAD_SORT_KEYS } from '../src/model/thread-page.js'
import { copyHome, HOMES } from './helpers/homes.js'
import { createHome, LAYOUTS } from './helpers/layouts.js'
import { runState } from './helpers/run.js'
import { insertThreads, threadId } from './helpers/seed.js'

const NEWEST = LAYOUTS.at(-1)!

function open(codexHome: string, now?: () => number): StateRuntime {
  return StateRuntime.openExisting({ codexHome, defaultProvider: 'openai', now })
}

async function readJson(home: string, ...argv: string[]) {
  const { stdout } = await runState([...argv, '--json', '--codex-home', home])
  return JSON.parse(stdout)
}

describe.each(HOMES)('on the home of %s, the command and the library', (name) => {
  const home = copyHome(name)

  test.each(THREAD_SORT_KEYS)('list the same threads by %s, as far as rows tell', async (sortKey) => {
    for (const archivedOnly of [false, true]) {
      using runtime = open(home)
      const listed: { id: string }[] = await readJson(
        home,
        ...['threads', 'list', '--codex-view', '--sort', sortKey.replace('_at', '')],
        ...(archivedOnly ? ['--archived'] : []),
      )
      const ids = listed.map(({ id }) => id)
      const page = runtime.listThreads({ pageSize: 1000, sortKey, archivedOnly })
      // The view of Codex also looks at the files; what both list is in one order.
      const both = runtime
        .listThreadIds({ pageSize: 1000, sortKey, archivedOnly })
        .filter((id) => ids.includes(id))
      expect(both).toEqual(ids)
      expect(page.items.length).toBeGreaterThanOrEqual(ids.length)
    }
  })

  test('find the same rollout of each thread', async () => {
    using runtime = open(home)
    const rows: { id: string }[] = await readJson(home, 'threads', 'list', '--fields=id')
    for (const { id } of rows) {
      const { stdout } = await runState(['threads', 'path', id, '--codex-home', home])
      const found = await runtime.findThreadPath(id)
      expect({ id, path: found ?? '' }).toEqual({ id, path: stdout.trimEnd() })
    }
  })
})

describe('the command and the library give one answer', () => {
  test('about a lease that is dated an hour ahead: it holds', async () => {
    const home = createHome(NEWEST)
    const nowSeconds = 1_795_000_000
    const database = new Database(join(home, NEWEST.stateFile))
    database
      .prepare(`INSERT OR REPLACE INTO backfill_state (id, status, updated_at) VALUES (1, 'running', ?)`)
      .run(nowSeconds + 3600)
    database.close()
    const { stdout } = await runState(['backfill', 'status', '--json', '--codex-home', home], {
      now: nowSeconds * 1000,
    })
    expect(JSON.parse(stdout).meaning).toContain('keeps others away for another 75 min')
    using runtime = open(home, () => nowSeconds * 1000)
    expect(runtime.claimBackfill()).toBe(false)
  })

  test('about a rollout of a copied home whose session_meta stands on line 12', async () => {
    const home = copyHome('codex-0.140.0')
    const database = new Database(join(home, 'state_5.sqlite'))
    const row = database.prepare('SELECT id, rollout_path FROM threads WHERE archived = 0 LIMIT 1').get() as {
      id: string
      rollout_path: string
    }
    database.close()
    const path = join(home, row.rollout_path.slice(row.rollout_path.indexOf('sessions')))
    const filler = `{"timestamp":"2026-11-21T00:00:00.000Z","type":"response_item","payload":{"type":"other"}}\n`
    writeFileSync(path, filler.repeat(11) + readFileSync(path, 'utf8'))
    const { stdout } = await runState(['threads', 'path', row.id, '--codex-home', home])
    expect(stdout).toBe(`${path}\n`)
    using runtime = open(home)
    expect(await runtime.findThreadPath(row.id)).toBe(path)
  })

  test('about an archived thread without a message: Codex lists it from 0.159 on, and not before', async () => {
    for (const [name, isListed] of [
      ['codex-0.169.0', true],
      ['codex-0.140.0', false],
    ] as const) {
      const home = copyHome(name)
      const database = new Database(join(home, 'state_5.sqlite'))
      const { id } = database
        .prepare(`SELECT id FROM threads WHERE archived = 1 ORDER BY id LIMIT 1`)
        .get() as { id: string }
      database.prepare(`UPDATE threads SET preview = '', first_user_message = '' WHERE id = ?`).run(id)
      database.close()
      const listed: { id: string }[] = await readJson(home, 'threads', 'list', '--codex-view', '--archived')
      using runtime = open(home)
      const ids = runtime.listThreadIds({ pageSize: 100, archivedOnly: true })
      expect({ name, command: listed.some((row) => row.id === id), library: ids.includes(id) }).toEqual({
        name,
        command: isListed,
        library: isListed,
      })
    }
  })

  test('about seconds in a column of milliseconds', async () => {
    const home = createHome(NEWEST)
    const path = join(home, NEWEST.stateFile)
    insertThreads(path, [{ id: threadId(1) }])
    const database = new Database(path)
    database.exec('UPDATE threads SET created_at = 1795219200, created_at_ms = 1795219200, tokens_used = 7')
    database.close()
    const [listed] = await readJson(home, 'threads', 'list')
    expect(listed.created_at).toBe('2026-11-21T00:00:00.000Z')
    // Tokens are counted in rollouts, at their own times: a row without one is in no sum.
    expect(await readJson(home, 'tokens', '--by', 'day')).toEqual([])
    expect(
      await readJson(home, 'threads', 'list', '--sort', 'created', '--since', '2026-11-20'),
    ).toHaveLength(1)
    expect(
      await readJson(home, 'threads', 'list', '--sort', 'created', '--until', '2026-11-20'),
    ).toHaveLength(0)
    using runtime = open(home)
    expect(runtime.getThread(threadId(1))?.createdAtMs).toBe(1_795_219_200_000)
  })
})
