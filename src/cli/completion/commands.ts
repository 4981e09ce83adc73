import type { Entry } from '../command.js'

/** `completion`, which prints the script for a shell, and the hidden command that the script asks. */
export const COMPLETION_COMMANDS: Readonly<Record<string, Entry>> = {
  completion: {
    summary: 'print the script that completes this command in a shell',
    load: () => import('./script-command.js'),
  },
  __complete: {
    summary: 'what could stand in the place of the last word',
    isHidden: true,
    load: () => import('./complete-command.js'),
  },
}
