import type { Program } from './command.js'
import { COMPLETION_COMMANDS } from './completion/commands.js'

export const LOGS_PROGRAM: Program = {
  name: 'codex-logs',
  summary: 'tail and query the logs of the Codex CLI',
  examples: `
  codex-logs tail                         follow everything
  codex-logs tail --min-level warn        warnings and errors as they come
  codex-logs errors --since 1d --explain  what went wrong, why, and what to do
  codex-logs turns last                   what the newest thread did, in time
  codex-logs query --thread-id 019a       the rows of one thread
  codex-logs query --json | jq -c .level  one JSON object a line
`.slice(1),
  groups: {},
  default: 'status',
  commands: {
    tail: {
      summary: 'show the last rows, then each new one as Codex writes it',
      load: () => import('./logs/tail.js'),
    },
    query: {
      summary: 'show the matching rows, oldest first, and end',
      load: () => import('./logs/query.js'),
    },
    show: {
      summary: 'show one row whole: its columns, spans, message, fields and neighbours',
      load: () => import('./logs/show.js'),
    },
    status: {
      summary: 'show what Codex does now, what failed last, and how far the log reaches',
      load: () => import('./logs/status.js'),
    },
    stuck: {
      summary: 'show threads in whose open step nothing happens any more; exit code 1 when there is one',
      load: () => import('./logs/stuck.js'),
    },
    stats: {
      summary: 'sum up what fills the log: by level, target, thread, time …; what was written and pruned',
      load: () => import('./logs/stats.js'),
    },
    errors: {
      summary:
        'show what went wrong: failed turns, retries, tools, MCP servers, databases, whatever their level',
      load: () => import('./logs/errors.js'),
    },
    turns: {
      summary:
        'show what happened in a thread turn by turn, in time: what waited, what ran, what was tried again',
      load: () => import('./logs/turns.js'),
    },
    explain: {
      summary: 'explain what a failure means and what to do, by its name or a pasted message',
      load: () => import('./logs/explain.js'),
    },
    feedback: {
      summary: "the rows that Codex's own /feedback would upload for a thread, secrets marked",
      load: () => import('./logs/feedback.js'),
    },
    bundle: {
      summary: 'collect what a bug report about one thread needs, redacted, in a ZIP file or folder',
      load: () => import('./logs/bundle.js'),
    },
    export: {
      summary: 'write the matching rows to a file: NDJSON, CSV or Parquet',
      load: () => import('./logs/export.js'),
    },
    check: {
      summary:
        'check the log against thresholds: size, growth, failures, stuck threads; exit code 1 when one is passed',
      load: () => import('./logs/check.js'),
    },
    mcp: {
      summary: 'show MCP servers: whether each started, why not, its calls and what it printed',
      load: () => import('./logs/mcp.js'),
    },
    ship: {
      summary: 'send rows to an OpenTelemetry receiver',
      load: () => import('./logs/ship.js'),
    },
    where: {
      summary: 'list every database of the home: what it is for, how old its layout is, how large',
      load: () => import('./where.js'),
    },
    schemas: {
      summary: 'print the JSON Schema of what a command prints with --json',
      load: () => import('./schemas-command.js'),
    },
    ...COMPLETION_COMMANDS,
  },
}
