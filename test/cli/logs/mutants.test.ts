import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LAYOUTS, temporaryFolder } from '../../helpers/layouts.js'
import { createLogHome, LOG_LAYOUTS, SAMPLE_ROWS } from '../../helpers/log-layouts.js'
import { createRandom, type Random } from '../../helpers/random.js'
import { runLogs } from '../../helpers/run.js'

/** `LOG_MUTANTS=5000` for a longer run, `LOG_MUTANTS_SEED` for another one. */
const COUNT = Number(process.env.LOG_MUTANTS ?? 200)
const SEED = Number(process.env.LOG_MUTANTS_SEED ?? 20_261_121)

const COMMANDS = [
  ['query', '--json'],
  ['query', '--format', 'full', '--reverse'],
  ['query', '-n', '5', '--since', '2026-02-06T00:00:00Z', '--format', 'csv'],
  ['query', '--thread-id', '019a1111-0000-7000-8000-00000000000a', '--threadless', '--format', 'logfmt'],
  ['query', '-g', 'turn', '--until', 'now'],
  ['tail', '--no-follow', '-n', '3', '--compact'],
  ['where'],
]

/** A copy of the bytes with a few of them changed, dropped or repeated. */
function mutate(bytes: Buffer, random: Random): Buffer {
  const mutant = Buffer.from(bytes)
  const pageSize = bytes.readUInt16BE(16)
  /** Most of a page is empty: its beginning, where SQLite keeps its own, is hit more often. */
  const place = () => {
    const page = random.below(bytes.length / pageSize) * pageSize
    return page + random.below(random.below(2) === 0 ? pageSize : 40)
  }
  switch (random.below(6)) {
    case 0:
      return mutant.subarray(0, random.below(mutant.length))
    case 1: {
      const [from, to] = [random.below(bytes.length / pageSize), random.below(bytes.length / pageSize)]
      bytes.copy(mutant, to * pageSize, from * pageSize, (from + 1) * pageSize)
      return mutant
    }
    case 2:
      mutant.fill(random.pick([0, 0xff]), place(), Math.min(bytes.length, place() + random.below(600)))
      return mutant
    default:
      for (let count = 1 + random.below(8); count > 0; count--) mutant[place()] = random.below(256)
      return mutant
  }
}

test(`${COUNT} damaged databases of logs are read or refused, and none is an unexpected error`, async () => {
  const random = createRandom(SEED)
  const originals = [...new Set([LOG_LAYOUTS[0]!, ...LAYOUTS])].map((layout) => {
    const rows = [
      ...SAMPLE_ROWS,
      ...Array.from({ length: 60 }, (_, n) => ({ ...SAMPLE_ROWS[n % 7], tsSeconds: n })),
    ]
    const { path } = createLogHome(rows, layout)
    return { name: layout.logsFile, bytes: readFileSync(path) }
  })
  const folder = temporaryFolder()
  const outcomes = new Map<string, number>()
  for (let n = 0; n < COUNT; n++) {
    const { name, bytes } = random.pick(originals)
    const path = join(folder, name)
    writeFileSync(path, mutate(bytes, random))
    const argv = random.pick(COMMANDS)
    const { stderr, exitCode } = await runLogs([...argv, '--codex-home', folder])
    const told = `mutant ${n}: ${argv.join(' ')}: ${stderr}`
    expect([0, 1, 3], told).toContain(exitCode)
    expect(stderr, told).not.toContain('unexpected error')
    const kind = exitCode === 0 ? 'read' : 'refused'
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
  }
  // Both happen, so that the mutants are neither all harmless nor all hopeless.
  expect([...outcomes.keys()].sort()).toEqual(['read', 'refused'])
})
