import { resolve } from 'node:path'
import { StateError } from '../../errors.js'
import { formatBadLine } from '../../format/bad-line.js'
import { formatJsonRow } from '../../format/fields.js'
import { formatPlural } from '../../format/quantity.js'
import { TALK_PARTS, type TalkBlock, type TalkPart, toTalkBlock } from '../../format/talk.js'
import { formatHtmlTalk } from '../../format/talk-html.js'
import { createMarkdownTalk, createTextTalk } from '../../format/talk-text.js'
import { createUtcTime, createZonedTime, localOffset } from '../../format/time.js'
import { findRollout } from '../../inspect/find-rollout.js'
import type { Turn, TurnEntry } from '../../model/turn.js'
import { readOutput } from '../../rollout/calls.js'
import { followTurns } from '../../rollout/follow-turns.js'
import { readTurns, type ThreadTurns } from '../../rollout/turns.js'
import { createFinalFile } from '../../share/export/final-file.js'
import { defineTextCommand } from '../command.js'
import {
  choiceFlag,
  choicesFlag,
  type FlagValues,
  groupFlags,
  onFlag,
  parsedFlag,
  parsePositive,
  textFlag,
} from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { OutputStream } from '../io.js'
import { EXIT_FAILED } from '../main.js'
import { COLOR_CHOICES, loadPalette, resolveColor } from '../options.js'
import { PAGER_FLAGS } from '../pager-flag.js'
import { REDACT_FLAGS } from '../redact-flag.js'
import { ENTRY_KIND } from './entry-record.js'
import { jsonCleanerFor } from './output.js'
import { type Session, withSession } from './session.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'
import { lookForWriter, requireRollout, tellProblems } from './thread-rollout.js'

const FORMATS = ['text', 'md', 'json'] as const

const FLAGS = {
  turn: textFlag('<n>', 'only this turn: its number, or last', {
    completes: { kind: 'words', words: ['last'] },
  }),
  last: parsedFlag('<n>', 'only the last turns', parsePositive),
  only: choicesFlag('<parts>', TALK_PARTS, 'only these parts of the talk, as in user,assistant'),
  full: onFlag('long outputs and patches whole'),
  follow: onFlag('keep printing what is added, as tail does', { short: 'f' }),
  html: textFlag('<file>', 'write one static HTML page of the thread to this file, or - to print it', {
    completes: { kind: 'files' },
  }),
  ...groupFlags('Output', {
    format: choiceFlag('<form>', FORMATS, 'text, Markdown, or an object for each item', { initial: 'text' }),
    json: onFlag('the same as --format json'),
    ...PAGER_FLAGS,
    ...REDACT_FLAGS,
    color: choiceFlag('<when>', COLOR_CHOICES, 'colour', { initial: 'auto' }),
  }),
  ...HOME_FLAGS,
}

type ReadFlags = Omit<FlagValues<typeof FLAGS>, 'json'>

export const command = defineTextCommand({
  examples: ['threads read last --turn last', 'threads read last --only user,assistant --html thread.html'],
  args: { thread: THREAD_ARGUMENT },
  flags: FLAGS,
  tables: ['threads'],
  jsonForms: [{ shape: 'lines', record: ENTRY_KIND }],
  exitsWith1: 'there is nothing to show, or a part of it cannot be read',
  notes: `Who said what and when, what was run with its exit code and output, patches, and who refused a call. Of outputs over
13 lines the middle is left out; --full has all. What Codex puts in only for the model is left out, except in JSON.`,
  run: (context, { json, ...typed }, args) =>
    withSession(context, typed, async (session) => {
      const flags = json ? { ...typed, format: 'json' as const } : typed
      checkFlags(flags)
      const found = await requireRollout(args.thread, session)
      const { rollout } = found
      if (flags.follow) return follow(rollout.path, found.id, flags, session)
      const read = await readTurns(rollout.path, { hasWriter: lookForWriter(rollout, session.nowMs) })
      tellProblems(read, session)
      const turns = selectTurns(read, flags)
      if (flags.html !== undefined) {
        writePage(read, turns, found.title, flags, session)
        return session.hasFailed() ? EXIT_FAILED : 0
      }
      const write = await createWriter(flags, session)
      for (const turn of turns) write(turn, turn.entries)
      if (turns.length === read.turns.length && read.outside.length > 0) write(null, read.outside)
      if (turns.length === 0) session.notice(`thread ${read.threadId} has no turn`)
      return turns.length === 0 || session.hasFailed() ? EXIT_FAILED : 0
    }),
})

/** @throws {StateError} `USAGE` */
function checkFlags({ follow, html, turn, redact, format }: ReadFlags): void {
  if (follow && turn !== undefined) throw new StateError('USAGE', '--follow and --turn exclude each other')
  if (html === undefined) return
  if (follow) throw new StateError('USAGE', '--follow and --html exclude each other')
  if (format !== 'text') throw new StateError('USAGE', '--format and --html exclude each other')
  if (redact && html !== '-')
    throw new StateError('USAGE', '--redact cleans what is printed, and not a file', {
      hint: `Print the page: '--html - --redact > page.html'.`,
    })
}

/** Until it is interrupted. */
async function follow(path: string, id: string, flags: ReadFlags, session: Session): Promise<number> {
  const signal = session.io.interruption()
  const before = flags.last === undefined ? [] : (await readTurns(path)).turns
  const firstShown = flags.last === undefined ? 1 : before.length - flags.last + 1
  const write = await createWriter(flags, session)
  const findCurrent = async () => {
    const { thread } = await requireThread(id, session)
    return (await findRollout(session.codexHome, { id, thread }, () => {})).rollout?.path
  }
  for await (const news of followTurns(path, { signal, findCurrent })) {
    session.io.stdout.check?.()
    switch (news.kind) {
      case 'entries': {
        for (const [turn, entries] of Map.groupBy(news.entries, (found) => found.turn)) {
          if (turn !== null && turn.number < firstShown) continue
          write(
            turn,
            entries.map(({ entry }) => entry),
          )
        }
        break
      }
      case 'ended':
        if (news.turn.number >= firstShown) write.end(news.turn)
        break
      case 'reverted':
        session.notice(
          `the thread was reverted to ${formatPlural(news.keptTurns, 'turn')}; it goes on in ${news.path}`,
        )
        break
      case 'badLine':
        session.notice(formatBadLine(news))
        session.fail()
        break
      default:
        news satisfies never
    }
  }
  return session.hasFailed() ? EXIT_FAILED : 0
}

function writePage(
  read: ThreadTurns,
  turns: readonly Turn[],
  title: string,
  flags: ReadFlags,
  session: Session,
): void {
  const toBlocks = blockMaker(flags)
  const isWhole = turns.length === read.turns.length
  const parts = formatHtmlTalk({
    title: title || `thread ${read.threadId}`,
    facts: [`thread ${read.threadId}`, read.cwd, `Codex ${read.cliVersion}`, 'times in UTC'],
    turns: [
      ...turns.map((turn) => ({ turn, blocks: toBlocks(turn.entries, turn) })),
      ...(isWhole && read.outside.length > 0 ? [{ turn: null, blocks: toBlocks(read.outside, null) }] : []),
    ],
    formatTime: createClock({ isTerminal: false }),
  })
  const { io } = session
  const path = flags.html ?? '-'
  if (path === '-') {
    for (const part of parts) io.stdout.write(part)
    return
  }
  const file = createFinalFile(resolve(io.workingFolder, path))
  try {
    for (const part of parts) file.write(Buffer.from(part))
    file.commit()
  } finally {
    file.discard()
  }
}

/** @throws {StateError} `USAGE`, `NOT_FOUND` */
function selectTurns({ turns, threadId }: ThreadTurns, { turn, last }: ReadFlags): Turn[] {
  if (turn !== undefined && last !== undefined)
    throw new StateError('USAGE', '--turn and --last exclude each other')
  if (last !== undefined) return turns.slice(-last)
  if (turn === undefined) return turns
  if (turn === 'last') return turns.slice(-1)
  if (!/^\d{1,9}$/.test(turn)) {
    const found = turns.find(({ id }) => id === turn)
    if (found) return [found]
    throw new StateError('USAGE', `--turn <n>: '${turn}' is not valid`, {
      hint: `It must be a number, the id of a turn, or last.`,
    })
  }
  const found = turns[Number(turn) - 1]
  if (found) return [found]
  throw new StateError('NOT_FOUND', `thread ${threadId} has no turn ${turn}`, {
    hint: `It has ${turns.length}; 'threads turns' lists them.`,
  })
}

interface WriteTurn {
  (turn: Turn | null, entries: readonly TurnEntry[]): void
  /** A turn that was being written has ended. */
  end(turn: Turn): void
}

/** Parts of turns as blocks for a reader, those that are asked for. */
function blockMaker({ only }: ReadFlags): (entries: readonly TurnEntry[], turn: Turn | null) => TalkBlock[] {
  const asked = only && new Set<TalkPart>(only)
  return (entries, turn) =>
    entries.flatMap((entry) => {
      if (isInHeading(entry, turn)) return []
      const block = toTalkBlock(entry, (output) => readOutput(output).body)
      return block && (asked === undefined || asked.has(block.part)) ? [block] : []
    })
}

/** The heading of a turn that failed says why. */
function isInHeading(entry: TurnEntry, turn: Turn | null): boolean {
  if (entry.kind !== 'note' || entry.note.kind !== 'error') return false
  return turn?.outcome === 'failed' && turn.error?.message === entry.note.text
}

/** Writes turns as they are given; entries of a turn that was given before go on with it. */
async function createWriter(flags: ReadFlags, session: Session): Promise<WriteTurn> {
  const { io } = session
  const blocksOf = blockMaker(flags)
  if (flags.format === 'json') {
    const clean = jsonCleanerFor(io)
    const write = (turn: Turn | null, entries: readonly TurnEntry[]) => {
      const rows = entries.filter((entry) => flags.only === undefined || blocksOf([entry], null).length > 0)
      for (const entry of rows) {
        const json = formatJsonRow(ENTRY_KIND, ENTRY_KIND.fields, { turn, entry }, session.notice)
        io.stdout.write(`${clean(json)}\n`)
      }
    }
    return Object.assign(write, { end() {} })
  }
  const look = { isFull: flags.full === true, formatTime: createClock(io.stdout) }
  const talk =
    flags.format === 'md'
      ? createMarkdownTalk(look)
      : createTextTalk({ ...look, palette: await loadPalette(resolveColor(flags.color, io)) })
  let shown: number | undefined
  /** Whose heading says how it ended. */
  let ended: Turn | undefined
  const write = (turn: Turn | null, entries: readonly TurnEntry[]) => {
    let text = ''
    if (turn !== null && turn.number !== shown) {
      text = talk.turn(turn)
      if (turn.outcome !== 'running') ended = turn
    }
    shown = turn?.number
    for (const block of blocksOf(entries, turn)) text += talk.block(block)
    io.stdout.write(text)
  }
  return Object.assign(write, {
    end(turn: Turn) {
      if (ended === turn) return
      shown = undefined
      write(turn, [])
    },
  })
}

/** In the zone of who reads it on a terminal, else in UTC. */
function createClock({
  isTerminal,
}: Pick<OutputStream, 'isTerminal'>): (epochMs: number, withDate: boolean) => string {
  const time = isTerminal ? createZonedTime(localOffset) : createUtcTime()
  const mark = isTerminal ? '' : ' UTC'
  return (epochMs, withDate) => {
    const seconds = Math.floor(epochMs / 1000)
    if (!withDate) return time.clock(seconds, 0)
    return `${time.full(seconds, 0).slice(0, 19).replace('T', ' ')}${mark}`
  }
}
