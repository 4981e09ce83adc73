import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { findRollout } from '../../inspect/find-rollout.js'
import type { LocatedRollout } from '../../rollout/locate.js'
import type { HomeFlags } from '../home-flags.js'
import type { CommandContext } from '../main.js'
import { printedFieldNames, takeBackArgument, writeRecord } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { withSession } from './session.js'
import { requireThread } from './thread-argument.js'

type PathEntry = LocatedRollout & { id: string }

export const PATH_KIND: RecordKind<PathEntry> = {
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

export async function run(
  context: CommandContext,
  argument: string | undefined,
  flags: HomeFlags & OutputFlags,
): Promise<void> {
  const text = takeBackArgument(PATH_KIND, flags, argument)
  if (printedFieldNames(PATH_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const { id, thread } = await requireThread(text, session)
    const { rollout, isHidden } = await findRollout(session.codexHome, id, thread, session.notice)
    if (!rollout) {
      throw new StateError(
        'NOT_FOUND',
        isHidden
          ? `whether thread ${id} has a rollout file in ${session.codexHome} is not known`
          : `thread ${id} has no rollout file in ${session.codexHome}`,
      )
    }
    if (rollout.foundBy === 'unverified' && !rollout.isUnreadable) {
      session.notice(`${rollout.path} does not say whose it is; its place and name do`)
    }
    // The path is what is asked for: on a line of its own, so that it can be passed on.
    if (flags.json === undefined && flags.fields === undefined) session.io.stdout.write(`${rollout.path}\n`)
    else await writeRecord(PATH_KIND, { ...rollout, id }, flags, session)
  })
}
