/** How events are shown in one line whose message says little and whose fields say it all. */
export interface Template {
  /** The whole message, or its beginning where `isPrefix`; `''`: an event without a message. */
  message: string
  isPrefix?: true
  /** Only of this target. */
  target?: string
  /** The text, with fields as `{key}`; the first one of these whose fields are all there. */
  shows: readonly string[]
  /** Fields that the text makes needless, beside those that it shows. */
  hides?: readonly string[]
}

export const TEMPLATES: readonly Template[] = [
  {
    message: 'Request completed',
    shows: ['{method} {url} → {status}'],
    hides: ['headers', 'version'],
  },
  { message: 'Request failed', shows: ['{method} {url} → no answer'] },
  {
    message: 'tool call completed',
    shows: ['tool call completed: {tool_name} took {total_duration_ms} ms'],
    hides: [
      'call_id',
      'tool_source',
      'execution_started',
      'dispatch_duration_ms',
      'handler_duration_ms',
      'trace_id',
    ],
  },
  {
    message: 'post sampling token usage',
    shows: [
      'post sampling token usage: {total_usage_tokens} tokens, compaction at {auto_compact_scope_limit}',
      'post sampling token usage: {total_usage_tokens} tokens, compaction at {auto_compact_limit}',
      'post sampling token usage: {total_usage_tokens} tokens',
    ],
    hides: [
      'estimated_token_count',
      'auto_compact_limit',
      'auto_compact_scope_limit',
      'auto_compact_scope_tokens',
      'auto_compact_limit_scope',
      'auto_compact_window_ordinal',
      'auto_compact_window_prefill_tokens',
      'full_context_window_limit',
      'full_context_window_limit_reached',
      'model_needs_follow_up',
      'has_pending_input',
    ],
  },
  {
    message: 'stream disconnected - retrying sampling request',
    isPrefix: true,
    shows: ['{message} {sampling_error}'],
    hides: ['retries', 'max_retries'],
  },
  { message: 'MCP server startup failed', shows: ['MCP server {server_name} did not start: {error}'] },
  { message: 'Output item', shows: ['Output item: {item_type}'], hides: ['item_id'] },
  {
    message: 'Submission',
    shows: ['Submission: {operation}'],
    hides: ['submission_id', 'op', 'parent_turn_id', 'root_turn_id'],
  },
  { message: 'Configuring session:', shows: ['Configuring session: {model}'], hides: ['provider'] },
  {
    message: 'slow statement: execution time exceeded alert threshold',
    shows: ['slow statement: {summary} took {elapsed}'],
    hides: ['db.statement', 'rows_affected', 'rows_returned', 'elapsed_secs', 'slow_threshold'],
  },
  { message: '', target: 'codex_core::tools::router', shows: ['{error}'] },
  {
    message: '',
    target: 'feedback_tags',
    shows: [
      'request to {model}',
      'answer of {endpoint}',
      'request {last_model_request_id}',
      'response {last_model_response_id}',
    ],
    hides: ['features', 'tags_json', 'sandbox_policy', 'effort', 'auth_mode'],
  },
  {
    message: '',
    shows: ['{event.name}: {tool_name}', '{event.name}: {event.kind}', '{event.name}', '{msg}'],
  },
]

/** How a message is shown that is debug output from end to end: some words, and what stands between marks in it. */
export interface Excerpt {
  /** How the message begins. */
  message: string
  /** Only of this target. */
  target: string
  words: string
  /** What stands before and behind each part, in their order, the last at the end; else the message is shown as it is. */
  marks: readonly (readonly [before: string, behind: string])[]
}

export const EXCERPTS: readonly Excerpt[] = [
  {
    message: 'inotify event: Event { ',
    target: 'log',
    words: 'inotify event:',
    marks: [
      ['mask: EventMask(', ')'],
      ['name: Some(', ') }'],
    ],
  },
]

/**
 * Fields that say what a column or the chain of spans says as well, or nothing: of no use beside a message.
 */
export const NEEDLESS_FIELDS: ReadonlySet<string> = new Set([
  'thread_id',
  'thread.id',
  'conversation.id',
  'turn_id',
  'turn.id',
  'otel.name',
  'otel.kind',
  'rpc.system',
  'event.timestamp',
  'event.name',
  'app.version',
  'originator',
  'terminal.type',
  'slug',
  'trace_id',
])

/** Families of fields that are worth showing only where they say something else than no. */
export const QUIET_FAMILIES = /^auth[._]/
