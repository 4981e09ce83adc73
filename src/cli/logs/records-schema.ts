import { LOG_FIELDS } from '../../model/log-records.js'
import type { JsonForm } from '../command.js'
import { closedObject, TIME_SCHEMA } from '../json-schema.js'

const FIELD_SCHEMAS = {
  integer: { type: ['integer', 'null'] },
  text: { type: ['string', 'null'] },
  time: TIME_SCHEMA,
}

/** A row of the logs as JSON. */
export const LOG_JSON: JsonForm = {
  name: 'codex-logs.record',
  shape: 'lines',
  // Columns that are not known here follow under their own names.
  record: {
    ...closedObject(
      Object.fromEntries(Object.entries(LOG_FIELDS).map(([name, { kind }]) => [name, FIELD_SCHEMAS[kind]])),
    ),
    additionalProperties: true,
  },
}

/** Rows of a kind, as `query --collapse` tells of them. */
export const COLLAPSED_JSON: JsonForm = {
  suffix: 'collapse',
  argv: ['--collapse'],
  shape: 'lines',
  record: closedObject({
    count: { type: 'integer', minimum: 1 },
    level: { type: 'string' },
    target: { type: 'string' },
    file: { type: ['string', 'null'] },
    line: { type: ['integer', 'null'] },
    message: { type: 'string' },
    first: { type: 'string' },
    last: { type: 'string' },
    example_id: { type: 'integer' },
    example: { type: ['string', 'null'] },
  }),
}
