import { StateError } from '../../errors.js'
import { MEMORY_KIND } from '../../format/stored-fields.js'
import { listMemories } from '../../inspect/memories.js'
import { defineRecordCommand } from '../records.js'
import { MEMORY_TABLES, requireMemories } from './memory-sources.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'

export const command = defineRecordCommand({
  kind: { ...MEMORY_KIND, shown: MEMORY_KIND.fields.map(({ name }) => name) },
  args: { thread: THREAD_ARGUMENT },
  tables: MEMORY_TABLES,
  async read(session, _, args) {
    const { id } = await requireThread(args.thread, session)
    const [memory] = listMemories(requireMemories(session), { threadId: id, pipelines: 'inUse' })
    if (!memory) throw new StateError('NOT_FOUND', `Codex remembers nothing of thread ${id}`)
    return memory
  },
})
