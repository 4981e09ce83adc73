import type { MayGo } from '../model/inspection.js'
import { parseRolloutName } from '../rollout/list.js'
import { type DatabaseFile, describeDatabase, type FileRole } from '../schema/files.js'
import { type CountedFile, listUsage, type UsagePlaces } from './disk-usage.js'

/** A part of a home: a database with its logs, or files of one kind. */
export interface PlaceUsage {
  /** A database's name from the home on, else the folder or kind of files. */
  place: string
  /** What a database is for; `null` for other files. */
  role: FileRole | null
  sizeBytes: number
  /** Of it, write-ahead logs. */
  walBytes: number
  fileCount: number
  mayGo: MayGo
  /** What would be lost, or why it is not known. */
  loss: string
}

interface Part extends Omit<PlaceUsage, 'mayGo' | 'loss'> {
  database: DatabaseFile | undefined
  kind: string
  threadIds: Set<string>
}

const SIDE_FILE = /-(wal|shm|journal)$/

/**
 * What takes room in a home, largest first, and what would be lost with it.
 *
 * @throws {StateError} `DB_UNREADABLE` when there are files, and not one can be looked at
 */
export function measurePlaces(places: UsagePlaces, onUnreadable: (reason: string) => void): PlaceUsage[] {
  const parts = new Map<string, Part>()
  for (const file of listUsage(places, onUnreadable)) {
    const part = partOf(file)
    const known = parts.get(part.place) ?? part
    parts.set(part.place, known)
    known.sizeBytes += file.sizeBytes
    known.fileCount += 1
    if (file.path.endsWith('-wal') && part.database) known.walBytes += file.sizeBytes
    const threadId = part.kind === 'database' ? undefined : parseRolloutName(file.path)?.threadId
    if (threadId !== undefined) known.threadIds.add(threadId)
  }
  const databases = [...parts.values()].flatMap(({ database }) => database ?? [])
  return [...parts.values()]
    .map(({ database, kind, threadIds, ...usage }) => ({
      ...usage,
      ...(database ? judgeDatabase(database, databases) : judgeFiles(kind, threadIds.size)),
    }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.place < b.place ? -1 : 1))
}

const PLACES_OF_KINDS: Readonly<Record<string, string>> = {
  archived: 'archived_sessions',
  'database backups': 'db-backups',
  'generated images': 'generated_images',
}

/** The part of the home that a file belongs to, with nothing in it yet. */
function partOf({ path, place, kind }: CountedFile): Part {
  const isDatabase = kind === 'databases' || kind === 'logs' || kind === 'WAL'
  const database = isDatabase ? describeDatabase(path.replace(SIDE_FILE, '')) : undefined
  return {
    place: database ? place.replace(SIDE_FILE, '') : (PLACES_OF_KINDS[kind] ?? kind),
    role: database?.role ?? null,
    kind: database ? 'database' : kind,
    sizeBytes: 0,
    walBytes: 0,
    fileCount: 0,
    database,
    threadIds: new Set(),
  }
}

type Judgement = Pick<PlaceUsage, 'mayGo' | 'loss'>

const DATABASES: Readonly<Record<FileRole, Judgement>> = {
  state: { mayGo: 'no', loss: 'threads are rebuilt, sections, pins, projects not' },
  logs: { mayGo: 'closed', loss: 'only log rows are lost' },
  goals: { mayGo: 'no', loss: 'the goals of threads' },
  memories: { mayGo: 'no', loss: 'what Codex remembers of threads' },
  memories_v2: { mayGo: 'no', loss: 'what Codex remembers of threads' },
  queue: { mayGo: 'no', loss: 'messages that wait to be sent' },
  thread_history: {
    mayGo: 'closed',
    loss: 'a chat is filled again when it is opened, but not turns before a revert',
  },
  agent_message_board: { mayGo: 'no', loss: 'what agents told each other there' },
  catalog: { mayGo: 'unknown', loss: 'it is the Desktop app that reads it' },
  unknown: { mayGo: 'unknown', loss: 'no known release has a database of this name' },
}

function judgeDatabase(database: DatabaseFile, all: readonly DatabaseFile[]): Judgement {
  const { role, generation } = database
  if (generation < Math.max(...all.filter((other) => other.role === role).map((other) => other.generation)))
    return { mayGo: 'yours', loss: 'of an older Codex, and only that one reads it' }
  return DATABASES[role]
}

function judgeFiles(kind: string, threadCount: number): Judgement {
  const threads = `${threadCount} ${threadCount === 1 ? 'thread' : 'threads'}`
  switch (kind) {
    case 'sessions':
      return { mayGo: 'no', loss: `the threads themselves (${threadCount})` }
    case 'archived':
      return { mayGo: 'yours', loss: `${threads} you put away: codex-state threads list --archived` }
    case 'memories':
      return { mayGo: 'no', loss: 'what Codex remembers' }
    case 'database backups':
      return { mayGo: 'yours', loss: 'copies made before a repair, to undo it' }
    case 'worktrees':
      return { mayGo: 'yours', loss: 'copies of projects, and changes that may be only there' }
    case 'attachments':
      return { mayGo: 'no', loss: 'files that talks refer to' }
    case 'generated images':
      return { mayGo: 'yours', loss: 'pictures that Codex made' }
    case 'automations':
      return { mayGo: 'no', loss: 'what you had Codex do by itself' }
    case 'Desktop state':
      return { mayGo: 'no', loss: 'what the Desktop app remembers: its projects, and what it hides' }
    case 'WAL':
      return { mayGo: 'no', loss: 'what was written last to a database' }
    default:
      return { mayGo: 'unknown', loss: 'settings, the log-in, skills and all else' }
  }
}
