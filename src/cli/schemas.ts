import type { Command, JsonForm, JsonSchema } from './command.js'
import { recordSchema } from './json-schema.js'
import { LOGS_PROGRAM } from './logs.js'
import type { Program } from './registry.js'
import { STATE_PROGRAM } from './state.js'

/** A command's form of JSON, the name of its schema, and what is typed to get it. */
export interface NamedForm {
  readonly program: Program
  /** `threads list` */
  readonly path: string
  readonly command: Command
  readonly form: JsonForm
  /** `codex-state.threads-list` */
  readonly name: string
}

/** Every form of JSON of a program's commands. */
export async function listJsonForms(program: Program): Promise<NamedForm[]> {
  const forms: NamedForm[] = []
  for (const [path, entry] of Object.entries(program.commands)) {
    const { command } = await entry.load()
    for (const form of command.jsonForms) {
      const suffix = form.suffix === undefined ? '' : `-${form.suffix}`
      const name = form.name ?? `${program.name}.${path.replaceAll(' ', '-')}${suffix}`
      forms.push({ program, path, command, form, name })
    }
  }
  return forms
}

/** The schemas of all that `--json` prints when no fields are named, by the name of their file. */
export async function createSchemas(): Promise<Record<string, JsonSchema>> {
  const forms = [...(await listJsonForms(LOGS_PROGRAM)), ...(await listJsonForms(STATE_PROGRAM))]
  return Object.fromEntries(forms.map(({ name, form }) => [name, createSchema(name, form)]))
}

export function createSchema(name: string, { shape, record }: JsonForm): JsonSchema {
  const item = record === undefined ? { type: 'object' } : isKind(record) ? recordSchema(record) : record
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: name.replace('.', ' '),
    ...(shape === 'array' ? { type: 'array', items: item } : item),
  }
}

function isKind(
  record: NonNullable<JsonForm['record']>,
): record is Extract<JsonForm['record'], { noun: string }> {
  return 'noun' in record && 'fields' in record
}
