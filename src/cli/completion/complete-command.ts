import { defineTextCommand } from '../command.js'
import { restArgument } from '../flags.js'
import { complete } from './complete.js'

export const command = defineTextCommand({
  examples: [],
  args: { words: restArgument('behind the name of the program; the last is the one that is being typed') },
  async run({ io, program }, _, { words }) {
    io.stdout.write(await complete(program, words, io))
    return 0
  },
})
