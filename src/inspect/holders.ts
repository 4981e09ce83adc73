import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import type { DatabaseFile } from '../schema/files.js'

/** A process that has a database open or holds a lock on it. */
export interface Holder {
  pid: number
  command: string
  database: string
  /** Files of the database that it has open: ``, `-wal`, `-shm`, `-journal`. */
  suffixes: string[]
  /** Locks on them, as the system tells: `POSIX READ`, `POSIX WRITE`. */
  locks: string[]
}

export interface Holders {
  holders: Holder[]
  /** `false` where the system does not tell. */
  isKnown: boolean
  /** Why it is not known, as the rest of a sentence: `lsof is not there`. */
  reason?: string
  /** Processes that this user may not look into; `undefined` where there may be some, and nobody counts them. */
  hiddenCount: number | undefined
}

const SUFFIXES = ['', '-wal', '-shm', '-journal'] as const

type Databases = readonly Pick<DatabaseFile, 'path'>[]

export function findHolders(databases: Databases, platform: NodeJS.Platform = process.platform): Holders {
  switch (platform) {
    case 'linux':
      return askProc(databases)
    case 'win32':
      return unknownHolders('Windows does not say which process has a file open')
    default:
      return askLsof(databases)
  }
}

function unknownHolders(reason: string): Holders {
  return { holders: [], isKnown: false, reason, hiddenCount: undefined }
}

/** A program hangs where a file system does. */
const LSOF_MS = 5000

/** `lsof`, which macOS and the BSDs bring along. */
function askLsof(databases: Databases): Holders {
  const files = new Map<string, { database: string; suffix: string }>()
  for (const { path } of databases) {
    for (const suffix of SUFFIXES) {
      const real = resolveReal(path + suffix)
      if (real !== undefined) files.set(real, { database: path, suffix })
    }
  }
  if (files.size === 0) return { holders: [], isKnown: true, hiddenCount: 0 }
  const args = ['-w', '-n', '-P', '-F', 'pcfln', '--', ...files.keys()]
  // Exit code 1 says that one of the files is not open, too.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { stdout, error } = spawnSync('lsof', args, { encoding: 'utf8', timeout: LSOF_MS })
  if (error) {
    const { code } = error as NodeJS.ErrnoException
    return unknownHolders(code === 'ENOENT' ? 'lsof is not there' : `lsof failed: ${error.message}`)
  }
  const holders = parseLsof(stdout, files).filter(({ pid }) => pid !== process.pid)
  // A user sees no files of others' processes.
  return { holders, isKnown: true, hiddenCount: process.getuid?.() === 0 ? 0 : undefined }
}

/** What `lsof -F pcfln` prints: a process is `p<pid>` and `c<name>`; each of its files `f<fd>`, `l<lock>` and `n<path>`. */
export function parseLsof(
  text: string,
  files: ReadonlyMap<string, { database: string; suffix: string }>,
): Holder[] {
  const holders = new Map<string, Holder>()
  let pid = 0
  let command = ''
  let lock = ' '
  for (const line of text.split('\n')) {
    const value = line.slice(1)
    if (line[0] === 'p') pid = Number(value)
    else if (line[0] === 'c') command = value
    else if (line[0] === 'f') lock = ' '
    else if (line[0] === 'l') lock = value
    const file = line[0] === 'n' ? files.get(readName(value)) : undefined
    if (!file) continue
    const { database, suffix } = file
    const key = `${pid} ${database}`
    const holder = holders.get(key) ?? { pid, command, database, suffixes: [], locks: [] }
    holders.set(key, holder)
    if (!holder.suffixes.includes(suffix)) holder.suffixes.push(suffix)
    const kind = LSOF_LOCKS[lock]
    const described = kind && `POSIX ${kind}${suffix && ` on ${suffix}`}`
    if (described && !holder.locks.includes(described)) holder.locks.push(described)
  }
  return [...holders.values()]
}

/** What is no printable ASCII stands escaped where the locale is not UTF-8, a byte at a time: `\\xc3\\xa9`. */
function readName(printed: string): string {
  if (!printed.includes('\\')) return printed
  const bytes = Buffer.from(printed)
    .toString('latin1')
    .replaceAll(/\\(?:x([0-9a-f]{2})|([bfnrt\\]))/gi, (_, hex?: string, letter?: string) =>
      hex === undefined
        ? NAMED_ESCAPES[letter!.toLowerCase()]!
        : String.fromCharCode(Number.parseInt(hex, 16)),
    )
  return Buffer.from(bytes, 'latin1').toString()
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
}

/** Of a part of the file in small letters, of all of it in capitals. */
const LSOF_LOCKS: Readonly<Record<string, string>> = {
  r: 'READ',
  R: 'READ',
  w: 'WRITE',
  W: 'WRITE',
  u: 'WRITE',
}

function resolveReal(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/**
 * Linux's /proc. A file is known by its device and inode: in another mount namespace (a container) the same path is
 * another file, and this one has another path.
 */
function askProc(databases: Databases): Holders {
  const targets = new Map<string, { database: string; suffix: string }>()
  const byInode = new Map<bigint, { database: string; suffix: string }>()
  for (const { path } of databases) {
    for (const suffix of SUFFIXES) {
      const file = identify(path + suffix)
      if (!file) continue
      targets.set(file.id, { database: path, suffix })
      byInode.set(file.inode, { database: path, suffix })
    }
  }
  const holders = new Map<string, Holder>()
  const holderOf = (pid: number, database: string) => {
    const key = `${pid} ${database}`
    const holder = holders.get(key) ?? { pid, command: readCommand(pid), database, suffixes: [], locks: [] }
    holders.set(key, holder)
    return holder
  }
  /** Processes whose open files are known. */
  const seen = new Set<number>()
  let hiddenCount = 0
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    let fds: string[]
    try {
      fds = readdirSync(`/proc/${pid}/fd`)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') hiddenCount += 1
      continue
    }
    seen.add(pid)
    for (const fd of fds) {
      const path = `/proc/${pid}/fd/${fd}`
      // Most are sockets, pipes and devices.
      if (!/^\/(?!dev\/|proc\/)/.test(readLink(path))) continue
      const target = targets.get(identify(path)?.id ?? '')
      if (!target) continue
      const { suffixes } = holderOf(pid, target.database)
      if (!suffixes.includes(target.suffix)) suffixes.push(target.suffix)
    }
  }
  for (const { kind, pid, inode } of readLocks()) {
    const target = byInode.get(inode)
    if (!target || pid === process.pid) continue
    // Inodes are numbers of one device, which is not told here as it is elsewhere.
    if (seen.has(pid) && !holders.has(`${pid} ${target.database}`)) continue
    const { locks } = holderOf(pid, target.database)
    const lock = `${kind}${target.suffix && ` on ${target.suffix}`}`
    if (!locks.includes(lock)) locks.push(lock)
  }
  return { holders: [...holders.values()], isKnown: true, hiddenCount }
}

/** `undefined` for what is not there, or may not be looked at. */
function identify(path: string): { id: string; inode: bigint } | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return { id: `${dev}:${ino}`, inode: ino }
  } catch {
    return undefined
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Lines such as `1: POSIX  ADVISORY  WRITE 1234 fd:00:5678 0 EOF`. */
function readLocks(): { kind: string; pid: number; inode: bigint }[] {
  try {
    return readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .flatMap((line) => {
        const match = /^\d+: (\w+)\s+\w+\s+(\w+)\s+(\d+)\s+\w+:\w+:(\d+)/.exec(line)
        return match
          ? [{ kind: `${match[1]} ${match[2]}`, pid: Number(match[3]), inode: BigInt(match[4]!) }]
          : []
      })
  } catch {
    return []
  }
}

export function readCommand(pid: number): string {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim()
    return command || readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
