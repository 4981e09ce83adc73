import { closeSync, fstatSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { StateError } from '../../errors.js'
import { cleanMessage } from '../../format/clean.js'
import type { FinalFolder } from '../../share/bundle.js'
import type { CommandContext } from '../command.js'
import type { HomeFlags } from '../home-flags.js'
import { type Io, type OutputStream, writeFully } from '../io.js'
import type { RedactionThread } from '../redact.js'
import type { Part, Subject } from './bundle-parts.js'

export interface WrittenPart extends Pick<Part, 'file' | 'holds' | 'isOfThread'> {
  readonly sizeBytes: number
  /** What the command said of it. */
  readonly notices: readonly string[]
  readonly isFailure: boolean
}

export interface LeftOut {
  readonly file: string
  readonly reason: string
  /** It is there, and could not be read. */
  readonly isFailure: boolean
}

/** Where the parts go. */
type Target = FinalFolder

/** Everything is read and redacted, and kept nowhere. */
export const DRY_TARGET: Target = {
  openPart: () => openSync(devNull, 'w'),
  commit() {},
  discard() {},
}

interface WriteOptions extends CommandContext {
  readonly home: HomeFlags
  readonly redaction: RedactionThread | undefined
  readonly subject: Subject
  readonly target: Target
}

/** Writes one file of the bundle, redacted where that is asked for, and gathers what is said meanwhile. */
export async function writePart(part: Part, options: WriteOptions): Promise<WrittenPart | LeftOut> {
  const { io, program, home, redaction, subject, target } = options
  const { file, holds, isOfThread } = part
  const notices: string[] = []
  const descriptor = target.openPart(file)
  let readBytes = 0
  let failure: StateError | undefined
  try {
    const redacted = redaction?.streamTo(descriptor)
    const stdout: OutputStream = {
      isTerminal: false,
      columns: undefined,
      write(chunk) {
        const bytes = Buffer.from(chunk as Uint8Array)
        readBytes += bytes.length
        if (redacted) redacted.write(bytes)
        else writeFully(descriptor, bytes)
      },
    }
    const stderr: OutputStream = {
      isTerminal: false,
      columns: undefined,
      // The file that it is about is named instead of the program.
      write: (chunk) =>
        void notices.push(
          ...textOf(chunk)
            .trimEnd()
            .split('\n')
            .map((line) => line.replace(`${program.name}: `, '')),
        ),
    }
    const inFile: Io = Object.create(io, { stdout: { value: stdout }, stderr: { value: stderr } })
    try {
      await part.write(subject, { home, stdout, context: { io: inFile, program } })
    } catch (error) {
      // The output is what all parts go to.
      if (!(error instanceof StateError) || error.code === 'OUTPUT' || error.code === 'USAGE') throw error
      failure = error
    }
    await redacted?.end?.()
    const isAbsent = failure !== undefined && ABSENT.has(failure.code)
    if (readBytes <= EMPTY_BYTES) {
      const reason = failure?.message ?? 'nothing of it is there'
      return { file, reason: cleanMessage(reason), isFailure: failure !== undefined && !isAbsent }
    }
    if (failure) notices.push(`cut short: ${failure.message}`)
    const sizeBytes = target === DRY_TARGET ? readBytes : fstatSync(descriptor).size
    return { file, holds, isOfThread, sizeBytes, notices, isFailure: failure !== undefined }
  } finally {
    closeSync(descriptor)
  }
}

function textOf(chunk: string | Uint8Array): string {
  return typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
}

/** `[]` or `null` with its line end: an answer without anything in it. */
const EMPTY_BYTES = 5

/** What is not there was not lost on the way. */
const ABSENT: ReadonlySet<string> = new Set(['NOT_FOUND', 'DB_NOT_FOUND', 'DB_NO_TABLE'])
