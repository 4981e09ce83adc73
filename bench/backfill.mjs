import { cpSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { generateRollouts } from './generate-rollouts.mjs'
import { dataFolder, median, root, run, state } from './measure.mjs'

const MIB = 1024 * 1024

/** 20,000 rollouts of 2 GB: built into a new database, held against it, and once more with nothing to do. */
export async function* measure({ smoke, rounds }) {
  const size = smoke ? { fileCount: 500, sizeBytes: 20 * MIB } : { fileCount: 20_000, sizeBytes: 2000 * MIB }
  const { home, sizeBytes } = generateRollouts(join(dataFolder, `rollouts-${size.fileCount}/home`), size)
  const target = join(dataFolder, `rollouts-${size.fileCount}/built`)
  const build = [...state, 'backfill', 'run', '--codex-home', home, '--into', target]
  createModel(home)
  const sizeMib = sizeBytes / MIB

  // Into the page cache, so that what is measured is the program.
  rmSync(target, { recursive: true, force: true })
  await run(build)
  const times = Math.min(rounds, 3)
  const built = []
  for (let round = 0; round < times; round++) {
    rmSync(target, { recursive: true, force: true })
    built.push(succeeded(await run(build)))
  }
  yield* report('backfill run --into', built, sizeMib)

  const again = []
  for (let round = 0; round < times; round++) again.push(succeeded(await run(build)))
  yield {
    what: 'backfill run --into, nothing to do',
    value: median(again.map(({ wallMs }) => wallMs)) / 1000,
    unit: 's',
    bound: 3,
    detail: `peak ${Math.max(...again.map(({ peakMiB }) => peakMiB)).toFixed(0)} MiB`,
  }

  cpSync(join(target, 'state_5.sqlite'), join(home, 'state_5.sqlite'))
  const compared = []
  for (let round = 0; round < times; round++) {
    compared.push(succeeded(await run([...state, 'diff', '--codex-home', home]), 1))
  }
  yield* report('diff', compared, sizeMib)
  createModel(home)
}

function* report(what, runs, sizeMib) {
  const cores = Math.min(2, availableParallelism())
  const wallMs = median(runs.map((one) => one.wallMs))
  const idle = median(runs.map((one) => Math.max(0, 1 - one.cpuMs / one.wallMs / cores)))
  yield {
    what: `${what}: ${cores} cores idle`,
    value: idle,
    unit: 'of the time',
    bound: 0.1,
    detail: `${(wallMs / 1000).toFixed(1)} s, ${(sizeMib / (wallMs / 1000)).toFixed(0)} MiB/s, ${((1 - idle) * cores).toFixed(2)} cores busy`,
  }
  yield {
    what: `${what}: peak memory`,
    value: Math.max(...runs.map(({ peakMiB }) => peakMiB)),
    unit: 'MiB',
    bound: 250,
  }
}

function succeeded(result, worst = 0) {
  if (result.exitCode > worst) throw new Error(`the command ended with ${result.exitCode}`)
  return result
}

/** An empty database as Codex 0.140 makes it, so that what is built is of that generation. */
function createModel(home) {
  const path = join(home, 'state_5.sqlite')
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
  const database = new Database(path)
  database.exec(readFileSync(join(root, 'test/fixtures/schemas/0.140.0.state_5.sql'), 'utf8'))
  database.close()
}
