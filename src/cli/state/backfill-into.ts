import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { identityOf } from '../../db/files.js'
import { openReadOnly } from '../../db/open-read.js'
import { StateError } from '../../errors.js'
import { findHomeLineEnds } from '../../inspect/schema-report.js'
import type { SyncFailure } from '../../model/sync.js'
import { listDatabases, OWN_STATE_GENERATION } from '../../schema/files.js'
import { readConfiguredProvider } from '../../schema/home.js'
import { listTables } from '../../schema/inspect.js'
import { THREAD_TABLE } from '../../schema/threads.js'
import { buildStateDatabase, builtPath } from '../../sync/build.js'
import { readHomeTraces } from '../../sync/home-traces.js'
import { count, createSyncProgress, isHeld } from './backfill-words.js'
import type { Session } from './session.js'

/** Builds a state database of the home's rollouts in another folder. */
export async function buildInto(session: Session, typedFolder: string): Promise<void> {
  const { io, home, codexHome } = session
  const folder = resolve(io.workingFolder, typedFolder)
  const modelPath = findModel(session)
  const databases = [...home.databases, ...home.elsewhere]
  const traces = modelPath === undefined ? await readHomeTraces(resolve(codexHome), databases) : undefined
  const path = builtPath({ folder, modelPath, traces })
  refuseOthersPlace(session, folder, path)
  const progress = createSyncProgress(io)
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
