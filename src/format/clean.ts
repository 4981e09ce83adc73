import { escapeForTerminal } from './escape.js'

/** One line that is safe on a terminal: white space becomes a blank, other controls are escaped. */
export function cleanLine(text: string): string {
  return escapeForTerminal(text.replaceAll(/[ \t\r\n\u2028\u2029]+/g, ' '))
}
