import { existsSync, realpathSync } from 'node:fs'
import { normalizePath } from '../model/paths.js'
import { asTextSql, columnSql } from '../schema/columns.js'
import { THREAD_TABLE } from '../schema/threads.js'
import type { ThreadTable } from './threads/table.js'

/**
 * The stored texts that mean the same folder as `wanted`: without Windows' verbatim prefix and slashes at the
 * end, in any case where the path is a Windows one, in either Unicode form of an accent, and through links where the
 * folders exist here.
 */
export function findCwdSpellings({ connection, columns }: ThreadTable, wanted: string): string[] {
  const column = columnSql(columns.cwd)
  const stored = connection.all<{ cwd: string }>(
    `SELECT DISTINCT ${asTextSql(columns.cwd)} AS cwd FROM ${THREAD_TABLE} WHERE ${column} IS NOT NULL`,
  )
  const forms = new Set([spell(wanted), spell(resolveLinks(wanted))])
  return stored
    .map(({ cwd }) => cwd)
    .filter((cwd) => forms.has(spell(cwd)) || forms.has(spell(resolveLinks(cwd))))
}

/** The ids of the threads of a folder, however its path is stored. */
export function findIdsOfFolder(threads: ThreadTable, folder: string): string[] {
  const { connection, columns } = threads
  return connection
    .all<{ id: string }>(
      `SELECT ${columnSql(columns.id)} AS id FROM ${THREAD_TABLE}
       WHERE ${columnSql(columns.cwd)} IN (SELECT value FROM json_each(?))`,
      JSON.stringify(findCwdSpellings(threads, folder)),
    )
    .map(({ id }) => id)
}

export function isSameFolder(one: string, other: string): boolean {
  return spell(one) === spell(other) || spell(resolveLinks(one)) === spell(resolveLinks(other))
}

/** `null` where the second folder is not on this machine, so that where it leads cannot be told. */
export function compareFolders(one: string, other: string): boolean | null {
  if (isSameFolder(one, other)) return true
  return existsSync(other) ? false : null
}

/** Accents composed: macOS hands the name of one folder over in both forms. */
function spell(path: string): string {
  return normalizePath(path.normalize('NFC'))
}

function resolveLinks(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
