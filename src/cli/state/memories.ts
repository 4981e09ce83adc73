import { StateError } from '../../errors.js'
import { MEMORY_JOB_KIND, MEMORY_KIND } from '../../format/stored-fields.js'
import { listMemories, type Memories } from '../../inspect/memories.js'
import { readMemoryJobs } from '../../query/memories.js'
import type { HomeFlags } from '../home-flags.js'
import type { CommandContext } from '../main.js'
import { printedFieldNames, takeBackArgument, writeRecord, writeRecords } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { requireDatabases, type Session, withSession } from './session.js'
import { toAbsolute } from './threads-list.js'

type Flags = HomeFlags & OutputFlags

export async function list(context: CommandContext, flags: Flags): Promise<void> {
  if (printedFieldNames(MEMORY_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    await writeRecords(
      MEMORY_KIND,
      [listMemories(requireMemories(session), { pipelines: 'inUse' })],
      flags,
      session,
      {
        emptyText: 'no memories',
      },
    )
  })
}

/** The newest memories of one folder, by its exact path, as Codex itself once asked. */
export async function last(context: CommandContext, flags: Flags & { cwd?: string }): Promise<void> {
  if (printedFieldNames(MEMORY_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const cwd = toAbsolute(flags.cwd ?? '.', context.io.workingFolder)
    const rows = listMemories(requireMemories(session), { cwd, pipelines: 'inUse' }).slice(
      0,
      flags.limit ?? 1,
    )
    await writeRecords(MEMORY_KIND, [rows], flags, session, { emptyText: `no memories of ${cwd}` })
  })
}

export const MEMORY_DETAIL_KIND = { ...MEMORY_KIND, shown: MEMORY_KIND.fields.map(({ name }) => name) }

export async function show(
  context: CommandContext,
  argument: string | undefined,
  flags: Flags,
): Promise<void> {
  const text = takeBackArgument(MEMORY_DETAIL_KIND, flags, argument)
  if (printedFieldNames(MEMORY_DETAIL_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const { requireThread } = await import('./thread-argument.js')
    const { id } = await requireThread(text, session)
    const [memory] = listMemories(requireMemories(session), { threadId: id, pipelines: 'inUse' })
    if (!memory) throw new StateError('NOT_FOUND', `Codex remembers nothing of thread ${id}`)
    await writeRecord(MEMORY_DETAIL_KIND, memory, flags, session)
  })
}

const PHASES: Readonly<Record<string, string>> = {
  memory_stage1: 'extract',
  memory_consolidate_global: 'consolidate',
}

export async function jobs(context: CommandContext, flags: Flags): Promise<void> {
  if (printedFieldNames(MEMORY_JOB_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const nowSeconds = session.nowMs / 1000
    const rows = readMemoryJobs(requireMemories(session).sources).map((job) => ({
      ...job,
      phase: PHASES[String(job.kind)] ?? job.kind,
      lease: job.status !== 'running' ? null : Number(job.lease_until) > nowSeconds ? 'held' : 'run out',
    }))
    await writeRecords(MEMORY_JOB_KIND, [rows], flags, session, { emptyText: 'no memory jobs' })
  })
}

function requireMemories(session: Session): Memories {
  requireDatabases(session)
  return session.memories()
}
