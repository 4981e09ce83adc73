import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Homes that real Codex releases wrote, and what those releases said about them. */
export const HOMES = [
  'codex-0.93.0',
  'codex-0.98.0',
  'codex-0.99.0',
  'codex-0.100.0',
  'codex-0.113.0',
  'codex-0.120.0',
  'codex-0.140.0',
  'codex-0.140.0-killed',
  'codex-0.169.0',
  'codex-0.169.0-killed',
  'codex-0.169.0-compressed',
  'codex-0.98.0-then-0.169.0',
] as const

export type HomeName = (typeof HOMES)[number]

const archives = fileURLToPath(new URL('../fixtures/homes/', import.meta.url))

/** The unpacked home, shared by all tests: for reading only. */
export function homePath(name: HomeName): string {
  return join(unpack(name), 'home')
}

/** What the same release listed for that home, as JSON files. */
export function expectedPath(name: HomeName): string {
  return join(unpack(name), 'expected')
}

/** A copy of the home to write to; file times are kept. */
export function copyHome(name: HomeName): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'codex-state-home-')), 'home')
  cpSync(homePath(name), copy, { recursive: true, preserveTimestamps: true })
  return copy
}

function unpack(name: HomeName): string {
  const archive = join(archives, `${name}.tar.xz`)
  const { size, mtimeMs } = statSync(archive)
  const target = join(tmpdir(), `codex-state-fixtures-${size}-${Math.trunc(mtimeMs)}`, name)
  if (!existsSync(target)) {
    // Unpacked aside and renamed, so that test files that run at the same time share one.
    const aside = mkdtempSync(join(tmpdir(), 'codex-state-unpack-'))
    execFileSync('tar', ['-xJf', archive, '-C', aside])
    mkdirSync(dirname(target), { recursive: true })
    try {
      renameSync(join(aside, name), target)
    } catch (error) {
      if (!existsSync(target) || readdirSync(target).length === 0) throw error
    }
    rmSync(aside, { recursive: true, force: true })
  }
  return target
}
