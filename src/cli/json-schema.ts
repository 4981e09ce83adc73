import type { FieldKind } from '../format/fields.js'
import type { AnyKind, JsonSchema } from './command.js'

export const TIME_SCHEMA: JsonSchema = {
  type: ['string', 'null'],
  pattern: String.raw`^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`,
}

/** By what a stored value means. What is damaged is shown as it is stored, so a damaged row may differ. */
const BY_KIND: Readonly<Record<FieldKind, JsonSchema>> = {
  text: { type: ['string', 'number', 'null'] },
  path: { type: ['string', 'null'] },
  id: { type: ['string', 'null'] },
  number: { type: ['number', 'null'] },
  bytes: { type: ['integer', 'null'] },
  flag: { type: ['boolean', 'null'] },
  time: TIME_SCHEMA,
  json: {},
  wordOrJson: { type: ['string', 'object', 'array', 'null'] },
}

/** A record with all its fields. */
export function recordSchema(kind: AnyKind): JsonSchema {
  return closedObject(Object.fromEntries(kind.fields.map((field) => [field.name, BY_KIND[field.kind]])))
}

/** Every key is there, and no other. */
export function closedObject(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
}
