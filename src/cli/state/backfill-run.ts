import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { identityOf } from '../../db/files.js'
import { openReadOnly } from '../../db/open-read.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { findHolders } from '../../inspect/holders.js'
import { findLiveness, LONGEST_FLUSH_MS } from '../../inspect/liveness.js'
import { findHomeLineEnds } from '../../inspect/schema-report.js'
import type { SyncFailure, SyncProgress } from '../../model/sync.js'
import type { ThreadMetadata } from '../../model/thread.js'
import { readLoggedProcesses } from '../../query/logs/processes.js'
import { type DatabaseFile, listDatabases, OWN_STATE_GENERATION } from '../../schema/files.js'
import { readConfiguredProvider } from '../../schema/home.js'
import { listTables } from '../../schema/inspect.js'
import { THREAD_COLUMNS, THREAD_TABLE } from '../../schema/threads.js'
import { buildStateDatabase, builtPath } from '../../sync/build.js'
import { copyDatabase, type DatabaseCopy, listCopies, putBack } from '../../sync/home-copies.js'
import { readHomeTraces } from '../../sync/home-traces.js'
import { type HomeChange, openForRepair, type RepairCounts, repairHome } from '../../sync/repair-home.js'
import { attachTarget } from '../../sync/target.js'
import { defineTextCommand } from '../command.js'
import { type FlagValues, onFlag, optionalFlag, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { Io } from '../io.js'
import { EXIT_FAILED } from '../main.js'
import { printedFieldNames, selectFields, writeRecords } from './output.js'
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

async function buildInto(session: Session, typedFolder: string): Promise<void> {
  const { io, home, codexHome } = session
  const folder = resolve(io.workingFolder, typedFolder)
  const modelPath = findModel(session)
  const databases = [...home.databases, ...home.elsewhere]
  const traces = modelPath === undefined ? await readHomeTraces(resolve(codexHome), databases) : undefined
  const path = builtPath({ folder, modelPath, traces })
  refuseOthersPlace(session, folder, path)
  const progress = createProgress(io)
  const tell = ({ path, reason }: SyncFailure) => {
    progress.clear()
    session.notice(`${path}: ${reason}`)
  }
  let failureCount = 0
  const counts = await buildStateDatabase({
    codexHome: resolve(codexHome),
    modelPath,
    traces,
    lineEnds: modelPath === undefined ? findHomeLineEnds(databases) : undefined,
    folder,
    defaultProvider: readConfiguredProvider(codexHome, session.notice),
    isHeld,
    now: io.now,
    signal: io.interruption(),
    onProgress: progress.show,
    onWait: () => io.notice(`another process is building ${path}: waiting for it`),
    onFailure(failure) {
      failureCount += 1
      tell(failure)
    },
    onBadLines: tell,
  }).finally(progress.clear)
  io.stdout.write(`${path}\n`)
  io.notice(
    counts.scanned === 0
      ? 'nothing to do: it has every rollout as it is now'
      : `${count(counts.upserted, 'thread')} stored from ${count(counts.scanned, 'rollout')}` +
          ` in ${(counts.durationMs / 1000).toFixed(1)} s`,
  )
  if (traces) {
    io.notice(
      traces.generation === OWN_STATE_GENERATION
        ? 'it is of the generation that 0.99 used: no newer Codex reads it'
        : 'it has the schema that 0.100 had: every newer Codex brings it up to date when it starts',
    )
  }
  if (failureCount > 0) session.fail()
}

/**
 * A folder that is the home under another name (a link, another mount), or belongs to another home, is no place for a
 * database of our own; nor is a file that is one of the home's under another name.
 *
 * @throws {StateError} `USAGE`
 */
function refuseOthersPlace({ codexHome, home }: Session, folder: string, path: string): void {
  const kept = new Set([codexHome, home.sqliteHome].map(identityOf).filter((identity) => identity !== ''))
  if (ancestorsOf(realPathOf(folder)).some((ancestor) => kept.has(identityOf(ancestor)))) {
    throw new StateError('USAGE', `${folder} is in the home, which this command does not change`, {
      hint: 'Name a folder elsewhere; --yes writes to the home itself.',
    })
  }
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new StateError('USAGE', `${path} is a link, and what it points to must not be changed`, {
      hint: ELSEWHERE,
    })
  }
  const identity = identityOf(path)
  if (identity !== '' && home.databases.some((file) => identityOf(file.path) === identity)) {
    throw new StateError('USAGE', `${path} is a database of the home under another name`, { hint: ELSEWHERE })
  }
  const isHome =
    listDatabases(folder).some(({ role }) => role !== 'state') ||
    ['config.toml', 'sessions'].some((name) => existsSync(join(folder, name)))
  if (isHome) throw new StateError('USAGE', `${folder} is a Codex home itself`, { hint: ELSEWHERE })
}

const ELSEWHERE = 'Name an empty or new folder.'

/** Also of a folder that is still to be made. */
function realPathOf(folder: string): string {
  const parent = dirname(folder)
  try {
    return realpathSync(folder)
  } catch {
    return parent === folder ? folder : join(realPathOf(parent), basename(folder))
  }
}

/** The folder itself first. */
function ancestorsOf(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...ancestorsOf(parent)]
}

/**
 * The newest state database that can be read, those first that Codex uses: a damaged one is a reason to build
 * another.
 */
function findModel({ home, notice }: Session): string | undefined {
  for (const { path, role } of [...home.databases, ...home.elsewhere]) {
    if (role !== 'state') continue
    try {
      const model = openReadOnly(path)
      const isUsable = listTables(model).includes(THREAD_TABLE)
      model.close()
      if (isUsable) return path
    } catch (error) {
      if (!(error instanceof StateError)) throw error
      notice(error.message)
    }
  }
  return undefined
}

async function repair(session: Session, database: DatabaseFile, flags: Flags & OutputFlags): Promise<void> {
  const { io, codexHome } = session
  const isDryRun = flags.dryRun === true
  if (!isDryRun) refuseWhileHeld(session, database)
  const state = openForRepair(database.path, { isDryRun, onNotice: session.notice })
  const progress = createProgress(io)
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
function isHeld(path: string): boolean {
  const { holders, isKnown } = findHolders([{ path }])
  return !isKnown || holders.length > 0
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}

const BAR_CELLS = 24

/** A bar on stderr that is written over, where somebody looks at it. */
function createProgress({ stderr }: Io): { show: (progress: SyncProgress) => void; clear: () => void } {
  let isShown = false
  return {
    show({ done, total }) {
      if (!stderr.isTerminal || total === 0) return
      isShown = true
      const filled = Math.round((done / total) * BAR_CELLS)
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
      stderr.write(`\r${bar} ${done.toLocaleString('en')} of ${count(total, 'rollout')}`)
    },
    clear() {
      if (isShown) stderr.write('\r\x1b[K')
      isShown = false
    },
  }
}
