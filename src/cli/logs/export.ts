import { lendFiles } from '../../db/held-files.js'
import { StateError } from '../../errors.js'
import { formatPlural } from '../../format/quantity.js'
import type { LogFilter } from '../../model/log.js'
import { START } from '../../query/logs/place.js'
import type { LogStore } from '../../query/logs/store.js'
import { defineTextCommand } from '../command.js'
import {
  checkInterrupted,
  EXPORT_FLAGS,
  type ExportTarget,
  interrupted,
  writeExport,
} from '../export-file.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { Io } from '../io.js'
import { localNames } from '../redact.js'
import { withSession } from '../state/session.js'
import type { ExportAnswer, ExportWorkerData } from './export-worker.js'
import { LOG_FILTER_FLAGS } from './filter-flags.js'
import { INITIAL_LOGS_FLAGS } from './flags.js'
import { openFilteredLogs } from './open-logs.js'
import { resolveOutput } from './output.js'
import { printSelected } from './select.js'

export const command = defineTextCommand({
  examples: ['export -o logs.parquet --since 7d'],
  flags: { ...EXPORT_FLAGS, ...LOG_FILTER_FLAGS, ...HOME_FLAGS },
  tables: ['logs'],
  notes: `The file has its name when it is whole, and not before; one that had the name is replaced. In Parquet the instant is in
nanoseconds, in row groups of 5,000 rows, compressed by Snappy.`,
  async run({ io, program }, { output, shareable, ...filters }) {
    await writeExport({ output, shareable }, io, (target) =>
      withSession({ io, program }, filters, async (session) => {
        const opened = await openFilteredLogs(filters, session)
        if (target.format === 'parquet') await exportParquet(opened, target, io)
        else await exportText(target.format, opened, target, io)
      }),
    )
    return 0
  },
})

interface Opened {
  readonly store: LogStore
  readonly filter: LogFilter
}

async function exportText(
  format: 'ndjson' | 'csv',
  { store, filter }: Opened,
  { openText, signal }: ExportTarget,
  io: Io,
): Promise<void> {
  const stdout = openText()
  const inFile: Io = Object.create(io, { stdout: { value: stdout } })
  const flags = { ...INITIAL_LOGS_FLAGS, format: format === 'csv' ? ('csv' as const) : ('json' as const) }
  const output = await resolveOutput(flags, filter, inFile)
  stdout.write(output.header)
  const selection = { limit: Number.POSITIVE_INFINITY, isReversed: false }
  const readings = [{ store, ...START }]
  for await (const _ of printSelected(readings, filter, selection, output, inFile))
    await checkInterrupted(signal)
  stdout.write(output.formatter.flush())
  await stdout.end?.()
}

/** Measured: without them the heap grows to three times as much before anything is collected. */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

function exportParquet(
  { store, filter }: Opened,
  { file, path, signal, isShareable }: ExportTarget,
  io: Io,
): Promise<number> {
  const { startWorker } = io
  if (!startWorker) throw new StateError('USAGE', 'Parquet needs the program as it is built')
  const data: ExportWorkerData = {
    file: store.file,
    filter,
    descriptor: file.descriptor,
    path,
    lent: lendFiles(),
    names: isShareable ? localNames(io) : undefined,
  }
  const worker = startWorker('export-worker', data, HEAP_LIMITS)
  return new Promise<number>((resolve, reject) => {
    signal.addEventListener('abort', () => {
      void worker.terminate().then(() => reject(interrupted(signal)))
    })
    worker.on('message', (answer: ExportAnswer) => {
      if (answer.kind === 'done') resolve(answer.rowCount)
      else if (answer.kind === 'failed') reject(new StateError(answer.code, answer.message))
      else if (io.stderr.isTerminal) io.stderr.write(`\r\x1b[K${formatPlural(answer.rowCount, 'row')} …`)
    })
    worker.on('error', reject)
  }).finally(() => {
    if (io.stderr.isTerminal) io.stderr.write('\r\x1b[K')
    return worker.terminate()
  })
}
