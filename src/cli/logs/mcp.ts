import { unknownServer } from '../../body/follow-mcp.js'
import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import type { RecordKind } from '../../format/fields.js'
import { formatTime } from '../../format/fields.js'
import { formatCount, formatDuration } from '../../format/quantity.js'
import { pidOf } from '../../inspect/liveness.js'
import { type ConfiguredServer, explainUnknownServer, readMcp, readMcpServers } from '../../inspect/mcp.js'
import type { McpEvent, McpServerNow } from '../../model/mcp.js'
import { readHighestId, readLowestId } from '../../query/logs/store.js'
import { readConfigTable } from '../../schema/home.js'
import { onFlag, optionalArgument } from '../flags.js'
import { defineListCommand } from '../records.js'
import { isUnfiltered, LOG_FILTER_FLAGS } from './filter-flags.js'
import { createThreadWords, openFilteredLogs } from './open-logs.js'
import { createScanProgress } from './progress.js'

interface McpRow extends McpServerNow {
  /** `undefined` where `config.toml` cannot be read. */
  isConfigured: boolean | undefined
}

const MCP_KIND: RecordKind<McpRow> = {
  noun: 'server',
  fields: [
    { name: 'server', kind: 'text', value: ({ server }) => server },
    {
      name: 'configured',
      kind: 'flag',
      value: ({ isConfigured }) => isConfigured,
      cell: ({ isConfigured }) => (isConfigured === undefined ? '?' : isConfigured ? 'yes' : 'no'),
    },
    { name: 'state', kind: 'text', value: ({ state }) => state },
    {
      name: 'started_after_ms',
      kind: 'number',
      heading: 'AFTER',
      value: ({ startedAfterMs }) => (startedAfterMs === undefined ? null : Math.round(startedAfterMs)),
      cell: ({ startedAfterMs }) => (startedAfterMs === undefined ? '' : formatDuration(startedAfterMs)),
    },
    {
      name: 'calls',
      kind: 'number',
      value: ({ callCount }) => callCount,
      cell: ({ callCount }) => formatCount(callCount),
    },
    {
      name: 'failed_calls',
      kind: 'number',
      heading: 'FAILED',
      value: ({ failedCallCount }) => failedCallCount,
      cell: ({ failedCallCount }) => formatCount(failedCallCount),
    },
    {
      name: 'timed_out_calls',
      kind: 'number',
      heading: 'TIMED OUT',
      value: ({ timedOutCallCount }) => timedOutCallCount,
      cell: ({ timedOutCallCount }) => formatCount(timedOutCallCount),
    },
    { name: 'tools', kind: 'number', value: ({ toolCount }) => toolCount },
    {
      name: 'missing_requests',
      kind: 'number',
      heading: 'MISSING',
      value: ({ missingCount }) => missingCount,
    },
    {
      name: 'stderr_lines',
      kind: 'number',
      heading: 'STDERR',
      value: ({ stderrCount }) => stderrCount,
      cell: ({ stderrCount, sharesStderrWith }) =>
        stderrCount === undefined ? (sharesStderrWith.length > 0 ? '?' : '') : formatCount(stderrCount),
    },
    {
      name: 'shares_stderr_with',
      kind: 'text',
      value: ({ sharesStderrWith }) => sharesStderrWith.join(', '),
    },
    { name: 'why', kind: 'text', value: ({ why }) => why },
    {
      name: 'state_at',
      kind: 'time',
      value: ({ stateMs }) => (stateMs === undefined ? null : Math.floor(stateMs)),
    },
    {
      name: 'pid',
      kind: 'number',
      value: ({ processUuid }) => pidOf(processUuid),
      cell: ({ processUuid }) => String(pidOf(processUuid) ?? ''),
    },
    { name: 'process_uuid', kind: 'text', value: ({ processUuid }) => processUuid },
    {
      name: 'first_at',
      kind: 'time',
      value: ({ firstMs }) => (Number.isFinite(firstMs) ? Math.floor(firstMs) : null),
    },
    {
      name: 'last_at',
      kind: 'time',
      value: ({ lastMs }) => (Number.isFinite(lastMs) ? Math.floor(lastMs) : null),
    },
    {
      name: 'events',
      kind: 'json',
      value: ({ events }) =>
        JSON.stringify(events.map(({ ms, kind, text }) => ({ at: formatTime(Math.floor(ms)), kind, text }))),
    },
  ],
  shown: [
    'server',
    'state',
    'started_after_ms',
    'calls',
    'failed_calls',
    'timed_out_calls',
    'stderr_lines',
    'pid',
    'why',
  ],
  nameOf: ({ server }) => server,
}

interface EventRow extends McpEvent {
  server: string
  processUuid: string | null
}

const EVENT_KIND: RecordKind<EventRow> = {
  noun: 'event',
  fields: [
    { name: 'at', kind: 'time', value: ({ ms }) => Math.floor(ms), cell: ({ ms }) => formatMs(ms) },
    { name: 'server', kind: 'text', value: ({ server }) => server },
    { name: 'event', kind: 'text', value: ({ kind }) => kind },
    { name: 'text', kind: 'text', value: ({ text }) => text },
    { name: 'process_uuid', kind: 'text', value: ({ processUuid }) => processUuid },
  ],
  shown: ['at', 'server', 'event', 'text'],
  nameOf: ({ server }) => server,
}

// biome-ignore lint/suspicious/noExplicitAny: servers or events, by a flag.
type AnyRow = any

export const command = defineListCommand({
  examples: ['mcp --events'],
  kind: ({ events }: { events?: true | undefined }) => (events ? EVENT_KIND : MCP_KIND) as RecordKind<AnyRow>,
  variesBy: 'events',
  tables: ['logs'],
  args: { server: optionalArgument('only this server, and what happened to it', { example: 'notes' }) },
  flags: {
    events: onFlag('what happened to the servers, in order of time, instead of the servers'),
    ...LOG_FILTER_FLAGS,
  },
  notes: `What can be known depends on the release: calls and what servers print from 0.99, when a server was ready from 0.111
(with its name from 0.145), which servers a request went without from 0.148, and that a server did not start, and why,
from 0.155. Rows of stderr name the program: of several servers with one program the log does not tell which one it was.`,
  isFaint: ({ state }: AnyRow) => state === 'disabled' || state === 'ended',
  async read(session, flags, { server: wanted }) {
    const { store, filter } = await openFilteredLogs(flags, session)
    const config = readConfigTable(session.codexHome, session.notice)
    const configured = config && readMcpServers(config)
    const progress = createScanProgress(session.io)
    const countIds = () => Number(readHighestId(store) - (readLowestId(store) ?? 0n)) + 1
    const found = readMcp(store, filter, configured ?? [], (batches) => progress.watch(batches, countIds))
    progress.clear()
    const { newestVersion } = createThreadWords(session)
    const all = addUnseen(found, configured ?? [], newestVersion).map(
      (server): McpRow => ({
        ...server,
        isConfigured: configured?.some(({ name }) => name === server.server),
      }),
    )
    const rows = all.filter(({ server }) => wanted === undefined || server === wanted)
    if (wanted !== undefined && rows.length === 0) {
      const names = [...new Set(all.map(({ server }) => server))].map(cleanLine).join(', ')
      throw new StateError('NOT_FOUND', `no MCP server '${wanted}' is configured or in the log`, {
        ...(names && { hint: `There are: ${names}.` }),
      })
    }
    rows.sort((a, b) => b.lastMs - a.lastMs || (a.server < b.server ? -1 : 1))
    const nothing = isUnfiltered(filter)
      ? 'no row mentions an MCP server'
      : 'no row that matches mentions an MCP server'
    if (flags.events) return { pages: [listEvents(rows)], emptyText: nothing }
    return {
      pages: [rows],
      emptyText: configured?.length === 0 ? `no MCP server is configured, and ${nothing}` : nothing,
      footer: () => (wanted === undefined ? undefined : tellEvents(rows)),
    }
  },
})

/** Servers that are configured, and of which no row tells. */
function addUnseen(
  found: readonly McpServerNow[],
  configured: readonly ConfiguredServer[],
  version: string | undefined,
): McpServerNow[] {
  const why = explainUnknownServer(version)
  const known = found.map((server) => (server.state === 'not known' ? { ...server, why } : server))
  const unseen = configured.filter(({ name }) => !found.some(({ server }) => server === name))
  return [
    ...known,
    ...unseen.map(
      ({ name, isEnabled }): McpServerNow => ({
        ...unknownServer(name),
        state: isEnabled ? 'not known' : 'disabled',
        why: isEnabled ? why : 'config.toml has enabled = false',
      }),
    ),
  ]
}

function listEvents(rows: readonly McpRow[]): EventRow[] {
  return rows
    .flatMap(({ server, processUuid, events }) => events.map((event) => ({ ...event, server, processUuid })))
    .sort((a, b) => a.ms - b.ms)
}

/** Below the line of a server what happened to it. */
function tellEvents(rows: readonly McpRow[]): string {
  const lines = listEvents(rows).map(({ ms, kind, text }) =>
    `  ${formatMs(ms)}  ${kind.padEnd(14)}  ${cleanLine(text)}`.trimEnd(),
  )
  return ['', ...lines].join('\n')
}

function formatMs(ms: number): string {
  return formatTime(Math.floor(ms)).replace('T', ' ').replace('Z', '')
}
