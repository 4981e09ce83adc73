import { closeSync, lstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs'

/** How a database and what SQLite keeps beside it look at one moment; sizes in bytes, `undefined` where none is. */
export interface Look {
  main: { id: string; size: number; mtimeMs: number; mtimeNs: bigint } | undefined
  log: { identity: string; size: number } | undefined
  logIndex: { identity: string } | undefined
  journalSize: number
}

export function lookAt(path: string): Look {
  const main = statSync(path, { bigint: true, throwIfNoEntry: false })
  const log = statSync(`${path}-wal`, { bigint: true, throwIfNoEntry: false })
  const logIndex = statSync(`${path}-shm`, { bigint: true, throwIfNoEntry: false })
  return {
    main: main && {
      id: idOf(main),
      size: Number(main.size),
      mtimeMs: Number(main.mtimeMs),
      mtimeNs: main.mtimeNs,
    },
    log: log && { identity: identify(log), size: Number(log.size) },
    logIndex: logIndex && { identity: identify(logIndex) },
    journalSize: sizeOf(`${path}-journal`),
  }
}

/** Changes whenever a writer changed the main file, or opened it in WAL mode. */
export function describeFiles({ main, log, logIndex, journalSize }: Look): string {
  return [
    main && `${main.id}:${main.size}:${main.mtimeNs}`,
    log && `${log.identity}:${log.size}`,
    logIndex?.identity,
    journalSize,
  ].join('|')
}

/** Changes when the log was removed or made anew, which nobody does while all who have it open hold their locks. */
export function describeLog({ log, logIndex }: Look): string {
  return `${log?.identity}|${logIndex?.identity}`
}

/** Device and inode: together they are one file's own only as long as it is there. */
export function idOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`
}

/** Tells one file from another that came under its name, also over time; empty where there is none. */
export function identityOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat ? identify(stat) : ''
}

/** A deleted file's inode is given away again, often at once. */
function identify(stat: { dev: bigint; ino: bigint; birthtimeNs: bigint }): string {
  return `${idOf(stat)}:${stat.birthtimeNs}`
}

/** SQLite keeps the log of a database beside the file itself, not beside a link to it. */
export function withoutLink(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path
  } catch {
    // Said when it is opened.
    return path
  }
}

/** Writers commit every few seconds while Codex is at work. */
const AT_WORK_MS = 2000

/** Whether a writer has committed just now. */
export function isBeingWritten(path: string, nowMs: number): boolean {
  const wal = statSync(`${withoutLink(path)}-wal`, { throwIfNoEntry: false })
  return wal !== undefined && wal.size > 0 && nowMs - wal.mtimeMs < AT_WORK_MS
}

/** 0 for a file that is not there. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** Whether a file begins as a write-ahead log does. SQLite has no locks on it that closing it could drop. */
export function isLog(path: string): boolean {
  const start = Buffer.alloc(4)
  try {
    const descriptor = openSync(path, 'r')
    try {
      readSync(descriptor, start, 0, start.length, 0)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return false
  }
  // The last bit tells the order of bytes in its checksums.
  return (start.readUInt32BE() & ~1) >>> 0 === LOG_MAGIC
}

const LOG_MAGIC = 0x377f0682
