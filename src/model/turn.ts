/** Tokens of one or more responses. `cached` is part of `input`, `reasoning` of `output`. */
export interface TokenUsage {
  input: number
  cached: number
  output: number
  reasoning: number
  /** Input and output. */
  total: number
}

/** What Codex calls the state of a turn. */
export const TURN_STATUSES = ['completed', 'interrupted', 'failed', 'inProgress'] as const

export type TurnStatus = (typeof TURN_STATUSES)[number]

/**
 * How a turn ended. `neverEnded`: nothing in the rollout ends it, so its process was killed (or it is a review's
 * second turn, which Codex never ends); `running`: the same, while a process has the thread.
 */
export const TURN_OUTCOMES = ['completed', 'interrupted', 'failed', 'neverEnded', 'running'] as const

export type TurnOutcome = (typeof TURN_OUTCOMES)[number]

export interface TurnError {
  message: string
  /** Codex's word for the kind of error, such as `contextWindowExceeded`; an object where it carries more. */
  info: unknown
}

/** One turn of a thread: what a user asked, and all that followed until the model was done. */
export interface Turn {
  /** Counts from 1, inherited turns included. */
  number: number
  id: string
  /** The rollout has no id for this turn (before 0.100, and turns that began without a start line). */
  isIdMadeUp: boolean
  /** As the newest Codex shows it while no process has the thread. */
  status: TurnStatus
  outcome: TurnOutcome
  error: TurnError | null
  /** Codex does not show this error: it comes from a line that only 0.120 to 0.128 read. */
  isErrorHidden: boolean
  /** Why it was interrupted, in Codex's word. */
  abortReason: string | null
  /** As the rollout tells them, from 0.120; Unix seconds and milliseconds. */
  startedAtSeconds: number | null
  completedAtSeconds: number | null
  durationMs: number | null
  /** Until the first token of the answer, from 0.125. */
  firstTokenMs: number | null
  /** Unix milliseconds of the first and last line of the turn: the best that is known in every era; `null` for
   * lines that were copied, since they have the time of the copy. */
  firstLineAtMs: number | null
  lastLineAtMs: number | null
  /** The line that began it, 1-based, in the file that it lies in. */
  lineNumber: number
  /** Belongs to a thread that this one was forked from. */
  isInherited: boolean
  /** Not part of the thread any more; it was used and charged. */
  isRolledBack: boolean
  /** The first words that the user said in it; `null` for a turn without a user message. */
  prompt: string | null
  /** The model answered what the user said last: up to 0.144 a turn that failed is completed, without an answer. */
  hasAnswer: boolean
  model: string | null
  effort: string | null
  cwd: string | null
  /** The turn at the root of a tree of agents, from 0.160. */
  rootTurnId: string | null
  /** What began the turn, from 0.166: `exec`, `goal`, `queue`, `guardian_review` and others. */
  trigger: string | null
  /** The turn that an agent or a reviewer works for, from 0.166. */
  parentTurnId: string | null
  calls: { total: number; failed: number; refused: number }
  /** What the server charged for its responses; zero where no response was completed. */
  usage: TokenUsage
  responses: number
  entries: TurnEntry[]
}

export const REFUSERS = ['user', 'autoReview', 'hook', 'policy', 'sandbox'] as const

/** Who said no. */
export type Refuser = (typeof REFUSERS)[number]

export interface Refusal {
  by: Refuser
  /** `null` where none was given. */
  reason: string | null
}

/** How a call of the model's ended. */
export const CALL_STATES = ['answered', 'aborted', 'running', 'unanswered', 'lost'] as const

/**
 * `answered`: the model got an output; `aborted`: the output says that the user ended it; `running`: it has no
 * output and a process has the thread; `unanswered`: its turn ended without an output; `lost`: the turn never ended.
 */
export type CallState = (typeof CALL_STATES)[number]

/** A tool that the model called, as the rollout has it in every era. */
export interface ToolCall {
  /** `null` where the line has none. */
  id: string | null
  /** `exec_command`, `apply_patch`, an MCP tool, `web_search` … */
  tool: string
  namespace: string | null
  /** JSON text, or the plain text of a custom tool. */
  arguments: string
  /** What was run, for the tools that run commands. */
  command: string | null
  state: CallState
  /** Times of writing; `null` for copied lines. */
  startedAtMs: number | null
  endedAtMs: number | null
  /** As the output tells it, else the difference of the times. Of a background process it is one wait. */
  durationMs: number | null
  exitCode: number | null
  /** The process goes on in this session: later `write_stdin` calls carry its output. */
  sessionId: string | null
  /** What the model got as an answer; `null` when there is none. */
  output: string | null
  /** The model asked to run it outside the sandbox. */
  isEscalated: boolean
  justification: string | null
}

interface EntryBase {
  /** 1-based, in the file that the line lies in. */
  lineNumber: number
  /** Unix milliseconds, from the envelope; `null` for copied lines and where it cannot be read. */
  atMs: number | null
  isInherited: boolean
  /** It stands in another rollout, which this one continues. */
  isOfBase: boolean
}

/** A part of a turn: an item as Codex tells it, a call that Codex hides, or a note of what stands between. */
export type TurnEntry =
  | (EntryBase & {
      kind: 'item'
      item: ThreadItem
      /** The newest Codex does not show it, because of the era of its line. */
      isHidden: boolean
      /** The call behind it. */
      call: ToolCall | null
      refusal: Refusal | null
    })
  | (EntryBase & { kind: 'call'; call: ToolCall; refusal: Refusal | null })
  | (EntryBase & { kind: 'note'; note: TurnNote })

export const NOTE_KINDS = [
  'settings',
  'goal',
  'name',
  'error',
  'ruleSaved',
  'approvedLater',
  'hookContext',
  'skill',
  'userShell',
  'goalGoesOn',
  'agentEnded',
  'agentMessage',
  'context',
  'answer',
  'summary',
  'injected',
  'unknown',
] as const

export type NoteKind = (typeof NOTE_KINDS)[number]

export interface TurnNote {
  kind: NoteKind
  /** For `unknown`: the type of the line. */
  text: string
}

/** Of a response, with the lines that tell it. */
export interface ItemTimes {
  /** Unix milliseconds; only in paginated rollouts, and `null` where the line does not say. */
  startedAtMs?: number | null
  completedAtMs?: number | null
}

/** Part of a user message. */
export type UserInput =
  | { type: 'text'; text: string; text_elements: unknown[] }
  | { type: 'image'; url: string }
  | { type: 'localImage'; path: string }
  | { type: 'skill'; name: string; path: string }
  | { type: 'mention'; name: string; path: string }
  | { type: string; [key: string]: unknown }

export interface FileUpdate {
  path: string
  kind: { type: 'add' } | { type: 'delete' } | { type: 'update'; move_path: string | null }
  /** Of an update; for added and deleted files the content. */
  diff: string
}

/**
 * An item in the words of Codex's own `thread/read`, field by field. A type that is not known here keeps the fields
 * of its line.
 */
export type ThreadItem = ItemTimes &
  (
    | { type: 'userMessage'; id: string; clientId: string | null; content: UserInput[] }
    | {
        type: 'agentMessage'
        id: string
        text: string
        phase: string | null
        memoryCitation: unknown
        delivery: string | null
        questions: unknown
        moderation: unknown
      }
    | { type: 'reasoning'; id: string; summary: string[]; content: string[] }
    | {
        type: 'commandExecution'
        id: string
        command: string
        cwd: string
        processId: string | null
        source: string
        status: string
        commandActions: unknown[]
        aggregatedOutput: string | null
        exitCode: number | null
        durationMs: number | null
        pluginId: string | null
        scriptPath: string | null
      }
    | { type: 'fileChange'; id: string; changes: FileUpdate[]; status: string }
    | {
        type: 'mcpToolCall'
        id: string
        server: string
        tool: string
        status: string
        arguments: unknown
        readOnlyHint: boolean | null
        result: unknown
        error: { message: string } | null
        durationMs: number | null
        appContext: unknown
        mcpAppUi: unknown
        pluginId: string | null
      }
    | {
        type: 'dynamicToolCall'
        id: string
        namespace: string | null
        tool: string
        arguments: unknown
        status: string
        contentItems: unknown
        success: boolean | null
        durationMs: number | null
      }
    | {
        type: 'collabAgentToolCall'
        id: string
        tool: string
        status: string
        senderThreadId: string
        receiverThreadIds: string[]
        prompt: string | null
        model: string | null
        reasoningEffort: string | null
        agentsStates: Record<string, { status: string; message: string | null }>
      }
    | {
        type: 'subAgentActivity'
        id: string
        kind: string
        agentThreadId: string
        agentPath: string
        model: string | null
        reasoningEffort: string | null
      }
    | { type: 'webSearch'; id: string; query: string; action: unknown; results: unknown }
    | { type: 'plan'; id: string; text: string }
    | { type: 'imageView'; id: string; path: string }
    | {
        type: 'imageGeneration'
        id: string
        status: string
        revisedPrompt: string | null
        result: string
        savedPath?: string
      }
    | { type: 'enteredReviewMode' | 'exitedReviewMode'; id: string; review: string }
    | { type: 'contextCompaction'; id: string }
    | { type: 'hookPrompt'; id: string; fragments: { text: string; hookRunId: string }[] }
    | {
        type: 'functionCallOutput'
        id: string
        name: string
        namespace: string | null
        output: unknown
      }
    | { type: 'other'; id: string; kind: string; fields: Record<string, unknown> }
  )
