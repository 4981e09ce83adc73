import { closeSync, fstatSync, openSync } from 'node:fs'
import { arch, devNull, platform, release } from 'node:os'
import { StateError } from '../../errors.js'
import { cleanMessage } from '../../format/clean.js'
import { formatBytes, formatPlural } from '../../format/quantity.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { findThread } from '../../query/threads/find.js'
import { readRolloutHead } from '../../rollout/lineage.js'
import { readRolloutChunks, resolveRolloutFile } from '../../rollout/read.js'
import { createFinalFolder } from '../../share/bundle.js'
import { REDACTION_KINDS } from '../../share/redact.js'
import { type Command, type CommandContext, defineTextCommand } from '../command.js'
import { offFlag, onFlag, textFlag } from '../flags.js'
import { HOME_FLAGS, type HomeFlags } from '../home-flags.js'
import { type Io, type OutputStream, writeFully } from '../io.js'
import { EXIT_FAILED } from '../main.js'
import { parseLine } from '../parse.js'
import { type RedactionThread, startRedaction } from '../redact.js'
import type { RedactionCounts } from '../redact-thread.js'
import { type Session, withSession } from '../state/session.js'
import { requireThread, THREAD_ARGUMENT } from '../state/thread-argument.js'
import { VERSION } from '../version.js'
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
      dryRun || output === undefined ? DRY_TARGET : createFinalFolder(output, { modifiedAtMs: io.now() })
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
      if (!written.some(({ part }) => part.isOfThread)) {
        throw new StateError('NOT_FOUND', `nothing was found of thread ${subject.id}`, {
          hint: left.map(({ file, reason }) => `${file}: ${reason}`).join('; '),
        })
      }
      const contents: Contents = { subject, written, left, counts: redaction?.counts(), isRedacted: redact }
      const readme: Part = {
        file: 'README.md',
        holds: 'what is in it',
        isOfThread: false,
        write: async (_, { stdout }) => stdout.write(formatReadme(contents)),
      }
      await writePart(readme, { io, program, home, redaction, subject, target })
      target.commit([readme, ...written].map(({ file }) => file))
      io.stdout.write(formatContents(contents))
      if (dryRun) io.stdout.write('\nNothing was written.\n')
      else io.stdout.write(`\nWritten to ${output}\n`)
      return [...written, ...left].some(({ isFailure }) => isFailure) ? EXIT_FAILED : 0
    } finally {
      target.discard()
    }
  },
})

/** What the bundle is about. */
interface Subject {
  readonly id: string
  /** The release that the thread was begun with; `undefined` where no row says so. */
  readonly cliVersion: string | undefined
}

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

/** One file of a bundle. */
interface Part {
  readonly file: string
  /** What it holds, for a person. */
  readonly holds: string
  /** Whether it says anything of the thread itself. */
  readonly isOfThread: boolean
  write(subject: Subject, context: PartContext): Promise<unknown>
}

interface PartContext {
  readonly home: HomeFlags
  readonly stdout: OutputStream
  /** With `stdout`, and `stderr` gathered as notices. */
  readonly context: CommandContext
}

/** What a command prints. */
function printedPart(
  file: string,
  holds: string,
  load: () => Promise<{ readonly command: Command }>,
  argvOf: (id: string) => readonly string[],
  isOfThread = true,
): Part {
  return {
    file,
    holds,
    isOfThread,
    async write({ id }, { context, home }) {
      const { command } = await load()
      const place = [
        ...(home.codexHome === undefined ? [] : ['--codex-home', home.codexHome]),
        ...(home.db === undefined ? [] : ['--db', home.db]),
      ]
      const { flags, words } = parseLine(command.flags, [...argvOf(id), ...place])
      await command.run(context, flags, words)
    },
  }
}

const PARTS: readonly Part[] = [
  printedPart(
    'rows.ndjson',
    'its log rows, and what its processes wrote outside of threads (codex-logs query --json)',
    () => import('./query.js'),
    (id) => ['--json', '--thread-id', id, '--with-process'],
  ),
  printedPart(
    'log-turns.json',
    'its turns in time, by the log and the rollout (codex-logs turns)',
    () => import('./turns.js'),
    (id) => [id, '--json'],
  ),
  printedPart(
    'thread.json',
    'its row, and where it leaves data (codex-state threads show)',
    () => import('../state/threads-show.js'),
    (id) => [id, '--json'],
  ),
  printedPart(
    'turns.json',
    'its turns by the rollout: outcome, calls, tokens (codex-state threads turns)',
    () => import('../state/threads-turns.js'),
    (id) => [id, '--json'],
  ),
  printedPart(
    'where.json',
    'the databases of the home (codex-state where)',
    () => import('../where.js'),
    () => ['--json'],
    false,
  ),
  printedPart(
    'schema.json',
    'their migrations (codex-state schema)',
    () => import('../state/schema.js'),
    () => ['--json'],
    false,
  ),
  printedPart(
    'verify.json',
    'whether they are sound (codex-state verify)',
    () => import('../state/verify.js'),
    () => ['--json'],
    false,
  ),
  {
    file: 'versions.json',
    holds: 'versions of what wrote this, and of Codex as far as it is known',
    isOfThread: false,
    async write({ cliVersion }, { stdout }) {
      const versions = {
        codex_of_thread: cliVersion ?? null,
        codex_state: VERSION,
        node: process.versions.node,
        platform: platform(),
        arch: arch(),
        os_release: release(),
      }
      stdout.write(`${JSON.stringify(versions, null, 2)}\n`)
    },
  },
]

const ROLLOUT: Part = {
  file: 'rollout.jsonl',
  holds: 'the rollout of the thread: all that was said and done in it',
  isOfThread: true,
  write({ id }, { context, home, stdout }) {
    return withSession(context, home, async (session) => {
      const threads = session.tryOpenThreads()
      const row = threads && findThread(threads, id)
      const { rollout } = await findRollout(session.codexHome, { id, thread: row }, session.notice)
      if (!rollout) throw new StateError('NOT_FOUND', 'the thread has no rollout file')
      for await (const chunk of readRolloutChunks(rollout)) stdout.write(chunk)
      const { head } = await readRolloutHead(resolveRolloutFile(rollout.path))
      if (head.base !== null) {
        session.notice(
          `it continues rollout ${head.base.rolloutId}: what was said before that point is not in the file`,
        )
      }
    })
  },
}

interface LeftOut {
  readonly file: string
  readonly reason: string
  /** It is there, and could not be read. */
  readonly isFailure: boolean
}

/** Said each time, so that nobody believes that the talk is in it. */
const ROLLOUT_NOT_ASKED: LeftOut = {
  file: ROLLOUT.file,
  reason: 'not asked for (--with-rollout)',
  isFailure: false,
}

interface WrittenPart {
  readonly part: Part
  readonly file: string
  readonly sizeBytes: number
  /** What the command said of it. */
  readonly notices: readonly string[]
  readonly isFailure: boolean
}

type Target = Pick<ReturnType<typeof createFinalFolder>, 'openPart' | 'commit' | 'discard'>

/** Everything is read and redacted, and kept nowhere. */
const DRY_TARGET: Target = {
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

async function writePart(part: Part, options: WriteOptions): Promise<WrittenPart | LeftOut> {
  const { io, program, home, redaction, subject, target } = options
  const { file } = part
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
    return { part, file, sizeBytes, notices, isFailure: failure !== undefined }
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

interface Contents {
  readonly subject: Subject
  readonly written: readonly WrittenPart[]
  readonly left: readonly LeftOut[]
  readonly counts: RedactionCounts | undefined
  readonly isRedacted: boolean
}

function formatContents(contents: Contents): string {
  const { subject, written, left } = contents
  const widths = {
    file: Math.max(...[...written, ...left].map(({ file }) => file.length)),
    size: Math.max(...written.map(({ sizeBytes }) => formatBytes(sizeBytes).length)),
  }
  const lines = [
    `Thread ${subject.id}`,
    '',
    ...written.map(
      ({ part, file, sizeBytes }) =>
        `${file.padEnd(widths.file)}  ${formatBytes(sizeBytes).padStart(widths.size)}  ${part.holds}`,
    ),
    ...left.map(
      ({ file, reason }) => `${file.padEnd(widths.file)}  ${'-'.padStart(widths.size)}  not in it: ${reason}`,
    ),
    '',
    tellRedaction(contents),
    ...written.flatMap(({ file, notices }) => notices.map((text) => `${file}: ${text}`)),
  ]
  return `${lines.map(cleanMessage).join('\n')}\n`
}

/** Names of what is replaced, one and many. */
const KIND_NOUNS: Record<(typeof REDACTION_KINDS)[number], string> = {
  secret: 'secret',
  home: 'home folder',
  user: 'user name',
  host: 'host name',
  mail: 'mail address',
  path: 'path of a disk or share',
}

function tellRedaction({ counts, isRedacted }: Contents): string {
  if (!isRedacted) return 'NOT REDACTED: secrets, home folders and names are in it.'
  const parts = REDACTION_KINDS.flatMap((kind) => {
    const count = counts?.[kind] ?? 0
    return count === 0 ? [] : [`${count} ${count === 1 ? KIND_NOUNS[kind] : pluralOf(KIND_NOUNS[kind])}`]
  })
  const found = parts.length === 0 ? 'Nothing was found to be replaced' : `Replaced: ${parts.join(', ')}`
  return `${found}. No rule knows every secret: look into it before you give it away.`
}

function pluralOf(noun: string): string {
  return noun.startsWith('path') ? noun.replace('path', 'paths') : formatPlural(2, noun).replace('2 ', '')
}

function formatReadme(contents: Contents): string {
  const { subject, written, left } = contents
  const notices = written.flatMap(({ file, notices }) =>
    notices.map((text) => `- ${file}: ${cleanMessage(text)}`),
  )
  return `# A thread of Codex

Thread ${subject.id}${subject.cliVersion === undefined ? '' : `, begun with Codex ${subject.cliVersion}`}.
Written by codex-logs ${VERSION} (codex-logs bundle); nothing was sent anywhere.

## What is in it

| file | size | |
| --- | --- | --- |
${written.map(({ part, file, sizeBytes }) => `| ${file} | ${formatBytes(sizeBytes)} | ${part.holds} |`).join('\n')}

## What is not

${left.map(({ file, reason }) => `- ${file}: ${reason}\n`).join('')}- rows and turns of other threads, the databases themselves, auth.json, config.toml, the history of prompts: never

## What was replaced

${tellRedaction(contents)}
Prompts, commands and answers are in it as they are, but for what was replaced: \`[secret:1]\`, \`[home]\`, \`[user:1]\` and the
like stand for the same value in all files.
${notices.length === 0 ? '' : `\n## What was noticed on the way\n\n${notices.join('\n')}\n`}`
}
