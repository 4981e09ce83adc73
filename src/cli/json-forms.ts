import type { Command, JsonForm, JsonSchema, Program } from './command.js'
import { recordSchema } from './json-schema.js'

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

/** The schema of a form of JSON. */
export function createSchema(name: string, { shape, record }: JsonForm): JsonSchema {
  const item = record === undefined ? { type: 'object' } : isKind(record) ? recordSchema(record) : record
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: name.replace('.', ' '),
    ...(shape === 'array'
      ? { type: 'array', items: item }
      : // A single thing that is not there is null.
        shape === 'object'
        ? { ...item, type: ['object', 'null'] }
        : item),
  }
}

function isKind(
  record: NonNullable<JsonForm['record']>,
): record is Extract<JsonForm['record'], { noun: string }> {
  return 'noun' in record && 'fields' in record
}
