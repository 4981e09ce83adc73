import { createMcpFollower, MCP_TARGETS } from '../body/follow-mcp.js'
import { parseBody } from '../body/parse.js'
import type { LogFilter, StoredLogRow } from '../model/log.js'
import type { McpServerNow } from '../model/mcp.js'
import { compareVersions } from '../model/releases.js'
import { type LogBatch, matchingBatches, type Resize } from '../query/logs/batches.js'
import { inParts, readLogRows } from '../query/logs/rows.js'
import type { LogStore } from '../query/logs/store.js'
import { createTimeOrder } from '../query/logs/time-order.js'
import { asTable } from '../schema/memory-settings.js'

/** A server as `config.toml` has it. */
export interface ConfiguredServer {
  name: string
  /** The program's name without its folder; `undefined` for a server that is reached over the network. */
  program: string | undefined
  isEnabled: boolean
}

/** The servers of a parsed `config.toml`. */
export function readMcpServers(config: Readonly<Record<string, unknown>>): ConfiguredServer[] {
  return Object.entries(asTable(config.mcp_servers)).map(([name, value]) => {
    const { command, enabled } = asTable(value)
    return {
      name,
      program: typeof command === 'string' ? command.split(/[\\/]/).at(-1) : undefined,
      isEnabled: enabled !== false,
    }
  })
}

/** The batches that are read, for progress to be seen. */
export type WatchBatches = (batches: Generator<LogBatch, void, Resize | undefined>) => Iterable<LogBatch>

/** What the rows of the filter tell of MCP servers, process by process. */
export function readMcp(
  store: LogStore,
  filter: LogFilter,
  configured: readonly ConfiguredServer[],
  watch: WatchBatches = (batches) => batches,
): McpServerNow[] {
  const isMessageOnly = store.columns.body === 'message'
  const follower = createMcpFollower({
    programs: new Map(configured.map(({ name, program }) => [name, program])),
  })
  const own: LogFilter = { ...filter, target: filter.target ?? { match: 'anyCase', anyOf: MCP_TARGETS } }
  for (const batch of watch(inParts(store, matchingBatches(store, own)))) {
    const order = createTimeOrder<StoredLogRow>()
    for (const row of [...order.add(readLogRows(store, batch, own)), ...order.end()]) {
      if (row.body === null || !MAY_TELL.test(row.body)) continue
      follower.add(row, parseBody(row.body, { target: row.target, isMessageOnly }))
    }
  }
  return follower.servers()
}

/** What the rows that count have in them, so that no other is parsed. */
const MAY_TELL = /mcp|MCP|Service initialized|serve finished|request: thread\/|Configuring session/

/** Why nothing is known of a server, by the release that wrote the log. */
export function explainUnknownServer(version: string | undefined): string {
  if (version === undefined || !/^\d/.test(version)) return 'no row mentions it'
  const isBefore = (release: string) => compareVersions(version, release) < 0
  if (isBefore('0.99')) return 'this release writes no row of MCP servers'
  if (!isBefore('0.131') && isBefore('0.142')) {
    return 'start-up rows of 0.131–0.140 are pruned within seconds, and no row reports a failed start before 0.155'
  }
  if (isBefore('0.155')) return 'no row reports a failed start before 0.155'
  return 'no row of its start is left'
}
