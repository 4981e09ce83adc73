import { resolve } from 'node:path'
import { StateError } from '../../errors.js'
import { findThread } from '../../query/threads/find.js'
import { createFinalFolder } from '../../share/bundle.js'
import { type BundleContents, formatBundleContents, formatBundleReadme } from '../../share/bundle-text.js'
import { defineTextCommand } from '../command.js'
import { offFlag, onFlag, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import { EXIT_FAILED } from '../main.js'
import { startRedaction } from '../redact.js'
import { type Session, withSession } from '../state/session.js'
import { requireThread, THREAD_ARGUMENT } from '../state/thread-argument.js'
import { VERSION } from '../version.js'
import { PARTS, type Part, ROLLOUT, type Subject } from './bundle-parts.js'
import { DRY_TARGET, type LeftOut, type WrittenPart, writePart } from './bundle-write.js'
import { openLogs, requireThreadOfLogs } from './open-logs.js'

export const command = defineTextCommand({
  examples: ['bundle last -o report.zip --dry-run'],
  args: { thread: THREAD_ARGUMENT },
  flags: {
    output: textFlag(
      '<path>',
      'what to write: a file that ends in .zip, or a folder that does not exist yet',
      {
        short: 'o',
        completes: { kind: 'files' },
      },
    ),
    withRollout: onFlag('with the rollout of the thread: all that was said and done in it'),
    dryRun: onFlag('write nothing, print what would be in it and what not'),
    redact: offFlag('leave secrets, home folders and names in it'),
    ...HOME_FLAGS,
  },
  tables: ['logs', 'threads'],
  notes: `Gathers what somebody needs to look into a problem with one thread, and nothing of other threads: its log rows and those
that its processes wrote outside of threads, its row, its turns, and what 'where', 'verify' and 'schema' say of the home.
Secrets, home folders and names are replaced as --redact does, the same value by the same placeholder in all files: by rules,
which cannot know every secret, so look into it before you give it away. Nothing is sent anywhere.`,
  exitsWith1: 'a part could not be read as a whole',
  async run({ io, program }, { output, withRollout, dryRun, redact, ...home }, { thread }) {
    if (output === undefined && !dryRun) {
      throw new StateError('USAGE', 'missing option: -o <path>', {
        hint: 'Name a file that ends in .zip, or a folder; --dry-run prints what would be in it.',
      })
    }
    const signal = io.interruption()
    const subject = await withSession({ io, program }, home, (session) => describeSubject(thread, session))
    const target =
      dryRun || output === undefined
        ? DRY_TARGET
        : createFinalFolder(resolve(io.workingFolder, output), { modifiedAtMs: io.now() })
    const redaction = redact ? startRedaction(io) : undefined
    const parts = [...PARTS, ...(withRollout ? [ROLLOUT] : [])]
    const written: WrittenPart[] = []
    const left: LeftOut[] = withRollout ? [] : [ROLLOUT_NOT_ASKED]
    try {
      for (const part of parts) {
        if (io.stderr.isTerminal) io.stderr.write(`\r\x1b[K${part.file} …`)
        const result = await writePart(part, { io, program, home, redaction, subject, target })
        if (io.stderr.isTerminal) io.stderr.write('\r\x1b[K')
        if (signal.aborted) {
          throw new StateError('ABORTED', 'interrupted: nothing was written', { cause: signal.reason })
        }
        if ('sizeBytes' in result) written.push(result)
        else left.push(result)
      }
      if (!written.some(({ isOfThread }) => isOfThread)) {
        throw new StateError('NOT_FOUND', `nothing was found of thread ${subject.id}`, {
          hint: left.map(({ file, reason }) => `${file}: ${reason}`).join('; '),
        })
      }
      const contents: BundleContents = {
        subject,
        written,
        left,
        counts: redaction?.counts(),
        isRedacted: redact,
        version: VERSION,
      }
      const readme: Part = {
        file: 'README.md',
        holds: 'what is in it',
        isOfThread: false,
        write: async (_, { stdout }) => stdout.write(formatBundleReadme(contents)),
      }
      await writePart(readme, { io, program, home, redaction, subject, target })
      target.commit([readme, ...written].map(({ file }) => file))
      io.stdout.write(formatBundleContents(contents))
      if (dryRun) io.stdout.write('\nNothing was written.\n')
      else io.stdout.write(`\nWritten to ${output}\n`)
      return [...written, ...left].some(({ isFailure }) => isFailure) ? EXIT_FAILED : 0
    } finally {
      target.discard()
    }
  },
})

async function describeSubject(typed: string, session: Session): Promise<Subject> {
  const logs = await tryOpen(() => openLogs(session))
  const { id } = logs ? await requireThreadOfLogs(typed, logs, session) : await requireThread(typed, session)
  const threads = await tryOpen(() => session.tryOpenThreads())
  const row = threads && findThread(threads, id)
  return { id, cliVersion: row?.cliVersion || undefined }
}

/** What cannot be opened is told of the part that needs it. */
async function tryOpen<Opened>(open: () => Promise<Opened> | Opened): Promise<Opened | undefined> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
}

/** Said each time, so that nobody believes that the talk is in it. */
const ROLLOUT_NOT_ASKED: LeftOut = {
  file: ROLLOUT.file,
  reason: 'not asked for (--with-rollout)',
  isFailure: false,
}
