import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TEST_EVERYTHING } from '../../helpers/everything.js'
import { describeFolder } from '../../helpers/folder.js'
import { createHome, LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'
import { writeSession } from '../../helpers/sessions.js'
import { binPath, CLEAN_ENV, startBin } from '../../helpers/spawn.js'

/** In each of the three tests; the moments are drawn from the seed, so a failure can be looked at again. */
const KILLS = Number(process.env.CODEX_STATE_KILLS ?? (TEST_EVERYTHING ? 7 : 2))
const SEED = Number(process.env.CODEX_STATE_SEED ?? 1)

/** Mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

type Rows = Readonly<Record<string, unknown>>

interface Contents {
  integrity: unknown
  threads: ReadonlyMap<unknown, Rows>
  backfill: unknown
}

function read(path: string): Contents {
  const database = new Database(path)
  try {
    const threads = database.prepare('SELECT * FROM threads ORDER BY id').all() as Rows[]
    return {
      integrity: database.pragma('integrity_check', { simple: true }),
      threads: new Map(threads.map((row) => [row.id, row])),
      backfill: database.prepare('SELECT status, last_watermark FROM backfill_state').all(),
    }
  } finally {
    database.close()
  }
}

/** A home whose rows are a few megabytes, so that copying takes a while; every second row is lost. */
let prepared: string
let oldContents: Contents
let newContents: Contents
/** How long an undisturbed run takes, to draw the moments from. */
let runMs: number

const statePath = (home: string) => join(home, 'state_5.sqlite')
const backfillRun = (home: string, ...args: string[]) => ['backfill', 'run', '--codex-home', home, ...args]

/** Every kill works on the same paths, which are in the rows. */
const home = join(temporaryFolder(), 'home')

function reset(from = prepared): void {
  rmSync(home, { recursive: true, force: true })
  cpSync(from, home, { recursive: true, preserveTimestamps: true })
}

async function killAtRandom(args: readonly string[], random: () => number): Promise<void> {
  const running = startBin('codex-state', args)
  await sleep(random() * runMs)
  await running.end('SIGKILL')
}

function findCopies(): string[] {
  const parent = join(home, 'db-backups')
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .filter((name) => /^codex-state-\d/.test(name))
    .map((name) => join(parent, name, basename(statePath(home))))
}

beforeAll(async () => {
  cpSync(createHome(LAYOUTS.find(({ name }) => name === '0.140')!), home, { recursive: true })
  for (let number = 0; number < 220; number++)
    writeSession(home, number, { message: `${number} ${'long '.repeat(2000)}` })
  await runState(backfillRun(home, '--yes'))
  rmSync(join(home, 'db-backups'), { recursive: true })
  newContents = read(statePath(home))
  const database = new Database(statePath(home))
  database.exec('DELETE FROM threads WHERE rowid % 2 = 0')
  database.close()
  oldContents = read(statePath(home))
  prepared = join(temporaryFolder(), 'prepared')
  cpSync(home, prepared, { recursive: true, preserveTimestamps: true })
  const startedMs = performance.now()
  spawnSync(process.execPath, [binPath('codex-state'), ...backfillRun(home, '--yes')], { env: CLEAN_ENV })
  runMs = performance.now() - startedMs
  expect(read(statePath(home))).toEqual(newContents)
}, 60_000)

afterAll(() => {
  rmSync(dirname(home), { recursive: true, force: true })
  rmSync(dirname(prepared), { recursive: true, force: true })
})

describe('SIGKILL at any moment', () => {
  test('of --yes leaves rows that are old or new, and only whole copies, and --undo gives the old ones back', async () => {
    const random = createRandom(SEED)
    for (let kill = 0; kill < KILLS; kill++) {
      reset()
      await killAtRandom(backfillRun(home, '--yes'), random)
      const found = read(statePath(home))
      expect(found.integrity, `kill ${kill}`).toBe('ok')
      for (const [id, row] of newContents.threads) {
        const lost = !found.threads.has(id) && !oldContents.threads.has(id)
        if (!lost) expect(found.threads.get(id), `kill ${kill}`).toEqual(row)
      }
      expect(found.threads.size, `kill ${kill}`).toBeGreaterThanOrEqual(oldContents.threads.size)
      const copies = findCopies()
      for (const copy of copies) expect(read(copy), `kill ${kill}`).toEqual(oldContents)
      const { exitCode } = await runState(backfillRun(home, '--undo'))
      expect(exitCode, `kill ${kill}`).toBe(copies.length > 0 ? 0 : 1)
      expect(read(statePath(home)), `kill ${kill}`).toEqual(oldContents)
      expect((await runState(backfillRun(home, '--yes'))).exitCode, `kill ${kill}`).toBe(0)
      expect(read(statePath(home)), `kill ${kill}`).toEqual(newContents)
    }
  }, 600_000)

  test('of --undo leaves what was or what is put back, and only whole copies, and the next one ends it', async () => {
    const random = createRandom(SEED + 1)
    reset()
    await runState(backfillRun(home, '--yes'))
    const done = join(temporaryFolder(), 'done')
    cpSync(home, done, { recursive: true, preserveTimestamps: true })
    for (let kill = 0; kill < KILLS; kill++) {
      reset(done)
      await killAtRandom(backfillRun(home, '--undo'), random)
      const found = read(statePath(home))
      expect([oldContents, newContents], `kill ${kill}`).toContainEqual(found)
      for (const copy of findCopies())
        expect([oldContents, newContents], `kill ${kill}`).toContainEqual(read(copy))
      const { exitCode } = await runState(backfillRun(home, '--undo'))
      // One that had ended has nothing left to put back.
      if (exitCode !== 0) expect(found, `kill ${kill}`).toEqual(oldContents)
      expect(read(statePath(home)), `kill ${kill}`).toEqual(oldContents)
    }
    rmSync(dirname(done), { recursive: true })
  }, 600_000)

  test('of --into leaves the home as it is, and the next run ends the work', async () => {
    const random = createRandom(SEED + 2)
    reset()
    const before = describeFolder(home)
    const folder = temporaryFolder()
    const path = join(folder, 'state_5.sqlite')
    await runState(backfillRun(home, '--into', folder))
    const built = read(path)
    expect(built.threads.size).toBe(newContents.threads.size)
    for (let kill = 0; kill < KILLS; kill++) {
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
      await killAtRandom(backfillRun(home, '--into', folder), random)
      expect(describeFolder(home), `kill ${kill}`).toEqual(before)
      const result = await runState(backfillRun(home, '--into', folder))
      expect(result, `kill ${kill}`).toMatchObject({ exitCode: 0 })
      expect(read(path), `kill ${kill}`).toEqual(built)
      expect(describeFolder(home), `kill ${kill}`).toEqual(before)
    }
  }, 600_000)
})
