import { resolve } from 'node:path'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { findHolders } from '../../inspect/holders.js'
import { findLiveness, LONGEST_FLUSH_MS } from '../../inspect/liveness.js'
import type { SyncFailure } from '../../model/sync.js'
import type { ThreadMetadata } from '../../model/thread.js'
import { readLoggedProcesses } from '../../query/logs/processes.js'
import type { DatabaseFile } from '../../schema/files.js'
import { readConfiguredProvider } from '../../schema/home.js'
import { THREAD_COLUMNS } from '../../schema/threads.js'
import { copyDatabase, type DatabaseCopy, listCopies, putBack } from '../../sync/home-copies.js'
import { type HomeChange, openForRepair, type RepairCounts, repairHome } from '../../sync/repair-home.js'
import { attachTarget } from '../../sync/target.js'
import { defineTextCommand } from '../command.js'
import { type FlagValues, onFlag, optionalFlag, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import { EXIT_FAILED } from '../main.js'
import { buildInto } from './backfill-into.js'
import { count, createSyncProgress } from './backfill-words.js'
import { writeRecords } from './output.js'
import { printedFieldNames, selectFields } from './output-fields.js'
import { OUTPUT_FLAGS, type OutputFlags } from './output-flags.js'
import { type Session, withSession } from './session.js'

const BACKFILL_TABLE = 'backfill_state'

const CHANGE_KIND: RecordKind<HomeChange> = {
  noun: 'change',
  fields: [
    { name: 'change', kind: 'text', value: ({ kind }) => kind },
    { name: 'id', kind: 'id', value: (change) => threadOf(change)?.id },
    { name: 'title', kind: 'text', value: (change) => threadOf(change)?.title },
    { name: 'columns', kind: 'text', value: repairedColumns },
    { name: 'path', kind: 'path', value: (change) => threadOf(change)?.rolloutPath },
  ],
  shown: ['change', 'id', 'title', 'columns', 'path'],
  nameOf: (change) => threadOf(change)?.id ?? BACKFILL_TABLE,
}

function threadOf(change: HomeChange): ThreadMetadata | undefined {
  return change.kind === 'finish' ? undefined : change.metadata
}

/** The last spelling of a column is the one without a unit. */
function repairedColumns(change: HomeChange): string | null {
  if (change.kind === 'finish') return BACKFILL_TABLE
  if (change.kind === 'insert') return null
  return Object.keys(change.values)
    .map((name) => THREAD_COLUMNS[name as keyof typeof change.values].at(-1))
    .join(', ')
}

const FLAGS = {
  into: textFlag('<dir>', 'build a state database of its own in this folder; the home is only read', {
    completes: { kind: 'folders' },
  }),
  yes: onFlag(`write to the home's own database, after a copy of it`),
  dryRun: onFlag('print what --yes would change'),
  undo: optionalFlag('[copy]', 'put back the copy that the last --yes made, or the one of this name'),
}

type Flags = FlagValues<typeof FLAGS>

const { codexHome } = HOME_FLAGS

/** The one command that writes, and only with explicit words. */
export const command = defineTextCommand({
  examples: ['backfill run --dry-run', 'backfill run --into rescued'],
  flags: { ...FLAGS, ...OUTPUT_FLAGS, codexHome },
  writes: `the home's state database with --yes or --undo, another folder with --into`,
  tables: ['threads', 'backfill_state'],
  notes: `Rows are inserted where a rollout has none. A row that is there is repaired where its file is not where it
says, where it has an empty value or another memory mode than its legacy rollout, and where its file was written
to since. Names, sections, pins and projects stay as they are. No Codex may be running.`,
  jsonForms: [{ shape: 'array', record: CHANGE_KIND }],
  async run(context, flags) {
    if (printedFieldNames(CHANGE_KIND, flags, context.io)) return 0
    checkFlags(flags)
    selectFields(CHANGE_KIND, flags)
    return withSession(context, { codexHome: flags.codexHome }, async (session) => {
      if (flags.into !== undefined) await buildInto(session, flags.into)
      else if (flags.undo !== undefined) await undo(session, requireStateDatabase(session), flags)
      else await repair(session, requireStateDatabase(session), flags)
      return session.hasFailed() ? EXIT_FAILED : 0
    })
  },
})

/** @throws {StateError} `USAGE` */
function checkFlags({ into, yes, dryRun, undo }: Flags): void {
  const typed = Object.entries({ '--into': into, '--yes': yes, '--dry-run': dryRun, '--undo': undo })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name)
  const allowed = [
    ['--into'],
    ['--yes'],
    ['--dry-run'],
    ['--undo'],
    ['--yes', '--undo'],
    ['--dry-run', '--undo'],
  ]
  if (typed.length === 0) {
    throw new StateError('USAGE', `backfill run would write to the home's own database`, {
      hint: 'Say --dry-run to see what it would change, --yes to do it, or --into DIR to build another one.',
    })
  }
  if (!allowed.some((names) => names.join() === typed.join())) {
    throw new StateError('USAGE', `${typed.join(' and ')} exclude each other`)
  }
}

function requireStateDatabase({ home }: Session): DatabaseFile {
  const found = home.databases.find(({ role }) => role === 'state')
  if (found) return found
  throw new StateError('DB_NOT_FOUND', `no state database in ${home.sqliteHome}`, {
    hint: `Codex makes one when it starts; --into DIR builds one elsewhere.`,
  })
}

async function repair(session: Session, database: DatabaseFile, flags: Flags & OutputFlags): Promise<void> {
  const { io, codexHome } = session
  const isDryRun = flags.dryRun === true
  if (!isDryRun) refuseWhileHeld(session, database)
  const state = openForRepair(database.path, { isDryRun, onNotice: session.notice })
  const progress = createSyncProgress(io)
  const tell = ({ path, reason }: SyncFailure) => {
    progress.clear()
    session.notice(`${path}: ${reason}`)
  }
  let failureCount = 0
  let counts: RepairCounts | undefined
  const changed = { insert: 0, repair: 0, finish: 0 }
  try {
    const changes = repairHome(attachTarget(state, resolve(codexHome)), {
      isDryRun,
      defaultProvider: readConfiguredProvider(codexHome, session.notice),
      now: io.now,
      signal: io.interruption(),
      onProgress: progress.show,
      onFailure(failure) {
        failureCount += 1
        tell(failure)
      },
      onBadLines: tell,
      async beforeFirstWrite() {
        progress.clear()
        // Rollouts take their time to be read: a Codex may have been started since.
        refuseWhileHeld(session, database)
        io.notice(`a copy of the database is at ${await copyDatabase(state, io.now())}`)
      },
    })
    async function* pages(): AsyncGenerator<HomeChange[]> {
      for (;;) {
        const next = await changes.next()
        if (next.done) {
          counts = next.value
          return
        }
        progress.clear()
        for (const { kind } of next.value) changed[kind] += 1
        yield next.value
      }
    }
    await writeRecords(CHANGE_KIND, pages(), flags, session, { emptyText: null })
  } finally {
    progress.clear()
    state.close()
  }
  if (failureCount > 0) session.fail()
  const archivedOtherwise = counts?.archivedOtherwise ?? 0
  const differing = counts?.differing ?? 0
  const isChanged = changed.insert + changed.repair + changed.finish > 0
  if (!isChanged && failureCount + archivedOtherwise + differing === 0)
    io.notice('nothing to do: no difference found between rollouts and rows')
  if (!isChanged && failureCount + archivedOtherwise + differing > 0)
    io.notice('nothing to do for the other rows')
  if (archivedOtherwise > 0) {
    io.notice(
      `${count(archivedOtherwise, 'thread')} archived only in the database, or only in the files, stay so:` +
        ' the files are where the rows say',
    )
  }
  if (differing > 0)
    io.notice(
      `${count(differing, 'thread')} ${differing === 1 ? 'differs' : 'differ'} in what is not repaired; 'codex-state diff' names it`,
    )
  if (!isChanged) return
  const would = isDryRun ? 'would be ' : ''
  io.notice(
    `${count(changed.insert, 'thread')} ${would}inserted, ${changed.repair} repaired, of ${count(counts?.found ?? 0, 'rollout')}`,
  )
  io.notice(
    isDryRun ? 'nothing was written; --yes does it' : `'codex-state backfill run --undo' puts the copy back`,
  )
}

async function undo(session: Session, database: DatabaseFile, flags: Flags): Promise<void> {
  const { io } = session
  const copy = chooseCopy(database, flags.undo)
  if (flags.dryRun) {
    io.notice(`${copy.path} would be put back`)
    return
  }
  refuseWhileHeld(session, database)
  const { copyPath, saved } = await putBack(database.path, copy, io.now())
  io.notice(`${database.path} is again what ${copyPath} is`)
  io.notice(`what it was until now is at ${saved.path}; --undo ${saved.name} goes back to it`)
}

/** The newest one that a `--yes` made and that was not put back yet, or any by its name. */
function chooseCopy({ path }: DatabaseFile, typed: string | true | undefined): DatabaseCopy {
  const copies = listCopies(path)
  const isTyped = typeof typed === 'string'
  const found = copies.find((copy) => (isTyped ? [copy.name, copy.path].includes(typed) : copy.isNext))
  if (found) return found
  const names = copies.map(({ name }) => name)
  throw new StateError(
    'NOT_FOUND',
    isTyped ? `no copy ${typed} beside ${path}` : `no copy to put back beside ${path}`,
    names.length === 0 ? {} : { hint: `--undo NAME puts back one of these: ${names.join(', ')}.` },
  )
}

/** @throws {StateError} `DB_BUSY` */
function refuseWhileHeld(session: Session, database: DatabaseFile): void {
  const { holders, isKnown, reason } = findHolders([database])
  if (!isKnown) refuseBesideWriters(session, reason)
  if (holders.length === 0) return
  const processes = holders.map(({ pid, command }) => `${pid} (${command})`).join(', ')
  throw new StateError('DB_BUSY', `${database.path} is open in process ${processes}`, {
    hint: 'End it first: it would not see what changes under it.',
  })
}

/**
 * Where the system does not tell who has a file open, the log does: whoever wrote rows and still runs.
 *
 * @throws {StateError} `DB_BUSY`
 */
function refuseBesideWriters(session: Session, reason: string | undefined): void {
  const logs = session.tryOpen('logs')
  const running = (logs ? readLoggedProcesses(logs) : []).flatMap(({ processUuid, lastSeconds }) => {
    const { state, pid } = findLiveness(
      { processUuid, lastMs: lastSeconds * 1000 },
      { nowMs: session.nowMs, flushMs: LONGEST_FLUSH_MS },
    )
    return state === 'running' ? [pid] : []
  })
  if (running.length > 0) {
    throw new StateError('DB_BUSY', `a Codex that wrote log rows is running: process ${running.join(', ')}`, {
      hint: 'End it first: it would not see what changes under it.',
    })
  }
  session.notice(`whether a Codex has the database open is not known (${reason}): make sure that none runs`)
}

/** Where that cannot be told, a lease is taken for what it says. */
