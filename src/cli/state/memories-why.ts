import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import type { RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { memoryReason } from '../../inspect/memories.js'
import type { MemoryAnswer } from '../../model/memory.js'
import { isUuid } from '../../model/uuid.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineRecordCommand } from '../records.js'
import { MEMORY_TABLES, requireMemories } from './memory-sources.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'

interface Answer extends MemoryAnswer {
  id: string
  pipeline: string
}

const hasMemory = ({ reason }: Answer) => reason === 'has-memory'

const ANSWER_KIND: RecordKind<Answer> = {
  noun: 'answer',
  fields: [
    { name: 'thread_id', kind: 'id', value: ({ id }) => id },
    { name: 'has_memory', kind: 'flag', value: hasMemory },
    { name: 'pipeline', kind: 'text', value: ({ pipeline }) => pipeline },
    { name: 'reason', kind: 'text', value: ({ reason }) => reason },
    { name: 'words', kind: 'text', heading: 'MEANING', value: ({ text }) => text },
    {
      name: 'checks',
      kind: 'json',
      value: ({ checks }) =>
        JSON.stringify(
          checks.map(({ name, outcome, detail, change }) => ({
            check: name,
            outcome,
            detail,
            change: change ?? null,
          })),
        ),
    },
  ],
  shown: ['thread_id', 'has_memory', 'pipeline', 'reason', 'words', 'checks'],
  nameOf: ({ id }) => id,
}

export const command = defineRecordCommand({
  examples: ['memories why last'],
  kind: ANSWER_KIND,
  args: { thread: THREAD_ARGUMENT },
  tables: [...MEMORY_TABLES, 'jobs'],
  exitsWith1: 'the thread has no memory',
  async read(session, _, args) {
    const id = await findId(args.thread, session)
    const memories = requireMemories(session)
    const answer = { id, pipeline: memories.home.inUse, ...memoryReason(memories, id) }
    if (!hasMemory(answer)) session.fail()
    return answer
  },
  write: writeAnswer,
})

/** A thread that is gone from everywhere can be asked for by its whole id: its job may be left. */
async function findId(text: string, session: Session): Promise<string> {
  try {
    return (await requireThread(text, session)).id
  } catch (error) {
    const id = text.trim().toLowerCase()
    if (error instanceof StateError && error.code === 'NOT_FOUND' && isUuid(id)) return id
    throw error
  }
}

const MARKS = { pass: ['good', '✓'], fail: ['bad', '✗'], 'not known': ['faint', '?'] } as const

async function writeAnswer(answer: Answer, flags: OutputFlags, { io }: Session): Promise<void> {
  const { id, checks, text, pipeline } = answer
  if (!io.stdout.isTerminal) {
    for (const { name, outcome, detail, change = '' } of checks) {
      io.stdout.write(`${outcome}\t${name}\t${cleanLine(detail)}\t${cleanLine(change)}\n`)
    }
    io.stdout.write(`${answer.reason}\t\t${cleanLine(text)}\t\n`)
    return
  }
  const palette = await loadPalette(resolveColor(flags.color ?? 'auto', io))
  for (const { name, outcome, detail, change } of checks) {
    const [style, mark] = MARKS[outcome]
    const remedy =
      change === undefined ? '' : paint(palette, 'faint', ` (to change it: ${cleanLine(change)})`)
    io.stdout.write(`${paint(palette, style, mark)} ${name.padEnd(8)}  ${cleanLine(detail)}${remedy}\n`)
  }
  io.stdout.write(
    hasMemory(answer)
      ? `\nThread ${id} has a memory in ${pipeline}, which is in use${text === 'it has a memory' ? '' : `: ${cleanLine(text)}`}.\n`
      : `\nThread ${id} has no memory: ${cleanLine(text)}.\n`,
  )
}
