import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from '../../scripts/build.mjs'

const PREFIX = 'codex-state-tests-'

/**
 * The tests that spawn `bin/*` run the shipped bundle, so it is built first. All temporary folders of a run
 * lie in one, which goes at the end; the user's own home is not theirs.
 */
export default async function setup(): Promise<() => void> {
  await build()
  removeLeftovers()
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  // Some tests run a process of another user.
  chmodSync(folder, 0o755)
  process.env.TMPDIR = folder
  process.env.HOME = join(folder, 'user')
  mkdirSync(process.env.HOME)
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('XDG_') || /^CODEX_(SQLITE_)?HOME$/.test(name)) delete process.env[name]
  }
  return () => removeFolder(folder)
}

/** What runs left that were killed: their process is gone. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PREFIX)
      ? Number(/^\d+(?=-)/.exec(name.slice(PREFIX.length))?.[0])
      : Number.NaN
    if (pid > 0 && !isAlive(pid)) removeFolder(join(tmpdir(), name))
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    // A test that was ended in the middle left a folder that its owner may not change either.
    makeWritable(folder)
    rmSync(folder, { recursive: true, force: true })
  }
}

function makeWritable(folder: string): void {
  try {
    chmodSync(folder, 0o700)
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) makeWritable(join(folder, entry.name))
    }
  } catch {
    // Another user's: that stays.
  }
}
