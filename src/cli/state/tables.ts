import { basename } from 'node:path'
import { openReadOnly } from '../../db/open-read.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import type { StoredRecord } from '../../format/stored-fields.js'
import { GOAL_KIND, JOB_KIND, TOOL_KIND } from '../../format/stored-fields.js'
import { findHomeTable, type HomeTable, listHomeTables } from '../../inspect/home-tables.js'
import { readAgentJobs } from '../../query/agent-jobs.js'
import { readTable, type StoredRow } from '../../query/stored-rows.js'
import type { HomeFlags } from '../home-flags.js'
import type { CommandContext } from '../main.js'
import { mapPages, printedFieldNames, writeRecords } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { requireDatabases, type Session, withSession } from './session.js'

type Flags = HomeFlags & OutputFlags

export const HOME_TABLE_KIND: RecordKind<HomeTable> = {
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

export async function list(context: CommandContext, flags: Flags): Promise<void> {
  if (printedFieldNames(HOME_TABLE_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const tables = listHomeTables(requireDatabases(session), session.notice)
    await writeRecords(HOME_TABLE_KIND, [tables], flags, session, {
      isFaint: ({ isCurrent }) => !isCurrent,
      emptyText: 'no tables',
    })
  })
}

/** One table as it is stored. Of a table that several databases have, the first in the order of `tables`. */
export async function show(context: CommandContext, name: string, flags: Flags): Promise<void> {
  await withSession(context, flags, async (session) => {
    const found = findHomeTable(requireDatabases(session), name, session.notice)
    if (!found) {
      throw new StateError('NOT_FOUND', `no database of this home has a table '${name}'`, {
        hint: `'codex-state tables' names those that there are.`,
      })
    }
    const kind = createRawKind(name, found.columns)
    if (printedFieldNames(kind, flags, context.io)) return
    const connection = openReadOnly(found.database, { onNotice: session.notice })
    try {
      await writeRecords(kind, readTable(connection, name), flags, session, { emptyText: `${name} is empty` })
    } finally {
      connection.close()
    }
  })
}

function createRawKind(name: string, columns: readonly string[]): RecordKind<StoredRow> {
  return {
    noun: `${name} row`,
    fields: columns.map((column) => ({ name: column, kind: 'text', value: (row) => row[column] })),
    shown: columns,
    nameOf: (row) => String(row[columns[0] ?? ''] ?? '?'),
  }
}

export async function goals(context: CommandContext, flags: Flags): Promise<void> {
  await writeStored(context, GOAL_KIND, flags, (session) => {
    const goals = session.tryOpen('thread_goals')
    if (!goals) return undefined
    const threads = session.tryOpen('threads')
    return mapPages(readTable(goals.connection, 'thread_goals'), (row) => ({
      ...row,
      thread_title: threads?.connection.get<{ title: string }>(
        'SELECT title FROM threads WHERE id = ?',
        row.thread_id ?? null,
      )?.title,
    }))
  })
}

export async function jobs(context: CommandContext, flags: Flags): Promise<void> {
  await writeStored(context, JOB_KIND, flags, (session) => {
    const table = session.tryOpen('agent_jobs')
    return table && [readAgentJobs(table)]
  })
}

export async function tools(context: CommandContext, flags: Flags): Promise<void> {
  await writeStored(context, TOOL_KIND, flags, (session) => {
    const table = session.tryOpen('thread_dynamic_tools')
    return table && readTable(table.connection, 'thread_dynamic_tools')
  })
}

/** A table that a layout lacks holds nothing: that is no error. */
async function writeStored(
  context: CommandContext,
  kind: RecordKind<StoredRecord>,
  flags: Flags,
  read: (session: Session) => Iterable<StoredRecord[]> | undefined,
): Promise<void> {
  if (printedFieldNames(kind, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    requireDatabases(session)
    await writeRecords(kind, read(session) ?? [], flags, session, { emptyText: `no ${kind.noun}s` })
  })
}
