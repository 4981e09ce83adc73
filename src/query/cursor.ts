import type { ThreadAnchor } from '../model/thread-page.js'
import { isUuid } from '../model/uuid.js'

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/
/** As in the names of rollout files; UTC here. */
const FILE_NAME_TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2})$/

/** `<time>|<uuid>`, as Codex to 0.121 hands it to clients; the time is RFC 3339 in UTC. */
export function encodeCursor({ timestampMs, id }: ThreadAnchor): string {
  return `${new Date(timestampMs).toISOString().replace('.000Z', 'Z')}|${id}`
}

/**
 * The time may be RFC 3339, or `YYYY-MM-DDTHH-MM-SS` in UTC. Anything else is no anchor, so that a list with
 * such a token begins at its beginning, as Codex has it.
 */
export function decodeCursor(token: string): ThreadAnchor | undefined {
  const [time, id, ...rest] = token.split('|')
  if (time === undefined || id === undefined || rest.length > 0 || !isUuid(id)) return undefined
  const timestampMs = parseCursorTime(time)
  return Number.isNaN(timestampMs) ? undefined : { timestampMs, id: id.toLowerCase() }
}

/** Unix milliseconds; `NaN` for what is neither form of a time. */
export function parseCursorTime(time: string): number {
  const text = time.replace(FILE_NAME_TIME, '$1T$2:$3:$4Z')
  return RFC_3339.test(text) ? Date.parse(text) : Number.NaN
}
