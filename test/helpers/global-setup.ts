import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from '../../scripts/build.mjs'

/**
 * The tests that spawn `bin/*` run the shipped bundle, so it is built first. All temporary folders of a run
 * lie in one, which goes at the end.
 */
export default async function setup(): Promise<() => void> {
  await build()
  const folder = mkdtempSync(join(tmpdir(), 'codex-state-tests-'))
  // Some tests run a process of another user.
  chmodSync(folder, 0o755)
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
