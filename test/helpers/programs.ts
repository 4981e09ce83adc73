import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'vitest'

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
 * `test` for what drives programs that npm does not bring. Where one is missing the test is left out, and its title
 * says so: `scripts/test.mjs` counts these in its last lines.
 */
export function testWith(...programs: readonly string[]): typeof test {
  const missing = programs.filter((name) => !hasProgram(name))
  if (missing.length === 0) return test
  return ((title: string) => test.skip(`${title} [needs ${missing.join(', ')}]`)) as unknown as typeof test
}
