import type { Redactor } from './redact.js'

/** As much is redacted at once: by the row it would take ten times as long. */
const WINDOW_CHARACTERS = 1024 * 1024

/** What may still belong to a secret whose end has not come, at the most. */
const HELD_CHARACTERS = 64 * 1024

export interface RedactingWriter {
  /** Takes text as it comes; what is whole is redacted and written. */
  write(text: string): Promise<void>
  /** Nothing more comes: the rest is written. */
  end(): Promise<void>
}

/**
 * Redacts a text of any length in windows of whole lines. What is held back until more comes is a line without its end, and
 * a private key that has begun; a line of megabytes is cut where no secret can stand.
 */
export function createRedactingWriter(redactor: Redactor, write: (text: string) => void): RedactingWriter {
  let held = ''

  async function flush(end: number): Promise<void> {
    const window = held.slice(0, end)
    held = held.slice(end)
    if (window !== '') write(await redactor.redact(window))
  }

  return {
    async write(text) {
      held += text
      while (held.length > WINDOW_CHARACTERS) await flush(endOfWindow(held.slice(0, WINDOW_CHARACTERS)))
      const end = held.lastIndexOf('\n') + 1
      await flush(beforeOpenKey(held.slice(0, end)))
    },
    async end() {
      while (held.length > WINDOW_CHARACTERS) await flush(endOfWindow(held.slice(0, WINDOW_CHARACTERS)))
      await flush(held.length)
    },
  }
}

/** At a line's end; in a line of megabytes at a blank or a bracket, behind which nothing goes on. */
function endOfWindow(window: string): number {
  const newline = beforeOpenKey(window.slice(0, window.lastIndexOf('\n') + 1))
  if (newline > 0) return newline
  for (let end = window.length; end > window.length - HELD_CHARACTERS; end -= 1) {
    // Between two records or values of JSON; a name and its value stay together.
    if (/[},\]] ?$/.test(window.slice(end - 2, end))) return end
  }
  const blank = window.lastIndexOf(' ') + 1
  return blank > 0 ? blank : window.length
}

/** A key that began and has no end yet is held back with what comes, but not for ever. */
function beforeOpenKey(text: string): number {
  const begin = text.lastIndexOf('-----BEGIN ')
  const isOpen = begin >= 0 && text.indexOf('-----END ', begin) < 0 && text.length - begin < HELD_CHARACTERS
  return isOpen ? text.lastIndexOf('\n', begin) + 1 : text.length
}
