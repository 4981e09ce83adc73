import { openReadOnly } from '../../db/open-read.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { findHomeTable } from '../../inspect/home-tables.js'
import { readTable, type StoredRow } from '../../query/stored-rows.js'
import { requiredArgument } from '../flags.js'
import { defineListCommand } from '../records.js'
import { requireDatabases } from './session.js'

/** One table as it is stored. Of a table that several databases have, the first in the order of `tables`. */
export const command = defineListCommand({
  args: {
    name: requiredArgument('as in tables', {
      hint: `'codex-state tables' lists them.`,
      completes: { kind: 'stored', values: 'table' },
      example: '_sqlx_migrations',
    }),
  },
  read(session, _, { name }) {
    const found = findHomeTable(requireDatabases(session), name, session.notice)
    if (!found) {
      throw new StateError('NOT_FOUND', `no database of this home has a table '${name}'`, {
        hint: `'codex-state tables' names those that there are.`,
      })
    }
    const connection = session.keep(openReadOnly(found.database, { onNotice: session.notice }))
    return {
      kind: createRawKind(name, found.columns),
      pages: readTable(connection, name),
      emptyText: `${name} is empty`,
    }
  },
})

function createRawKind(name: string, columns: readonly string[]): RecordKind<StoredRow> {
  return {
    noun: `${name} row`,
    fields: columns.map((column) => ({ name: column, kind: 'text', value: (row) => row[column] })),
    shown: columns,
    nameOf: (row) => String(row[columns[0] ?? ''] ?? '?'),
  }
}
