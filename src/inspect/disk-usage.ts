import { type Dirent, lstatSync, opendirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { openReadOnly } from '../db/open.js'
import { StateError } from '../errors.js'
import type { UsageGroup } from '../model/inspection.js'
import { parseRolloutName } from '../rollout/list.js'
import { type DatabaseFile, parseDatabaseFilename } from '../schema/files.js'

export interface Usage {
  key: string
  sizeBytes: number
  fileCount: number
}

/** A file of the home. */
interface FoundFile {
  path: string
  /** Below the folder that was walked, `/` between its parts. */
  place: string
  sizeBytes: number
  modifiedAtMs: number
}

/**
 * All files below a folder, without following links; one folder is open at a time, so memory is bounded.
 *
 * @param onUnreadable told of each folder or file that cannot be looked at
 */
export function* walkFiles(root: string, onUnreadable: () => void): Generator<FoundFile, void, undefined> {
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = readFolder(folder)
    if (!entries) {
      onUnreadable()
      continue
    }
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isFile()) {
        const stats = lstatSync(path, { throwIfNoEntry: false })
        // Files come and go under a running Codex.
        if (!stats) continue
        const place = relative(root, path).split(sep).join('/')
        yield { path, place, sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs }
      }
    }
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

/** What a file of the home is, in one word of a person who asks what takes room. */
export function kindOf(place: string): string {
  const [top = ''] = place.split('/')
  if (top === 'sessions') return 'sessions'
  if (top === 'archived_sessions') return 'archived'
  const database = parseDatabaseFilename(top.replace(/-(wal|shm|journal)$/, ''))
  if (!database) return top === 'db-backups' ? 'database backups' : 'other'
  if (/-(wal|journal)$/.test(top)) return 'WAL'
  if (top.endsWith('-shm')) return 'WAL'
  return database.role === 'logs' ? 'logs' : 'databases'
}

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
}

/** Sums over the files of the home, largest first. Pages that a database keeps free are a kind of their own. */
export function measureUsage(
  folders: readonly string[],
  databases: readonly DatabaseFile[],
  group: UsageGroup,
  options: UsageOptions,
): Usage[] {
  const sums = new Map<string, Usage>()
  const add = (key: string, sizeBytes: number, fileCount: number) => {
    const sum = sums.get(key) ?? { key, sizeBytes: 0, fileCount: 0 }
    sum.sizeBytes += sizeBytes
    sum.fileCount += fileCount
    sums.set(key, sum)
  }
  let unreadableCount = 0
  for (const folder of folders) {
    for (const file of walkFiles(folder, () => {
      unreadableCount += 1
    })) {
      add(keyOf(file, group, options), file.sizeBytes, 1)
    }
  }
  if (group === 'kind') {
    for (const { path, role } of databases) {
      const freeBytes = readFreeBytes(path, options.onNotice)
      if (freeBytes === 0) continue
      add(role === 'logs' ? 'logs' : 'databases', -freeBytes, 0)
      add('free pages', freeBytes, 0)
    }
  }
  if (unreadableCount > 0) options.onNotice(`${unreadableCount} folders cannot be read and are not counted`)
  return [...sums.values()].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.key < b.key ? -1 : 1))
}

function keyOf(file: FoundFile, group: UsageGroup, { nowMs, describeThread }: UsageOptions): string {
  if (group === 'kind') return kindOf(file.place)
  if (group === 'age') return ageOf(file.modifiedAtMs, nowMs)
  const id = parseRolloutName(file.path)?.threadId
  if (id === undefined) return '(no rollout)'
  const thread = describeThread(id)
  if (!thread) return '(no row)'
  return group === 'source' ? thread.source : thread.cwd
}

function readFreeBytes(path: string, onNotice: (text: string) => void): number {
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
    onNotice(error.message)
    return 0
  }
}
