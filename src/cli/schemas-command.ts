import { StateError } from '../errors.js'
import { defineTextCommand } from './command.js'
import { restArgument } from './flags.js'
import { createSchema, listJsonForms, type NamedForm } from './json-forms.js'

/** `schemas`: what `--json` prints, as JSON Schema. */
export const command = defineTextCommand({
  examples: ['schemas where'],
  args: { command: restArgument('whose schema, or the name of one; without it the names are listed') },
  async run({ io, program }, _, args) {
    const forms = await listJsonForms(program)
    const wanted = args.command.join(' ')
    if (wanted === '') {
      const names = new Set(forms.map(({ name }) => `${name}\n`))
      io.stdout.write([...names].join(''))
      return 0
    }
    const found = forms.find((form) => isMeant(form, wanted))
    if (!found) {
      throw new StateError('NOT_FOUND', `no schema of '${wanted}'`, {
        hint: `'${program.name} schemas' lists their names.`,
      })
    }
    io.stdout.write(`${JSON.stringify(createSchema(found.name, found.form), null, 2)}\n`)
    return 0
  },
})

/** By the command, by the schema's name, or by that without the program's. */
function isMeant({ path, name, program }: NamedForm, wanted: string): boolean {
  return path === wanted || name === wanted || name === `${program.name}.${wanted}`
}
