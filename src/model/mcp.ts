/**
 * `called`: it took calls, and nothing else is known; `missing`: requests went without it; `ended`: Codex ended it;
 * `dead`: it went away by itself.
 */
export const MCP_STATES = [
  'ready',
  'called',
  'starting',
  'failed',
  'missing',
  'dead',
  'ended',
  'disabled',
  'not known',
] as const

export type McpState = (typeof MCP_STATES)[number]

/** Times are Unix milliseconds. */
export interface McpEvent {
  ms: number
  kind:
    | 'ready'
    | 'start failed'
    | 'stderr'
    | 'call'
    | 'call ended'
    | 'call failed'
    | 'call timed out'
    | 'died'
    | 'ended'
  text: string
}

/** What rows tell of a server in one process. */
export interface McpServerNow {
  /** As in `config.toml`; in brackets the name that it gives itself, where the log has no other (to 0.144). */
  server: string
  processUuid: string | null
  state: McpState
  /** When a row last told so. */
  stateMs: number | undefined
  /** In words; `''` where there is nothing to say. */
  why: string
  /** From the start of the thread until it was ready or had failed. */
  startedAfterMs: number | undefined
  callCount: number
  /** Time-outs included; before 0.117 and from 0.142 without answers that say themselves that they are errors. */
  failedCallCount: number
  timedOutCallCount: number
  toolCount: number | undefined
  /** Requests that went without its tools. */
  missingCount: number
  /** `undefined` where rows name only a program that several servers have. */
  stderrCount: number | undefined
  sharesStderrWith: string[]
  firstMs: number
  lastMs: number
  /** Oldest first; where there are too many, the newest. */
  events: McpEvent[]
}
