import { classifyFailure } from '../../body/classify-failure.js'
import { failureEntry } from '../../body/failures.js'
import { MEANING_NAMES, readBodyField, readMeaning } from '../../body/meanings.js'
import { type BodyField, type ParsedBody, parseBody, readValue } from '../../body/parse.js'
import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { escapeForTerminal, escapeJsonForTerminal } from '../../format/escape.js'
import { piecesOf } from '../../format/formats.js'
import { createRecordFormatter } from '../../format/log-line.js'
import { paint } from '../../format/paint.js'
import type { Palette } from '../../format/palette.js'
import { createUtcTime, formatUtcNanos, timeParts } from '../../format/time.js'
import { findLastFailure } from '../../inspect/last-failure.js'
import type { RowId, StoredLogRow } from '../../model/log.js'
import { FAILED_LEVEL } from '../../model/log-summary.js'
import { type Neighbours, readNeighbours } from '../../query/logs/neighbours.js'
import { findKeys, printIds } from '../../query/logs/printed-ids.js'
import { readLogRows } from '../../query/logs/rows.js'
import { type LogStore, readHighestId } from '../../query/logs/store.js'
import { defineTextCommand } from '../command.js'
import { choiceFlag, groupFlags, onFlag, requiredArgument } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { closedObject } from '../json-schema.js'
import { readOrNull } from '../none.js'
import { COLOR_CHOICES, loadPalette, resolveColor } from '../options.js'
import { PAGER_FLAGS } from '../pager-flag.js'
import { REDACT_FLAGS } from '../redact-flag.js'
import { type Session, withSession } from '../state/session.js'
import { createThreadWords, openLogs } from './open-logs.js'
import { LOG_JSON } from './records-schema.js'

const ID = { type: ['integer', 'null'] }
const TEXT = { type: ['string', 'null'] }

/** Beside the columns. */
const SHOWN_SCHEMA = {
  message: TEXT,
  spans: { type: 'array' },
  event_fields: { type: 'object' },
  ...Object.fromEntries(MEANING_NAMES.map((name) => [name, TEXT])),
  body_is_guess: { type: 'boolean' },
  failure: TEXT,
  previous: ID,
  next: ID,
  previous_in_thread: ID,
  next_in_thread: ID,
}

const COLUMNS = LOG_JSON.record as ReturnType<typeof closedObject> & {
  properties: object
  required: string[]
}

export const command = defineTextCommand({
  examples: ['show last-error'],
  args: {
    row: requiredArgument('the id of a row, last, or last-error (the newest that failed)', {
      hint: `Give the id of a row (query --fields id,message), 'last' or 'last-error'.`,
      example: 'last',
    }),
  },
  flags: {
    json: onFlag('one JSON object: the columns and what the body holds'),
    ...groupFlags('Output', {
      ...PAGER_FLAGS,
      ...REDACT_FLAGS,
      color: choiceFlag('<when>', COLOR_CHOICES, 'colour', { initial: 'auto' }),
    }),
    ...HOME_FLAGS,
  },
  tables: ['logs'],
  exitsWith1: 'there is no such row',
  jsonForms: [
    {
      shape: 'object',
      record: {
        ...COLUMNS,
        properties: { ...COLUMNS.properties, ...SHOWN_SCHEMA },
        required: [...COLUMNS.required, ...Object.keys(SHOWN_SCHEMA)],
      },
    },
  ],
  run: (context, flags, { row: typed }) =>
    withSession(context, flags, async (session) => {
      const { io } = context
      const store = await openLogs(session)
      const row = await readOrNull(flags.json === true, io, () => findRow(store, typed))
      const shown = describe(store, row)
      if (flags.json) {
        const json = toJson(shown)
        io.stdout.write(`${io.stdout.isTerminal ? escapeJsonForTerminal(json) : json}\n`)
        return 0
      }
      const palette = await loadPalette(resolveColor(flags.color, io))
      io.stdout.write(formatSheet(shown, palette, titleOf(session, row)))
      return 0
    }),
})

interface Shown {
  row: StoredLogRow
  parsed: ParsedBody
  /** The name and title of what failed. */
  failure: { name: string; title: string; cause: string; isGuess: boolean; isTurn: boolean } | undefined
  neighbours: Neighbours
}

/** @throws {StateError} `NOT_FOUND`, `USAGE` */
function findRow(store: LogStore, typed: string): StoredLogRow {
  const text = typed.trim()
  if (text === 'last-error') {
    const found = findLastFailure(store)
    if (found) return found.row
    throw new StateError('NOT_FOUND', `no row of ${store.file.path} reports an error or a failure`)
  }
  if (text !== 'last' && !/^-?\d{1,18}$/.test(text)) {
    throw new StateError('USAGE', `'${typed}' is not a row`, {
      hint: `Give the id of a row (query --fields id,message), 'last' or 'last-error'.`,
    })
  }
  const keys = text === 'last' ? newestKeys(store) : findKeys(store, BigInt(text))
  if (keys.length > 1) {
    throw new StateError('NOT_FOUND', `several rows of ${store.file.path} have the id ${text}`, {
      hint: `'codex-logs query --where id=${text}' prints them all.`,
    })
  }
  const [row] = readLogRows(store, { kind: 'ids', ids: keys })
  if (row) return row
  throw new StateError(
    'NOT_FOUND',
    text === 'last'
      ? `${store.file.path} holds no row`
      : `no row ${text} in ${store.file.path}${tellWhy(store, BigInt(text))}`,
  )
}

/** In a table that was rebuilt nobody can tell which ids were given. */
function tellWhy(store: LogStore, id: bigint): string {
  if (!store.hasIdAsKey) return ''
  const highest = readHighestId(store)
  return id > 0n && id <= highest
    ? ': Codex has deleted it, or never wrote it'
    : `; the newest id given is ${highest}`
}

function newestKeys(store: LogStore): RowId[] {
  const key = readNeighbours(store, undefined).previous
  return key === undefined ? [] : [key]
}

function printNeighbours(store: LogStore, neighbours: Neighbours): Neighbours {
  const print = (key: RowId | undefined) => (key === undefined ? undefined : printIds(store, [key])[0])
  return {
    previous: print(neighbours.previous),
    next: print(neighbours.next),
    previousInThread: print(neighbours.previousInThread),
    nextInThread: print(neighbours.nextInThread),
  }
}

function describe(store: LogStore, row: StoredLogRow): Shown {
  const isMessageOnly = store.columns.body === 'message'
  const parsed = parseBody(row.body, { target: row.target ?? '', isMessageOnly })
  const found = classifyFailure(row, parsed)
  const entry = found && failureEntry(found.name)
  return {
    row,
    parsed,
    failure: entry && found && { ...entry, isGuess: found.isGuess, isTurn: found.kind === 'turn' },
    neighbours: printNeighbours(store, readNeighbours(store, row)),
  }
}

function titleOf(session: Session, { threadId }: StoredLogRow): string {
  return threadId === null ? '' : createThreadWords(session).titleOf(threadId)
}

function toJson({ row, parsed, failure, neighbours }: Shown): string {
  const columns = createRecordFormatter(piecesOf('json'), { time: createUtcTime() })(row).slice(0, -2)
  const held: [string, string][] = [
    ...(['message', 'spans', 'event_fields', ...MEANING_NAMES] as const).map((name): [string, string] => [
      name,
      JSON.stringify(readBodyField(parsed, name)),
    ]),
    ['body_is_guess', String(parsed.isGuess)],
    ['failure', JSON.stringify(failure?.name ?? null)],
    ['previous', idJson(neighbours.previous)],
    ['next', idJson(neighbours.next)],
    ['previous_in_thread', idJson(neighbours.previousInThread)],
    ['next_in_thread', idJson(neighbours.nextInThread)],
  ]
  return `${columns}${held.map(([name, json]) => `,"${name}":${json}`).join('')}}`
}

function idJson(id: RowId | undefined): string {
  return id === undefined ? 'null' : String(id)
}

function formatSheet(
  { row, parsed, failure, neighbours }: Shown,
  palette: Palette | undefined,
  title: string,
): string {
  const time = row.tsSeconds === null ? '-' : formatUtcNanos(...timeParts(row))
  const stored = cleanLine(row.level ?? '-')
  const level = failure?.isTurn ? `${FAILED_LEVEL} (stored as ${stored})` : stored
  const heading = `row ${row.id}  ${time}  ${level}`
  const place = [row.file && `${row.file}${row.line === null ? '' : `:${row.line}`}`, row.modulePath]
    .filter(Boolean)
    .join('  ')
  const facts: [string, string][] = [
    ['thread', row.threadId === null ? '-' : `${row.threadId}${title && `  “${title.slice(0, 200)}”`}`],
    ['process', row.processUuid ?? '-'],
    ['target', row.target ?? '-'],
    ['source', place || '-'],
    ...MEANING_NAMES.map((name): [string, string] => [
      name.replace('_', ' '),
      readMeaning(parsed, name) ?? '',
    ]).filter(([, value]) => value !== ''),
  ]
  if (failure) {
    facts.push(['failure', `${failure.title} (${failure.name})${failure.isGuess ? ', likely' : ''}`])
    facts.push(['', failure.cause])
  }
  facts.push(['before', pair(neighbours.previous, neighbours.previousInThread)])
  facts.push(['after', pair(neighbours.next, neighbours.nextInThread)])
  const faint = (text: string) => paint(palette, 'faint', text)
  const parts = [`${heading}\n`, formatPairs(facts, faint)]
  if (parsed.spans.length > 0) parts.push(`${faint('spans')}\n`, formatSpans(parsed, faint))
  const note = parsed.isGuess ? faint('  (another reading of the body is possible)') : ''
  if (parsed.message !== null) {
    parts.push(`${faint('message')}${note}\n`, indent(escapeForTerminal(parsed.message)))
  }
  if (parsed.fields.length > 0) {
    parts.push(`${faint('fields')}\n`, formatPairs(parsed.fields.map(toPair), faint, '  '))
  }
  if (row.body === null) parts.push(faint('no body: the event carried no text, or its release kept none\n'))
  return parts.join('')
}

function pair(id: RowId | undefined, inThread: RowId | undefined): string {
  if (id === undefined) return 'none'
  return `${id}${inThread === undefined ? '' : `  (of the same thread ${inThread})`}`
}

function toPair({ key, value }: BodyField): [string, string] {
  return [key, readValue(value)]
}

const LONGEST_NAME = 28

function formatPairs(
  pairs: readonly (readonly [string, string])[],
  faint: (text: string) => string,
  start = '',
): string {
  const names = pairs.map(([name]) => cleanLine(name.slice(0, 200)))
  const width = Math.min(LONGEST_NAME, Math.max(...names.map((name) => name.length)))
  return pairs
    .map(([, value], index) => {
      const lines = escapeForTerminal(value).split('\n')
      const rest = lines.slice(1).map((line) => `${start}${' '.repeat(width + 2)}${line}`)
      return [`${start}${faint(names[index]!.padEnd(width))}  ${lines[0]}`, ...rest].join('\n').trimEnd()
    })
    .join('\n')
    .concat('\n')
}

/** One below the other, the innermost last. */
function formatSpans({ spans }: ParsedBody, faint: (text: string) => string): string {
  return spans
    .map(({ name, fields }, depth) => {
      // A chain can be so long that a step for each link would fill the screen.
      const branch = depth === 0 ? '' : `${'  '.repeat(Math.min(depth, 20) - 1)}└ `
      const own = fields.map((field) => toPair(field).filter(Boolean).join('=')).join(' ')
      return `  ${branch}${cleanLine(name)}${own && `  ${faint(cleanLine(own))}`}\n`
    })
    .join('')
}

function indent(text: string): string {
  return `${text
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n')}\n`
}
