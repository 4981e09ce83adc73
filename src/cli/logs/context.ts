import type { LogFilter, RowId, StoredLogRow } from '../../model/log.js'
import { matchingBatches, readNewestIds } from '../../query/logs/batches.js'
import { readIdsBeside, scopeOf } from '../../query/logs/neighbours.js'
import { readLogRows } from '../../query/logs/rows.js'
import type { Selected } from './select.js'

/** Rows around matches. */
export interface Around {
  before: number
  after: number
}

/** Rows that are shown together, by id. */
export interface RowGroup {
  rows: StoredLogRow[]
}

interface OpenGroup {
  ids: RowId[]
  lastId: RowId
}

/** Groups are told when so many matches were looked at: one that goes on then begins anew, without doubles. */
const MATCHES_AT_ONCE = 1000

/**
 * The rows around each match, or each of the ids where there are ids, within its thread, or within its process where it has no thread. Groups of one thread that
 * touch are one; no row is given twice.
 */
export function* readGroups(
  { store, afterId, throughId, ids }: Selected,
  filter: LogFilter,
  { before, after }: Around,
): Generator<RowGroup> {
  /** The highest id that was given, by thread. */
  const given = new Map<string, RowId>()
  for (const matches of ids ? [ids] : findMatches()) {
    for (let from = 0; from < matches.length; from += MATCHES_AT_ONCE) {
      yield* groupsOf(matches.slice(from, from + MATCHES_AT_ONCE))
    }
  }

  function* findMatches(): Generator<readonly RowId[]> {
    const bounds = { afterId, ...(throughId !== undefined && { throughId }) }
    for (const batch of matchingBatches(store, filter, bounds)) {
      yield readNewestIds(store, batch, filter, -1).reverse()
    }
  }

  function* groupsOf(matchIds: readonly RowId[]): Generator<RowGroup> {
    const groups: OpenGroup[] = []
    const last = new Map<string, OpenGroup>()
    for (const match of readLogRows(store, { kind: 'ids', ids: matchIds })) {
      const id = match.key ?? match.id
      const scope = scopeOf(store, match)
      const end = last.get(scope.name)?.lastId ?? given.get(scope.name)
      const isNew = (one: RowId) => end === undefined || one > end
      const earlier = readIdsBeside(store, 'before', id, before, scope).reverse()
      const later = readIdsBeside(store, 'after', id, after, scope)
      const touches = earlier.some((one) => !isNew(one)) || !isNew(id)
      const own = last.get(scope.name)
      const ids = [...earlier, id, ...later].filter(isNew)
      if (own && (touches || isNext(own.lastId, ids[0], scope))) {
        own.ids.push(...ids)
        own.lastId = ids.at(-1) ?? own.lastId
      } else if (ids.length > 0) {
        const group = { ids, lastId: ids.at(-1)! }
        groups.push(group)
        last.set(scope.name, group)
      }
    }
    for (const [name, { lastId }] of last) given.set(name, lastId)
    for (const { ids } of groups) yield { rows: readLogRows(store, { kind: 'ids', ids }) }
  }

  /** Whether nothing of the scope lies between. */
  function isNext(lastId: RowId, nextId: RowId | undefined, scope: ReturnType<typeof scopeOf>): boolean {
    return nextId !== undefined && readIdsBeside(store, 'after', lastId, 1, scope)[0] === nextId
  }
}
