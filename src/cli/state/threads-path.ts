import { escapeForTerminal } from '../../format/escape.js'
import type { RecordKind } from '../../format/fields.js'
import type { LocatedRollout } from '../../rollout/locate.js'
import { defineRecordCommand } from '../records.js'
import { THREAD_ARGUMENT } from './thread-argument.js'
import { requireRolloutOf } from './thread-rollout.js'

type PathEntry = LocatedRollout & { id: string }

const PATH_KIND: RecordKind<PathEntry> = {
  noun: 'rollout',
  fields: [
    { name: 'id', kind: 'id', value: ({ id }) => id },
    { name: 'path', kind: 'path', value: ({ path }) => path },
    { name: 'archived', kind: 'flag', value: ({ isArchived }) => isArchived },
    { name: 'compressed', kind: 'flag', value: ({ isCompressed }) => isCompressed },
    { name: 'size_bytes', kind: 'bytes', value: ({ sizeBytes }) => sizeBytes },
    { name: 'modified_at', kind: 'time', value: ({ modifiedAtMs }) => modifiedAtMs },
    { name: 'found_by', kind: 'text', value: ({ foundBy }) => foundBy },
  ],
  shown: ['path'],
  nameOf: ({ id }) => id,
}

export const command = defineRecordCommand({
  examples: ['threads path last'],
  kind: PATH_KIND,
  args: { thread: THREAD_ARGUMENT },
  tables: ['threads'],
  async read(session, _, args) {
    const { id, rollout } = await requireRolloutOf(args.thread, session)
    if (rollout.foundBy === 'unverified' && !rollout.isUnreadable) {
      session.notice(`${rollout.path} does not say whose it is; its place and name do`)
    }
    return { ...rollout, id }
  },
  // The path is what is asked for: on a line of its own, so that it can be passed on.
  write: ({ path }, _, { io }) =>
    io.stdout.write(`${io.stdout.isTerminal ? escapeForTerminal(path) : path}\n`),
})
