import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface MigrationFile {
  name: string
  sql: string
}

/** Seen from `src/db/` and from the library in `dist/`; an installed package has the second form. */
const CANDIDATES = ['../../migrations', '../migrations']

/**
 * The files of `migrations/<family>/` in the order of their names. The build puts them into the commands in
 * place of this module: an executable has no folder beside it.
 */
export function readMigrationFolder(family: 'state' | 'state_5'): MigrationFile[] {
  const folder = CANDIDATES.map((candidate) =>
    fileURLToPath(new URL(`${candidate}/${family}`, import.meta.url)),
  ).find((path) => existsSync(path))
  if (folder === undefined) throw new Error(`the folder migrations/${family} is missing beside the program`)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(folder, name), 'utf8') }))
}
