import { type Dirent, lstatSync, opendirSync, type Stats } from 'node:fs'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import { isMissing } from '../model/file-error.js'
import { MEMORY_PIPELINES } from '../model/memory.js'
import { parseRolloutName } from '../rollout/list.js'
import { ROLLOUT_ROOTS } from '../rollout/roots.js'
import { type DatabaseFile, DESKTOP_FOLDER, describeDatabase } from '../schema/files.js'
import { EXTENSIONS_FOLDER } from './memory-files.js'
import { MEMORY_FOLDERS } from './memory-home.js'

export interface Usage {
  key: string
  sizeBytes: number
  fileCount: number
}

/** A file of the home. */
export interface FoundFile {
  path: string
  /** Below the folder that was walked, `/` between its parts. */
  place: string
  sizeBytes: number
  modifiedAtMs: number
}

/**
 * All files below a folder; one folder is open at a time, so memory is bounded. Of links only those of the rollout
 * folders are followed, as by all who read rollouts: any other one may lead anywhere, and back.
 *
 * @param onUnreadable called with each folder or file that cannot be read
 */
export function* walkFiles(root: string, onUnreadable: () => void): Generator<FoundFile, void, undefined> {
  const folders = [root]
  const followed = new Set(ROLLOUT_ROOTS.map((name) => join(root, name)))
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = readFolder(folder)
    if (!entries) {
      onUnreadable()
      continue
    }
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() || (entry.isSymbolicLink() && followed.has(path))) folders.push(path)
      else if (entry.isFile()) {
        const stats = tryLstat(path)
        if (stats === 'denied') onUnreadable()
        // Files come and go under a running Codex.
        if (typeof stats !== 'object') continue
        const place = relative(root, path).split(sep).join('/')
        yield { path, place, sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs }
      }
    }
  }
}

function tryLstat(path: string): Stats | 'missing' | 'denied' {
  try {
    return lstatSync(path)
  } catch (error) {
    return isMissing(error) ? 'missing' : 'denied'
  }
}

function readFolder(folder: string): Dirent[] | undefined {
  try {
    const directory = opendirSync(folder)
    try {
      const entries: Dirent[] = []
      for (let entry = directory.readSync(); entry; entry = directory.readSync()) entries.push(entry)
      return entries
    } finally {
      directory.closeSync()
    }
  } catch {
    return undefined
  }
}

/** Files that memories are made of and kept in; their rows count as databases. */
const MEMORY_PLACES: ReadonlySet<string> = new Set([
  ...MEMORY_PIPELINES.flatMap((pipeline) => [MEMORY_FOLDERS[pipeline], `${MEMORY_FOLDERS[pipeline]}.lock`]),
  EXTENSIONS_FOLDER,
])

/**
 * What a file is, in one word of a person who asks what takes room.
 *
 * @param place below the folder that was walked
 * @param isDatabaseFolder whether databases are kept in the folder of the file
 */
export function fileKindOf(place: string, isDatabaseFolder: boolean): string {
  const parts = place.split('/')
  const [top = ''] = parts
  if (top === 'sessions') return 'sessions'
  if (top === 'archived_sessions') return 'archived'
  if (MEMORY_PLACES.has(top)) return 'memories'
  if (parts.slice(0, -1).includes('db-backups')) return 'database backups'
  const desktop = parts.length > 1 ? DESKTOP_KINDS[top] : undefined
  if (desktop !== undefined) return desktop
  const name = parts.at(-1) ?? ''
  if (parts.length === 1 && DESKTOP_STATE.test(name)) return 'Desktop state'
  const database = isDatabaseFolder ? describeDatabase(name.replace(/-(wal|shm|journal)$/, '')) : undefined
  if (!database) return 'other'
  if (/-(wal|shm|journal)$/.test(name)) return 'WAL'
  return database.role === 'logs' ? 'logs' : 'databases'
}

/** Folders in which the Desktop app keeps what can grow large, by what a person calls it. */
const DESKTOP_KINDS: Readonly<Record<string, string>> = {
  worktrees: 'worktrees',
  attachments: 'attachments',
  generated_images: 'generated images',
  automations: 'automations',
}

/** The state of the Desktop app, with its backup and the temporary files that failed writes leave. */
const DESKTOP_STATE = /^\.+codex-global-state/

const DAY_MS = 86_400_000

const AGES = [
  { days: 1, words: 'today' },
  { days: 7, words: 'a week' },
  { days: 30, words: 'a month' },
  { days: 90, words: '3 months' },
  { days: 365, words: 'a year' },
] as const

/** `today`, or the shortest of the spans that a file is younger than. */
export function ageOf(modifiedAtMs: number, nowMs: number): string {
  const days = (nowMs - modifiedAtMs) / DAY_MS
  const age = AGES.find((candidate) => days < candidate.days)
  if (!age) return 'older than a year'
  return age.days === 1 ? 'less than a day' : `less than ${age.words}`
}

export interface UsageOptions {
  nowMs: number
  /** What a rollout's thread says, for the groups that ask for it. */
  describeThread: (threadId: string) => { source: string; cwd: string } | undefined
  onNotice: (text: string) => void
  /** Told of what is not counted for it, or not looked into. */
  onUnreadable: (reason: string) => void
}

/** Which files are counted. */
export interface UsagePlaces {
  /** Counted whole. */
  codexHome: string
  /** Of a folder that is not in the home, only the databases and their backups are counted. */
  sqliteHome: string
  databases: readonly DatabaseFile[]
}

/** A file of the home with what it is in one word. */
export interface CountedFile extends FoundFile {
  kind: string
}

/** Every file that is counted, once. */
function* walkUsage(
  { codexHome, sqliteHome }: Omit<UsagePlaces, 'databases'>,
  onUnreadable: () => void,
): Generator<CountedFile, void, undefined> {
  const databaseFolders = new Set([codexHome, sqliteHome, join(codexHome, DESKTOP_FOLDER)])
  const count = (file: FoundFile): CountedFile => ({
    ...file,
    kind: fileKindOf(file.place, databaseFolders.has(dirname(file.path))),
  })
  for (const file of walkFiles(codexHome, onUnreadable)) yield count(file)
  if (isInside(sqliteHome, codexHome)) return
  for (const file of walkDatabases(sqliteHome, onUnreadable)) {
    // The home may lie in the folder of the databases.
    if (!isInside(file.path, codexHome)) yield count(file)
  }
}

/**
 * The same, and says at the end how many could not be looked at.
 *
 * @throws {StateError} `DB_UNREADABLE` when there are files, and not one can be looked at
 */
export function* listUsage(
  places: Omit<UsagePlaces, 'databases'>,
  onUnreadable: (reason: string) => void,
): Generator<CountedFile, void, undefined> {
  let unreadableCount = 0
  let count = 0
  const files = walkUsage(places, () => {
    unreadableCount += 1
  })
  for (const file of files) {
    count += 1
    yield file
  }
  if (count === 0 && unreadableCount > 0) {
    throw new StateError('DB_UNREADABLE', `nothing in ${places.codexHome} can be read: permission denied`)
  }
  if (unreadableCount > 0) {
    onUnreadable(
      `${unreadableCount} ${unreadableCount === 1 ? 'folder or file' : 'folders or files'} cannot be read, and not counted`,
    )
  }
}

/** What a home is asked for that is summed file by file. */
export type FileGroup = 'kind' | 'age' | 'source' | 'project'

/**
 * Sums over the files of the home, largest first. Pages that a database keeps free are a kind of their own.
 *
 * @throws {StateError} `DB_UNREADABLE` when there are files, and not one can be looked at
 */
export function measureUsage(places: UsagePlaces, group: FileGroup, options: UsageOptions): Usage[] {
  const sums = new Map<string, Usage>()
  const add = (key: string, sizeBytes: number, fileCount: number) => {
    const sum = sums.get(key) ?? { key, sizeBytes: 0, fileCount: 0 }
    sum.sizeBytes += sizeBytes
    sum.fileCount += fileCount
    sums.set(key, sum)
  }
  const counted = new Map<string, string>()
  for (const file of listUsage(places, options.onUnreadable)) {
    add(group === 'kind' ? file.kind : keyOf(file, group, options), file.sizeBytes, 1)
    if (file.kind === 'logs' || file.kind === 'databases') counted.set(file.path, file.kind)
  }
  if (group === 'kind') {
    for (const { path } of places.databases) {
      const kind = counted.get(path)
      const freeBytes = kind === undefined ? 0 : readFreeBytes(path, options)
      if (kind === undefined || freeBytes === 0) continue
      add(kind, -freeBytes, 0)
      add('free pages', freeBytes, 0)
    }
  }
  return [...sums.values()].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.key < b.key ? -1 : 1))
}

export function isInside(path: string, folder: string): boolean {
  const below = relative(folder, path)
  return below === '' || (below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below))
}

/** The databases of a folder with their logs, and the backups beside them. */
function* walkDatabases(folder: string, onUnreadable: () => void): Generator<FoundFile, void, undefined> {
  const names = readFolder(folder)?.flatMap((entry) => (entry.isFile() ? entry.name : [])) ?? []
  for (const name of names) {
    const path = join(folder, name)
    if (!describeDatabase(name.replace(/-(wal|shm|journal)$/, ''))) continue
    const stats = tryLstat(path)
    if (stats === 'denied') onUnreadable()
    if (typeof stats !== 'object') continue
    yield { path, place: name, sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs }
  }
  const backups = join(folder, 'db-backups')
  if (tryLstat(backups) === 'missing') return
  for (const file of walkFiles(backups, onUnreadable)) yield { ...file, place: `db-backups/${file.place}` }
}

function keyOf(
  file: FoundFile,
  group: Exclude<FileGroup, 'kind'>,
  { nowMs, describeThread }: UsageOptions,
): string {
  if (group === 'age') return ageOf(file.modifiedAtMs, nowMs)
  const id = parseRolloutName(file.path)?.threadId
  if (id === undefined) return '(no rollout)'
  const thread = describeThread(id)
  if (!thread) return '(no row)'
  return group === 'source' ? thread.source : thread.cwd
}

function readFreeBytes(path: string, { onNotice, onUnreadable }: UsageOptions): number {
  try {
    const connection = openReadOnly(path, { onNotice })
    try {
      const free = connection.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0
      const size = connection.get<{ page_size: number }>('PRAGMA page_size')?.page_size ?? 0
      return free * size
    } finally {
      connection.close()
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onUnreadable(error.message)
    return 0
  }
}
