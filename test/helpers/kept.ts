import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll } from 'vitest'

const kept: string[] = []
afterAll(() => {
  for (const home of kept) rmSync(dirname(home), { recursive: true, force: true })
})

/** A copy of a home that is removed when the file's tests are done. */
export function keep(home: string): string {
  kept.push(home)
  return home
}
