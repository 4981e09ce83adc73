import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { readFamily } from '../../inspect/thread-family.js'
import { chooseLogFlushMs } from '../../model/releases.js'
import { findIdsOfFolder } from '../../query/cwd-spellings.js'
import { type OpenTable, openTable } from '../../query/databases.js'
import type { LogStore } from '../../query/logs/store.js'
import { readProcessesOf } from '../../query/logs/threads.js'
import { readSessionNames } from '../../query/session-names.js'
import { growSpawnTrees } from '../../query/spawn-tree.js'
import { describeThreadTable, type ThreadTable } from '../../query/threads/table.js'
import type { Home } from '../home-options.js'
import type { Io } from '../io.js'
import { findThreadOfLogs } from './find-thread.js'

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
  if (typed.trim() === '.') return findThreadsOfFolder(home, io)
  const { id } = await withThreads(home, (threads, codexHome) =>
    findThreadOfLogs(typed, store, {
      threads,
      names: () => readSessionNames(codexHome, () => {}),
      codexHome,
      cleanLabel: cleanLine,
    }),
  )
  return [id]
}

async function findThreadsOfFolder(home: Home, io: Io): Promise<string[]> {
  const ids = await withThreads(home, (threads) => {
    return threads ? findIdsOfFolder(threads, io.workingFolder) : []
  })
  if (ids.length > 0) return ids
  throw new StateError('NOT_FOUND', `no thread belongs to the folder ${io.workingFolder}`)
}

async function readChildren(roots: readonly string[], home: Home): Promise<string[]> {
  return withThreads(home, async (threads, codexHome) =>
    threads ? growSpawnTrees(await readFamily(threads, codexHome), roots).map(({ id }) => id) : [],
  )
}

/** How often the Codex of this home writes its rows, and which one it is; `undefined` where that is not known. */
export async function readFlush(home: Home): Promise<{ flushMs: number; version: string } | undefined> {
  return withThreads(home, (threads) => {
    if (threads?.newestVersion === undefined) return undefined
    const { newestVersion, newestMigration } = threads
    return { flushMs: chooseLogFlushMs(newestVersion, newestMigration || undefined), version: newestVersion }
  })
}

/** In a home without a state database that can be read, rows are told without it. */
async function withThreads<Result>(
  { databases, codexHome, sqliteHome }: Home,
  work: (threads: ThreadTable | undefined, codexHome: string) => Promise<Result> | Result,
): Promise<Result> {
  const table = tryOpenTable(databases)
  try {
    const threads = table && describeThreadTable(table.connection, table.columns)
    return await work(threads, codexHome ?? sqliteHome)
  } finally {
    table?.connection.close()
  }
}

function tryOpenTable(databases: Home['databases']): OpenTable | undefined {
  try {
    return openTable(databases, 'threads')
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
}
