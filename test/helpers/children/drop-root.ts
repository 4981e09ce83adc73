import Database from 'better-sqlite3'

/** Makes this process one that file permissions stop, as they do not stop root. */
export function dropRoot(): void {
  if (process.getuid?.() !== 0) return
  // Loads the addon, which may lie where nobody else can read.
  new Database(':memory:').close()
  process.setgid?.(65534)
  process.setuid?.(65534)
}
