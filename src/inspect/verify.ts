import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import type { ReadConnection } from '../db/connection.js'
import { type OpenReadOnlyOptions, openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import { quoteIdentifier } from '../schema/columns.js'
import type { DatabaseFile, FileRole } from '../schema/files.js'
import { listTables, readColumnNames } from '../schema/inspect.js'

export interface Verdict {
  database: string
  role: FileRole
  /** `empty`: no table is in it; `unreadable`: it may be sound, nobody could look. */
  state: 'ok' | 'empty' | 'damaged' | 'unreadable'
  /** What SQLite says, the first 100 lines. */
  problems: string[]
  /** What the damage costs; `null` when none was seen. */
  meaning: string | null
  /** Whether Codex fills a new file by itself; `null` where that is not known. */
  isRebuildable: boolean | null
}

const MAX_PROBLEMS = 100

/** What is in the files, and what becomes of it when Codex (0.140 on) puts a damaged one aside. */
const CONSEQUENCES: Record<FileRole, { isRebuildable: boolean | null; meaning: string }> = {
  state: {
    isRebuildable: true,
    meaning: 'Codex fills threads again from the rollouts; sections, projects, pins and read marks are lost',
  },
  logs: { isRebuildable: false, meaning: 'the log rows are lost, nothing else; Codex begins a new file' },
  goals: { isRebuildable: false, meaning: 'the goals of threads are lost; nothing else holds them' },
  memories: {
    isRebuildable: false,
    meaning: 'what Codex remembers of threads is lost; it extracts anew only as threads come up',
  },
  memories_v2: {
    isRebuildable: false,
    meaning: 'what the second memory pipeline remembers is lost; it extracts anew only as threads come up',
  },
  queue: { isRebuildable: false, meaning: 'messages that wait in queues are lost' },
  thread_history: {
    isRebuildable: true,
    meaning: 'nothing is lost: Codex makes turns and items again from the rollouts',
  },
  agent_message_board: { isRebuildable: false, meaning: 'the posts of agents are lost' },
  catalog: {
    isRebuildable: null,
    meaning: 'the sidebar of the Desktop app is lost; the threads themselves are not',
  },
  unknown: { isRebuildable: null, meaning: 'no known Codex makes this file, so what it held is not known' },
}

const EMPTY = 'Codex makes the tables when it opens the file; whether anything was in it is not known'

/** Looks for damage without writing: SQLite's quick check, or all of its checks. */
export function verifyDatabase(
  file: DatabaseFile,
  options: { isFull: boolean; onNotice: (text: string) => void },
): Verdict {
  const { path, role } = file
  const consequence = CONSEQUENCES[role]
  const judge = (state: Verdict['state'], problems: string[]): Verdict => {
    if (state === 'damaged') tellWhatIsLeft(file, options.onNotice)
    return {
      database: path,
      role,
      state,
      problems,
      meaning: state === 'damaged' ? consequence.meaning : state === 'empty' ? EMPTY : null,
      isRebuildable: consequence.isRebuildable,
    }
  }
  try {
    const connection = openReadOnly(path, options)
    try {
      if (listTables(connection).length === 0) return judge('empty', ['it has no table'])
      const problems = check(connection, options.isFull)
      return judge(problems.length === 0 ? 'ok' : 'damaged', problems)
    } finally {
      connection.close()
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    const isDamage = error.code === 'DB_CORRUPT' || error.code === 'DB_NOT_A_DATABASE'
    return judge(isDamage ? 'damaged' : 'unreadable', [error.message])
  }
}

function check(connection: ReadConnection, isFull: boolean): string[] {
  const pragma = isFull ? 'integrity_check' : 'quick_check'
  const problems = connection
    .all<Record<string, string>>(`PRAGMA ${pragma}(${MAX_PROBLEMS})`)
    .map((row) => Object.values(row)[0] ?? '')
    .filter((line) => line !== 'ok')
  if (!isFull) return problems
  return [...problems, ...findOrphans(connection)]
}

function findOrphans(connection: ReadConnection): string[] {
  try {
    const orphans = connection.all<{ table: string; rowid: number | null; parent: string }>(
      'PRAGMA foreign_key_check',
    )
    const told = orphans
      .slice(0, MAX_PROBLEMS)
      .map(
        ({ table, rowid, parent }) =>
          `row ${rowid ?? '?'} of ${table} points to a row of ${parent} that is not there`,
      )
    const moreCount = orphans.length - told.length
    return moreCount > 0 ? [...told, `so do ${moreCount} more`] : told
  } catch (error) {
    // A key that points to what is not unique there: no row can be held against it.
    if (!(error instanceof StateError) || error.code !== 'SCHEMA_UNKNOWN') throw error
    return [(error.cause as Error).message]
  }
}

/** Of a damaged database, what can be had of it all the same. */
function tellWhatIsLeft({ path, role }: DatabaseFile, onNotice: (text: string) => void): void {
  const name = basename(path)
  let isDatabase = true
  try {
    if (isSoundWithoutLog(path)) {
      onNotice(
        `${name} is sound without its write-ahead log: ${name}-wal may belong to another copy of it. ` +
          'Codex reads both; whoever puts a backup back has to take the log away',
      )
    }
    const { whole, broken } = readTables(path)
    if (whole.length > 0) onNotice(`these tables of ${name} can be read to their end: ${whole.join(', ')}`)
    if (broken.length > 0) onNotice(`these tables of ${name} cannot: ${broken.join(', ')}`)
  } catch (error) {
    // Nothing can be read of it, which is said already.
    if (!(error instanceof StateError)) throw error
    isDatabase = error.code !== 'DB_NOT_A_DATABASE'
  }
  if (role !== 'state' && !isDatabase) return
  onNotice(
    role === 'state'
      ? `'codex-state backfill run --into DIR' builds the threads of ${name} anew, from the rollouts`
      : `'sqlite3 ${name} .recover' saves what can be read of it`,
  )
}

function isSoundWithoutLog(path: string): boolean {
  if (!existsSync(`${path}-wal`)) return false
  try {
    return withConnection(path, { ignoresLog: true }, (connection) => {
      return listTables(connection).length > 0 && check(connection, false).length === 0
    })
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    return false
  }
}

/** Which tables can be read, with the number of their rows, and which only in part or not at all. */
function readTables(path: string): { whole: string[]; broken: string[] } {
  return withConnection(path, {}, (connection) => {
    const whole: string[] = []
    const broken: string[] = []
    for (const table of listTables(connection)) {
      try {
        whole.push(`${table} (${readWhole(connection, table)} rows)`)
      } catch (error) {
        if (!(error instanceof StateError)) throw error
        broken.push(table)
      }
    }
    return { whole, broken }
  })
}

/** Reads every value of a table, which a count does not. */
function readWhole(connection: ReadConnection, table: string): number {
  const columns = [...readColumnNames(connection, table)]
  const sums = columns.map((column) => `total(length(${quoteIdentifier(column)}))`)
  const row = connection.get<{ n: number }>(
    `SELECT count(*) AS n, ${sums.join(' + ')} AS size FROM ${quoteIdentifier(table)} NOT INDEXED`,
  )
  return row?.n ?? 0
}

function withConnection<T>(
  path: string,
  options: OpenReadOnlyOptions,
  work: (connection: ReadConnection) => T,
): T {
  const connection = openReadOnly(path, options)
  try {
    return work(connection)
  } finally {
    connection.close()
  }
}
