import { join } from 'node:path'
import { readSmallFile } from '../schema/small-file.js'

/** The newest names are at the end of the file: so much of it, some 400,000 of them, is read. */
const MAX_MIB = 64

/**
 * Names that users gave to threads, by thread id, from `session_index.jsonl`: the last line of an id wins, an
 * empty name clears it. The file is absent in most homes; lines that say nothing usable are skipped, as Codex
 * skips them.
 *
 * @param onNotice called with a one-line message when names may be missing
 */
export function readSessionNames(
  codexHome: string,
  onNotice: (text: string) => void,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const path = join(codexHome, 'session_index.jsonl')
  const file = readSmallFile(path, MAX_MIB * 1024 * 1024)
  if (file.kind === 'missing') return names
  if (file.kind === 'unreadable') {
    onNotice(`cannot read ${path}: ${file.reason}, so names of threads may be missing`)
    return names
  }
  if (file.isCut)
    onNotice(`only the last ${MAX_MIB} MiB of ${path} are read: older names of threads are missing`)
  const lines = file.bytes.toString().split('\n')
  for (const line of file.isCut ? lines.slice(1) : lines) {
    const entry = parseLine(line)
    if (!entry) continue
    if (entry.name.trim() === '') names.delete(entry.id)
    else names.set(entry.id, entry.name)
  }
  return names
}

function parseLine(line: string): { id: string; name: string } | undefined {
  if (line.trim() === '') return undefined
  try {
    const { id, thread_name: name } = JSON.parse(line) ?? {}
    return typeof id === 'string' && typeof name === 'string' ? { id: id.toLowerCase(), name } : undefined
  } catch {
    return undefined
  }
}
