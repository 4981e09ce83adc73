import { defineTextCommand } from '../command.js'
import { choiceArgument } from '../flags.js'
import { completionScript, SHELLS } from './scripts.js'

export const command = defineTextCommand({
  examples: ['completion bash'],
  args: { shell: choiceArgument(SHELLS, { text: 'which shell', plural: 'Shells' }) },
  run({ io, program }, _, { shell }) {
    io.stdout.write(completionScript(shell, program.name))
    return 0
  },
})
