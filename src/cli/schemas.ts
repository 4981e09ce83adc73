import type { JsonSchema } from './command.js'
import { createSchema, listJsonForms } from './json-forms.js'
import { LOGS_PROGRAM } from './logs.js'
import { STATE_PROGRAM } from './state.js'

/** The schemas of all that `--json` prints when no fields are named, by the name of their file. */
export async function createSchemas(): Promise<Record<string, JsonSchema>> {
  const forms = [...(await listJsonForms(LOGS_PROGRAM)), ...(await listJsonForms(STATE_PROGRAM))]
  return Object.fromEntries(forms.map(({ name, form }) => [name, createSchema(name, form)]))
}
