import { basename } from 'node:path'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { type Verdict, verifyDatabase } from '../../inspect/verify.js'
import { onFlag } from '../flags.js'
import { defineListCommand } from '../records.js'
import { tellHiddenTurns } from './history-look.js'
import { requireDatabases } from './session.js'

const VERDICT_KIND: RecordKind<Verdict> = {
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

export const command = defineListCommand({
  examples: ['verify --full'],
  kind: VERDICT_KIND,
  flags: { full: onFlag('check every index and foreign key too') },
  exitsWith1: 'a database is damaged',
  read(session, flags) {
    let hasReadAny = false
    let problem = ''
    function* verdicts(): Generator<Verdict[]> {
      for (const file of requireDatabases(session)) {
        const verdict = verifyDatabase(file, { isFull: flags.full === true, onNotice: session.notice })
        if (verdict.state !== 'ok') session.fail()
        hasReadAny ||= verdict.state !== 'unreadable'
        problem ||= verdict.problems[0] ?? ''
        yield [verdict]
      }
    }
    // A table is fitted to all of its rows, so there they are gathered; elsewhere each is printed as it is known.
    const isTable = session.io.stdout.isTerminal && flags.json === undefined
    async function* pages(): AsyncGenerator<Verdict[]> {
      if (isTable) yield [...verdicts()].flat()
      else yield* verdicts()
      await tellHiddenTurns(session)
    }
    return {
      pages: pages(),
      finish() {
        if (!hasReadAny && flags.limit !== 0) {
          throw new StateError('DB_UNREADABLE', `none of these databases could be read: ${problem}`)
        }
      },
    }
  },
})
