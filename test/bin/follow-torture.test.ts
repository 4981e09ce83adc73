import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TEST_EVERYTHING } from '../helpers/everything.js'
import { LAYOUTS, temporaryFolder } from '../helpers/layouts.js'
import { createLogHome, NEWEST_LAYOUT } from '../helpers/log-layouts.js'
import { createRandom, type Random } from '../helpers/random.js'
import { type Running, startBin, waitUntil } from '../helpers/spawn.js'
import { startWriter, type Writer } from '../helpers/writer.js'

/** `FOLLOW_SEEDS=1,2,3` and `FOLLOW_STEPS=500` for longer runs. */
const SEEDS = (process.env.FOLLOW_SEEDS ?? '20261121').split(',').map(Number)
const STEPS = Number(process.env.FOLLOW_STEPS ?? (TEST_EVERYTHING ? 45 : 15))
const STEP_MS = 250

/** Every row that was ever written, in the order of writing; its body is its place in this list. */
interface Ledger {
  /** Which of them are in the database that is written to, by id. */
  present: Map<number, bigint>
  rowCount: number
}

/** A `codex-logs tail` and what it printed; one with a cursor is ended and started again. */
class Tail {
  readonly name: string
  /** Rows that were removed before this tail had printed them. */
  readonly mayMiss = new Set<number>()
  #args: string[]
  #running: Running
  #earlier = { stdout: '', stderr: '' }
  isStopped = false
  isSlow = false

  constructor(name: string, home: string, ...args: string[]) {
    this.name = name
    this.#args = ['tail', '--codex-home', home, '--format', 'cat', '-n', 'all', '--poll-ms', '50', ...args]
    this.#running = startBin('codex-logs', this.#args)
  }

  get stdout(): string {
    return this.#earlier.stdout + this.#running.stdout
  }

  get stderr(): string {
    return this.#earlier.stderr + this.#running.stderr
  }

  /** The numbers of the printed rows; the last line may still be on its way. */
  printed(): number[] {
    return this.stdout.split('\n').slice(0, -1).map(Number)
  }

  stopOrGoOn(): void {
    this.isStopped = !this.isStopped
    this.#running.child.kill(this.isStopped ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Reads the pipe, or lets it fill up. */
  slowDown(isSlow: boolean): void {
    this.isSlow = isSlow
    if (isSlow) this.#running.child.stdout!.pause()
    else this.#running.child.stdout!.resume()
  }

  async restart(): Promise<void> {
    await this.end()
    this.#running = startBin('codex-logs', this.#args)
  }

  async end(): Promise<void> {
    if (this.isStopped) this.stopOrGoOn()
    this.slowDown(false)
    const { stdout, stderr, exitCode } = await this.#running.end('SIGINT')
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 130 })
    this.#earlier.stdout += stdout
    this.#earlier.stderr += stderr
    this.#running = { ...this.#running, stdout: '', stderr: '' }
  }

  /** Waits until the row was printed, or cannot be any more. */
  async untilPrinted(number: number): Promise<void> {
    const isSo = () => this.mayMiss.has(number) || `\n${this.stdout}`.includes(`\n${number}\n`)
    await waitUntil(
      isSo,
      () => `${this.name} has not printed ${number}, but ${this.printed().slice(-5)}\n${this.stderr}`,
    )
  }
}

const REBUILD = (key: string) => `
  CREATE TABLE rebuilt (id INTEGER PRIMARY KEY ${key}, ts INTEGER NOT NULL, ts_nanos INTEGER NOT NULL, level TEXT NOT NULL,
    target TEXT NOT NULL, feedback_log_body TEXT, module_path TEXT, file TEXT, line INTEGER, thread_id TEXT,
    process_uuid TEXT, estimated_bytes INTEGER NOT NULL DEFAULT 0);
  INSERT INTO rebuilt SELECT id, ts, ts_nanos, level, target, feedback_log_body, module_path, file, line, thread_id,
    process_uuid, estimated_bytes FROM logs;
  DROP TABLE logs;
  ALTER TABLE rebuilt RENAME TO logs;`

/** A home under work. */
class Scene {
  readonly ledger: Ledger = { present: new Map(), rowCount: 0 }
  readonly done: string[] = []
  tails: Tail[] = []
  #generation = 1
  #alterCount = 0
  #home: string
  #writer: Writer
  #random: Random

  constructor(random: Random) {
    this.#random = random
    const older = LAYOUTS.findLast(({ logsFile }) => logsFile === 'logs_1.sqlite')!
    this.#home = createLogHome([], older).home
    this.#writer = startWriter(this.path)
  }

  get home(): string {
    return this.#home
  }

  get path(): string {
    return join(this.#home, `logs_${this.#generation}.sqlite`)
  }

  async insert(count = this.#random.below(120) + 1): Promise<void> {
    const { present } = this.ledger
    const lastId = BigInt(await this.#writer.insertNumbered(count, this.ledger.rowCount))
    for (let n = 0; n < count; n++) present.set(this.ledger.rowCount + n, lastId - BigInt(count - 1 - n))
    this.ledger.rowCount += count
  }

  /** Takes rows out of the ledger: whoever has not printed them by then may never do so. */
  forget(isGone: (id: bigint) => boolean): void {
    for (const tail of this.tails) {
      const printed = new Set(tail.printed())
      for (const [number, id] of this.ledger.present) {
        if (isGone(id) && !printed.has(number)) tail.mayMiss.add(number)
      }
    }
    for (const [number, id] of this.ledger.present) if (isGone(id)) this.ledger.present.delete(number)
  }

  /** The id of the row that so many are behind, from either end. */
  idAt(index: number): bigint {
    return [...this.ledger.present.values()].at(index) ?? 0n
  }

  /** What is removed is first seen by those who are at work, but now and then at once. */
  async letOthersCatchUp(): Promise<void> {
    if (this.#random.below(4) === 0) return
    const last = [...this.ledger.present.keys()].at(-1)
    if (last === undefined) return
    for (const tail of this.tails) {
      if (!tail.isStopped && !tail.isSlow) await tail.untilPrinted(last)
    }
  }

  async reopen(isKilled: boolean): Promise<void> {
    if (isKilled) await this.#writer.kill()
    else await this.#writer.close()
    this.#writer = startWriter(this.path)
  }

  readonly steps: Record<string, () => Promise<void>> = {
    'passive checkpoint': async () => void (await this.#writer.checkpoint('PASSIVE')),
    'full checkpoint': async () => void (await this.#writer.checkpoint('FULL')),
    'restarting checkpoint': async () => void (await this.#writer.checkpoint('RESTART')),
    'truncating checkpoint': async () => void (await this.#writer.checkpoint('TRUNCATE')),
    vacuum: () => this.#writer.exec('VACUUM'),
    alter: () => this.#writer.exec(`ALTER TABLE logs ADD COLUMN extra${this.#alterCount++} TEXT`),
    'close and open': () => this.reopen(false),
    'kill the writer': () => this.reopen(true),
    'delete old rows': async () => {
      await this.letOthersCatchUp()
      const last = this.idAt(this.#random.below(100))
      await this.#writer.exec(`DELETE FROM logs WHERE id <= ${last}`)
      this.forget((id) => id <= last)
    },
    'delete new rows': async () => {
      await this.letOthersCatchUp()
      const last = this.idAt(-1 - this.#random.below(20))
      await this.#writer.exec(`DELETE FROM logs WHERE id > ${last}`)
      this.forget((id) => id > last)
    },
    'delete new rows and rebuild': async () => {
      await this.letOthersCatchUp()
      const last = this.idAt(-1 - this.#random.below(20))
      const key = this.#random.below(2) === 0 ? 'AUTOINCREMENT' : ''
      await this.#writer.exec(`BEGIN; DELETE FROM logs WHERE id > ${last}; ${REBUILD(key)} COMMIT`)
      this.forget((id) => id > last)
    },
    rebuild: () => this.#writer.exec(REBUILD(this.#random.below(2) === 0 ? 'AUTOINCREMENT' : '')),
    'jump over ids': async () => {
      const id = this.idAt(-1) + BigInt(2 ** (1 + this.#random.below(30)))
      await this.#writer.insertNumbered(1, this.ledger.rowCount, String(id))
      this.ledger.present.set(this.ledger.rowCount++, id)
    },
    'another file under the name': async () => {
      await this.letOthersCatchUp()
      await this.#writer.close()
      this.forget(() => true)
      const other = createLogHome([], NEWEST_LAYOUT).path
      for (const suffix of ['-wal', '-shm']) rmSync(this.path + suffix, { force: true })
      renameSync(other, this.path)
      this.#writer = startWriter(this.path)
    },
    'another database over the file': async () => {
      await this.letOthersCatchUp()
      await this.#writer.close()
      this.forget(() => true)
      const other = join(temporaryFolder(), 'logs_2.sqlite')
      copyFileSync(createLogHome([], NEWEST_LAYOUT).path, other)
      for (const suffix of ['-wal', '-shm']) rmSync(this.path + suffix, { force: true })
      copyFileSync(other, this.path)
      this.#writer = startWriter(this.path)
    },
    'a newer generation': async () => {
      await this.#writer.close()
      this.ledger.present.clear()
      this.#generation++
      copyFileSync(createLogHome([], NEWEST_LAYOUT).path, this.path)
      this.#writer = startWriter(this.path)
    },
    'stop or go on': async () => this.#random.pick(this.tails).stopOrGoOn(),
    'a slow pipe': async () => {
      for (const tail of this.tails) tail.slowDown(this.#random.below(3) === 0)
    },
    'start again with the cursor': async () => {
      const tail = this.tails.find(({ name }) => name === 'with a cursor')!
      await tail.restart()
    },
  }

  async end(): Promise<void> {
    await this.#writer.close()
  }
}

test.each(SEEDS)(
  'whatever is done to the logs, every tail prints each row once and in order (seed %i)',
  async (seed) => {
    const random = createRandom(seed)
    const scene = new Scene(random)
    const cursor = join(temporaryFolder(), 'cursor')
    scene.tails = [
      new Tail('plain', scene.home),
      new Tail('with a cursor', scene.home, '--cursor-file', cursor),
      new Tail('with a pattern', scene.home, '-g', '^[0-9]*$'),
    ]
    // Whoever starts when there is a newer generation already shows that one alone.
    await scene.insert(1)
    for (const tail of scene.tails) await tail.untilPrinted(0)
    const names = Object.keys(scene.steps)
    for (let step = 0; step < STEPS; step++) {
      await scene.insert()
      const name = step < names.length ? names[(step * 7 + seed) % names.length]! : random.pick(names)
      scene.done.push(name)
      await scene.steps[name]!()
      await new Promise((resolve) => setTimeout(resolve, random.below(STEP_MS)))
    }
    await scene.insert(5)
    const last = scene.ledger.rowCount - 1
    const found = []
    for (const tail of scene.tails) {
      if (tail.isStopped) tail.stopOrGoOn()
      tail.slowDown(false)
      await tail.untilPrinted(last)
      await tail.end()
      found.push(judge(tail, scene.ledger.rowCount))
    }
    await scene.end()
    const nothing = { lost: [], doubled: [], misordered: [] }
    expect({ done: scene.done, found }).toEqual({
      done: scene.done,
      found: scene.tails.map(({ name, stderr }) => ({ name, stderr, ...nothing })),
    })
  },
  55_000,
)

/** What a tail did wrong. A row may come again only where the tail said so before. */
function judge(tail: Tail, rowCount: number) {
  const printed = tail.printed()
  const seen = new Set<number>()
  const doubled: number[] = []
  const misordered: number[] = []
  let highest = -1
  for (const number of printed) {
    if (seen.has(number)) {
      doubled.push(number)
    } else if (number < highest) {
      misordered.push(number)
    }
    seen.add(number)
    highest = Math.max(highest, number)
  }
  const lost = []
  for (let number = 0; number < rowCount; number++) {
    if (!seen.has(number) && !tail.mayMiss.has(number)) lost.push(number)
  }
  const announced = [...tail.stderr.matchAll(/(\d+) rows? may be shown twice/g)]
  const allowed = announced.reduce((sum, [, count]) => sum + Number(count), 0)
  return {
    name: tail.name,
    stderr: tail.stderr,
    lost,
    doubled: doubled.length <= allowed ? [] : doubled,
    misordered,
  }
}
