import { type BodyField, type BodySpan, NOTHING_PARSED, type ParsedBody, readValue } from './parse.js'

/** Where a value stands: in a span, in the event, or in the words of the message (its first group). */
export type ValuePlace =
  | { span: string; key: string }
  | { field: string; message?: RegExp }
  | { message: RegExp; group?: true }

const inSpan = (span: string, key: string): ValuePlace => ({ span, key })
const inField = (field: string, message?: RegExp): ValuePlace => (message ? { field, message } : { field })

/** What rows are about, whichever release wrote them: of the places the first that has a value counts. */
export const MEANINGS = {
  turn_id: [
    inSpan('turn', 'turn.id'),
    inSpan('run_turn', 'turn.id'),
    inSpan('codex.turn_input', 'turn.id'),
    inSpan('run_sampling_request', 'turn_id'),
    inSpan('try_run_sampling_request', 'turn_id'),
    inSpan('dispatch_tool_call_with_code_mode_result', 'turn.id'),
    inSpan('unified_exec.exec_command', 'turn_id'),
    inSpan('mcp.runtime.resolve_for_step', 'turn.id'),
    inSpan('built_tools', 'turn_id'),
    inField('turn_id'),
    // The turn that is stopped.
    inField('sub_id', /^aborting running task/),
    // A turn has the id of what was submitted to start it.
    inField('submission_id', /^Submission$/),
    { message: /^dropping turn-scoped item for unknown turn id `([^`]+)`/, group: true },
  ],
  request: [
    inSpan('app_server.request', 'rpc.method'),
    { message: /^app-server request: (\S+)/, group: true },
    inSpan('responses.stream_request', 'api.path'),
    inSpan('responses_websocket.stream_request', 'api.path'),
    inSpan('model_client.stream_responses_api', 'api.path'),
    inSpan('model_client.stream_responses_websocket', 'api.path'),
    inSpan('model_client.websocket_connection', 'api.path'),
    inField('endpoint'),
  ],
  tool: [
    inField('tool_name'),
    inSpan('dispatch_tool_call_with_code_mode_result', 'tool_name'),
    { message: /^ToolCall: (\S+)/, group: true },
    { message: /tool call failed for `[^/`]+\/([^`]+)`/, group: true },
    inSpan('handle_responses', 'tool_name'),
  ],
  call_id: [
    inField('call_id'),
    inSpan('dispatch_tool_call_with_code_mode_result', 'call_id'),
    inSpan('unified_exec.exec_command', 'call_id'),
  ],
  mcp_server: [
    inField('mcp_server'),
    inField('server_name', /MCP|mcp/),
    inSpan('new', 'server_name'),
    inSpan('start_server_task', 'server_name'),
    { message: /tool call failed for `([^/`]+)\//, group: true },
  ],
  model: [
    inField('model'),
    inSpan('try_run_sampling_request', 'model'),
    inSpan('run_sampling_request', 'model'),
    inSpan('turn', 'model'),
    inSpan('model_client.stream_responses_api', 'model'),
    inSpan('model_client.stream_responses_websocket', 'model'),
    inSpan('get_model_info', 'model'),
    { message: /^Unknown model (.+) is used\. This will/, group: true },
  ],
} as const satisfies Record<string, readonly ValuePlace[]>

export type Meaning = keyof typeof MEANINGS

export const MEANING_NAMES = Object.keys(MEANINGS) as Meaning[]

/** Of each meaning the keys of all its places in fields, and its places in messages: few bodies have one of the keys. */
const KEYS_AND_MESSAGES = new Map(
  MEANING_NAMES.map((name) => {
    const places: readonly ValuePlace[] = MEANINGS[name]
    const keys = places.flatMap((place) =>
      'span' in place ? [place.key] : 'field' in place ? [place.field] : [],
    )
    const inMessages = places.filter((place) => 'group' in place)
    return [name, { keys: new Set(keys) as ReadonlySet<string>, inMessages }] as const
  }),
)

export function readMeaning(parsed: ParsedBody, meaning: Meaning): string | undefined {
  if (parsed === NOTHING_PARSED) return undefined
  const { keys, inMessages } = KEYS_AND_MESSAGES.get(meaning)!
  const isInFields = hasAny(parsed.fields, keys) || parsed.spans.some(({ fields }) => hasAny(fields, keys))
  for (const place of isInFields ? MEANINGS[meaning] : inMessages) {
    const value = readPlace(parsed, place)
    if (value !== undefined && value !== '' && value !== 'None') return value
  }
  return undefined
}

function hasAny(fields: readonly BodyField[], keys: ReadonlySet<string>): boolean {
  return fields.some(({ key }) => keys.has(key))
}

function readPlace({ spans, message, fields }: ParsedBody, place: ValuePlace): string | undefined {
  if ('span' in place) return readSpanField(spans, place.span, place.key)
  if ('field' in place) {
    return !place.message || place.message.test(message ?? '') ? lastValue(fields, place.field) : undefined
  }
  return message === null ? undefined : place.message.exec(message)?.[1]
}

/** Of the event's own fields; of several with the same key the last holds. */
export function readField({ fields }: ParsedBody, key: string): string | undefined {
  return lastValue(fields, key)
}

/** Of the innermost span of that name that has the field. */
function readSpanField(spans: readonly BodySpan[], name: string, key: string): string | undefined {
  for (let index = spans.length - 1; index >= 0; index--) {
    const span = spans[index]!
    const value = span.name === name ? lastValue(span.fields, key) : undefined
    if (value !== undefined) return value
  }
  return undefined
}

function lastValue(fields: readonly BodyField[], key: string): string | undefined {
  for (let index = fields.length - 1; index >= 0; index--) {
    const field = fields[index]!
    if (field.key === key) return readValue(field.value)
  }
  return undefined
}

/** Names of what a body holds, beside the two open families `field.<name>` and `span.<name>.<field>`. */
export const BODY_FIELD_NAMES = ['message', 'spans', 'event_fields', ...MEANING_NAMES] as const

export type BodyFieldName = (typeof BODY_FIELD_NAMES)[number] | `field.${string}` | `span.${string}`

export function isBodyFieldName(name: string): name is BodyFieldName {
  return (BODY_FIELD_NAMES as readonly string[]).includes(name) || /^field\..|^span\.[^.].*\../.test(name)
}

/** Plain data for JSON: spans as a list, the event's fields as an object, all else as a text. */
export type BodyFieldValue =
  | string
  | null
  | Readonly<Record<string, string>>
  | readonly { name: string; fields: Readonly<Record<string, string>> }[]

export function readBodyField(parsed: ParsedBody, name: BodyFieldName): BodyFieldValue {
  if (name === 'message') return parsed.message
  if (name === 'event_fields') return fieldsObject(parsed.fields)
  if (name === 'spans') {
    return parsed.spans.map((span) => ({ name: span.name, fields: fieldsObject(span.fields) }))
  }
  if (name.startsWith('field.')) return readField(parsed, name.slice('field.'.length)) ?? null
  if (name.startsWith('span.')) return readSpanPath(parsed.spans, name.slice('span.'.length)) ?? null
  return readMeaning(parsed, name as Meaning) ?? null
}

/** `turn.turn.id`: names of spans and of fields both have dots, so the spans that are there decide. */
function readSpanPath(spans: readonly BodySpan[], path: string): string | undefined {
  for (let index = spans.length - 1; index >= 0; index--) {
    const { name, fields } = spans[index]!
    const value = path.startsWith(`${name}.`) ? lastValue(fields, path.slice(name.length + 1)) : undefined
    if (value !== undefined) return value
  }
  return undefined
}

/**
 * The texts right before a value, one of which stands there wherever `readBodyField` finds it, as it is or quoted;
 * `undefined` where that cannot be said.
 */
export function placesBefore(name: BodyFieldName): string[] | undefined {
  if (name === 'message' || name === 'spans' || name === 'event_fields') return undefined
  const keys = new Set<string>()
  const texts: string[] = []
  if (name.startsWith('field.')) keys.add(name.slice('field.'.length))
  // Names of fields have dots: whichever of them is the key, it ends so.
  else if (name.startsWith('span.')) keys.add(name.slice(name.lastIndexOf('.') + 1))
  else {
    for (const place of MEANINGS[name as Meaning] as readonly ValuePlace[]) {
      if ('span' in place) keys.add(place.key)
      else if ('field' in place) keys.add(place.field)
      else {
        const text = textBeforeGroup(place.message.source)
        if (text === '') return undefined
        texts.push(text)
      }
    }
  }
  return [...[...keys].flatMap((key) => [`${key}=`, `${key}="`]), ...texts]
}

/** Of an expression's source the characters right before its group that stand for themselves. */
export function textBeforeGroup(source: string): string {
  const before = source.slice(0, source.indexOf('('))
  return /(?:[^\\^$.*+?()[\]{}|]|\\[^\w])*$/.exec(before)![0].replaceAll('\\', '')
}

function fieldsObject(fields: readonly BodyField[]): Record<string, string> {
  // Without a prototype: a field may be called `__proto__`.
  const object: Record<string, string> = Object.create(null)
  for (const { key, value } of fields) object[key] = readValue(value)
  return object
}
