import { realpathSync } from 'node:fs'
import { columnSql } from '../schema/columns.js'
import type { ThreadTable } from './thread-list.js'

/**
 * The stored texts that mean the same folder as `wanted`: without Windows' verbatim prefix and slashes at the
 * end, in any case where the path is a Windows one, and through links where the folders exist here.
 */
export function findCwdSpellings({ table, columns }: ThreadTable, wanted: string): string[] {
  const column = columnSql(columns.cwd)
  const stored = table.connection.all<{ cwd: string }>(`SELECT DISTINCT ${column} AS cwd FROM threads`)
  const forms = new Set([normalizePath(wanted), normalizePath(resolveLinks(wanted))])
  return stored
    .map(({ cwd }) => cwd)
    .filter((cwd) => forms.has(normalizePath(cwd)) || forms.has(normalizePath(resolveLinks(cwd))))
}

export function isSameFolder(one: string, other: string): boolean {
  return (
    normalizePath(one) === normalizePath(other) ||
    normalizePath(resolveLinks(one)) === normalizePath(resolveLinks(other))
  )
}

/** A path in the one spelling in which two equal ones are compared. */
export function normalizePath(path: string): string {
  const plain = path.replace(/^\\\\\?\\UNC\\/i, '\\\\').replace(/^\\\\\?\\/, '')
  const isWindows = /^[a-z]:([\\/]|$)/i.test(plain) || plain.startsWith('\\\\')
  const unified = isWindows ? plain.replaceAll('/', '\\').toLowerCase() : plain
  const separator = isWindows ? '\\' : '/'
  const root = isWindows && unified.startsWith('\\\\') ? '\\\\' : unified.startsWith('/') ? '/' : ''
  const parts = unified.split(separator).filter((part) => part !== '' && part !== '.')
  return root + parts.join(separator)
}

function resolveLinks(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
