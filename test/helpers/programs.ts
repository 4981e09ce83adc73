import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { beforeEach, type TestContext } from 'vitest'

let running: TestContext | undefined
beforeEach((context) => {
  running = context
})

/** Whether a program is on the PATH. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Called by a test before it drives programs that npm does not bring. Where one is missing the test is left out, and
 * the last lines of `npm test` say so (`scripts/test-reporter.mjs` reads the note).
 */
export function requirePrograms(...names: readonly string[]): void {
  const missing = names.filter((name) => !hasProgram(name))
  if (missing.length === 0) return
  if (!running) throw new Error(`${missing.join(', ')} required outside of a test`)
  running.skip(`needs ${missing.join(', ')}`)
}
