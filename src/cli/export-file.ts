import { resolve } from 'node:path'
import { StateError } from '../errors.js'
import { formatBytes } from '../format/quantity.js'
import { createFinalFile, type FinalFile } from '../share/export/final-file.js'
import { onFlag, textFlag } from './flags.js'
import type { Io, OutputStream } from './io.js'
import { startRedaction } from './redact.js'

const EXPORT_FORMATS = ['ndjson', 'csv', 'parquet'] as const

export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Of every command that writes records to a file. */
export const EXPORT_FLAGS = {
  output: textFlag('<file>', 'the file to write: its ending says how, .ndjson, .csv or .parquet', {
    short: 'o',
    completes: { kind: 'files' },
  }),
  shareable: onFlag('replace secrets, home folders and names, as --redact does'),
}

export interface ExportTarget {
  readonly format: ExportFormat
  readonly file: FinalFile
  readonly path: string
  readonly signal: AbortSignal
  readonly isShareable: boolean
  /** Of the text formats: what is written to it is redacted where that is asked for, and has to be ended. */
  openText(): OutputStream
}

/**
 * Gives a file to write to, which has its name when the work is done, and not before.
 *
 * @throws {StateError} `USAGE`, and what the work throws
 */
export async function writeExport(
  { output, shareable }: { output: string | undefined; shareable: true | undefined },
  io: Io,
  work: (target: ExportTarget) => Promise<unknown>,
): Promise<void> {
  const format = EXPORT_FORMATS.find((ending) => output?.toLowerCase().endsWith(`.${ending}`))
  if (output === undefined || format === undefined) {
    throw new StateError(
      'USAGE',
      output === undefined ? 'missing option: -o <file>' : `no format is known for ${output}`,
      { hint: `The file ends in ${EXPORT_FORMATS.map((ending) => `.${ending}`).join(', ')}.` },
    )
  }
  // Before anything is written: what is interrupted leaves nothing.
  const signal = io.interruption()
  const file = createFinalFile(resolve(io.workingFolder, output))
  try {
    const openText = (): OutputStream =>
      shareable
        ? startRedaction(io).streamTo(file.descriptor)
        : {
            isTerminal: false,
            columns: undefined,
            write: (chunk) => file.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk),
          }
    await work({ format, file, path: output, signal, isShareable: shareable === true, openText })
    file.commit()
    if (io.stderr.isTerminal) io.stderr.write(`${formatBytes(file.sizeBytes)} in ${output}\n`)
  } finally {
    file.discard()
  }
}

/** @throws {StateError} `ABORTED` when the program was asked to end */
export async function checkInterrupted(signal: AbortSignal): Promise<void> {
  // Lets the signals in.
  await new Promise((resolve) => setImmediate(resolve))
  if (signal.aborted) throw interrupted(signal)
}

export function interrupted(signal: AbortSignal): StateError {
  return new StateError('ABORTED', 'interrupted: no file was written', { cause: signal.reason })
}
