import type { RedactionKind, RedactorOptions } from '../share/redact.js'

/** What the thread that redacts is given. */
export interface RedactThreadData {
  readonly names: Pick<RedactorOptions, 'users' | 'hosts' | 'homes'>
  /** Two 32-bit numbers: bytes that wait, and one of `REDACTION_STATES`. */
  readonly shared: SharedArrayBuffer
}

export type RedactMessage =
  | { kind: 'write'; fd: number; bytes: Uint8Array }
  /** Answered with the same texts, redacted. */
  | { kind: 'texts'; texts: readonly string[] }
  /** Nothing more comes for now: what is held back is written, and answered. */
  | { kind: 'flush' }

/** Distinct values that were replaced so far. */
export type RedactionCounts = Readonly<Record<RedactionKind, number>>

export type RedactAnswer =
  | { kind: 'flushed'; counts: RedactionCounts }
  | { kind: 'texts'; texts: readonly string[] }
  | { kind: 'failed'; message: string }

export const REDACTION_STATES = { open: 0, closed: 1, failed: 2 } as const
