import { StateError } from '../../errors.js'
import { escapeForTerminal } from '../../format/escape.js'
import { MEMORY_HEAD, MEMORY_KIND } from '../../format/memory-fields.js'
import { paint } from '../../format/paint.js'
import { listMemories, type MemoryEntry, memoryReason } from '../../inspect/memories.js'
import { whyOff } from '../../inspect/memory-home.js'
import { MEMORY_PIPELINES, type MemoryPipeline } from '../../model/memory.js'
import { choiceFlag, requiredArgument } from '../flags.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineRecordCommand } from '../records.js'
import { MEMORY_TABLES, requireMemories } from './memory-sources.js'
import { writeRecord } from './output.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'
import { requireThread } from './thread-argument.js'

const KIND = { ...MEMORY_KIND, shown: MEMORY_KIND.fields.map(({ name }) => name) }

export const command = defineRecordCommand({
  examples: ['memories show last'],
  kind: KIND,
  args: {
    thread: requiredArgument(
      'a thread (its id, the beginning of it, a name or title), or last: the newest memory',
      {
        hint: `Give a thread, or 'last' for the newest memory.`,
        completes: { kind: 'stored', values: 'thread' },
        example: 'last',
      },
    ),
  },
  flags: {
    pipeline: choiceFlag('<name>', MEMORY_PIPELINES, 'the memory of this pipeline, whichever is in use'),
  },
  tables: MEMORY_TABLES,
  read: (session, { pipeline }, args) => findMemory(session, args.thread, pipeline),
  write: (memory, flags, session) => writeMemory(memory as MemoryEntry, flags, session),
})

async function findMemory(
  session: Session,
  text: string,
  pipeline: MemoryPipeline | undefined,
): Promise<MemoryEntry> {
  const pipelines = pipeline ?? 'inUse'
  if (text.trim() === 'last') {
    const memories = requireMemories(session)
    const [newest] = listMemories(memories, { pipelines })
    if (newest) return newest
    const off = whyOff(memories.home)
    throw new StateError('NOT_FOUND', `there are no memories${off === undefined ? '' : `: ${off}`}`, {
      hint: `'codex-state memories list --missing' says why for each thread.`,
    })
  }
  const { id } = await requireThread(text, session)
  const memories = requireMemories(session)
  const [memory] = listMemories(memories, { threadId: id, pipelines })
  if (memory) return memory
  const { reason, text: why } = memoryReason(memories, id)
  const isElsewhere = reason === 'has-memory'
  throw new StateError(
    'NOT_FOUND',
    isElsewhere ? `thread ${id} has no memory in ${pipelines}` : `thread ${id} has no memory: ${why}`,
    { hint: `'codex-state memories why ${id}' goes through all conditions.` },
  )
}

/** On a terminal the texts follow as they are: they are Markdown, with lines. */
async function writeMemory(memory: MemoryEntry, flags: OutputFlags, session: Session): Promise<void> {
  const { io } = session
  if (!io.stdout.isTerminal) return writeRecord(KIND, memory, flags, session)
  await writeRecord({ ...KIND, shown: MEMORY_HEAD }, memory, flags, session)
  const palette = await loadPalette(resolveColor(flags.color ?? 'auto', io))
  const texts = [
    ['Summary', memory.summary],
    ['Raw memory', memory.raw_memory],
    ['Trace', memory.trace_summary],
  ] as const
  for (const [heading, text] of texts) {
    if (typeof text !== 'string' || text === '') continue
    io.stdout.write(`\n${paint(palette, 'heading', heading)}\n${escapeForTerminal(text).trimEnd()}\n`)
  }
}
