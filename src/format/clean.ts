import { escapeForTerminal, escapeLine } from './escape.js'

/** One line that is safe on a terminal: white space becomes a blank, other controls are escaped. */
export function cleanLine(text: string): string {
  return escapeForTerminal(text.replaceAll(/[ \t\r\n\u2028\u2029]+/g, ' '))
}

/** A message on one line that is safe on a terminal: what it quotes (paths, ids, arguments) may hold anything. */
export function cleanMessage(text: string): string {
  return escapeLine(escapeForTerminal(text)).replaceAll('\t', '\\t')
}
