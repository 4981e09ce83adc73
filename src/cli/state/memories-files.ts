import { relative } from 'node:path'
import type { RecordKind } from '../../format/fields.js'
import { findMissingPart } from '../../inspect/memories.js'
import { listMemoryFiles, type MemoryFile } from '../../inspect/memory-files.js'
import { findMemoryFault } from '../../schema/memory-settings.js'
import { onFlag } from '../flags.js'
import { defineListCommand } from '../records.js'
import { MEMORY_TABLES, requireMemories } from './memory-sources.js'

interface Row extends MemoryFile {
  /** Below the home. */
  place: string
  isInUse: boolean
}

const ORPHAN_WORDS = { thread: 'its thread has no row', memory: 'its thread has no memory' } as const

const FILE_KIND: RecordKind<Row> = {
  noun: 'file',
  fields: [
    { name: 'path', kind: 'path', value: ({ path }) => path, cell: ({ place }) => place },
    { name: 'pipeline', kind: 'text', value: ({ pipeline }) => pipeline },
    { name: 'in_use', kind: 'flag', value: ({ isInUse }) => isInUse },
    { name: 'kind', kind: 'text', value: ({ kind }) => kind },
    { name: 'made_by', kind: 'text', value: ({ madeBy }) => madeBy },
    { name: 'thread_id', kind: 'id', value: ({ threadId }) => threadId },
    {
      name: 'orphan',
      kind: 'text',
      value: ({ orphan }) => (orphan === null ? null : ORPHAN_WORDS[orphan]),
    },
    { name: 'size_bytes', kind: 'bytes', heading: 'SIZE', value: ({ sizeBytes }) => sizeBytes },
    { name: 'modified_at', kind: 'time', value: ({ modifiedMs }) => modifiedMs },
  ],
  shown: ['kind', 'made_by', 'size_bytes', 'modified_at', 'thread_id', 'orphan', 'path'],
  nameOf: ({ path }) => path,
}

export const command = defineListCommand({
  examples: ['memories files --orphans'],
  kind: FILE_KIND,
  flags: { orphans: onFlag('only texts whose thread or memory is gone') },
  tables: MEMORY_TABLES,
  isFaint: ({ isInUse }) => !isInUse,
  read(session, { orphans }) {
    const memories = requireMemories(session)
    const { home } = memories
    const files = listMemoryFiles(home, {
      findMissing: findMissingPart(memories),
      onNotice: session.notice,
    })
    const rows = files
      .map((file) => ({
        ...file,
        place: relative(home.codexHome, file.path),
        isInUse: file.pipeline === home.inUse,
      }))
      .filter(({ orphan }) => !orphans || orphan !== null)
    return {
      pages: [rows],
      emptyText: orphans ? 'no text of a thread or memory that is gone' : 'no memory files',
      footer: () => describeFiles(rows, home.version),
    }
  },
})

/** What is unusual about them, and what ends it. */
function describeFiles(rows: readonly Row[], version: string | undefined): string | undefined {
  const orphanCount = rows.filter(({ orphan }) => orphan !== null).length
  const fault = findMemoryFault('orphan', version)
  const lines = [
    orphanCount > 0 &&
      `${orphanCount === 1 ? '1 text tells of a thread or memory that is' : `${orphanCount} texts tell of threads or memories that are`} gone; the next consolidation removes ${orphanCount === 1 ? 'it' : 'them'}${fault === undefined ? '' : `. ${fault}`}`,
    rows.some(({ kind }) => kind === 'pending diff') &&
      'a diff is pending: a consolidation is under way, or did not end well',
    rows.some(({ kind }) => kind === 'lock') && 'a lock file stays there: that it exists says nothing',
  ]
  const said = lines.filter((line) => line !== false)
  return said.length > 0 ? said.join('\n') : undefined
}
