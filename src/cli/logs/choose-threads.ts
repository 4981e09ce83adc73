import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { readFamily } from '../../inspect/thread-family.js'
import { resolveThread } from '../../inspect/thread-reference.js'
import { chooseLogFlushMs } from '../../model/releases.js'
import { findCwdSpellings } from '../../query/cwd-spellings.js'
import { openTable } from '../../query/databases.js'
import type { LogStore } from '../../query/logs/store.js'
import { findLoggedThread, findNewestThread, readProcessesOf } from '../../query/logs/threads.js'
import { readSessionNames } from '../../query/session-names.js'
import { growSpawnTrees } from '../../query/spawn-tree.js'
import { describeThreadTable, type ThreadTable } from '../../query/threads/table.js'
import { columnSql } from '../../schema/columns.js'
import { THREAD_TABLE } from '../../schema/threads.js'
import type { Home } from '../home-options.js'
import type { Io } from '../io.js'

export interface ThreadChoice {
  /** As typed. */
  typed: readonly string[]
  withChildren: boolean
  withProcess: boolean
}

/** Threads that were asked for; `ids` and `processes` grow while a follow looks for more. */
export interface ChosenThreads {
  ids: string[]
  /** Whose rows outside of threads are asked for too. */
  processes: string[] | undefined
  /** Adds threads that were spawned since, and the processes that write them; gives the threads that are new. */
  refresh(store: LogStore | undefined): Promise<string[]>
}

/**
 * The threads that are meant: an id or the unique beginning of one that is in the logs; else a title or name, `last`, or
 * `.` for those of the working folder, as the state database tells.
 *
 * @throws {StateError} `NOT_FOUND`, `AMBIGUOUS`
 */
export async function chooseThreads(
  { typed, withChildren, withProcess }: ThreadChoice,
  store: LogStore | undefined,
  home: Home,
  io: Io,
): Promise<ChosenThreads> {
  const ids: string[] = []
  for (const one of typed) {
    for (const id of await findThreadsMeant(one, store, home, io)) if (!ids.includes(id)) ids.push(id)
  }
  const roots = [...ids]
  const processes: string[] | undefined = withProcess ? [] : undefined
  const chosen: ChosenThreads = {
    ids,
    processes,
    async refresh(current) {
      const added = withChildren ? (await readChildren(roots, home)).filter((id) => !ids.includes(id)) : []
      ids.push(...added)
      if (processes && current) {
        for (const process of readProcessesOf(current, ids)) {
          if (!processes.includes(process)) processes.push(process)
        }
      }
      return added
    },
  }
  await chosen.refresh(store)
  return chosen
}

async function findThreadsMeant(
  typed: string,
  store: LogStore | undefined,
  home: Home,
  io: Io,
): Promise<string[]> {
  const wanted = typed.trim()
  if (wanted === '.') return findThreadsOfFolder(home, io)
  let notLogged: StateError | undefined
  if (wanted !== 'last') {
    try {
      return [findLoggedThread(store, typed)]
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'NOT_FOUND') throw error
      notLogged = error
    }
  }
  const found = await withThreads(home, async (threads, codexHome) => {
    try {
      const { id } = await resolveThread(wanted, {
        threads,
        names: () => readSessionNames(codexHome, () => {}),
        codexHome,
        cleanLabel: cleanLine,
      })
      return id
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'NOT_FOUND') throw error
      return undefined
    }
  })
  const id = found ?? (wanted === 'last' ? findNewestThread(store) : undefined)
  if (id !== undefined) return [id]
  throw notLogged ?? new StateError('NOT_FOUND', 'there is no thread in the logs, nor in a state database')
}

async function findThreadsOfFolder(home: Home, io: Io): Promise<string[]> {
  const ids = await withThreads(home, ({ connection, columns }) => {
    const spellings = findCwdSpellings({ connection, columns } as ThreadTable, io.workingFolder)
    return connection
      .all<{ id: string }>(
        `SELECT ${columnSql(columns.id)} AS id FROM ${THREAD_TABLE}
         WHERE ${columnSql(columns.cwd)} IN (SELECT value FROM json_each(?))`,
        JSON.stringify(spellings),
      )
      .map(({ id }) => id)
  })
  if (ids && ids.length > 0) return ids
  throw new StateError('NOT_FOUND', `no thread belongs to the folder ${io.workingFolder}`)
}

async function readChildren(roots: readonly string[], home: Home): Promise<string[]> {
  const ids = await withThreads(home, async (threads, codexHome) =>
    growSpawnTrees(await readFamily(threads, codexHome), roots).map(({ id }) => id),
  )
  return ids ?? []
}

/** How often the Codex of this home writes its rows, and which one it is; `undefined` where that is not known. */
export async function readFlush(home: Home): Promise<{ flushMs: number; version: string } | undefined> {
  return withThreads(home, ({ newestVersion, newestMigration }) =>
    newestVersion === undefined
      ? undefined
      : { flushMs: chooseLogFlushMs(newestVersion, newestMigration || undefined), version: newestVersion },
  )
}

/** `undefined` in a home without a state database that can be read: rows are told without it. */
async function withThreads<Result>(
  { databases, codexHome, sqliteHome }: Home,
  work: (threads: ThreadTable, codexHome: string) => Promise<Result> | Result,
): Promise<Result | undefined> {
  let table: ReturnType<typeof openTable>
  try {
    table = openTable(databases, 'threads')
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
  if (!table) return undefined
  try {
    return await work(describeThreadTable(table.connection, table.columns), codexHome ?? sqliteHome)
  } finally {
    table.connection.close()
  }
}
