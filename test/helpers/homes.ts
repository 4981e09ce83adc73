import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { requirePrograms } from './programs.js'
import { unpackTar } from './tar.js'

/** Homes that real Codex releases wrote, each packed with what the release itself said about it. */
export const HOMES = [
  'codex-0.93.0',
  'codex-0.98.0',
  'codex-0.99.0',
  'codex-0.100.0',
  'codex-0.113.0',
  'codex-0.120.0',
  'codex-0.140.0',
  'codex-0.169.0',
  'codex-0.140.0-killed',
  'codex-0.169.0-killed',
  'codex-0.169.0-compressed',
  'codex-0.98.0-then-0.169.0',
  'codex-0.95.0',
  'codex-0.111.0',
  'codex-0.125.0',
  'codex-0.135.0',
  'codex-0.148.0',
  'codex-0.160.1',
] as const

/** Threads that were named and never used: they have a row, and no file yet. */
export const UNUSED_THREADS: readonly string[] = ['01a21362-4c73-7342-97fe-f7e4a61b2362']

export type HomeName = (typeof HOMES)[number]

/** Input, cached, output and reasoning tokens and responses, as the server counted them. */
export const CHARGED: Partial<Record<HomeName, readonly number[]>> = {
  'codex-0.93.0': [130_823, 87_399, 2786, 120, 48],
  'codex-0.98.0': [139_649, 91_812, 2878, 120, 51],
  'codex-0.100.0': [142_145, 93_057, 2878, 120, 51],
  'codex-0.113.0': [138_119, 91_047, 2878, 120, 51],
  'codex-0.120.0': [145_881, 94_926, 2878, 120, 51],
  'codex-0.140.0': [269_158, 156_562, 3257, 360, 59],
  'codex-0.169.0': [479_479, 261_724, 3401, 336, 63],
}

/** Homes made for one subject, each with an `expected.json` of what really happened in it. */
export type FixtureKind = 'failures' | 'turns' | 'items' | 'memories'

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** The Codex home; shared by all tests, so never write to it and open no database in it. */
export function homePath(name: HomeName): string {
  return join(unpack('homes', name), 'home')
}

/** The folder of what the release said about that home. */
export function expectedPath(name: HomeName): string {
  return join(unpack('homes', name), 'expected')
}

/** A copy of the home with its file times, for the caller to change and to remove. */
export function copyHome(name: HomeName): string {
  return copyFolder(homePath(name))
}

/** The names of all fixtures of one kind. */
export function fixtureNames(kind: FixtureKind): string[] {
  const names = readdirSync(join(FIXTURES, kind))
    .filter((file) => file.endsWith('.tar.br'))
    .map((file) => file.replace(/\.tar\.br$/, ''))
  if (names.length === 0) throw new Error(`no fixtures of ${kind}`)
  return names.sort()
}

/** The folder of a fixture, with `home/` and `expected.json`; shared, so only to be read as files. */
export function fixturePath(kind: FixtureKind, name: string): string {
  return unpack(kind, name)
}

/** A copy of a fixture's home, for the caller to change and to remove. */
export function copyFixtureHome(kind: FixtureKind, name: string): string {
  return copyFolder(join(unpack(kind, name), 'home'))
}

/** Every home that has a log, to be copied. */
export const LOG_HOMES: readonly { name: string; copy: () => string }[] = [
  ...HOMES.map((name) => ({ name, copy: () => copyHome(name) })),
  ...fixtureNames('failures').map((name) => ({ name, copy: () => copyFixtureHome('failures', name) })),
]

/** The home of a situation that people met: `test/fixtures/cases/<name>/make.sh` run on a copy of `base`. */
export function makeCase(name: string, base: HomeName, env: Record<string, string> = {}): string {
  const script = join(FIXTURES, 'cases', name, 'make.sh')
  const words = new Set(readFileSync(script, 'utf8').match(/\w+/g))
  // Every script begins with `_settle/make.sh`, which calls sqlite3.
  requirePrograms('sqlite3', ...['jq', 'python3', 'zstd'].filter((program) => words.has(program)))
  const home = copyHome(base)
  execFileSync('sh', [script, home], { stdio: 'pipe', env: { ...process.env, ...env } })
  return home
}

function copyFolder(source: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'codex-state-home-')), 'home')
  cpSync(source, copy, { recursive: true, preserveTimestamps: true })
  return copy
}

/** Unpacks once for each content; test workers run side by side, so the folder appears by one rename. */
function unpack(kind: 'homes' | FixtureKind, name: string): string {
  const packed = readFileSync(join(FIXTURES, kind, `${name}.tar.br`))
  const digest = createHash('sha256').update(packed).digest('hex').slice(0, 16)
  const parent = join(tmpdir(), 'codex-state-fixtures')
  const target = join(parent, `${name}-${digest}`)
  if (!existsSync(target)) {
    mkdirSync(parent, { recursive: true })
    const scratch = mkdtempSync(join(parent, 'unpack-'))
    // Brotli, since Node itself has it: xz is not everywhere.
    unpackTar(brotliDecompressSync(packed), scratch)
    try {
      renameSync(join(scratch, name), target)
    } catch (error) {
      if (!existsSync(target)) throw error
    }
    rmSync(scratch, { recursive: true, force: true })
  }
  return target
}
