import type { ThreadSort } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import type { ThreadAnchor, ThreadPage, ThreadPageQuery, ThreadSortKey } from '../../model/thread-page.js'
import { toStoredTime } from '../../schema/threads.js'
import { sortColumn, type ThreadCursor } from './cursor.js'
import { toThreadFilter } from './filter.js'
import { nextBehindTimes, readListPage } from './list.js'
import type { ThreadTable } from './table.js'

const SORTS = { created_at: 'created', updated_at: 'updated' } as const satisfies Record<
  ThreadSortKey,
  ThreadSort
>

/**
 * One page of the threads that have something to show, newest first, as Codex lists them: by the sort key and,
 * where two are the same, by id. One row more than the page is read, which only tells whether there is a next.
 */
export function readThreadPage(threads: ThreadTable, query: ThreadPageQuery): ThreadPage {
  const { sortKey = 'created_at', anchor } = query
  const sort = SORTS[sortKey]
  const pageSize = Math.max(0, query.pageSize)
  const rows: ThreadRow[] = []
  let cursor = anchor && toCursor(anchor, sortColumn(threads, sort))
  while (rows.length <= pageSize) {
    const page = readListPage(threads, toThreadFilter(query), sort, {
      cursor,
      limit: pageSize + 1 - rows.length,
    })
    rows.push(...page.rows.map(({ thread }) => thread))
    cursor = page.next ?? nextBehindTimes(threads, sort, cursor)
    if (!cursor) break
  }
  const items = rows.slice(0, pageSize)
  const last = items.at(-1)
  return {
    items,
    nextAnchor: rows.length > pageSize && last ? anchorFromItem(last, sortKey) : undefined,
    numScannedRows: rows.length,
  }
}

function toCursor({ timestampMs, id }: ThreadAnchor, column: string): ThreadCursor {
  return { value: timestampMs === null ? null : toStoredTime(timestampMs, column, 'floor'), id }
}

/** Where a page that ends with this thread ends. */
export function anchorFromItem(
  item: Pick<ThreadRow, 'id' | 'createdAtMs' | 'updatedAtMs'>,
  sortKey: ThreadSortKey,
): ThreadAnchor {
  return { timestampMs: sortKey === 'created_at' ? item.createdAtMs : item.updatedAtMs, id: item.id }
}
