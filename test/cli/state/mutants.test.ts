import { cpSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { listStateReaders } from '../../helpers/commands.js'
import { TEST_EVERYTHING } from '../../helpers/everything.js'
import { copyFixtureHome, copyHome, fixtureNames, HOMES } from '../../helpers/homes.js'
import { temporaryFolder } from '../../helpers/layouts.js'
import { createRandom, type Random } from '../../helpers/random.js'
import { runState } from '../../helpers/run.js'
import { fingerprintFolder } from '../../helpers/seed.js'

/** `STATE_MUTANTS=5000` for a longer run, `STATE_MUTANTS_SEED` for another one. */
const COUNT = Number(process.env.STATE_MUTANTS ?? (TEST_EVERYTHING ? 200 : 20))
const SEED = Number(process.env.STATE_MUTANTS_SEED ?? 20_261_121)

const COMMANDS = await listStateReaders()

/** Homes as they were, to be copied from; small ones, since each mutant is a copy. */
const originals = [
  ...HOMES.filter((name) => !name.includes('killed')).map(copyHome),
  ...fixtureNames('memories')
    .slice(0, 2)
    .map((name) => copyFixtureHome('memories', name)),
]
afterAll(() => {
  for (const home of originals) rmSync(dirname(home), { recursive: true })
})

function listFiles(home: string, isWanted: (name: string) => boolean): string[] {
  return readdirSync(home, { recursive: true, encoding: 'utf8' }).filter(
    (name) => isWanted(name) && statSync(join(home, name)).isFile() && statSync(join(home, name)).size > 0,
  )
}

/** Runs a few commands on the home of a mutant: each ends in order and leaves every byte as it is. */
async function tryCommands(home: string, random: Random, told: string): Promise<number[]> {
  const before = fingerprintFolder(home)
  const codes: number[] = []
  for (let count = 0; count < 3; count++) {
    const argv = random.pick(COMMANDS)
    const { stderr, exitCode } = await runState([...argv, '--codex-home', home])
    const what = `${told}: ${argv.join(' ')}: ${stderr}`
    // The code of `history list` is the worst of what it found.
    expect(argv[0] === 'history' ? [0, 1, 2, 3] : [0, 1, 3], what).toContain(exitCode)
    expect(stderr, what).not.toContain('unexpected error')
    expect(fingerprintFolder(home), what).toEqual(before)
    codes.push(exitCode)
  }
  return codes
}

/** Changes one file of a copy of a home, again and again. */
async function tryMutants(
  isWanted: (name: string) => boolean,
  mutate: (bytes: Buffer, random: Random) => Buffer,
): Promise<Set<number>> {
  const random = createRandom(SEED)
  const codes = new Set<number>()
  const home = join(temporaryFolder(), 'home')
  for (let n = 0; n < COUNT; ) {
    // Several mutants of one copy, each undone.
    rmSync(home, { recursive: true, force: true })
    cpSync(random.pick(originals), home, { recursive: true, preserveTimestamps: true })
    const names = listFiles(home, isWanted)
    for (let ofCopy = 0; ofCopy < 10 && n < COUNT && names.length > 0; ofCopy++, n++) {
      const path = join(home, random.pick(names))
      const bytes = readFileSync(path)
      const { atime, mtime } = statSync(path)
      writeFileSync(path, mutate(bytes, random))
      for (const code of await tryCommands(home, random, `mutant ${n} of ${path}`)) codes.add(code)
      writeFileSync(path, bytes)
      utimesSync(path, atime, mtime)
    }
  }
  return codes
}

function mutateDatabase(bytes: Buffer, random: Random): Buffer {
  const mutant = Buffer.from(bytes)
  const pageSize = 4096
  const page = () => random.below(Math.max(1, bytes.length / pageSize)) * pageSize
  /** Most of a page is empty: its beginning, where SQLite keeps its own, is hit more often. */
  const place = () => Math.min(bytes.length - 1, page() + random.below(random.pick([40, pageSize])))
  switch (random.below(5)) {
    case 0:
      return mutant.subarray(0, random.below(mutant.length))
    case 1:
      bytes.copy(mutant, page(), page(), page() + pageSize)
      return mutant
    case 2:
      mutant.fill(random.pick([0, 0xff]), place(), place() + random.below(600))
      return mutant
    default:
      for (let count = 1 + random.below(8); count > 0; count--) mutant[place()] = random.below(256)
      return mutant
  }
}

/** Values of kinds that no release wrote where they are put. */
const ODD_VALUES = [
  'null',
  '{}',
  '[]',
  '""',
  '-1',
  '1e400',
  'true',
  '"\\ud800"',
  '{"type":"x"}',
  '9007199254740993',
]

function mutateRollout(bytes: Buffer, random: Random): Buffer {
  const lines = bytes.toString('latin1').split('\n')
  const at = random.below(lines.length)
  const line = lines[at] ?? ''
  switch (random.below(8)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length))
    case 1:
      lines.splice(at, 1)
      break
    case 2:
      lines.splice(at, 0, ...lines.slice(at, at + 1 + random.below(4)))
      break
    case 3:
      lines.splice(random.below(lines.length), 0, ...lines.splice(at, 1))
      break
    case 4:
      lines[at] = line.slice(0, random.below(line.length + 1))
      break
    case 5: {
      // One value of the line becomes another.
      const values = [...line.matchAll(/:("[^"\\]*"|\d+|true|false|null|\{\}|\[\])/g)]
      const value = random.pick(values.length > 0 ? values : [undefined])
      if (value)
        lines[at] =
          `${line.slice(0, value.index)}:${random.pick(ODD_VALUES)}${line.slice(value.index + value[0].length)}`
      break
    }
    case 6: {
      // A field goes under another name.
      const names = [...line.matchAll(/"(\w+)":/g)]
      const name = random.pick(names.length > 0 ? names : [undefined])
      if (name) lines[at] = `${line.slice(0, name.index + 1)}x${line.slice(name.index + 1)}`
      break
    }
    default: {
      const mutant = Buffer.from(bytes)
      for (let count = 1 + random.below(8); count > 0; count--)
        mutant[random.below(mutant.length)] = random.below(256)
      return mutant
    }
  }
  return Buffer.from(lines.join('\n'), 'latin1')
}

describe('every command ends in order, and leaves the home as it is', () => {
  test(`with each of ${COUNT} damaged databases`, { timeout: 60_000 + COUNT * 500 }, async () => {
    const codes = await tryMutants(
      (name) => /\.sqlite$/.test(name) && !name.startsWith('logs'),
      mutateDatabase,
    )
    expect([...codes]).toEqual(expect.arrayContaining([0, 1, 3]))
  })

  test(`with each of ${COUNT} odd rollouts`, { timeout: 60_000 + COUNT * 500 }, async () => {
    const codes = await tryMutants((name) => /\.jsonl(\.zst)?$/.test(name), mutateRollout)
    expect([...codes]).toEqual(expect.arrayContaining([0, 1]))
  })
})
