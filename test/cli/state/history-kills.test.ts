import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterAll, expect, test } from 'vitest'
import { TEST_EVERYTHING } from '../../helpers/everything.js'
import { copyFixtureHome } from '../../helpers/homes.js'
import { temporaryFolder } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'
import { startBin } from '../../helpers/spawn.js'

const KILLS = Number(process.env.CODEX_STATE_KILLS ?? (TEST_EVERYTHING ? 12 : 4))

/** A moment between the start and the end of a run that is not disturbed; spread evenly, so no seed is needed. */
const LONGEST_MS = 500

const original = copyFixtureHome('turns', 'history-tailgone')
const home = join(temporaryFolder(), 'home')
afterAll(() => {
  rmSync(dirname(original), { recursive: true })
  rmSync(dirname(home), { recursive: true, force: true })
})

/** Every row of the projection, and whether the file is sound. */
function read(path: string): unknown {
  const database = new Database(path)
  try {
    const tables = database
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .pluck()
      .all() as string[]
    return {
      integrity: database.pragma('integrity_check', { simple: true }),
      rows: tables.map((name) => [name, database.prepare(`SELECT * FROM "${name}"`).all()]),
    }
  } finally {
    database.close()
  }
}

const projection = () => join(home, 'thread_history_1.sqlite')

function reset(): void {
  rmSync(home, { recursive: true, force: true })
  cpSync(original, home, { recursive: true, preserveTimestamps: true })
}

function copies(): string[] {
  const folder = join(home, 'db-backups')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^codex-state-\d/.test(name))
    .map((name) => join(folder, name, 'thread_history_1.sqlite'))
}

test('SIGKILL at any moment of history repair leaves all of its rows or none, and only whole copies', async () => {
  reset()
  const [bad] = JSON.parse((await runState(['history', 'list', '--json', '--codex-home', home])).stdout)
  const thread = bad.thread_id ?? bad.id
  const before = read(projection())
  expect((await runState(['history', 'repair', thread, '--yes', '--codex-home', home])).exitCode).toBe(0)
  const after = read(projection())
  expect(after).not.toEqual(before)

  for (let kill = 0; kill < KILLS; kill++) {
    reset()
    const running = startBin('codex-state', ['history', 'repair', thread, '--yes', '--codex-home', home])
    await sleep((kill / KILLS) * LONGEST_MS)
    await running.end('SIGKILL')
    expect([before, after], `kill ${kill}`).toContainEqual(read(projection()))
    for (const copy of copies()) expect(read(copy), `kill ${kill}`).toEqual(before)
  }
}, 120_000)
