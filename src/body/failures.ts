/**
 * What goes wrong in Codex and how its log tells: a catalogue, read by classify-failure.ts. Texts that come from a server are
 * matched by their beginning; apostrophes are `'` in older releases and `’` in newer ones.
 */

export const FAILURE_SEVERITIES = [
  /** Something that was asked for was not done. */
  'failure',
  /** Went wrong and went on: Codex tried again, waited, or took another way. */
  'recovered',
  /** Worth knowing when one looks for a cause; harmless by itself, or wanted. */
  'notice',
] as const

export type FailureSeverity = (typeof FAILURE_SEVERITIES)[number]

export interface FailureEntry {
  name: string
  severity: FailureSeverity
  /** A few words, for a list. */
  title: string
  /** What happened, in plain words. */
  cause: string
  /** What can safely be done; `''` when there is nothing to do. */
  step: string
  /** Releases in whose logs it was seen, `''` where it is known only from reports. */
  seen: string
  /** The release that fixed it. */
  fixedIn?: string
}

const entry = (
  name: string,
  severity: FailureSeverity,
  title: string,
  cause: string,
  step: string,
  seen: string,
): FailureEntry => ({ name, severity, title, cause, step, seen })

export const FAILURES = [
  // Turns and their requests.
  entry(
    'http-500',
    'failure',
    'server error',
    'The model server answered with an error (HTTP 500, 502, 504) until Codex had used up its retries.',
    'Try later. Look at status.openai.com, or at your own provider; the headers of `Request completed` hold a request id.',
    '0.93-0.169',
  ),
  entry(
    'http-503-overloaded',
    'failure',
    'model at capacity (HTTP 503)',
    'The server refused the request because the model is overloaded.',
    'Choose another model, or try later.',
    '0.113-0.169',
  ),
  entry(
    'overloaded-in-stream',
    'failure',
    'model at capacity',
    'The server accepted the request and then said that the model is overloaded.',
    'Choose another model, or try later.',
    '0.113-0.169',
  ),
  entry(
    'http-503-once',
    'recovered',
    'server unavailable for a moment',
    'The server answered HTTP 503 and a moment later the same request went through.',
    '',
    '0.117-0.169',
  ),
  entry(
    'http-5xx-once',
    'recovered',
    'server error for a moment',
    'The server answered with an error and a moment later the same request went through.',
    '',
    '0.117-0.169',
  ),
  entry(
    'http-429',
    'failure',
    'too many requests (HTTP 429)',
    'The server refused because of too many requests. Up to 0.155 Codex gives up at once; newer releases retry.',
    'Wait a little. Run fewer threads at the same time.',
    '0.99-0.169',
  ),
  entry(
    'usage-limit',
    'failure',
    'usage limit reached',
    "The plan's allowance is used up. The message says when it is renewed.",
    'Wait until then, buy credits, or use another account.',
    '0.99-0.169',
  ),
  entry(
    'http-401',
    'failure',
    'not logged in (HTTP 401)',
    'The server did not accept the key or the login. Codex retries it first, as if the connection had broken.',
    'Run `codex login`, or check the key that `env_key` of the provider names.',
    '0.99-0.169',
  ),
  entry(
    'http-400',
    'failure',
    'request refused (HTTP 400)',
    'The provider does not take something in the request. The message is its answer.',
    'Read the message in it: it names a model, a tool or a parameter.',
    '0.113-0.169',
  ),
  entry(
    'unexpected-status',
    'failure',
    'unexpected HTTP status',
    'The server or a proxy answered with a status that Codex has no text of its own for.',
    'Check `base_url` and the proxy. Give the request id to the provider.',
    '',
  ),
  entry(
    'stream-cut',
    'failure',
    'connection broken',
    'The connection broke in the middle of an answer.',
    'Check network, proxy and VPN. `stream_max_retries` can be raised.',
    '0.93-0.169',
  ),
  entry(
    'stream-closed-early',
    'failure',
    'answer ended early',
    'The server ended the answer without its last event. Mostly a provider or a proxy that cuts streams.',
    'Check the provider and the proxy.',
    '0.113-0.169',
  ),
  entry(
    'stream-server-error',
    'failure',
    'server error in an answer',
    'The service failed in the middle of an answer. The message holds a request id.',
    'Try again. Give the request id to support.',
    '',
  ),
  entry(
    'idle-timeout',
    'failure',
    'no answer for too long',
    'Nothing came from the server for `stream_idle_timeout_ms`.',
    'Check the connection. For a slow model, raise `stream_idle_timeout_ms`.',
    '0.93-0.169',
  ),
  entry(
    'context-window',
    'failure',
    'context window full',
    "The conversation no longer fits into the model's context window.",
    'Use /compact, or start a new thread.',
    '0.93-0.169',
  ),
  entry(
    'rate-limit-in-stream',
    'failure',
    'rate limit reached',
    'The server said in its answer that the rate limit is reached. Codex waits as long as the message says and retries.',
    'Wait, or use fewer tokens a minute.',
    '0.113-0.169',
  ),
  entry(
    'quota',
    'failure',
    'quota exceeded',
    'The account has no quota left.',
    'Check plan and billing.',
    '0.99-0.169',
  ),
  entry(
    'invalid-prompt',
    'failure',
    'prompt refused',
    'The service refused the input.',
    'Change the request.',
    '0.113-0.169',
  ),
  entry(
    'incomplete',
    'failure',
    'answer cut off by the server',
    'The server stopped the answer, for its length or its content. Retried up to 0.155.',
    'Ask for less at once.',
    '0.113-0.169',
  ),
  entry(
    'no-connection',
    'failure',
    'no connection',
    'No connection to the server at all.',
    'Check network, DNS, proxy and `base_url`.',
    '0.145-0.169',
  ),
  entry(
    'websocket-refused',
    'recovered',
    'websocket refused',
    'The server did not open a websocket. Codex retries and then goes on over HTTP.',
    'Nothing, or allow websockets in the proxy.',
    '0.120-0.169',
  ),
  entry(
    'turn-failed',
    'failure',
    'turn failed',
    'A turn ended with an error that is not in this catalogue. Its message says which.',
    'Read the message.',
    '',
  ),
  entry(
    'interrupted',
    'notice',
    'turn stopped',
    'The user, or the program that runs Codex, stopped the turn.',
    '',
    '0.111-0.169',
  ),
  entry(
    'slow-abort',
    'notice',
    'stopped turn had to be cut',
    'A turn that was stopped did not end by itself.',
    '',
    '0.140-0.145',
  ),
  entry(
    'killed',
    'failure',
    'process gone in the middle of a turn',
    'The process ended while a turn was open: it was killed, it crashed, or its last rows were not written (2 s of them, 10 s from 0.149).',
    'Resume the thread.',
    '0.113-0.169',
  ),
  // Tools.
  entry(
    'patch-failed',
    'failure',
    'patch does not fit',
    'The patch does not fit the file, or the file is not there.',
    'Nothing: the model sees the text and mostly tries again.',
    '0.117-0.169',
  ),
  entry(
    'unknown-tool',
    'failure',
    'unknown tool',
    'The model called a tool that does not exist here.',
    'Nothing: the model sees the text and mostly tries again.',
    '0.117-0.169',
  ),
  entry(
    'bad-arguments',
    'failure',
    'wrong tool arguments',
    'The arguments of a tool call were cut or wrong.',
    'Nothing: the model sees the text and mostly tries again.',
    '0.117-0.169',
  ),
  entry(
    'bad-tool-arguments',
    'failure',
    'wrong use of a tool',
    'The model waited for a sub-agent without naming one.',
    'Nothing: the model sees the text and mostly tries again.',
    '0.120-0.169',
  ),
  entry(
    'tool-rejected-by-user',
    'failure',
    'refused by the user',
    'The user did not approve a command.',
    '',
    '0.117-0.169',
  ),
  entry(
    'sandbox-denied-patch',
    'failure',
    'patch stopped by the sandbox',
    'The sandbox does not let a patch be written there.',
    'Widen `sandbox_mode` or the writable roots, if it should be allowed.',
    '0.169',
  ),
  entry(
    'sandbox-denied',
    'failure',
    'command stopped by the sandbox',
    'The sandbox stopped a command.',
    'Approve the command, or widen `sandbox_mode` or the writable roots.',
    '0.169',
  ),
  entry(
    'tool-failed',
    'failure',
    'tool call failed',
    'A tool call was not carried out. Up to 0.116 the log does not say why.',
    'Nothing: the model sees the text and mostly tries again.',
    '0.93-0.169',
  ),
  entry(
    'tool-exit-status',
    'notice',
    'command ended with an error status',
    'A command ran and ended with a status other than 0. Only the logs of 0.117 to 0.141 say so.',
    '',
    '0.117-0.141',
  ),
  entry(
    'tool-killed',
    'notice',
    'command was killed',
    'A command was ended by signal 9. Only the logs of 0.117 to 0.141 say so.',
    '',
    '0.117-0.141',
  ),
  entry(
    'tool-outlives-wait',
    'notice',
    'command went on in the background',
    'A command ran longer than Codex waits for it, or than its turn.',
    '',
    '0.113-0.169',
  ),
  entry(
    'orphan-output',
    'notice',
    'answer to a call that is not there',
    'The history held the output of a tool call that it does not hold. Codex repaired that.',
    '',
    '0.93-0.120',
  ),
  // MCP.
  entry(
    'mcp-start-no-command',
    'failure',
    'MCP server: command not found',
    "The server's command does not exist.",
    'Check `command` of the server in config.toml: run it by hand.',
    '0.155-0.169',
  ),
  entry(
    'mcp-start-exited',
    'failure',
    'MCP server ended at its start',
    'The server ended, or wrote something else than JSON, before it answered. Its stderr stands in the rows just before.',
    'Run the command by hand. It must write nothing but JSON to stdout.',
    '0.155-0.169',
  ),
  entry(
    'mcp-start-timeout',
    'failure',
    'MCP server did not answer in time',
    'The server did not answer within `startup_timeout_sec`.',
    'Run the command by hand. Raise `startup_timeout_sec` if the server is slow.',
    '0.155-0.169',
  ),
  entry(
    'mcp-start-failed',
    'failure',
    'MCP server did not start',
    'An MCP server did not start. The error says why.',
    'Run the command by hand.',
    '0.155-0.169',
  ),
  entry(
    'mcp-required',
    'failure',
    'required MCP server did not start',
    'A server with `required = true` did not start, so there is no session.',
    'Run its command by hand, or make it optional.',
    '',
  ),
  entry(
    'mcp-group-gone',
    'notice',
    'MCP server was already gone',
    'A server that Codex cleaned up had ended before. Up to 0.120 this is the only sign of a failed start.',
    'Look at the rows of its stderr.',
    '0.99-0.120',
  ),
  entry(
    'mcp-tool-timeout',
    'failure',
    'MCP call: no answer',
    'An MCP server did not answer a call within `tool_timeout_sec`.',
    'Raise `tool_timeout_sec`; look at the server.',
    '0.99-0.169',
  ),
  entry(
    'mcp-transport-closed',
    'failure',
    'MCP server died',
    'The server ended. Codex does not start it again in that thread: each later call fails at once.',
    'Start a new thread. Look at the rows of its stderr.',
    '0.113-0.169',
  ),
  entry(
    'mcp-call-failed',
    'failure',
    'MCP call failed',
    'A call of an MCP tool failed. The message says why.',
    'Look at the server.',
    '0.99-0.169',
  ),
  entry(
    'mcp-tool-error-result',
    'failure',
    'MCP tool answered with an error',
    'The server itself answered that the call failed. Only the logs of 0.118 to 0.141 say so.',
    'Nothing: the model sees the text.',
    '0.118-0.141',
  ),
  entry(
    'mcp-send',
    'notice',
    'MCP server gone when it was answered',
    'The server was gone when Codex answered it.',
    '',
    '0.150-0.160',
  ),
  // Databases and disk.
  entry(
    'database-locked',
    'failure',
    'database locked',
    'Another process held a database for more than 5 seconds. The turn stands still meanwhile and then goes on.',
    'Close the other program: a second Codex, a backup, an SQL tool. Never let one write to these files.',
    '0.113-0.169',
  ),
  entry(
    'slow-sql',
    'notice',
    'slow database',
    'A statement took more than a second: a lock or a slow disk.',
    'See database-locked.',
    '0.113-0.140',
  ),
  entry(
    'disk-full',
    'failure',
    'database cannot be written',
    'A write failed, most likely on a full disk. Until Codex is restarted, its copy of the thread is not updated.',
    'Free space and restart Codex.',
    '0.169',
  ),
  entry(
    'disk-io',
    'failure',
    'disk error',
    'The disk or a network file system failed below SQLite.',
    'Move CODEX_HOME or `sqlite_home` to a local disk.',
    '',
  ),
  entry(
    'database-damaged',
    'failure',
    'database damaged',
    'A database file is damaged. Codex 0.140 and newer put it into db-backups/ and build a new one.',
    'Keep the backup. Threads come back from the rollout files.',
    '',
  ),
  entry(
    'migration',
    'failure',
    'database of another release',
    'The database belongs to a newer Codex, or its migrations have other line ends (Windows, WSL).',
    'Use one release. Leave the table _sqlx_migrations alone.',
    '',
  ),
  entry(
    'goals-table',
    'failure',
    'old and new Codex on one home',
    'An older and a newer Codex use the same home.',
    'Update all of them.',
    '',
  ),
  entry(
    'pool-timeout',
    'failure',
    'no database connection',
    'No connection to the database became free: it is huge, or held by another process.',
    'See database-locked.',
    '',
  ),
  // What was wanted, and noise.
  entry(
    'compaction-auto',
    'notice',
    'conversation compacted',
    'The conversation was summed up to fit the context window.',
    '',
    '0.140-0.169',
  ),
  entry(
    'compaction-manual',
    'notice',
    'conversation compacted by hand',
    'The user asked for a compaction.',
    '',
    '0.117-0.169',
  ),
  entry(
    'sandbox-missing',
    'notice',
    'bubblewrap is not installed',
    'The system has no bubblewrap: Codex uses the one it brings.',
    'Install bubblewrap.',
    '0.118-0.169',
  ),
  entry(
    'noise-plugins',
    'notice',
    'plugin list not fetched',
    'The list of plugins could not be fetched. This has nothing to do with a turn.',
    '',
    '0.120-0.169',
  ),
  entry(
    'noise-model',
    'notice',
    'unknown model name',
    'Codex does not know the model, as it is with own providers.',
    '`model_context_window` and the like can be set in config.toml.',
    '0.93-0.169',
  ),
  entry(
    'noise-shell-snapshot',
    'notice',
    'shell snapshot already gone',
    'A harmless race, once a thread.',
    '',
    '0.111-0.120',
  ),
  entry(
    'noise-personality',
    'notice',
    'model without texts of its own',
    'An own model without `model_messages`.',
    '',
    '0.111-0.140',
  ),
  entry(
    'config-key',
    'notice',
    'unknown feature in config.toml',
    'config.toml names a feature that this release does not know.',
    'Remove it.',
    '0.111-0.155',
  ),
  entry(
    'config-deprecated',
    'notice',
    'deprecated setting in config.toml',
    'config.toml has a setting that a later release will not know. This one still follows it.',
    'Read the message: it names what takes its place.',
    '0.169',
  ),
] as const satisfies readonly FailureEntry[]

export type FailureName = (typeof FAILURES)[number]['name']

const BY_NAME: ReadonlyMap<string, FailureEntry> = new Map(FAILURES.map((one) => [one.name, one]))

export function failureEntry(name: FailureName): FailureEntry {
  return BY_NAME.get(name)!
}

/** A text and what it means; in a list, the first that fits counts. */
export interface TextRule {
  text: RegExp
  name: FailureName
  /** Says nothing of why a turn ended. */
  isOfAttempt?: true
}

/**
 * What the error of a turn or of one attempt says. The retry row itself is always "stream disconnected", also
 * for HTTP 401, 429 and 500.
 */
export const TURN_TEXTS: readonly TextRule[] = [
  { text: /^We['’]re currently experiencing high demand/, name: 'http-500' },
  { text: /^exceeded retry limit, last status: 5\d\d/, name: 'http-500' },
  { text: /^Selected model is at capacity/, name: 'overloaded-in-stream' },
  { text: /^exceeded retry limit, last status: 429|^unexpected status 429/, name: 'http-429' },
  { text: /^You['’]ve hit your usage limit|usage limit has been reached/, name: 'usage-limit' },
  { text: /^(?:unexpected status|exceeded retry limit, last status:) 401\b/, name: 'http-401' },
  { text: /\burl: wss?:\/\//, name: 'websocket-refused', isOfAttempt: true },
  { text: /^unexpected status \d{3}/, name: 'unexpected-status' },
  // The answer as it came: each provider has a form of its own.
  {
    text: /^\{\s*"(?:error|detail|message)"\s*:|^\{\s*"(?:object|type)"\s*:\s*"error"/,
    name: 'http-400',
  },
  { text: /idle timeout waiting for/, name: 'idle-timeout' },
  { text: /stream closed before response\.completed/, name: 'stream-closed-early' },
  { text: /An error occurred while processing your request/, name: 'stream-server-error' },
  { text: /ran out of room in the model['’]s context window/, name: 'context-window' },
  { text: /Rate limit reached/, name: 'rate-limit-in-stream' },
  { text: /^(?:stream disconnected before completion: )?Quota exceeded/, name: 'quota' },
  { text: /^(?:stream disconnected before completion: )?Invalid prompt/, name: 'invalid-prompt' },
  { text: /Incomplete response returned, reason: /, name: 'incomplete' },
  { text: /Connection failed|error sending request/, name: 'no-connection' },
  {
    text: /^stream disconnected before completion|^Transport error|WebSocket protocol error/,
    name: 'stream-cut',
  },
]

/** What the router of tools says of a call that was not carried out. */
export const TOOL_TEXTS: readonly TextRule[] = [
  { text: /^apply_patch verification failed/, name: 'patch-failed' },
  { text: /^unsupported (?:custom tool )?call/, name: 'unknown-tool' },
  { text: /^failed to parse function arguments/, name: 'bad-arguments' },
  { text: /^agent ids must be non-empty/, name: 'bad-tool-arguments' },
  { text: /^patch rejected: writing/, name: 'sandbox-denied-patch' },
  // Last: a command stands before it, which may be any text.
  {
    text: /^(?:exec command|patch) rejected by user|Rejected\(\\?"rejected by user\\?"\)" \}/,
    name: 'tool-rejected-by-user',
  },
  { text: /^/, name: 'tool-failed' },
]

/** Of an MCP server that did not start. Windows says what its errors mean in the language of the user. */
export const MCP_START_TEXTS: readonly TextRule[] = [
  {
    text: /No such file or directory|program not found|cannot find the (?:file|path)|\(os error 2\)/i,
    name: 'mcp-start-no-command',
  },
  { text: /timed out handshaking|timed out after/, name: 'mcp-start-timeout' },
  {
    text: /connection closed: initialize|Transport closed|broken pipe|pipe is being closed|\(os error (?:109|232)\)/i,
    name: 'mcp-start-exited',
  },
  { text: /^/, name: 'mcp-start-failed' },
]

/** One of the causes that follow an error, or its end: what stands before may be a server's own words. */
const asCause = (text: string) =>
  new RegExp(String.raw`(?:\\n|\n|Caused by:|\s\d+:)\s*(?:\d+: )?${text}|${text}[\s"'.)]*$`)

/** Of a call to an MCP tool. */
export const MCP_CALL_TEXTS: readonly TextRule[] = [
  { text: asCause(String.raw`timed out awaiting tools/call after [\w.]+`), name: 'mcp-tool-timeout' },
  { text: asCause('Transport closed'), name: 'mcp-transport-closed' },
  { text: /^/, name: 'mcp-call-failed' },
]

/** One row that says it all. */
export interface RowRule {
  name: FailureName
  levels: readonly string[]
  /** Any of these; none: any target. */
  targets?: readonly string[]
  /**
   * What the message begins with, or else what it holds anywhere; where a message names no cause, a field `error`
   * does.
   */
  message: RegExp
  /**
   * A text of SQLite's, which any program that a user runs may write: in a row it is that of Codex's own databases
   * only with the code before it that Codex's driver writes.
   */
  isOfSqlite?: true
}

const PROBLEMS = ['WARN', 'ERROR']

export const ROW_RULES: readonly RowRule[] = [
  {
    name: 'slow-sql',
    levels: ['WARN'],
    targets: ['sqlx::query'],
    message: /^slow statement: execution time exceeded alert threshold/,
  },
  {
    name: 'websocket-refused',
    levels: ['ERROR'],
    targets: ['codex_api::endpoint::responses_websocket'],
    message: /^failed to connect to (?:websocket|Responses WebSocket)/,
  },
  {
    name: 'websocket-refused',
    levels: ['WARN'],
    targets: ['codex_core::client'],
    message: /^falling back to HTTP$/,
  },
  {
    name: 'websocket-refused',
    levels: ['WARN'],
    targets: ['codex_core::session_startup_prewarm', 'codex_core::session::startup_prewarm'],
    message: /^startup websocket prewarm setup failed: /,
  },
  {
    name: 'interrupted',
    levels: ['TRACE'],
    targets: ['codex_core::tasks'],
    message: /^aborting running task/,
  },
  {
    name: 'slow-abort',
    levels: ['WARN'],
    targets: ['codex_core::tasks'],
    message: /^task \S+ didn['’]t complete gracefully/,
  },
  {
    name: 'sandbox-denied',
    levels: ['WARN'],
    targets: ['codex_sandboxing::violation'],
    message: /^recorded sandbox violation:/,
  },
  {
    name: 'sandbox-missing',
    levels: PROBLEMS,
    message: /^Codex could not find (?:system )?bubblewrap on PATH/,
  },
  {
    name: 'mcp-required',
    levels: ['ERROR'],
    message: /^Failed to create session: required MCP servers failed to initialize: /,
  },
  {
    name: 'mcp-group-gone',
    levels: ['WARN'],
    targets: ['codex_rmcp_client::rmcp_client'],
    message: /^Failed to (?:terminate|kill) MCP process group \d+: No such process/,
  },
  { name: 'mcp-send', levels: ['WARN'], targets: ['rmcp::service'], message: /^Error sending response/ },
  {
    name: 'orphan-output',
    levels: ['ERROR'],
    targets: ['codex_core::util'],
    message: /^Orphan (?:function|custom tool|local shell) call output for call id/,
  },
  {
    name: 'tool-outlives-wait',
    levels: ['WARN'],
    targets: ['codex_app_server_protocol::protocol::thread_history'],
    message: /^dropping turn-scoped item for unknown turn id/,
  },
  {
    name: 'noise-plugins',
    levels: ['WARN'],
    message:
      /^(?:git sync failed for curated|GitHub HTTP sync failed for curated|failed to warm featured plugin|failed to sync curated plugins|skipping startup remote plugin sync)/,
  },
  { name: 'noise-model', levels: ['WARN'], message: /^Unknown model .* is used\. This will use fallback/ },
  {
    name: 'noise-shell-snapshot',
    levels: ['WARN'],
    targets: ['codex_core::shell_snapshot'],
    message: /^Failed to delete shell snapshot/,
  },
  {
    name: 'noise-personality',
    levels: ['WARN'],
    targets: ['codex_protocol::openai_models'],
    message: /^Model personality requested but model_messages is missing/,
  },
  {
    name: 'config-key',
    levels: ['WARN'],
    targets: ['codex_core::features', 'codex_features'],
    message: /^unknown feature key in config: \S+/,
  },
  { name: 'config-deprecated', levels: PROBLEMS, message: /^`[^`]+` is deprecated\b/ },
  // What may stand anywhere, after all that is told by its beginning.
  {
    name: 'database-locked',
    levels: PROBLEMS,
    message: /database(?: table| schema)? is locked/,
    isOfSqlite: true,
  },
  {
    name: 'disk-full',
    levels: PROBLEMS,
    message: /attempted to call begin_with at non-zero transaction depth/,
  },
  { name: 'disk-full', levels: PROBLEMS, message: /database or disk is full/, isOfSqlite: true },
  {
    name: 'disk-full',
    levels: PROBLEMS,
    message: /No space left on device|not enough space on the disk|\(os error 28\)/,
  },
  {
    name: 'database-damaged',
    levels: PROBLEMS,
    message: /database disk image is malformed|file is not a database/,
    isOfSqlite: true,
  },
  { name: 'disk-io', levels: PROBLEMS, message: /disk I\/O error/, isOfSqlite: true },
  {
    name: 'migration',
    levels: PROBLEMS,
    message: /migration \d+ was previously applied but (?:is missing|has been modified)/,
  },
  { name: 'goals-table', levels: PROBLEMS, message: /no such table: thread_goals/ },
  { name: 'pool-timeout', levels: PROBLEMS, message: /pool timed out while waiting for an open connection/ },
]
