import type { Command } from 'commander'
import type { CommandContext } from '../main.js'

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const

export type Shell = (typeof SHELLS)[number]

/** `completion`, which prints the script for a shell, and the hidden command that the script asks. */
export function addCompletionCommands(program: Command, { io }: CommandContext): void {
  const completion = program.command('completion')
  completion
    .description('print the script that completes this command in a shell')
    .addArgument(completion.createArgument('<shell>', 'which shell').choices(SHELLS))
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./scripts.js')
      io.stdout.write(completionScript(shell, program.name()))
    })
  program
    .command('__complete [words...]', { hidden: true })
    .helpOption(false)
    .action(async (words: string[]) => {
      const { complete } = await import('./complete.js')
      io.stdout.write(complete(program, words, io))
    })
}
