import { basename, relative } from 'node:path'
import { cleanLine } from '../../format/clean.js'
import type { RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { formatCount, formatPlural } from '../../format/quantity.js'
import {
  type BackfillReport,
  describeUnindexed,
  judgeBackfill,
  readBackfillStatus,
} from '../../inspect/backfill-status.js'
import { findHolders } from '../../inspect/holders.js'
import { readRolloutTitle } from '../../inspect/rollout-head.js'
import { SHORT_ID_LENGTH, shortenId } from '../../model/uuid.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineRecordCommand } from '../records.js'
import { writeRecord } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { requireDatabases, type Session } from './session.js'

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
  examples: ['backfill status'],
  kind: STATUS_KIND,
  tables: ['backfill_state', 'threads'],
  exitsWith1: 'a backfill was interrupted, or a rollout has no row',
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
    if (!io.stdout.isTerminal) return writeRecord(STATUS_KIND, row, flags, session)
    const unindexedCount = row.failedCount + row.leftCount
    const isAllSeen = row.unreadableFolderCount === 0 && row.fileCount > 0
    const isStateless = row.status === null && !row.hasState
    if ((row.verdict === 'complete' || isStateless) && isAllSeen && unindexedCount === 0) {
      const files =
        row.fileCount === 1
          ? 'The one session file is'
          : `All ${formatCount(row.fileCount)} session files are`
      io.stdout.write(`${files} ${cleanLine(inIndex(row))}.\n`)
      return
    }
    const isAtRest = row.verdict === 'complete' || row.verdict === 'complete but unindexed'
    if (isAtRest && isAllSeen) return writeUnindexed(row, unindexedCount, flags, session)
    await writeRecord(STATUS_KIND, row, flags, session)
    const palette = await loadPalette(resolveColor(flags.color, io))
    const { doneCount, fileCount } = row
    const filled = fileCount === 0 ? BAR_CELLS : Math.floor((doneCount / fileCount) * BAR_CELLS)
    const bar = `${paint(palette, 'good', '█'.repeat(filled))}${'░'.repeat(BAR_CELLS - filled)}`
    io.stdout.write(`${bar} ${doneCount} of ${formatPlural(fileCount, 'rollout')}\n`)
  },
})

function inIndex({ database }: StatusRow): string {
  return `in the index${database === null ? '' : ` (${basename(database)})`}`
}

/** Which files have no row, and how they get one. */
async function writeUnindexed(
  row: StatusRow,
  unindexedCount: number,
  flags: OutputFlags,
  session: Session,
): Promise<void> {
  const { io, codexHome } = session
  const { cutToWidth, prepareCell, wrapWords } = await import('../../format/table.js')
  const palette = await loadPalette(resolveColor(flags.color ?? 'auto', io))
  const width = io.stdout.columns ?? 100
  const have = unindexedCount === 1 ? 'has' : 'have'
  const head = `${formatCount(unindexedCount)} of ${formatPlural(row.fileCount, 'session file')} ${have} no row ${inIndex(row)}; ${describeUnindexed(row)}.`
  io.stdout.write(`${wrapWords(cleanLine(head), width).join('\n')}\n`)
  for (const { path, threadId, content } of row.unindexed) {
    const title =
      content === 'usable'
        ? (threadId && session.names().get(threadId)) || (await readRolloutTitle(path)) || ''
        : content
    const id = shortenId(threadId ?? '').padEnd(SHORT_ID_LENGTH)
    io.stdout.write(`  ${cutToWidth(`${id}  ${prepareCell(title)}`, width - 2)}\n`)
    io.stdout.write(`    ${paint(palette, 'faint', cleanLine(relative(codexHome, path)))}\n`)
  }
  const moreCount = unindexedCount - row.unindexed.length
  if (moreCount > 0) io.stdout.write(`  and ${formatCount(moreCount)} older\n`)
  if (row.unindexed.some(({ content }) => content === 'usable')) {
    io.stdout.write('Put back what Codex can read:  codex-state backfill run --dry-run\n')
  }
}
