import { type Dirent, readdirSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { StateError } from '../errors.js'
import { DASH, NINE, ZERO } from '../model/bytes.js'
import { explainFileError } from '../model/file-error.js'
import { UUID_PATTERN } from '../model/uuid.js'
import { ROLLOUT_ROOTS, type RolloutRoot } from './roots.js'
import { parsePlainTimeMs, parseTimestampMs } from './timestamp.js'

export interface RolloutFile {
  kind: 'rollout'
  /** As on disk: ends in `.jsonl`, or in `.jsonl.zst` when there is no plain file beside it. */
  path: string
  root: RolloutRoot
  /** Path below the Codex home with `/` between its parts: where this file stands in a backfill. */
  watermark: string
  /** What its name tells; `null` when that is no time and no thread. */
  name: RolloutName | null
}

export interface UnreadableFolder {
  kind: 'unreadableFolder'
  path: string
  reason: string
}

export interface RolloutName {
  /** Lower case. */
  threadId: string
  /** A thread can have several rollouts; the database says which one is current. */
  rolloutId: string | null
  /** Unix milliseconds of the time in the name as if it were UTC; it was written in local time. */
  createdAtMs: number
}

export interface ListRolloutsOptions {
  roots?: readonly RolloutRoot[] | undefined
  /** Passes over files in whose names no thread id begins so; in small letters. */
  idPrefix?: string | undefined
  /** Looked at before each folder. */
  signal?: AbortSignal | undefined
}

/**
 * All rollouts of a home, by watermark, and the folders that could not be read. Folders are walked to any depth;
 * links are not followed, except a root that is one. A missing root is an empty one.
 *
 * @throws {StateError} `ABORTED`
 */
export async function listRollouts(
  codexHome: string,
  options: ListRolloutsOptions = {},
): Promise<{ files: RolloutFile[]; unreadable: UnreadableFolder[] }> {
  const files: RolloutFile[] = []
  const unreadable: UnreadableFolder[] = []
  let isSorted = true
  let folderCount = 0
  // In the order of watermarks.
  for (const root of [...(options.roots ?? ROLLOUT_ROOTS)].sort()) {
    const folders = [join(codexHome, root)]
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      folderCount += 1
      if (folderCount % FOLDERS_AT_ONCE === 0) await nextTurn()
      const entries = readFolder(folder, codexHome, root, options)
      if (entries.kind === 'unreadableFolder') {
        unreadable.push(entries)
        continue
      }
      const [first] = entries.files
      const last = files.at(-1)
      isSorted &&= entries.isSorted && !(first && last && first.watermark < last.watermark)
      for (const file of entries.files) files.push(file)
      // Names come in order, so that nearly nothing is left to be sorted.
      for (const below of entries.folders.reverse()) folders.push(below)
    }
  }
  return { files: isSorted ? files : sortByWatermark(files), unreadable }
}

/**
 * The rollouts of one root, newest first by time and thread id of their names, one folder in memory at a time:
 * for a reader that stops after a page. Names that tell no time are left out, and so are folders other than
 * `YYYY/MM/DD`.
 *
 * @throws {StateError} `ABORTED`
 */
export async function* walkRolloutsNewestFirst(
  codexHome: string,
  root: RolloutRoot,
  options: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<RolloutFile | UnreadableFolder, void, undefined> {
  const depth = root === 'sessions' ? 3 : 0
  yield* walkFolder(join(codexHome, root), depth)

  async function* walkFolder(
    folder: string,
    levelsBelow: number,
  ): AsyncGenerator<RolloutFile | UnreadableFolder, void, undefined> {
    const entries = readFolder(folder, codexHome, root, options)
    if (entries.kind === 'unreadableFolder') {
      yield entries
      return
    }
    if (levelsBelow === 0) {
      yield* sortNewestFirst(entries.files)
      return
    }
    const newestFirst = entries.folders
      .map((path) => ({ path, number: Number(/^\d+$/.exec(basename(path))?.[0] ?? Number.NaN) }))
      .filter(({ number }) => !Number.isNaN(number))
      .sort((a, b) => b.number - a.number)
    for (const { path } of newestFirst) yield* walkFolder(path, levelsBelow - 1)
  }
}

function sortNewestFirst(files: readonly RolloutFile[]): RolloutFile[] {
  return files
    .flatMap((file) => (file.name === null ? [] : [{ file, name: file.name }]))
    .sort(
      (a, b) =>
        b.name.createdAtMs - a.name.createdAtMs ||
        compareText(b.name.threadId, a.name.threadId) ||
        compareText(b.file.path, a.file.path),
    )
    .map(({ file }) => file)
}

/** As `compareWatermarks`, with the bytes of each name made once. */
function sortByWatermark(files: readonly RolloutFile[]): RolloutFile[] {
  return files
    .map((file) => ({ file, bytes: Buffer.from(file.watermark) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ file }) => file)
}

/** The order in which a backfill goes: by bytes, so `archived_sessions/…` first, and old days first. */
export function compareWatermarks(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function watermarkOf(codexHome: string, path: string): string {
  const below = relative(codexHome, path)
  const isBelow = below !== '..' && !below.startsWith(`..${sep}`)
  return (isBelow ? below : path).replaceAll('\\', '/')
}

/** A name as nearly all rollouts have it: `rollout-2026-02-05T10-20-30-<id in small letters>.jsonl`. */
const PLAIN_PREFIX = 'rollout-'
const PLAIN_ID = PLAIN_PREFIX.length + '2026-02-05T10-20-30-'.length
const PLAIN_END = PLAIN_ID + 36
const PLAIN_LENGTH = PLAIN_END + '.jsonl'.length

const ROLLOUT_NAME = new RegExp(`^rollout-(.*)-(${UUID_PATTERN})(?:_(${UUID_PATTERN}))?\\.jsonl(?:\\.zst)?$`)

/** Takes a path or a name; `null` when it does not tell a time and a thread. */
export function parseRolloutName(path: string): RolloutName | null {
  return parsePlainName(path) ?? parseAnyName(basename(path))
}

/** Of 20,000 rollouts, to match their names with an expression would be most of the time to list them. */
function parsePlainName(path: string): RolloutName | null {
  const start = path.length - PLAIN_LENGTH
  if (start < 0 || (start > 0 && path[start - 1] !== '/' && path[start - 1] !== sep)) return null
  if (!path.startsWith(PLAIN_PREFIX, start) || !path.endsWith('.jsonl')) return null
  const createdAtMs = parsePlainTimeMs(path, start + PLAIN_PREFIX.length)
  if (createdAtMs === null || path[start + PLAIN_ID - 1] !== '-' || !isPlainId(path, start + PLAIN_ID))
    return null
  return { threadId: path.slice(start + PLAIN_ID, start + PLAIN_END), rolloutId: null, createdAtMs }
}

/** A UUID in small letters. */
function isPlainId(text: string, start: number): boolean {
  for (let index = 0; index < 36; index += 1) {
    const code = text.charCodeAt(start + index)
    if (index === 8 || index === 13 || index === 18 || index === 23) {
      if (code !== DASH) return false
    } else if (!((code >= ZERO && code <= NINE) || (code >= 0x61 && code <= 0x66))) return false
  }
  return true
}

function parseAnyName(name: string): RolloutName | null {
  const match = ROLLOUT_NAME.exec(name)
  if (match === null) return null
  const createdAtMs = parseTimestampMs(match[1]!)
  if (createdAtMs === null) return null
  return { threadId: match[2]!.toLowerCase(), rolloutId: match[3]?.toLowerCase() ?? null, createdAtMs }
}

interface Folder {
  kind: 'folder'
  files: RolloutFile[]
  folders: string[]
  /** Whether the files are in the order of their watermarks, of which none has a character beyond ASCII. */
  isSorted: boolean
}

/** To ask the thread pool for each folder takes several times as long; others have their turn between so many. */
const FOLDERS_AT_ONCE = 32

function readFolder(
  folder: string,
  codexHome: string,
  root: RolloutRoot,
  { idPrefix, signal }: Pick<ListRolloutsOptions, 'idPrefix' | 'signal'>,
): Folder | UnreadableFolder {
  if (signal?.aborted)
    throw new StateError('ABORTED', 'listing rollouts was aborted', { cause: signal.reason })
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && folder === join(codexHome, root))
      return { kind: 'folder', files: [], folders: [], isSorted: true }
    return { kind: 'unreadableFolder', path: folder, reason: explainFileError(error) }
  }
  const watermark = watermarkOf(codexHome, folder)
  const names = new Set<string>()
  const wanted = idPrefix === undefined ? '' : `-${idPrefix}`
  const folders: string[] = []
  for (const entry of entries) {
    if (entry.isDirectory()) folders.push(join(folder, entry.name))
    else if (isRolloutName(entry.name) && entry.name.toLowerCase().includes(wanted) && entry.isFile())
      names.add(entry.name)
  }
  const files: RolloutFile[] = []
  let hasOnlyAscii = isAscii(watermark)
  let isSorted = true
  let before = ''
  for (const name of names) {
    if (name.endsWith('.zst') && names.has(name.slice(0, -'.zst'.length))) continue
    const parsed = parseRolloutName(name)
    if (idPrefix !== undefined && !parsed?.threadId.startsWith(idPrefix)) continue
    hasOnlyAscii &&= parsed !== null || isAscii(name)
    isSorted &&= before < name
    before = name
    files.push({
      kind: 'rollout',
      path: `${folder}${sep}${name}`,
      root,
      watermark: `${watermark}/${parsed === null ? name.replaceAll('\\', '/') : name}`,
      name: parsed,
    })
  }
  return { kind: 'folder', files, folders, isSorted: isSorted && hasOnlyAscii }
}

function isRolloutName(name: string): boolean {
  return name.startsWith('rollout-') && (name.endsWith('.jsonl') || name.endsWith('.jsonl.zst'))
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
