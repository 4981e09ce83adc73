import { isBodyFieldName, readBodyField } from '../../body/meanings.js'
import { parseBody } from '../../body/parse.js'
import type { OpenBody } from '../../format/log-line.js'

/** What a row's body holds, by the names of body fields. */
export const openBody: OpenBody = (row, layout) => {
  const parsed = parseBody(row.body, { target: row.target ?? '', ...layout })
  return (name) => (isBodyFieldName(name) ? readBodyField(parsed, name) : null)
}
