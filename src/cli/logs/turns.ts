import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import {
  LOG_TURN_ITEM_KIND,
  LOG_TURN_KIND,
  type TurnItem,
  turnItemsOf,
} from '../../format/log-turn-fields.js'
import { formatPlural } from '../../format/quantity.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { joinTurns } from '../../inspect/join-turns.js'
import { readLogTurns } from '../../inspect/log-turns.js'
import type { FoundThread } from '../../inspect/thread-reference.js'
import type { JoinedTurn } from '../../model/log-turn.js'
import type { Turn } from '../../model/turn.js'
import { shortenId } from '../../model/uuid.js'
import { onFlag, textFlag } from '../flags.js'
import { loadPalette, parseTime, resolveColor, TIME_LOOK } from '../options.js'
import { defineListCommand } from '../records.js'
import type { Session } from '../state/session.js'
import { optionalThread } from '../state/thread-argument.js'
import { openLogs, requireThreadOfLogs } from './open-logs.js'

type TurnsRow = JoinedTurn | TurnItem

const FLAGS = {
  items: onFlag('a line for each step, call and retry instead of each turn'),
  since: textFlag('<time>', 'turns that went on after it, as in query', { alias: 'from', ...TIME_LOOK }),
  until: textFlag('<time>', 'turns that began before it', { alias: 'to', ...TIME_LOOK }),
}

const ARGS = { thread: optionalThread('the thread (default: last, the newest)') }

export const command = defineListCommand<TurnsRow, typeof FLAGS, typeof ARGS>({
  examples: ['turns last --items'],
  kind: ({ items }) =>
    (items ? LOG_TURN_ITEM_KIND : LOG_TURN_KIND) as RecordKind<unknown> as RecordKind<TurnsRow>,
  variesBy: 'items',
  args: ARGS,
  flags: FLAGS,
  tables: ['logs', 'threads'],
  exitsWith1: 'no such thread, or neither its rollout nor the log has a turn of it',
  notes: `When each turn began and ended and how, what it waited for and which tools it called. Where the thread has a rollout,
its turns are the frame: the log adds waits, retries and steps for the time that it reaches. JSON tells in 'sources'
which of the two each value comes from. A partial turn began before the oldest row that is left of it; one that is
open has no end. Releases to 0.116 write no ids: there turns and calls are known only by their order, and one to 0.104 with
the default level only by what ended them. Preparing a request for more than a second mostly means waiting for a database.`,
  async read(session, flags, args) {
    const context = { nowMs: session.nowMs, zone: undefined }
    const from = flags.since === undefined ? undefined : await parseTime(flags.since, 'start', context)
    const to = flags.until === undefined ? undefined : await parseTime(flags.until, 'end', context)
    const store = await openLogs(session)
    const found = await requireThreadOfLogs(args.thread ?? 'last', store, session)
    const log = readLogTurns(store, found.id)
    const rollout = await readRolloutTurns(found, session)
    if (log.length > 0 && log.every(({ id }) => id === undefined)) {
      session.notice('rows of this release have no ids: turns and calls are known only by their order')
    }
    const turns = joinTurns(rollout, log)
    const shown = turns.filter(({ startMs: start = 0, endMs: end = start }) => {
      return (!from || end >= from.seconds * 1000) && (!to || start <= to.seconds * 1000 + to.nanos / 1e6)
    })
    if (turns.length === 0) session.fail()
    return {
      pages: [flags.items ? shown.flatMap(turnItemsOf) : shown],
      emptyText: explainNothing(found.id, turns, shown),
      footer: () => tellReach(turns),
    }
  },
  write(rows, flags, session) {
    if (flags.items || !session.io.stdout.isTerminal) return undefined
    return writeTurns(rows as readonly JoinedTurn[], session, flags.color)
  },
})

function explainNothing(id: string, turns: readonly JoinedTurn[], shown: readonly JoinedTurn[]): string {
  if (turns.length === 0) return `neither the log nor a rollout has a turn of thread ${id}`
  if (shown.length === 0)
    return `none of the ${formatPlural(turns.length, 'turn')} of thread ${id} is of this time`
  return `the log has no step and no call of ${formatPlural(shown.length, 'turn')} of thread ${id}; 'codex-state threads turns ${shortenId(id)} --items' shows what its rollout has`
}

/** Empty for a thread that only the log knows. */
async function readRolloutTurns({ id, thread }: FoundThread, session: Session): Promise<Turn[]> {
  const { rollout } = await findRollout(session.codexHome, { id, thread }, session.notice)
  if (!rollout) return []
  const { readTurns } = await import('../../rollout/turns.js')
  try {
    return (await readTurns(rollout.path, { detail: 'summary' })).turns
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    session.notice(error.message)
    return []
  }
}

function tellReach(turns: readonly JoinedTurn[]): string {
  const both = turns.filter(({ rollout, log }) => rollout && log).length
  const rolloutOnly = turns.filter(({ log }) => !log).length
  const logOnly = turns.filter(({ rollout }) => !rollout).length
  return [
    formatPlural(turns.length, 'turn'),
    ...(both > 0 ? [`${both} with rows of the log`] : []),
    ...(rolloutOnly > 0 ? [`${rolloutOnly} older than its rows`] : []),
    ...(logOnly > 0 ? [`${logOnly} only from rows`] : []),
  ].join(', ')
}

async function writeTurns(
  turns: readonly JoinedTurn[],
  { io }: Session,
  color: 'auto' | 'always' | 'never',
): Promise<void> {
  // They take time to load, which only a terminal needs.
  const { drawLogTurns } = await import('../../format/draw-log-turns.js')
  const { createUtcTime, createZonedTime, localOffset } = await import('../../format/time.js')
  const palette = await loadPalette(resolveColor(color, io))
  const time = io.env.TZ === 'UTC' ? createUtcTime() : createZonedTime(localOffset)
  io.stdout.write(drawLogTurns(turns, { columns: io.stdout.columns || 100, palette, time }))
}
