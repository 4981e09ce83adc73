import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
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
  /** Processes that this user may not look into. */
  hiddenCount: number
}

const SUFFIXES = ['', '-wal', '-shm', '-journal'] as const

/**
 * Asks Linux's /proc; elsewhere there is no way without other programs. A file is known by its device and inode: in
 * another mount namespace (a container) the same path is another file, and this one has another path.
 */
export function findHolders(databases: readonly Pick<DatabaseFile, 'path'>[]): Holders {
  if (process.platform !== 'linux') return { holders: [], isKnown: false, hiddenCount: 0 }
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
