import { basename } from 'node:path'
import { openReadOnly } from '../../db/open.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { type MigrationReport, reportMigrations } from '../../inspect/schema-report.js'
import type { HomeFlags } from '../home-flags.js'
import { type CommandContext, EXIT_FAILED } from '../main.js'
import { printedFieldNames, writeRecords } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { requireDatabases, withSession } from './session.js'

export const MIGRATION_KIND: RecordKind<MigrationReport> = {
  noun: 'migration',
  fields: [
    {
      name: 'database',
      kind: 'path',
      value: ({ database }) => database,
      cell: ({ database }) => basename(database),
    },
    { name: 'version', kind: 'number', value: ({ version }) => version },
    { name: 'description', kind: 'text', value: ({ description }) => description },
    { name: 'state', kind: 'text', value: ({ state }) => state },
    { name: 'installed_on', kind: 'time', value: ({ installedOn }) => parseInstalled(installedOn) },
    { name: 'checksum', kind: 'text', value: ({ checksum }) => checksum },
    { name: 'first_release', kind: 'text', value: ({ firstRelease }) => firstRelease },
    { name: 'last_release', kind: 'text', value: ({ lastRelease }) => lastRelease },
    { name: 'note', kind: 'text', value: ({ note }) => note },
  ],
  shown: ['database', 'version', 'description', 'state', 'installed_on', 'first_release', 'note'],
  nameOf: ({ database, version }) => `${version} of ${database}`,
}

function parseInstalled(text: string | null): number | string | null {
  if (text === null) return null
  const epochMs = Date.parse(`${text.replace(' ', 'T')}Z`)
  return Number.isNaN(epochMs) ? text : epochMs
}

export async function run(context: CommandContext, flags: HomeFlags & OutputFlags): Promise<void> {
  if (printedFieldNames(MIGRATION_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const reports: MigrationReport[] = []
    for (const file of requireDatabases(session)) {
      try {
        const connection = openReadOnly(file.path, { onNotice: session.notice })
        try {
          reports.push(...reportMigrations(file, connection))
        } finally {
          connection.close()
        }
      } catch (error) {
        if (!(error instanceof StateError)) throw error
        session.notice(error.message)
        session.fail(EXIT_FAILED)
      }
    }
    await writeRecords(MIGRATION_KIND, [reports], flags, session, {
      isFaint: ({ state }) => state === 'not applied',
      emptyText: 'no database here was made by Codex',
    })
    if (reports.some(({ state }) => !['known', 'newer', 'not applied'].includes(state))) {
      session.fail(EXIT_FAILED)
    }
  })
}
