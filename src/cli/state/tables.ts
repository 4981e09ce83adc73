import { basename } from 'node:path'
import type { RecordKind } from '../../format/fields.js'
import { type HomeTable, listHomeTables } from '../../inspect/home-tables.js'
import { defineListCommand } from '../records.js'
import { requireDatabases } from './session.js'

const HOME_TABLE_KIND: RecordKind<HomeTable> = {
  noun: 'table',
  fields: [
    { name: 'name', kind: 'text', value: ({ name }) => name },
    {
      name: 'database',
      kind: 'path',
      value: ({ database }) => database,
      cell: ({ database }) => basename(database),
    },
    { name: 'rows', kind: 'number', value: ({ rowCount }) => rowCount },
    { name: 'current', kind: 'flag', value: ({ isCurrent }) => isCurrent },
    { name: 'holds', kind: 'text', value: ({ words }) => words },
  ],
  shown: ['name', 'database', 'rows', 'holds'],
  nameOf: ({ name }) => name,
}

export const command = defineListCommand({
  examples: ['tables'],
  kind: HOME_TABLE_KIND,
  emptyText: 'no tables',
  isFaint: ({ isCurrent }) => !isCurrent,
  read: (session) => [listHomeTables(requireDatabases(session), session.notice)],
})
