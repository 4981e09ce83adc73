import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

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
] as const

export type HomeName = (typeof HOMES)[number]

const FIXTURES = fileURLToPath(new URL('../fixtures/homes/', import.meta.url))

/** The Codex home; shared by all tests, so never write to it and open no database in it. */
export function homePath(name: HomeName): string {
  return join(unpack(name), 'home')
}

/** The folder of what the release said about that home. */
export function expectedPath(name: HomeName): string {
  return join(unpack(name), 'expected')
}

/** A copy of the home with its file times, for the caller to change and to remove. */
export function copyHome(name: HomeName): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'codex-state-home-')), 'home')
  cpSync(homePath(name), copy, { recursive: true, preserveTimestamps: true })
  return copy
}

/** Unpacks once for each content; test workers run side by side, so the folder appears by one rename. */
function unpack(name: HomeName): string {
  const tarball = join(FIXTURES, `${name}.tar.xz`)
  const digest = createHash('sha256').update(readFileSync(tarball)).digest('hex').slice(0, 16)
  const parent = join(tmpdir(), 'codex-state-fixtures')
  const target = join(parent, `${name}-${digest}`)
  if (!existsSync(target)) {
    mkdirSync(parent, { recursive: true })
    const scratch = mkdtempSync(join(parent, 'unpack-'))
    execFileSync('tar', ['xJf', tarball, '-C', scratch])
    try {
      renameSync(join(scratch, name), target)
    } catch (error) {
      if (!existsSync(target)) throw error
    }
    rmSync(scratch, { recursive: true, force: true })
  }
  return target
}
