import type { RowSign } from '../model/log.js'

/**
 * The rows that `createFailureFinder` needs, told without reading them: a log is mostly other rows. What the finder
 * looks at and what stands here belong together (test/body/failure-signs.test.ts).
 */
export const FAILURE_SIGNS: readonly RowSign[] = [
  { levels: ['WARN', 'ERROR'] },
  {
    levels: ['INFO'],
    targets: ['codex_core'],
    texts: ['Turn error: ', 'ToolCall: ', 'post sampling token usage', 'Shutting down Codex instance'],
  },
  // Begins of requests, and what is told within a compaction.
  { levels: ['INFO'], targets: ['feedback_tags'], texts: ['approval_policy', 'run_auto_compact'] },
  { levels: ['INFO'], targets: ['codex_otel'], texts: ['codex.tool_result', 'error.message='] },
  {
    levels: ['DEBUG'],
    targets: ['codex_client', 'codex_http_client'],
    texts: ['Request completed', 'Request failed'],
  },
  { levels: ['DEBUG'], targets: ['codex_api'], texts: ['SSE Error: '] },
  {
    levels: ['DEBUG', 'TRACE'],
    targets: ['codex_core'],
    // They write most rows of these levels, and none of these: their bodies need not be looked through.
    except: [
      'codex_core::stream_events_utils',
      'codex_core::session::world_state',
      'codex_core::exec_policy',
      'codex_core::history_item_count',
      'codex_core::tools::registry',
    ],
    texts: ['Submission', 'post sampling token usage', 'aborting running task', 'Turn error: '],
  },
]

/**
 * The rows that tell that something of an answer came, of which there are many: they are looked for where a retry may have
 * a silence for its cause.
 */
export const STREAM_SIGNS: readonly RowSign[] = [
  { levels: ['DEBUG', 'TRACE'], targets: ['codex_core'], texts: ['Output item'] },
  { levels: ['TRACE'], targets: ['codex_api::endpoint'], texts: ['websocket event'] },
]

/** The rows that tell of a failure by themselves, or are an error by their level. */
export const FAILED_ROW_SIGNS: readonly RowSign[] = [
  { levels: ['WARN', 'ERROR'] },
  { levels: ['INFO', 'DEBUG', 'TRACE'], targets: ['codex_core'], texts: ['Turn error: '] },
  { levels: ['DEBUG'], targets: ['codex_client', 'codex_http_client'], texts: ['Request failed'] },
]
