import type { RowId } from './log.js'

/** A tool call that has not ended. */
export interface OpenCall {
  /** As the model named it: `exec_command`, `mcp__noteslookup`. */
  name: string
  sinceMs: number
  /** Known once a row of it has it: never to 0.116. */
  callId: string | undefined
  /** Who allowed or refused it, where a row says so (0.117 to 0.141; later only the user's answer). */
  decision: 'user' | 'config' | undefined
}

/** What an open turn does. Times are Unix milliseconds. */
export type Step =
  /** Before a request: what goes into it is put together, and databases are waited for. */
  | { kind: 'preparing'; sinceMs: number }
  /** A request was begun or sent, and no answer has begun. */
  | { kind: 'request'; sinceMs: number }
  /** An answer has begun. `lastMs`: when something last came of it. */
  | { kind: 'stream'; sinceMs: number; lastMs?: number }
  /** At least one call, oldest first. */
  | { kind: 'tool'; sinceMs: number; calls: readonly OpenCall[] }
  /** Codex waits before it asks again. */
  | { kind: 'retry'; sinceMs: number; untilMs: number; attempt: number; most: number }
  | { kind: 'compacting'; sinceMs: number }

export const STEP_KINDS = ['preparing', 'request', 'stream', 'tool', 'retry', 'compacting'] as const

/** What the rows of a thread tell of what it does. */
export interface ThreadActivity {
  threadId: string
  processUuid: string | null
  /** `undefined`: no turn is open. `isPartial`: its first rows are not there, so it began earlier. */
  turn: { id: string | undefined; sinceMs: number; isPartial: boolean } | undefined
  /** `undefined` where no turn is open. */
  step: Step | undefined
  /** How the last turn that ended did so; `shutdown`: the thread was closed. */
  lastOutcome:
    | {
        outcome: 'completed' | 'failed' | 'interrupted' | 'shutdown'
        atMs: number
        turnId: string | undefined
      }
    | undefined
  /** Of the last request, where a row says so (from 0.117): `Never`, `OnRequest` … */
  approvalPolicy: string | undefined
  /** Of the thread's newest row. */
  lastMs: number
  lastRowId: RowId
}
