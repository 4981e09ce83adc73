import { readField, readMeaning } from '../body/meanings.js'
import { type ParsedBody, parseBody } from '../body/parse.js'
import type { StoredLogRow } from '../model/log.js'
import type { ShippedRow, TraceSpan } from './otlp.js'
import { type Redactor, redactEach } from './redact.js'

/** What a body says of itself, by names of our own where OpenTelemetry has none. */
const MEANINGS = {
  turn_id: 'codex.turn.id',
  tool: 'gen_ai.tool.name',
  call_id: 'gen_ai.tool.call.id',
  mcp_server: 'codex.mcp.server',
  model: 'gen_ai.request.model',
} as const

/** @param versions of the processes, as far as their rows have told; told on by this one */
export function toShipped(
  row: StoredLogRow,
  versions: Map<string, string>,
): { -readonly [Key in keyof ShippedRow]: ShippedRow[Key] } {
  const parsed = parseBody(row.body, { target: row.target })
  if (row.processUuid !== null && !versions.has(row.processUuid)) {
    const version = readVersion(row, parsed)
    if (version !== undefined) versions.set(row.processUuid, version)
  }
  const attributes: Record<string, string | number> = {}
  for (const [meaning, name] of Object.entries(MEANINGS)) {
    const value = readMeaning(parsed, meaning as keyof typeof MEANINGS)
    if (value !== undefined) attributes[name] = value
  }
  const event = readField(parsed, 'event.name')
  if (event !== undefined) attributes['event.name'] = event
  if (parsed.message?.startsWith('Request completed')) {
    const status = Number.parseInt(readField(parsed, 'status') ?? '', 10)
    if (!Number.isNaN(status)) attributes['http.response.status_code'] = status
  }
  return { row: row as ShippedRow['row'], attributes }
}

/** Some rows say which Codex it is that writes: of what a process wrote before the first of them it is not known. */
function readVersion({ target }: StoredLogRow, parsed: ParsedBody): string | undefined {
  if (target.startsWith('codex_otel')) return readField(parsed, 'app.version')
  return target.startsWith('codex_models_manager') ? readField(parsed, 'client_version') : undefined
}

export async function redactRows(
  rows: { row: ShippedRow['row']; body?: string }[],
  redactor: Redactor,
): Promise<void> {
  // A Codex that somebody built has the folder of its sources in the names of files.
  const redacted = await redactEach(
    redactor,
    rows.flatMap(({ row }) => [row.body ?? '', row.file ?? '']),
  )
  rows.forEach((shipped, index) => {
    const { row } = shipped
    const file = redacted[2 * index + 1]!
    if (row.body !== null) shipped.body = redacted[2 * index]!
    if (row.file !== null && row.file !== file) shipped.row = { ...row, file }
  })
}

export async function redactSpans(spans: readonly TraceSpan[], redactor: Redactor): Promise<TraceSpan[]> {
  const errors = await redactEach(
    redactor,
    spans.map(({ error }) => error ?? ''),
  )
  return spans.map((span, index) => (span.error === undefined ? span : { ...span, error: errors[index]! }))
}
