/**
 * A message without what differs from row to row: ids, numbers and durations become `#`, paths `<path>`, addresses
 * `<url>`, quoted texts `"…"`. Messages of one kind become the same text.
 */
export function maskMessage(message: string): string {
  return message.replaceAll(
    MASKED,
    (_match, quoted?: string, ticked?: string, url?: string, path?: string) => {
      if (quoted !== undefined) return '"…"'
      if (ticked !== undefined) return '`…`'
      if (url !== undefined) return '<url>'
      return path === undefined ? '#' : '<path>'
    },
  )
}

/** One pass, each alternative bounded by what cannot belong to it. */
const MASKED = new RegExp(
  [
    String.raw`("(?:[^"\\\n]|\\.)*")`,
    String.raw`(${'`'}[^${'`'}\n]*${'`'})`,
    String.raw`(\b[a-z][a-z0-9+.-]{0,15}://[^\s"'<>)\]},]+)`,
    // Absolute, below the home, or Windows'; not the `/` between two words.
    String.raw`((?<![\w/.:])(?:~?/[\w.@~-][^\s"'${'`'}<>()[\]{},;:]*|[A-Za-z]:\\[^\s"'${'`'}<>()[\]{},;]*))`,
    // A word that has a digit in it, and what follows it as a fraction: `01a2-…`, `1.5s`, `call_7`.
    String.raw`(?<![\w-])[A-Za-z_-]*\d[\w-]*(?:\.\d[\w-]*)*`,
  ].join('|'),
  'g',
)
