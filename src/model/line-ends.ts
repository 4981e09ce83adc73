/**
 * Line ends of the migrations that a build of Codex carries, and so of the checksums that it records: the
 * official binaries for Windows have CR/LF, all others LF. Each kind refuses a database of the other.
 */
export const LINE_ENDS = ['lf', 'crlf'] as const

export type LineEnds = (typeof LINE_ENDS)[number]

/** Those of the Codex for a system (`process.platform`). */
export function lineEndsOn(platform: string): LineEnds {
  return platform === 'win32' ? 'crlf' : 'lf'
}
