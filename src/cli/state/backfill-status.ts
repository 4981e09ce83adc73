import { basename } from 'node:path'
import { cleanLine } from '../../format/clean.js'
import type { RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { formatCount, formatPlural } from '../../format/quantity.js'
import { type BackfillReport, judgeBackfill, readBackfillStatus } from '../../inspect/backfill-status.js'
import { findHolders } from '../../inspect/holders.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineRecordCommand } from '../records.js'
import { writeRecord } from './output.js'
import { requireDatabases } from './session.js'

interface StatusRow extends BackfillReport {
  verdict: string
  sentence: string
  leaseAgeSeconds: number | null
  isOwnerAlive: boolean | null
  database: string | null
}

const seconds = (value: number | null) => (value === null ? null : value * 1000)

const STATUS_KIND: RecordKind<StatusRow> = {
  noun: 'backfill',
  fields: [
    { name: 'verdict', kind: 'text', value: ({ verdict }) => verdict },
    { name: 'meaning', kind: 'text', value: ({ sentence }) => sentence },
    { name: 'status', kind: 'text', value: ({ status }) => status },
    { name: 'last_watermark', kind: 'text', value: ({ lastWatermark }) => lastWatermark },
    { name: 'last_success_at', kind: 'time', value: (row) => seconds(row.lastSuccessSeconds) },
    { name: 'updated_at', kind: 'time', value: (row) => seconds(row.updatedSeconds) },
    { name: 'lease_age_seconds', kind: 'number', value: ({ leaseAgeSeconds }) => leaseAgeSeconds },
    { name: 'owner_alive', kind: 'flag', value: ({ isOwnerAlive }) => isOwnerAlive },
    { name: 'rollouts', kind: 'number', value: ({ fileCount }) => fileCount },
    { name: 'done', kind: 'number', value: ({ doneCount }) => doneCount },
    { name: 'left', kind: 'number', value: ({ leftCount }) => leftCount },
    { name: 'failed', kind: 'number', value: ({ failedCount }) => failedCount },
    { name: 'older_form', kind: 'number', value: ({ olderCount }) => olderCount },
    { name: 'broken', kind: 'number', value: ({ brokenCount }) => brokenCount },
    { name: 'unreadable', kind: 'number', value: ({ unreadableFileCount }) => unreadableFileCount },
    { name: 'database', kind: 'path', value: ({ database }) => database },
  ],
  shown: [
    'verdict',
    'meaning',
    'status',
    'last_watermark',
    'last_success_at',
    'updated_at',
    'lease_age_seconds',
    'owner_alive',
    'rollouts',
    'done',
    'left',
    'failed',
    'older_form',
    'broken',
    'unreadable',
    'database',
  ],
  nameOf: ({ database }) => database ?? '',
}

const BAR_CELLS = 30

export const command = defineRecordCommand({
  kind: STATUS_KIND,
  tables: ['backfill_state', 'threads'],
  exitsWith1: 'a backfill is stale, or a rollout has no row',
  async read(session, flags) {
    requireDatabases(session)
    const threads = session.tryOpenThreads()
    const state = session.tryOpen('backfill_state')
    const found = await readBackfillStatus(session.codexHome, state, threads)
    if (found.unreadableFolderCount > 0) {
      session.notice(`${formatPlural(found.unreadableFolderCount, 'folder')} of rollouts cannot be read`)
    }
    const isRunning = found.status === 'running'
    const { holders, isKnown } =
      isRunning && state ? findHolders([state.file]) : { holders: [], isKnown: false }
    const isOwnerAlive = isKnown ? holders.length > 0 : null
    const nowSeconds = session.nowMs / 1000
    const isAlone = flags.db !== undefined && !found.hasRolloutFolder
    const { verdict, sentence } = isAlone
      ? {
          verdict: 'unknown' as const,
          sentence: `its status is '${found.status}'; there are no sessions beside it, so whether they have rows is not known`,
        }
      : judgeBackfill(found, nowSeconds, isOwnerAlive)
    // What no Codex reads is no reason to complain.
    const missing = found.failedCount + found.leftCount - found.olderCount
    const isIncomplete = missing + found.unreadableFolderCount > 0
    if (isAlone || verdict === 'stale' || isIncomplete) session.fail()
    return {
      ...found,
      verdict,
      sentence,
      leaseAgeSeconds:
        isRunning && found.updatedSeconds !== null ? Math.floor(nowSeconds - found.updatedSeconds) : null,
      isOwnerAlive,
      database: (state?.connection ?? threads?.connection)?.path ?? null,
    }
  },
  async write(row, flags, session) {
    const { io } = session
    const palette = io.stdout.isTerminal ? await loadPalette(resolveColor(flags.color, io)) : undefined
    const isAllSeen = row.unreadableFolderCount === 0 && row.fileCount > 0
    const isAllWell = row.verdict === 'complete' && isAllSeen && row.doneCount === row.fileCount
    if (io.stdout.isTerminal && isAllWell) {
      const index = row.database === null ? '' : ` (${basename(row.database)})`
      io.stdout.write(
        cleanLine(
          `${row.fileCount === 1 ? 'The one session file is' : `All ${formatCount(row.fileCount)} session files are`} in the index${index}.`,
        ),
      )
      io.stdout.write('\n')
      return
    }
    await writeRecord(STATUS_KIND, row, flags, session)
    if (!io.stdout.isTerminal) return
    const { doneCount, fileCount } = row
    const filled = fileCount === 0 ? BAR_CELLS : Math.floor((doneCount / fileCount) * BAR_CELLS)
    const bar = `${paint(palette, 'good', '█'.repeat(filled))}${'░'.repeat(BAR_CELLS - filled)}`
    io.stdout.write(`${bar} ${doneCount} of ${fileCount} rollouts\n`)
  },
})
