import type { StoredLogRow } from '../model/log.js'
import { readField } from './meanings.js'
import type { ParsedBody } from './parse.js'

/**
 * What stands in every row that says how a turn goes on. Most rows have none of it and need not be parsed: what the
 * followers read of a message or a field, and what stands here, belong together (test/body/turn-words.test.ts).
 */
const TELLING = new RegExp(
  [
    'Submission',
    'approval_policy',
    'POST to ',
    'websocket (?:request|event)',
    'Request completed',
    'ToolCall: ',
    'Output item',
    'post sampling token usage',
    'needs_follow_up',
    'Turn error: ',
    'aborting running task',
    'Shutting down Codex instance',
    'tool call completed',
    'codex\\.(?:tool_|turn_ttft)',
    'retrying sampling request',
    'run_auto_compact',
    'dropping turn-scoped item',
  ].join('|'),
)

/** With the attempt, how many there are, and how long Codex waits before it. */
export const RETRY_MESSAGE = /^stream disconnected - retrying sampling request \((\d+)\/(\d+) in ([^)]+)\)/

/** A submission with the user's answer to a question of Codex's. */
export const APPROVAL = /\bop: (?:ExecApproval|PatchApproval)\b/

/** Where the id of a turn stands in a row that tells nothing else of one. */
const ID_KEYS = ['turn.id=', 'turn_id=']

/** Whether a row of a thread says more than that time went on in the open turn, if one is open. */
export function tellsOfTurn({ body, level }: StoredLogRow, openTurnId: string | undefined): boolean {
  if (body === null) return false
  return level === 'ERROR' || TELLING.test(body) || !namesOnly(body, openTurnId)
}

/** An answer to a request of a turn, which is posted: what is fetched, such as the list of models, is none of it. */
export function isAnswer(parsed: ParsedBody): boolean {
  return parsed.message?.startsWith('Request completed') === true && readField(parsed, 'method') !== 'GET'
}

function namesOnly(body: string, id: string | undefined): boolean {
  for (const key of ID_KEYS) {
    for (let at = body.indexOf(key); at >= 0; at = body.indexOf(key, at + key.length)) {
      if (id === undefined) return false
      const quoted = at + key.length
      const from = body[quoted] === '"' ? quoted + 1 : quoted
      if (!body.startsWith(id, from) || /[\w-]/.test(body.charAt(from + id.length))) return false
    }
  }
  return true
}
