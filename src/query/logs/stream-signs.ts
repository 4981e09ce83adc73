import { columnSql } from '../../schema/columns.js'
import { findThreadlessSource } from './processes.js'
import type { LogStore } from './store.js'

/** Rows of the process without a thread that are looked at, at most: Codex keeps no more. */
const MOST_ROWS = 1000

/**
 * When a row without a thread last told that an answer (`stream`), or the output of a command (`tool`), goes on in a
 * process; Unix milliseconds.
 */
export function readStreamSign(
  { connection, columns }: LogStore,
  processUuid: string,
  kind: 'stream' | 'tool',
): number | undefined {
  const [thread, process, seconds, nanos, target, body] = (
    ['threadId', 'processUuid', 'tsSeconds', 'tsNanos', 'target', 'body'] as const
  ).map((property) => columnSql(columns[property]))
  const event = `${target} = 'codex_app_server::outgoing_message' AND ${body} LIKE`
  const signs =
    kind === 'tool'
      ? [`${event} '%/outputDelta %'`]
      : [
          `${target} = 'codex_api::sse::responses'`,
          `${target} LIKE 'codex_otel%' AND ${body} LIKE '%codex.sse_event%'`,
          `${event} '%app-server event: item/%elta %' AND ${body} NOT LIKE '%/outputDelta %'`,
        ]
  const row = connection.get<{ ms: number | null }>(
    `SELECT max(ms) AS ms FROM (
       SELECT CAST(${seconds} AS INTEGER) * 1000.0 + CAST(${nanos} AS INTEGER) / 1e6 AS ms, ${target}, ${body}
       FROM ${findThreadlessSource(connection, columns) ?? 'logs'} WHERE ${thread} IS NULL AND ${process} = ?
       ORDER BY ${seconds} DESC, ${nanos} DESC LIMIT ${MOST_ROWS}
     ) WHERE ${signs.map((sign) => `(${sign})`).join(' OR ')}`,
    processUuid,
  )
  return row?.ms ?? undefined
}
