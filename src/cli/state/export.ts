import { StateError } from '../../errors.js'
import { formatCsvLine } from '../../format/csv.js'
import {
  type Field,
  type FieldKind,
  formatJsonRow,
  formatValue,
  isPossibleTime,
} from '../../format/fields.js'
import { findHolders } from '../../inspect/holders.js'
import { TOKEN_GROUPS } from '../../model/inspection.js'
import type { Turn } from '../../model/turn.js'
import { chooseSort, readThreads } from '../../query/threads/list.js'
import { indexRollouts, type LocatedRollout, locateRollout, type RolloutIndex } from '../../rollout/locate.js'
import { readTurns } from '../../rollout/turns.js'
import { createParquetFile, type ParquetColumn, type ParquetType } from '../../share/export/parquet.js'
import { type AnyKind, defineTextCommand } from '../command.js'
import { checkInterrupted, EXPORT_FLAGS, type ExportTarget, writeExport } from '../export-file.js'
import { choiceArgument, choicesFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { ListedRecords } from '../records.js'
import { type RedactionThread, startRedaction } from '../redact.js'
import { type Session, withSession } from './session.js'
import { isRecentRollout, tellProblems } from './thread-rollout.js'
import { TURN_KIND, withRolledBack } from './threads-turns.js'

const SUBJECTS = ['threads', 'tokens', 'turns'] as const

export const command = defineTextCommand({
  examples: ['export threads -o threads.parquet', 'export tokens --by day,model -o tokens.csv'],
  args: { what: choiceArgument(SUBJECTS, { text: 'which records', plural: 'Records' }) },
  flags: {
    ...EXPORT_FLAGS,
    by: choicesFlag('<what>', TOKEN_GROUPS, 'of tokens: sums by one or two of these, as tokens list --by'),
    ...HOME_FLAGS,
  },
  tables: ['threads'],
  notes: `All fields that 'threads list', 'tokens list' and 'threads turns' know, of all threads of the home, archived ones too,
and turns that were rolled back (rolled_back). The file has its name when it is whole, and not before; one that had the name is replaced. In Parquet numbers are 64-bit integers and
times instants, UTC.`,
  exitsWith1: 'not all could be read; the file has the rest',
  async run(context, { output, shareable, by, ...home }, { what }) {
    if (by && what !== 'tokens') throw new StateError('USAGE', '--by goes with tokens')
    let exitCode = 0
    await writeExport({ output, shareable }, context.io, (target) =>
      withSession(context, home, async (session) => {
        await writeList(await readSubject(what, { by, session, signal: target.signal }), target, session)
        exitCode = session.exitCode()
      }),
    )
    return exitCode
  },
})

interface Question {
  readonly by: readonly string[] | undefined
  readonly session: Session
  readonly signal: AbortSignal
}

async function readSubject(
  what: (typeof SUBJECTS)[number],
  { by, session, signal }: Question,
): Promise<ListedRecords> {
  switch (what) {
    case 'threads': {
      const { command: list } = await import('./threads-list.js')
      const { THREAD_FIELDS } = await import('../../format/thread-fields.js')
      const fields = THREAD_FIELDS.map(({ name }) => name).join(',')
      return list.readList(session, { fields })
    }
    case 'tokens': {
      const { command: list } = await import('./tokens-list.js')
      return list.readList(session, { by })
    }
    case 'turns':
      return { kind: THREAD_TURN_KIND, pages: readAllTurns(session, signal) }
    default:
      return what satisfies never
  }
}

interface ThreadTurn {
  readonly threadId: string
  readonly turn: Turn
}

const THREAD_TURN_KIND: AnyKind = {
  noun: 'turn',
  fields: [
    { name: 'thread_id', kind: 'id', value: ({ threadId }: ThreadTurn) => threadId },
    ...TURN_KIND.fields.map(({ name, kind, value }) => ({
      name,
      kind,
      value: ({ turn }: ThreadTurn) => value(turn),
    })),
  ],
  shown: [],
  nameOf: ({ turn }: ThreadTurn) => turn.id,
}

/** Thread by thread, as `threads turns` reads each; a thread that cannot be read is told. */
async function* readAllTurns(session: Session, signal: AbortSignal): AsyncGenerator<ThreadTurn[]> {
  const { codexHome } = session
  const index = await indexRollouts(codexHome, { signal })
  for (const { path, reason } of index.unreadable) {
    session.notice(`${path} cannot be read: ${reason}`)
    session.fail()
  }
  const rollouts: { id: string; rollout: LocatedRollout }[] = []
  for (const [id, recordedPath] of listThreads(session, index)) {
    const rollout = await locateRollout({
      codexHome,
      id,
      recordedPath,
      index: async () => index,
      onProblem: (problem) => {
        if (problem.kind === 'unreadable') session.notice(problem.reason)
      },
    })
    if (rollout) rollouts.push({ id, rollout })
  }
  const held = new Set(
    findHolders(rollouts.map(({ rollout: { path } }) => ({ path }))).holders.map(({ database }) => database),
  )
  for (const { id, rollout } of rollouts) {
    const hasWriter = held.has(rollout.path) || isRecentRollout(rollout, session.nowMs)
    try {
      const read = await readTurns(rollout.path, { detail: 'summary', hasWriter, signal })
      tellProblems(read, session)
      yield withRolledBack(read).map((turn) => ({ threadId: id, turn }))
    } catch (error) {
      if (!(error instanceof StateError) || error.code === 'ABORTED') throw error
      session.notice(error.message)
      session.fail()
    }
  }
}

/** Of rows and of rollouts without one: where the row says that the rollout is. */
function listThreads(session: Session, { byThread }: RolloutIndex): Map<string, string | undefined> {
  const paths = new Map<string, string | undefined>()
  const threads = session.tryOpenThreads()
  if (!threads && byThread.size === 0) session.openThreads()
  for (const page of threads ? readThreads(threads, {}, chooseSort(threads), { selected: SELECTED }) : [])
    for (const { thread } of page) paths.set(thread.id, thread.rolloutPath)
  for (const id of byThread.keys()) if (!paths.has(id)) paths.set(id, undefined)
  return paths
}

const SELECTED = new Set(['id', 'rolloutPath', 'isArchived'] as const)

async function writeList(
  { kind, pages }: ListedRecords,
  target: ExportTarget,
  session: Session,
): Promise<void> {
  const write =
    target.format === 'parquet' ? openParquet(kind, target, session) : openText(kind, target, session)
  for await (const page of pages) {
    if ('bytes' in page) continue
    await write.add(page)
    await checkInterrupted(target.signal)
  }
  await write.finish()
}

interface RowWriter {
  add(rows: readonly unknown[]): Promise<void> | void
  finish(): Promise<void> | void
}

function openText(kind: AnyKind, { format, openText }: ExportTarget, { notice }: Session): RowWriter {
  const stdout = openText()
  const { fields } = kind
  if (format === 'csv') stdout.write(formatCsvLine(fields.map(({ name }) => name)))
  return {
    add(rows) {
      for (const row of rows) {
        stdout.write(
          format === 'csv'
            ? formatCsvLine(fields.map((field) => formatValue(kind, field, row, notice)))
            : `${formatJsonRow(kind, fields, row, notice)}\n`,
        )
      }
    },
    finish: () => stdout.end?.(),
  }
}

const PARQUET_TYPES: Record<FieldKind, ParquetType> = {
  text: 'text',
  path: 'text',
  id: 'text',
  json: 'text',
  wordOrJson: 'text',
  number: 'integer',
  bytes: 'integer',
  flag: 'boolean',
  time: 'timestamp',
}

function openParquet(kind: AnyKind, { file, isShareable }: ExportTarget, { io, notice }: Session): RowWriter {
  const { fields } = kind
  const columns = fields.map((field, index): ParquetColumn<readonly unknown[]> => {
    const type = PARQUET_TYPES[field.kind]
    return { name: field.name, type, isLong: type === 'text', of: (values) => values[index] }
  })
  const parquet = createParquetFile(file, columns)
  const redaction = isShareable ? startRedaction(io) : undefined
  const valuesOf = (row: unknown) =>
    fields.map((field) => (field.kind === 'time' ? instantOf(kind, field, row, notice) : field.value(row)))
  return {
    async add(rows) {
      const values = rows.map(valuesOf)
      if (redaction) await redactValues(values, redaction)
      for (const row of values) parquet.add(row)
    },
    finish: () => parquet.finish(),
  }
}

async function redactValues(rows: readonly unknown[][], { redactTexts }: RedactionThread): Promise<void> {
  const places = rows.flatMap((values) =>
    values.flatMap((value, index) => (typeof value === 'string' ? [{ values, index, text: value }] : [])),
  )
  const redacted = await redactTexts(places.map(({ text }) => text))
  for (const [at, { values, index }] of places.entries()) values[index] = redacted[at]
}

/** Nanoseconds; what is no possible time is none here, and told. */
function instantOf(
  kind: AnyKind,
  field: Field<unknown>,
  row: unknown,
  onProblem: (text: string) => void,
): bigint | null {
  const value = field.value(row)
  if (value === null || value === undefined) return null
  const ms = Number(value)
  if (!isPossibleTime(ms) || Math.abs(ms) > LAST_NANOS_MS) {
    onProblem(`${kind.noun} ${kind.nameOf(row)}: ${field.name} is not a valid time; it is left empty`)
    return null
  }
  return BigInt(Math.trunc(ms)) * 1_000_000n + BigInt(Math.round((ms % 1) * 1e6))
}

/** 64 bits of nanoseconds end in the year 2262. */
const LAST_NANOS_MS = 9_223_372_036_000
