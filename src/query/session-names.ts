import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Names that users gave to threads, by thread id, from `session_index.jsonl`: the last line of an id wins, an
 * empty name clears it. The file is absent in most homes; lines that say nothing usable are skipped, as Codex
 * skips them.
 */
export function readSessionNames(codexHome: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  let text: string
  try {
    text = readFileSync(join(codexHome, 'session_index.jsonl'), 'utf8')
  } catch {
    return names
  }
  for (const line of text.split('\n')) {
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
