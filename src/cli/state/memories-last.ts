import { MEMORY_KIND } from '../../format/memory-fields.js'
import { listMemories } from '../../inspect/memories.js'
import { textFlag } from '../flags.js'
import { defineListCommand } from '../records.js'
import { explainEmpty, MEMORY_TABLES, noticeOtherPipeline, requireMemories } from './memory-sources.js'
import { toAbsolute } from './threads-list.js'

/** The newest memories of one folder, by its exact path, as Codex itself once asked. */
export const command = defineListCommand({
  examples: ['memories last --cwd . -n 3'],
  kind: MEMORY_KIND,
  flags: {
    cwd: textFlag('<dir>', 'the folder, by its exact path (default: this one)', {
      completes: { kind: 'folders' },
    }),
  },
  tables: MEMORY_TABLES,
  read(session, { cwd: typed, limit }) {
    const cwd = toAbsolute(typed ?? '.', session.io.workingFolder)
    const memories = requireMemories(session)
    noticeOtherPipeline(session, memories)
    const rows = listMemories(memories, { cwds: [cwd], pipelines: 'inUse' }).slice(0, limit ?? 1)
    const what = `no memories of ${cwd}`
    return { pages: [rows], emptyText: explainEmpty(session, memories, { what, rowCount: rows.length }) }
  },
})
