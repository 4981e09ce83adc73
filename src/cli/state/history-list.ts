import type { RecordKind } from '../../format/fields.js'
import { formatPlural } from '../../format/quantity.js'
import { HISTORY_STATES, type ThreadHistory } from '../../model/history.js'
import { shortenId, UUID_PATTERN } from '../../model/uuid.js'
import { listRollouts } from '../../rollout/list.js'
import { onFlag, textFlag } from '../flags.js'
import { defineListCommand } from '../records.js'
import { lookAtHistory } from './history-look.js'
import { cureFor, describeCure, describeState } from './history-words.js'
import { optionalThread, requireThread } from './thread-argument.js'

interface HistoryRow {
  history: ThreadHistory
  /** For the Codex that will open it. */
  cure: string
}

const HISTORY_KIND: RecordKind<HistoryRow> = {
  noun: 'history',
  fields: [
    { name: 'thread_id', kind: 'id', heading: 'THREAD', value: ({ history }) => history.threadId },
    { name: 'rollout_id', kind: 'id', value: ({ history }) => history.rolloutId },
    { name: 'state', kind: 'text', value: ({ history }) => history.state },
    {
      name: 'problem',
      kind: 'text',
      value: ({ history }) => describeState(history),
      cell: ({ history }) => HISTORY_STATES[history.state].words,
      brief: { heading: 'PROBLEM', cell: ({ history }) => HISTORY_STATES[history.state].brief },
    },
    { name: 'turns_shown', kind: 'number', heading: 'SHOWN', value: ({ history }) => history.turnsShown },
    { name: 'turns', kind: 'number', value: ({ history }) => history.turnsThere },
    { name: 'items_shown', kind: 'number', value: ({ history }) => history.itemsShown },
    { name: 'items', kind: 'number', value: ({ history }) => history.itemsThere },
    {
      name: 'cure',
      kind: 'text',
      value: ({ cure }) => cure,
      brief: { heading: 'CURE', cell: briefCure },
    },
    { name: 'cure_until_0_153', kind: 'text', value: ({ history }) => history.cures.until153 },
    { name: 'cure_from_0_155', kind: 'text', value: ({ history }) => history.cures.from155 },
    { name: 'line', kind: 'number', value: ({ history }) => history.line?.lineNumber },
    { name: 'line_offset', kind: 'number', value: ({ history }) => history.line?.offset },
    { name: 'cursor_offset', kind: 'number', value: ({ history }) => history.cursor?.offset },
    { name: 'cursor_ordinal', kind: 'number', value: ({ history }) => history.cursor?.ordinal },
    { name: 'end_offset', kind: 'number', value: ({ history }) => history.end.offset },
    { name: 'affected_thread_id', kind: 'id', value: ({ history }) => history.affectedThreadId },
    { name: 'affected_rollout_id', kind: 'id', value: ({ history }) => history.affectedRolloutId },
    { name: 'base_state', kind: 'text', value: ({ history }) => history.baseState },
    { name: 'being_written', kind: 'flag', value: ({ history }) => history.isLive },
    { name: 'bad_lines', kind: 'number', value: ({ history }) => history.badLines },
    { name: 'path', kind: 'path', value: ({ history }) => history.path },
  ],
  shown: ['thread_id', 'turns_shown', 'turns', 'line', 'problem', 'cure'],
  nameOf: ({ history }) => history.threadId,
}

/** What to do in a few words, ids as the first column has them; the value has the command whole. */
function briefCure({ history, cure }: HistoryRow): string {
  return cure
    .replace(`codex-state history repair ${history.threadId} --yes, then resume it`, 'repair, then resume it')
    .replace(/^resume thread (\S+), which it was forked from$/, 'resume $1, its base')
    .replace('resume it in Codex 0.155', 'resume in 0.155')
    .replace(/^(none .*?)[:;].*$/, '$1')
    .replaceAll(new RegExp(UUID_PATTERN, 'g'), (id) => shortenId(id))
}

export const command = defineListCommand({
  examples: ['history list --all', 'history list last'],
  kind: HISTORY_KIND,
  args: { thread: optionalThread('only this thread (default: all in which something is wrong)') },
  flags: {
    all: onFlag('all threads, sound ones too; each rollout is read whole'),
    codex: textFlag('<version>', 'the Codex that will open them (default: the newest that wrote here)'),
  },
  tables: ['threads', 'thread_turns'],
  exitsWith1: 'Codex does not show some turns; 2 where it cannot open a thread, or where no cure is known',
  notes: `From 0.151 on Codex shows a chat from a projection of its rollout, and what is not projected looks lost. Without
THREAD and --all, a rollout whose last line and last turn are projected is passed over: rows that are missing further in
front are found with --all.`,
  async read(session, flags, args) {
    const only = args.thread === undefined ? undefined : (await requireThread(args.thread, session)).id
    const version = flags.codex ?? session.tryOpenThreads()?.newestVersion
    let passedOver = 0
    let sound = 0
    let bad = 0
    let hasAny = false
    async function* pages(): AsyncGenerator<HistoryRow[]> {
      const rows: HistoryRow[] = []
      const found = lookAtHistory(session, {
        ...(only === undefined ? {} : { threadIds: [only] }),
        ...(only === undefined && !flags.all
          ? {
              onPassedOver: () => {
                passedOver += 1
              },
            }
          : {}),
      })
      for await (const history of found) {
        hasAny = true
        session.io.stdout.check?.()
        if (!('state' in history)) {
          session.notice(history.reason)
          session.fail()
          continue
        }
        const { alarm } = HISTORY_STATES[history.state]
        if (alarm > 0) {
          bad += 1
          session.fail(alarm)
        } else sound += 1
        if (alarm > 0 || flags.all || only !== undefined)
          rows.push({ history, cure: describeCure(history, cureFor(history, version)) })
      }
      if (!hasAny && passedOver === 0) {
        // An empty home is more likely not the one that was meant.
        const { files } = await listRollouts(session.codexHome)
        if (files.length === 0) session.open('threads')
      }
      yield rows
    }
    return {
      pages: pages(),
      emptyText:
        only === undefined
          ? 'no thread has turns that Codex does not show'
          : 'it has no projection to look at',
      footer: () =>
        [
          `${formatPlural(bad, 'thread')} in which something is wrong`,
          `${sound} sound`,
          ...(passedOver > 0 ? [`${passedOver} projected to the end`] : []),
        ].join(', '),
    }
  },
})
