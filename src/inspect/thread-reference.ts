import { statSync } from 'node:fs'
import { StateError } from '../errors.js'
import type { ThreadRow } from '../model/thread.js'
import type { ThreadSelection } from '../query/threads/filter.js'
import { findThreadIds, findThreads, hasThread } from '../query/threads/find.js'
import { chooseSort, readThreads } from '../query/threads/list.js'
import type { ThreadTable } from '../query/threads/table.js'
import { indexRollouts, type RolloutIndex } from '../rollout/locate.js'
import { readRolloutTitle } from './rollout-head.js'

/** Where a thread is looked for. */
export interface ThreadSources {
  /** `undefined` in a home without a state database: its rollouts still tell ids. */
  threads: ThreadTable | undefined
  names: () => ReadonlyMap<string, string>
  codexHome: string
  /** Makes a label safe to show among the candidates. */
  cleanLabel: (label: string) => string
}

export interface FoundThread {
  id: string
  /** `undefined` for a thread of which only a rollout is there. */
  thread: ThreadRow | undefined
  /** What was listed to find it: all rollouts of this id among them. */
  index?: RolloutIndex | undefined
}

const MAX_CANDIDATES = 10

/** What a person may type for a thread id, or for the beginning of one. */
const ID_PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/

/**
 * The thread that a person means: an id, the unique beginning of one, a name or title in any case, or `last`,
 * the one that was touched last. One without a row is found by its rollout.
 *
 * @throws {StateError} `NOT_FOUND`, `AMBIGUOUS`
 */
export async function resolveThread(text: string, sources: ThreadSources): Promise<FoundThread> {
  const { threads, names, cleanLabel } = sources
  const wanted = text.trim()
  if (!threads && wanted === 'last') {
    const newest = await findNewestRollout(sources.codexHome)
    if (newest) return newest
  }
  if (threads && wanted === 'last') {
    const readNewest = (filter: ThreadSelection) =>
      readThreads(threads, filter, chooseSort(threads), { pageRows: 1 }).next().value?.[0]
    // What a reviewer says of a thread comes after it, and nobody means that.
    const newest = readNewest({ reviewers: 'without' }) ?? readNewest({})
    if (newest) return { id: newest.thread.id, thread: newest.thread }
    throw new StateError('NOT_FOUND', `${threads.connection.path} holds no thread`)
  }
  if (threads) {
    const namedIds = [...names()].filter(([, name]) => isSameName(name, wanted)).map(([id]) => id)
    const ids = findThreadIds(threads, wanted, namedIds, MAX_CANDIDATES + 1)
    const found = findThreads(threads, ids)
    if (found.length > 1) {
      const lines = found.map((thread) => {
        const label = names().get(thread.id) ?? thread.name ?? thread.title
        return `${thread.id}  ${cleanLabel(label.slice(0, 60))}`
      })
      throw ambiguous(text, lines)
    }
    const [only] = found
    if (only) return { id: only.id, thread: only }
  }
  const lost = await findWithoutRow(wanted, sources)
  if (lost.ids.length > 1) throw ambiguous(text, lost.ids)
  const [only] = lost.ids
  if (only !== undefined) return { id: only, thread: undefined, index: lost.index }
  const unread =
    lost.unreadCount === 0 ? '' : ` Of ${lost.unreadCount} rollouts without a row it was not read.`
  throw new StateError('NOT_FOUND', `no thread is called '${text}'`, {
    hint: `Give an id, its beginning, a name or title, or 'last'; 'codex-state threads list --search' finds parts of them.${unread}`,
  })
}

/** Where there is no table of threads: the one whose rollout was written to last, and that is no reviewer's. */
async function findNewestRollout(codexHome: string): Promise<FoundThread | undefined> {
  const { isReviewer, readRolloutHead } = await import('../rollout/head.js')
  const { resolveRolloutFile } = await import('../rollout/read.js')
  const index = await indexRollouts(codexHome)
  const found: { id: string; path: string; ms: number }[] = []
  for (const [id, [file]] of index.byThread) {
    const ms = file && statSync(file.path, { throwIfNoEntry: false })?.mtimeMs
    if (file && ms !== undefined) found.push({ id, path: file.path, ms })
  }
  found.sort((a, b) => b.ms - a.ms || (a.id < b.id ? 1 : -1))
  for (const { id, path } of found) {
    try {
      const { head } = await readRolloutHead(resolveRolloutFile(path))
      if (!isReviewer(head.source)) return { id, thread: undefined, index }
    } catch (error) {
      if (!(error instanceof StateError)) throw error
    }
  }
  return found[0] && { id: found[0].id, thread: undefined, index }
}

/** So many heads are read for a title. */
const MAX_HEADS = 2000

/** Threads of which only a rollout is there: by the beginning of the id, by name, or by what was typed first. */
async function findWithoutRow(
  wanted: string,
  { threads, names, codexHome }: ThreadSources,
): Promise<{ ids: string[]; unreadCount: number; index: RolloutIndex }> {
  const prefix = wanted.toLowerCase()
  if (ID_PREFIX.test(prefix)) {
    const index = await indexRollouts(codexHome, { idPrefix: prefix })
    if (index.byThread.size > 0) return { ids: [...index.byThread.keys()], unreadCount: 0, index }
  }
  const index = await indexRollouts(codexHome)
  const { byThread } = index
  const ids = [...byThread.keys()]
  const named = ids.filter((id) => isSameName(names().get(id) ?? '', wanted))
  if (named.length > 0) return { ids: named, unreadCount: 0, index }
  const withoutRow = ids.filter((id) => !threads || !hasThread(threads, id))
  const titled: string[] = []
  for (const id of withoutRow.slice(0, MAX_HEADS)) {
    const [file] = byThread.get(id) ?? []
    const title = file && (await readRolloutTitle(file.path))
    if (title && isSameName(title, wanted)) titled.push(id)
  }
  return { ids: titled, unreadCount: Math.max(0, withoutRow.length - MAX_HEADS), index }
}

function isSameName(name: string, wanted: string): boolean {
  return name.toLowerCase() === wanted.toLowerCase()
}

function ambiguous(text: string, candidates: readonly string[]): StateError {
  const shown = candidates.slice(0, MAX_CANDIDATES).map((line) => `\n  ${line}`)
  const rest = candidates.length > MAX_CANDIDATES ? '\n  …' : ''
  return new StateError('AMBIGUOUS', `'${text}' fits more than one thread:${shown.join('')}${rest}`)
}
