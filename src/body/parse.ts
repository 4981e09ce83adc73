import { type BodyScan, type BodyScanner, createBodyScanner } from './scan.js'

/** A value with its name, as written. */
export interface BodyField {
  /** `''` for a text that is no field, in a span that could not be read. */
  key: string
  /** Raw: quotes and escapes stand as they are; `readValue` gives what is meant. */
  value: string
}

/** Where an event happened: the innermost span is the last. */
export interface BodySpan {
  name: string
  fields: readonly BodyField[]
}

/** A body in its parts, in their order; `joinBody` gives the body again. */
export interface ParsedBody {
  spans: readonly BodySpan[]
  /** `null` when the event has only fields. */
  message: string | null
  /** The event's own; a later one of the same key holds. */
  fields: readonly BodyField[]
  /** Another reading is possible: the body itself is the truth. */
  isGuess: boolean
}

export interface ParseOptions {
  /** Known call sites are read with their own fields. */
  target?: string
  /** The whole body is the message, as in layouts before bodies had spans. */
  isMessageOnly?: boolean
}

/** Of a row without a body, or of one that there is no need to parse. */
export const NOTHING_PARSED: ParsedBody = { spans: [], message: null, fields: [], isGuess: false }

let usedScanner: BodyScanner | undefined

function scanner(): BodyScanner {
  usedScanner ??= createBodyScanner()
  return usedScanner
}

/** Understands any text, to 10 MB and more, in time that grows only with its length. */
export function parseBody(
  body: string | null,
  { target, isMessageOnly = false }: ParseOptions = {},
): ParsedBody {
  if (body === null) return NOTHING_PARSED
  if (isMessageOnly) return { ...NOTHING_PARSED, message: body }
  const found = scanner().scan(encodeForScan(body), 0, body.length, target)
  const spans: BodySpan[] = []
  for (let index = 0; index < found.spanCount; index++) {
    const at = index * 4
    spans.push({
      name: body.slice(found.spans[at], found.spans[at + 1]),
      fields: readFields(body, found, found.spans[at + 2]!, found.spans[at + 3]!),
    })
  }
  return {
    spans,
    message: found.messageEnd < 0 ? null : body.slice(found.chainEnd, found.messageEnd),
    fields: readFields(body, found, found.eventFields, found.fieldCount),
    isGuess: found.isGuess,
  }
}

/** Where the event begins, behind the chain of spans. */
export function findEvent(body: string): number {
  return scanner().findEvent(encodeForScan(body), 0, body.length)
}

let scratch = Buffer.alloc(64 * 1024)
/** A body longer than this gets bytes of its own, so that one does not hold memory for ever. */
const LONGEST_KEPT = 1024 * 1024

/** One byte for each UTF-16 unit, valid until the next call; those beyond ASCII are none that the grammar knows. */
export function encodeForScan(text: string): Uint8Array {
  const { length } = text
  let bytes = scratch
  // With room for one more character, as one that does not fit in is left out.
  if (length + 4 > bytes.length) {
    bytes = Buffer.allocUnsafe(length + 4)
    if (bytes.length <= LONGEST_KEPT) scratch = bytes
  }
  // As many bytes as units: it is ASCII.
  if (bytes.write(text) === length) return bytes
  for (let at = 0; at < length; at++) bytes[at] = Math.min(text.charCodeAt(at), 0x80)
  return bytes
}

function readFields(body: string, { fields }: Readonly<BodyScan>, from: number, to: number): BodyField[] {
  const read: BodyField[] = []
  for (let index = from; index < to; index++) {
    const at = index * 3
    const keyFrom = fields[at]!
    const equals = fields[at + 1]!
    const end = fields[at + 2]!
    read.push(
      equals < 0
        ? { key: '', value: body.slice(keyFrom, end) }
        : { key: body.slice(keyFrom, equals), value: body.slice(equals + 1, end) },
    )
  }
  return read
}

/** The body that was parsed, character by character. */
export function joinBody({ spans, message, fields }: ParsedBody): string {
  const chain = spans.map(
    ({ name, fields: own }) => `${name}${own.length === 0 ? '' : `{${own.map(joinField).join(' ')}}`}:`,
  )
  const event = [...(message === null ? [] : [message]), ...fields.map(joinField)].join(' ')
  return spans.length === 0 ? event : `${chain.join('')} ${event}`
}

function joinField({ key, value }: BodyField): string {
  return key === '' ? value : `${key}=${value}`
}

/** What a value says: of a quoted one the text within, its escapes read as Rust writes them. */
export function readValue(raw: string): string {
  if (raw.length < 2 || !raw.startsWith('"') || !raw.endsWith('"')) return raw
  const inner = raw.slice(1, -1)
  return inner.includes('\\') ? inner.replaceAll(/\\(?:u\{([0-9a-f]{1,6})\}|([\s\S]))/g, unescapeRust) : inner
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' }

function unescapeRust(match: string, code: string | undefined, character: string): string {
  if (code === undefined) return ESCAPES[character] ?? character
  const point = Number.parseInt(code, 16)
  return point <= 0x10ffff ? String.fromCodePoint(point) : match
}
