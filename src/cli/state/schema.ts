import { basename } from 'node:path'
import type { RecordKind } from '../../format/fields.js'
import { readEachDatabase } from '../../inspect/each-database.js'
import { type MigrationReport, type RecordedLineEnds, reportMigrations } from '../../inspect/schema-report.js'
import { lineEndsOn } from '../../model/line-ends.js'
import { findForeignObjects } from '../../schema/known-objects.js'
import { defineListCommand } from '../records.js'
import { requireDatabases, type Session } from './session.js'

const MIGRATION_KIND: RecordKind<MigrationReport> = {
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
    { name: 'line_ends', kind: 'text', value: ({ lineEnds }) => lineEnds },
    { name: 'installed_on', kind: 'time', value: ({ installedOn }) => parseInstalled(installedOn) },
    { name: 'checksum', kind: 'text', value: ({ checksum }) => checksum },
    { name: 'first_release', kind: 'text', value: ({ firstRelease }) => firstRelease },
    { name: 'last_release', kind: 'text', value: ({ lastRelease }) => lastRelease },
    { name: 'note', kind: 'text', value: ({ note }) => note },
  ],
  shown: [
    'database',
    'version',
    'description',
    'state',
    'line_ends',
    'installed_on',
    'first_release',
    'note',
  ],
  nameOf: ({ database, version }) => `${version} of ${database}`,
}

function parseInstalled(text: string | null): number | string | null {
  if (text === null) return null
  const epochMs = Date.parse(`${text.replace(' ', 'T')}Z`)
  return Number.isNaN(epochMs) ? text : epochMs
}

export const command = defineListCommand({
  examples: ['schema'],
  kind: MIGRATION_KIND,
  exitsWith1: 'a migration is modified, failed or missing, or a database cannot be read',
  emptyText: 'no database here was made by Codex',
  isFaint: ({ state }) => state === 'not applied',
  read(session) {
    const databases = requireDatabases(session)
    const read = [
      ...readEachDatabase(databases, session.notice, (connection, file) => {
        const reports = reportMigrations(file, connection)
        // A newer release may make more.
        const isNewer = file.age === 'newer' || reports.some(({ state }) => state === 'newer')
        const foreign = reports.length === 0 || isNewer ? [] : findForeignObjects(connection)
        if (foreign.length > 0) session.notice(tellForeign(file.path, foreign))
        return reports
      }),
    ]
    if (read.length < databases.length) session.fail()
    const reports = read.flat()
    for (const form of ['lf', 'crlf', 'mixed'] as const) tellLineEnds(form, reports, session)
    const isRefused = ({ state, lineEnds }: MigrationReport) =>
      !['known', 'newer', 'not applied'].includes(state) || lineEnds === 'mixed'
    if (reports.length === 0 || reports.some(isRefused)) session.fail()
    return [reports]
  },
})

const MAX_NAMED = 10

function tellForeign(path: string, foreign: readonly string[]): string {
  const named = foreign.slice(0, MAX_NAMED).join(', ')
  const more = foreign.length > MAX_NAMED ? ` and ${foreign.length - MAX_NAMED} more` : ''
  return `${basename(path)} has what no release known here makes: ${named}${more}`
}

/** Says which Codex refuses databases of this form, unless they are those of the Codex for this system. */
function tellLineEnds(form: RecordedLineEnds, reports: readonly MigrationReport[], session: Session): void {
  const paths = reports.filter(({ lineEnds }) => lineEnds === form).map(({ database }) => database)
  const names = [...new Set(paths)].map((path) => basename(path)).join(', ')
  if (names === '' || form === lineEndsOn(process.platform)) return
  session.notice(`${names}: line ends: ${form}; ${REFUSALS[form]}`)
}

const REFUSALS: Record<RecordedLineEnds, string> = {
  crlf: 'written by Codex for Windows, and Codex for Linux, macOS or WSL refuses what that wrote',
  lf: 'written by Codex for Linux, macOS or WSL, and Codex for Windows refuses what these wrote',
  mixed: 'some migrations are recorded as by Codex for Windows, others not, and every Codex refuses that',
}
