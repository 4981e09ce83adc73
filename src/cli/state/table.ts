import { basename } from 'node:path'
import { openReadOnly } from '../../db/open-read.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { type FoundTable, findHomeTables, listHomeTables } from '../../inspect/home-tables.js'
import { readTable, type StoredRow } from '../../query/stored-rows.js'
import { requiredArgument } from '../flags.js'
import { defineListCommand } from '../records.js'
import { requireDatabases, type Session } from './session.js'

/** One table as it is stored. One that several databases have is shown from all of them, each row with its database. */
export const command = defineListCommand({
  examples: ['table threads -n 5 --fields id,title', 'table thread_spawn_edges --csv'],
  args: {
    name: requiredArgument('a name that tables lists; memories_v2_1.jobs is the one of that database', {
      hint: `'codex-state tables' lists them.`,
      completes: { kind: 'stored', values: 'table' },
      example: '_sqlx_migrations',
    }),
  },
  async read(session, _, { name }) {
    const found = findHomeTables(requireDatabases(session), name, session.notice)
    const [first, ...others] = found
    if (!first) {
      const { findSimilar } = await import('../parse.js')
      const names = listHomeTables(requireDatabases(session), session.notice).map((table) => table.name)
      const similar = findSimilar(name, [...new Set(names)])
      const guess = similar && ` (did you mean ${similar}?)`
      throw new StateError('NOT_FOUND', `no database of this home has a table '${name}'${guess}`, {
        hint: `'codex-state tables' names those that there are.`,
      })
    }
    return {
      kind: createRawKind(first.table, found),
      pages: readAll(session, found),
      emptyText: `${name} is empty${others.length > 0 ? ` in all ${found.length} databases that have it` : ''}`,
    }
  },
})

interface TableRow {
  readonly row: StoredRow
  readonly database: string
}

function* readAll(session: Session, found: readonly FoundTable[]): Generator<TableRow[]> {
  for (const { database, table } of found) {
    const connection = session.keep(openReadOnly(database, { onNotice: session.notice }))
    for (const page of readTable(connection, table)) yield page.map((row) => ({ row, database }))
  }
}

function createRawKind(table: string, found: readonly FoundTable[]): RecordKind<TableRow> {
  const columns = [...new Set(found.flatMap((one) => one.columns))]
  const fields: RecordKind<TableRow>['fields'] = columns.map((column) => ({
    name: column,
    heading: column,
    kind: 'text',
    minWidth: 16,
    value: ({ row }) => row[column],
  }))
  const database: RecordKind<TableRow>['fields'][number] = {
    name: columns.includes('database') ? 'in_database' : 'database',
    kind: 'path',
    value: (row) => row.database,
    cell: (row) => basename(row.database).replace(/\.sqlite3?$/, ''),
  }
  const all = found.length > 1 ? [database, ...fields] : fields
  return {
    noun: `${table} row`,
    fields: all,
    shown: all.map(({ name }) => name),
    nameOf: ({ row }) => String(row[columns[0] ?? ''] ?? '?'),
  }
}
