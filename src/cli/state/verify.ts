import { basename } from 'node:path'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { type Verdict, verifyDatabase } from '../../inspect/verify.js'
import type { HomeFlags } from '../home-flags.js'
import { type CommandContext, EXIT_FAILED } from '../main.js'
import { printedFieldNames, writeRecords } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { requireDatabases, withSession } from './session.js'

export const VERDICT_KIND: RecordKind<Verdict> = {
  noun: 'database',
  fields: [
    {
      name: 'database',
      kind: 'path',
      value: ({ database }) => database,
      cell: ({ database }) => basename(database),
    },
    { name: 'role', kind: 'text', value: ({ role }) => role },
    { name: 'state', kind: 'text', value: ({ state }) => state },
    {
      name: 'problems',
      kind: 'json',
      value: ({ problems }) => JSON.stringify(problems),
      cell: ({ problems }) =>
        problems.length > 1 ? `${problems[0]} (and ${problems.length - 1} more)` : (problems[0] ?? ''),
    },
    {
      name: 'rebuildable',
      kind: 'flag',
      value: ({ isRebuildable }) => isRebuildable,
      cell: ({ isRebuildable, state }) =>
        state !== 'damaged' ? '' : isRebuildable === null ? '?' : isRebuildable ? 'yes' : 'no',
    },
    { name: 'meaning', kind: 'text', value: ({ meaning }) => meaning },
  ],
  shown: ['database', 'state', 'problems', 'rebuildable', 'meaning'],
  nameOf: ({ database }) => database,
}

export async function run(
  context: CommandContext,
  flags: HomeFlags & OutputFlags & { full?: boolean },
): Promise<void> {
  if (printedFieldNames(VERDICT_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    let hasReadAny = false
    function* verdicts(): Generator<Verdict[]> {
      for (const file of requireDatabases(session)) {
        const verdict = verifyDatabase(file, { isFull: flags.full === true, onNotice: session.notice })
        if (verdict.state !== 'ok') session.fail(EXIT_FAILED)
        hasReadAny ||= verdict.state !== 'unreadable'
        yield [verdict]
      }
    }
    // A table is fitted to all of its rows, so there they are gathered; elsewhere each is told as it is known.
    const isTable = context.io.stdout.isTerminal && flags.json === undefined
    await writeRecords(VERDICT_KIND, isTable ? [[...verdicts()].flat()] : verdicts(), flags, session)
    if (!hasReadAny && flags.limit !== 0) {
      throw new StateError('DB_UNREADABLE', 'none of these databases could be read')
    }
  })
}
