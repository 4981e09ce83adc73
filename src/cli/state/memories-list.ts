import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { ALL_MEMORIES_KIND, MEMORY_KIND } from '../../format/memory-fields.js'
import type { StoredRecord } from '../../format/stored-fields.js'
import { listMemories, listMissingMemories } from '../../inspect/memories.js'
import {
  MEMORY_PIPELINES,
  MEMORY_STATES,
  type MemoryAnswer,
  type MemoryListQuery,
  type MemoryState,
} from '../../model/memory.js'
import type { ThreadRow } from '../../model/thread.js'
import { findCwdSpellings } from '../../query/cwd-spellings.js'
import { chooseSort, readThreads } from '../../query/threads/list.js'
import { choiceFlag, type Flag, type FlagValues, listFlag, onFlag } from '../flags.js'
import { defineListCommand, type FoundRecords } from '../records.js'
import { explainEmpty, MEMORY_TABLES, noticeOtherPipeline, requireMemories } from './memory-sources.js'
import type { Session } from './session.js'
import { toAbsolute } from './threads-list.js'

const STATES = [...MEMORY_STATES, 'archived'] as const

const FLAGS = {
  state: {
    ...listFlag('<state>', 'only those in this state'),
    choices: STATES,
  } as Flag<(MemoryState | 'archived')[] | undefined>,
  cwd: listFlag('<dir>', 'memories of this folder, however it is spelled', {
    completes: { kind: 'folders' },
  }),
  used: onFlag('only those that an answer cited'),
  unused: onFlag('only those that no answer cited'),
  pipeline: choiceFlag('<name>', MEMORY_PIPELINES, 'those of this pipeline, whichever is in use'),
  all: onFlag('those of both pipelines'),
  missing: onFlag('threads without a memory instead, each with the reason'),
}

interface Missing {
  thread: ThreadRow
  answer: MemoryAnswer
}

const MISSING_KIND: RecordKind<Missing> = {
  noun: 'thread',
  fields: [
    { name: 'thread_id', kind: 'id', value: ({ thread }) => thread.id },
    { name: 'updated_at', kind: 'time', value: ({ thread }) => thread.updatedAtMs },
    { name: 'reason', kind: 'text', value: ({ answer }) => answer.reason },
    { name: 'words', kind: 'text', heading: 'MEANING', value: ({ answer }) => answer.text },
    { name: 'cwd', kind: 'path', value: ({ thread }) => thread.cwd },
    { name: 'title', kind: 'text', value: ({ thread }) => thread.title },
  ],
  shown: ['thread_id', 'updated_at', 'reason', 'words'],
  nameOf: ({ thread }) => thread.id,
}

type Row = StoredRecord | Missing

export const command = defineListCommand<Row, typeof FLAGS>({
  examples: ['memories list --cwd .', 'memories list --missing'],
  kind: ({ missing, all }) =>
    (missing ? MISSING_KIND : all ? ALL_MEMORIES_KIND : MEMORY_KIND) as RecordKind<Row>,
  variesBy: 'missing',
  flags: FLAGS,
  tables: MEMORY_TABLES,
  isFaint: (row) => 'in_use' in row && row.in_use === 0,
  read: (session, flags) => (flags.missing ? readMissing(session, flags) : readPresent(session, flags)),
})

function readPresent(session: Session, flags: FlagValues<typeof FLAGS>): FoundRecords<Row> {
  if (flags.used && flags.unused) {
    throw new StateError('USAGE', '--used and --unused exclude each other', {
      hint: 'Without either, both are listed.',
    })
  }
  if (flags.all && flags.pipeline !== undefined) {
    throw new StateError('USAGE', '--all and --pipeline exclude each other')
  }
  const memories = requireMemories(session)
  const cwds = resolveCwds(session, flags.cwd)
  const query: MemoryListQuery = {
    pipelines: flags.all ? 'all' : (flags.pipeline ?? 'inUse'),
    ...(cwds && { cwds }),
    ...(flags.state && { states: flags.state }),
    ...((flags.used || flags.unused) && { isUsed: flags.used === true }),
  }
  if (query.pipelines === 'inUse') noticeOtherPipeline(session, memories)
  const rows = listMemories(memories, query)
  const isFiltered = Object.keys(query).length > 1
  return {
    pages: [rows],
    emptyText: isFiltered
      ? 'no memories match'
      : explainEmpty(session, memories, { what: 'no memories', rowCount: rows.length }),
  }
}

function readMissing(session: Session, flags: FlagValues<typeof FLAGS>): FoundRecords<Row> {
  const other = (['state', 'used', 'unused', 'pipeline', 'all'] as const).find(
    (name) => flags[name] !== undefined,
  )
  if (other !== undefined) {
    throw new StateError('USAGE', `--missing and --${other} exclude each other`, {
      hint: 'Threads without a memory can be chosen by --cwd.',
    })
  }
  const threads = session.openThreads()
  const cwds = resolveCwds(session, flags.cwd)
  const all = [...readThreads(threads, cwds ? { cwds } : {}, chooseSort(threads))]
    .flat()
    .map(({ thread }) => thread)
  return {
    pages: [listMissingMemories(requireMemories(session), all)],
    emptyText: all.length === 0 ? 'no threads' : 'every thread has a memory',
  }
}

function resolveCwds(session: Session, typed: string[] | undefined): string[] | undefined {
  const threads = typed && session.openThreads()
  return (
    threads && typed.flatMap((cwd) => findCwdSpellings(threads, toAbsolute(cwd, session.io.workingFolder)))
  )
}
