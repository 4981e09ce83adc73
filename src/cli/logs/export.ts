import { lendFiles } from '../../db/held-files.js'
import { StateError } from '../../errors.js'
import { formatBytes, formatPlural } from '../../format/quantity.js'
import type { LogFilter } from '../../model/log.js'
import { START } from '../../query/logs/place.js'
import type { LogStore } from '../../query/logs/store.js'
import { createFinalFile, type FinalFile } from '../../share/export/final-file.js'
import { defineTextCommand } from '../command.js'
import { onFlag, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { Io, OutputStream } from '../io.js'
import { startRedaction } from '../redact.js'
import { withSession } from '../state/session.js'
import type { ExportAnswer, ExportWorkerData } from './export-worker.js'
import { INITIAL_LOGS_FLAGS, LOG_FILTER_FLAGS } from './flags.js'
import { openFilteredLogs } from './open-logs.js'
import { resolveOutput } from './output.js'
import { printSelected } from './select.js'

const FORMATS = ['ndjson', 'csv', 'parquet'] as const

export const command = defineTextCommand({
  flags: {
    output: textFlag('<file>', 'the file to write: its ending says how, .ndjson, .csv or .parquet', {
      short: 'o',
      completes: { kind: 'files' },
    }),
    shareable: onFlag('replace secrets, home folders and names, as --redact does (not in .parquet)'),
    ...LOG_FILTER_FLAGS,
    ...HOME_FLAGS,
  },
  tables: ['logs'],
  notes: `The file has its name when it is whole, and not before; one that had the name is replaced. In Parquet the instant is in
nanoseconds, in row groups of 5,000 rows, compressed by Snappy.`,
  async run({ io, program }, { output, shareable, ...filters }) {
    const format = FORMATS.find((ending) => output?.toLowerCase().endsWith(`.${ending}`))
    if (output === undefined || format === undefined) {
      throw new StateError(
        'USAGE',
        output === undefined ? 'missing option: -o <file>' : `no format is known for ${output}`,
        {
          hint: `The file ends in ${FORMATS.map((ending) => `.${ending}`).join(', ')}.`,
        },
      )
    }
    if (shareable && format === 'parquet') {
      throw new StateError(
        'USAGE',
        '--shareable goes with .ndjson and .csv: values of Parquet are not redacted',
      )
    }
    // Before anything is written: what is interrupted leaves nothing.
    const signal = io.interruption()
    const file = createFinalFile(output)
    try {
      await withSession({ io, program }, filters, async (session) => {
        const opened = await openFilteredLogs(filters, session)
        if (format === 'parquet') await exportParquet(opened, { file, path: output, io, signal })
        else await exportText(format, opened, { file, io, signal, isShareable: shareable === true })
        return 0
      })
      file.commit()
      if (io.stderr.isTerminal) io.stderr.write(`${formatBytes(file.sizeBytes)} in ${output}\n`)
      return 0
    } finally {
      file.discard()
    }
  },
})

interface Opened {
  readonly store: LogStore
  readonly filter: LogFilter
}

interface Target {
  readonly file: FinalFile
  readonly io: Io
  readonly signal: AbortSignal
}

async function exportText(
  format: 'ndjson' | 'csv',
  { store, filter }: Opened,
  { file, io, signal, isShareable }: Target & { isShareable: boolean },
): Promise<void> {
  const stdout: OutputStream = isShareable
    ? startRedaction(io).streamTo(file.descriptor)
    : {
        isTerminal: false,
        columns: undefined,
        write: (chunk) => file.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk),
      }
  const inFile: Io = Object.create(io, { stdout: { value: stdout } })
  const flags = { ...INITIAL_LOGS_FLAGS, format: format === 'csv' ? ('csv' as const) : ('json' as const) }
  const output = await resolveOutput(flags, filter, inFile)
  stdout.write(output.header)
  const selection = { limit: Number.POSITIVE_INFINITY, isReversed: false }
  const readings = [{ store, ...START }]
  for await (const _ of printSelected(readings, filter, selection, output, inFile)) {
    // Lets the signals in.
    await new Promise((resolve) => setImmediate(resolve))
    if (signal.aborted) throw interrupted(signal)
  }
  stdout.write(output.formatter.flush())
  await stdout.end?.()
}

function interrupted(signal: AbortSignal): StateError {
  return new StateError('ABORTED', 'interrupted: no file was written', { cause: signal.reason })
}

/** Measured: without them the heap grows to three times as much before anything is collected. */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

function exportParquet(
  { store, filter }: Opened,
  { file, path, io, signal }: Target & { path: string },
): Promise<number> {
  const { startWorker } = io
  if (!startWorker) throw new StateError('USAGE', 'Parquet needs the program as it is built')
  const data: ExportWorkerData = {
    file: store.file,
    filter,
    descriptor: file.descriptor,
    path,
    lent: lendFiles(),
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
