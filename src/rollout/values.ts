/** Parts of a line as what they should be, or nothing: rollouts hold what releases and other programs wrote. */

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Half of a surrogate pair, which a cut leaves, is no text that SQLite or a terminal takes. */
export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value.toWellFormed() : null
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value)
    ? value.filter((part): part is string => typeof part === 'string').map((part) => part.toWellFormed())
    : []
}

export function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** The parts of a message. */
export function readParts(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function joinText(parts: readonly JsonObject[], type: string): string {
  return parts
    .filter((part) => part.type === type)
    .map((part) => textOrNull(part.text) ?? '')
    .join('')
}

/** `in_progress` and `InProgress` are `inProgress`. */
export function camelCase(word: string): string {
  const joined = word.replace(/[_-]([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  return joined.charAt(0).toLowerCase() + joined.slice(1)
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

export function unescapeXml(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ENTITIES[name]!)
}
