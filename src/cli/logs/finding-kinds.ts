import type { Field, RecordKind } from '../../format/fields.js'
import { FINDING_SEVERITIES, type Finding, type FindingSeverity } from '../../inspect/log-failures.js'
import { shortenId } from '../../model/uuid.js'
import type { ThreadWords } from './open-logs.js'

/** A failure as it is listed. */
export interface ListedFinding extends Finding {
  title: string
}

/** Failures of one kind: of one place in Codex's code, and of one message but for ids, numbers and the like. */
export interface FindingGroup {
  /** The newest one. */
  example: Finding
  severity: FindingSeverity
  count: number
  turnCount: number
  guessCount: number
  firstMs: number
  lastMs: number
  /** By id, with their titles; in the order in which they came. */
  threads: Map<string, string>
}

/** Failures of one thread, or turn. */
export interface ThreadGroup {
  threadId: string | null
  turnId: string | null
  title: string
  count: number
  turnCount: number
  firstMs: number
  lastMs: number
  /** How many of each name, or level. */
  names: Map<string, number>
  last: Finding
}

export const GROUPINGS = ['kind', 'none', 'thread', 'turn'] as const

export type Grouping = (typeof GROUPINGS)[number]

export interface FindingGroups {
  add(finding: Finding): void
  /** All that there is to show, the newest first. */
  finish(): (ListedFinding | FindingGroup | ThreadGroup)[]
}

/** Titles are asked for when all are known: most threads have several failures. */
export function createGroups(grouping: Grouping, words: ThreadWords): FindingGroups {
  const titles = new Map<string, string>()
  const titleOf = (threadId: string | null) => {
    if (threadId === null) return ''
    let title = titles.get(threadId)
    if (title === undefined) {
      title = words.titleOf(threadId)
      titles.set(threadId, title)
    }
    return title
  }
  if (grouping === 'none') {
    const all: Finding[] = []
    return {
      add: (finding) => all.push(finding),
      finish: () =>
        all
          .sort((a, b) => a.firstMs - b.firstMs)
          .map((finding) => ({ ...finding, title: titleOf(finding.threadId) })),
    }
  }
  if (grouping === 'kind') {
    const groups = new Map<string, FindingGroup>()
    return {
      add: (finding) => addToKind(groups, finding),
      finish: () => {
        for (const { threads } of groups.values()) {
          for (const threadId of threads.keys()) threads.set(threadId, titleOf(threadId))
        }
        return [...groups.values()].sort(
          (a, b) => rankOf(a.severity) - rankOf(b.severity) || b.lastMs - a.lastMs,
        )
      },
    }
  }
  const groups = new Map<string, ThreadGroup>()
  return {
    add: (finding) => addToThread(groups, finding, grouping === 'turn'),
    finish: () => {
      for (const group of groups.values()) group.title = titleOf(group.threadId)
      return [...groups.values()].sort((a, b) => b.lastMs - a.lastMs)
    },
  }
}

/** What failed stands before what went on, and that before notices. */
function rankOf(severity: FindingSeverity): number {
  return FINDING_SEVERITIES.indexOf(severity)
}

function addToKind(groups: Map<string, FindingGroup>, finding: Finding): void {
  const { entry, severity, target, file, line, mask, firstMs, lastMs, threadId, endsTurn, isGuess } = finding
  const key = JSON.stringify([
    entry?.name ?? severity,
    target,
    file,
    line === null ? null : String(line),
    mask,
  ])
  let group = groups.get(key)
  if (!group) {
    group = {
      example: finding,
      severity,
      count: 0,
      turnCount: 0,
      guessCount: 0,
      firstMs,
      lastMs,
      threads: new Map(),
    }
    groups.set(key, group)
  }
  group.count++
  if (rankOf(severity) < rankOf(group.severity)) group.severity = severity
  if (endsTurn) group.turnCount++
  if (isGuess) group.guessCount++
  group.firstMs = Math.min(group.firstMs, firstMs)
  if (lastMs >= group.lastMs) {
    group.lastMs = lastMs
    group.example = finding
  }
  if (threadId !== null) group.threads.set(threadId, '')
}

function addToThread(groups: Map<string, ThreadGroup>, finding: Finding, isByTurn: boolean): void {
  const { entry, severity, firstMs, lastMs, threadId, endsTurn } = finding
  const turnId = isByTurn ? (finding.turnId ?? null) : null
  const key = `${threadId} ${turnId}`
  let group = groups.get(key)
  if (!group) {
    group = {
      threadId,
      turnId,
      title: '',
      count: 0,
      turnCount: 0,
      firstMs,
      lastMs,
      names: new Map(),
      last: finding,
    }
    groups.set(key, group)
  }
  const name = entry?.name ?? severity
  group.count++
  if (endsTurn) group.turnCount++
  group.firstMs = Math.min(group.firstMs, firstMs)
  group.names.set(name, (group.names.get(name) ?? 0) + 1)
  if (lastMs >= group.lastMs) {
    group.lastMs = lastMs
    group.last = finding
  }
}

/** What the catalogue says, and where in Codex's code the row comes from. */
function findingFields<Row>(findingOf: (row: Row) => Finding): Field<Row>[] {
  return [
    {
      name: 'name',
      kind: 'text',
      heading: 'FAILURE',
      value: (row) => findingOf(row).entry?.name,
      cell: (row) => nameOf(findingOf(row)),
    },
    { name: 'severity', kind: 'text', value: (row) => findingOf(row).severity },
    { name: 'what', kind: 'text', value: (row) => findingOf(row).entry?.title },
    { name: 'cause', kind: 'text', value: (row) => findingOf(row).entry?.cause },
    { name: 'step', kind: 'text', value: (row) => findingOf(row).entry?.step || null },
    { name: 'level', kind: 'text', value: (row) => findingOf(row).level },
    { name: 'target', kind: 'text', value: (row) => findingOf(row).target },
    { name: 'file', kind: 'text', value: (row) => findingOf(row).file },
    { name: 'line', kind: 'number', value: (row) => findingOf(row).line },
  ]
}

function nameOf({ entry, severity }: Finding): string {
  return entry?.name ?? `(${severity})`
}

export const FINDING_GROUP_KIND: RecordKind<FindingGroup> = {
  noun: 'kind of failure',
  fields: [
    { name: 'count', kind: 'number', value: ({ count }) => count },
    { name: 'last_at', kind: 'time', value: ({ lastMs }) => Math.floor(lastMs) },
    { name: 'first_at', kind: 'time', value: ({ firstMs }) => Math.floor(firstMs) },
    ...findingFields<FindingGroup>(({ example }) => example),
    {
      name: 'message',
      kind: 'text',
      value: ({ example }) => example.mask,
      // Of a single one nothing has to be left out.
      cell: ({ example, count }) => (count === 1 ? example.text : example.mask),
    },
    { name: 'example', kind: 'text', value: ({ example }) => example.text },
    { name: 'example_ids', kind: 'json', value: ({ example }) => idsJson(example) },
    { name: 'where', kind: 'text', value: ({ threads }) => tellThreads(threads) },
    {
      name: 'threads',
      kind: 'json',
      value: ({ threads }) => JSON.stringify([...threads].map(([id, title]) => ({ id, title }))),
    },
    { name: 'turns_ended', kind: 'number', value: ({ turnCount }) => turnCount },
    { name: 'guesses', kind: 'number', value: ({ guessCount }) => guessCount },
  ],
  shown: ['count', 'last_at', 'name', 'message', 'where'],
  nameOf: ({ example }) => nameOf(example),
}

function idsJson({ rowIds }: Finding): string {
  return `[${rowIds.join(',')}]`
}

/** The title of one, or how many there are. */
export function tellThreads(threads: ReadonlyMap<string, string>): string {
  const [first, ...others] = threads
  if (first === undefined) return ''
  const [id, title] = first
  const name = title === '' ? shortenId(id) : title
  return others.length === 0 ? name : `${threads.size} threads: ${name}, …`
}

export const FINDING_KIND: RecordKind<ListedFinding> = {
  noun: 'failure',
  fields: [
    { name: 'at', kind: 'time', value: ({ firstMs }) => Math.floor(firstMs) },
    { name: 'last_at', kind: 'time', value: ({ lastMs }) => Math.floor(lastMs) },
    ...findingFields<ListedFinding>((finding) => finding),
    { name: 'message', kind: 'text', value: ({ text }) => text },
    { name: 'thread_id', kind: 'id', heading: 'THREAD', value: ({ threadId }) => threadId },
    { name: 'title', kind: 'text', value: ({ title }) => title },
    { name: 'turn_id', kind: 'id', value: ({ turnId }) => turnId },
    { name: 'ends_turn', kind: 'flag', value: ({ endsTurn }) => endsTurn },
    { name: 'guess', kind: 'flag', value: ({ isGuess }) => isGuess },
    { name: 'tool', kind: 'text', value: ({ tool }) => tool },
    { name: 'call_id', kind: 'text', value: ({ callId }) => callId },
    { name: 'mcp_server', kind: 'text', value: ({ mcpServer }) => mcpServer },
    { name: 'process_uuid', kind: 'text', value: ({ processUuid }) => processUuid },
    { name: 'row_ids', kind: 'json', value: idsJson },
  ],
  shown: ['at', 'name', 'message', 'thread_id', 'title'],
  nameOf,
}

const GROUP_FIELDS: readonly Field<ThreadGroup>[] = [
  { name: 'count', kind: 'number', value: ({ count }) => count },
  { name: 'last_at', kind: 'time', value: ({ lastMs }) => Math.floor(lastMs) },
  { name: 'first_at', kind: 'time', value: ({ firstMs }) => Math.floor(firstMs) },
  { name: 'turns_ended', kind: 'number', value: ({ turnCount }) => turnCount },
  {
    name: 'failures',
    kind: 'json',
    value: ({ names }) => JSON.stringify(Object.fromEntries(names)),
    cell: ({ names }) =>
      [...names].map(([name, count]) => (count > 1 ? `${name} ×${count}` : name)).join(', '),
  },
  { name: 'last_message', kind: 'text', value: ({ last }) => last.text },
  { name: 'title', kind: 'text', value: ({ title }) => title },
]

export const THREAD_GROUP_KIND: RecordKind<ThreadGroup> = {
  noun: 'thread',
  fields: [
    { name: 'thread_id', kind: 'id', heading: 'THREAD', value: ({ threadId }) => threadId },
    ...GROUP_FIELDS,
  ],
  shown: ['thread_id', 'title', 'count', 'last_at', 'failures'],
  nameOf: ({ threadId }) => threadId ?? 'no thread',
}

export const TURN_GROUP_KIND: RecordKind<ThreadGroup> = {
  noun: 'turn',
  fields: [
    { name: 'turn_id', kind: 'id', heading: 'TURN', value: ({ turnId }) => turnId },
    { name: 'thread_id', kind: 'id', heading: 'THREAD', value: ({ threadId }) => threadId },
    ...GROUP_FIELDS,
  ],
  shown: ['turn_id', 'title', 'count', 'last_at', 'failures', 'last_message'],
  nameOf: ({ turnId }) => turnId ?? 'no turn',
}
