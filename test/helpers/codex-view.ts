import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ThreadTurns } from '../../src/rollout/turns.js'
import { expectedPath, fixtureNames, fixturePath, HOMES, homePath } from './homes.js'

type Json = Record<string, unknown>

export interface ToldTurn extends Json {
  id: string
  status: string
  error: { message: string } | null
  items: Json[]
}

export interface ToldUsage {
  responses: number
  input: number
  cached: number
  output: number
  reasoning: number
  total: number
}

/** What a release told of one thread. */
export interface ToldThread {
  scenario?: string
  /** What the server charged for the thread. */
  sent?: ToldUsage
  turns?: ToldTurn[]
}

export interface ToldHome {
  name: string
  release: string
  home: string
  threads: Record<string, ToldThread>
}

/** All fixture homes of which a release told turns. */
export function toldHomes(): ToldHome[] {
  const homes: ToldHome[] = HOMES.map((name) => ({
    name,
    release: /(\d+\.\d+\.\d+)(-[a-z]+)?$/.exec(name)![1]!,
    home: homePath(name),
    threads: readToldThreads(join(expectedPath(name), 'thread-read')),
  }))
  for (const kind of ['turns', 'items'] as const) {
    for (const name of fixtureNames(kind)) {
      const folder = fixturePath(kind, name)
      const told = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Partial<ToldHome>
      if (told.threads)
        homes.push({ name, release: told.release!, home: join(folder, 'home'), threads: told.threads })
    }
  }
  return homes
}

/** Threads that the release answered for; up to 0.120 it found no archived ones. */
function readToldThreads(folder: string): Record<string, ToldThread> {
  const threads: Record<string, ToldThread> = {}
  for (const file of readdirSync(folder)) {
    const { thread } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { thread?: ToldThread }
    if (thread) threads[file.replace(/\.json$/, '')] = thread
  }
  return threads
}

/** Items that releases before 0.106 did not know. */
const LATE_ITEMS: ReadonlySet<unknown> = new Set([
  'contextCompaction',
  'enteredReviewMode',
  'exitedReviewMode',
])

/**
 * The turns as that release would tell them: the reader follows the newest one, and what older ones did otherwise is
 * written here.
 */
export function asToldBy(
  release: string,
  thread: ThreadTurns,
): (Json & { items: Json[]; isIdMadeUp: boolean })[] {
  const minor = Number(release.split('.')[1])
  let itemCount = 0
  const turns = thread.turns.map((turn) => {
    const items: Json[] = []
    for (const entry of turn.entries) {
      // Lines that only 0.120 to 0.128 read.
      if (entry.kind !== 'item' || (entry.isHidden && (minor < 120 || minor > 128))) continue
      if (minor < 106 && LATE_ITEMS.has(entry.item.type)) continue
      const isNumbered = /^item-\d+$/.test(entry.item.id)
      if (isNumbered) itemCount += 1
      const item: Json = { ...entry.item }
      if (isNumbered && minor < 106) item.id = `item-${itemCount}`
      // Before 0.145 the end of a review was its overall words.
      if (entry.item.type === 'exitedReviewMode' && minor < 145)
        item.review = entry.item.review.replace(/\n\n(?:Review comment|Full review comments):\n[\s\S]*$/, '')
      items.push(item)
    }
    return {
      id: turn.id,
      isIdMadeUp: turn.isIdMadeUp,
      status: statusToldBy(minor, turn),
      message: turn.isErrorHidden && minor > 128 ? null : (turn.error?.message ?? null),
      startedAt: turn.startedAtSeconds,
      completedAt: turn.completedAtSeconds,
      durationMs: turn.durationMs,
      rootTurnId: turn.rootTurnId,
      items,
    }
  })
  return turns.filter(({ items, isIdMadeUp }) => items.length > 0 || !isIdMadeUp || minor >= 106)
}

function statusToldBy(minor: number, turn: ThreadTurns['turns'][number]): string {
  // A turn that no line ends: completed, then in progress, and interrupted from 0.118 on.
  if (turn.outcome === 'neverEnded') {
    if (minor <= 100) return 'completed'
    if (minor < 118) return 'inProgress'
  }
  if (turn.isErrorHidden && minor <= 128) return 'failed'
  return turn.status
}

/** The differences between what a release told of a thread and what was read, one line each. */
export function diffTurns(release: string, told: readonly ToldTurn[], read: ThreadTurns): string[] {
  const minor = Number(release.split('.')[1])
  const mine = asToldBy(release, read)
  const diffs: string[] = []
  if (told.length !== mine.length) diffs.push(`${mine.length} turns for ${told.length}`)
  for (const [index, want] of told.entries()) {
    const got = mine[index]
    if (!got) continue
    const say = (field: string, wanted: unknown, was: unknown) => {
      if (toText(wanted) !== toText(was))
        diffs.push(`turn ${index + 1} ${field}: ${toText(was)} for ${toText(wanted)}`)
    }
    // Without an id in the rollout Codex made one up at each read, until 0.150.
    if (minor >= 100 && !(got.isIdMadeUp && minor < 150)) say('id', want.id, got.id)
    say('status', want.status, got.status)
    say('error', want.error?.message ?? null, got.message)
    for (const field of ['startedAt', 'completedAt', 'durationMs', 'rootTurnId'] as const)
      if (field in want) say(field, want[field], got[field])
    say('items', want.items.length, got.items.length)
    for (const [place, item] of want.items.entries()) {
      for (const field of Object.keys(item)) {
        // Messages had no id until 0.140, so a hook's prompt got a new one at each read.
        if (item.type === 'hookPrompt' && field === 'id' && minor < 145) continue
        const was = got.items[place]?.[field] ?? null
        if (field === 'commandActions' && minor < 125)
          say(`item ${place + 1} ${field}`, ...withoutFolders(item[field], was))
        else say(`item ${place + 1} ${field}`, item[field], was)
      }
    }
  }
  return diffs
}

/** Before 0.125 the path of an action was relative. */
function withoutFolders(...actions: unknown[]): [unknown, unknown] {
  const [wanted, was] = actions.map((list) =>
    (list as { path?: string }[]).map(({ path, ...action }) => ({
      ...action,
      path: path?.replace(/.*\//, ''),
    })),
  )
  return [wanted, was]
}

/** Keys in one order; of an image the level of detail that nobody set says nothing. */
function toText(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'detail' && inner === null) return undefined
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
