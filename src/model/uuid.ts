/** A whole UUID, letters in either case: a part of a pattern. */
export const UUID_PATTERN = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'

const WHOLE = new RegExp(`^${UUID_PATTERN}$`)

/** Whether the text is one whole UUID, letters in either case. */
export function isUuid(text: string): boolean {
  return WHOLE.test(text)
}

/** Of a UUIDv7 this is its time to the millisecond: enough to tell threads apart, and to name one. */
export const SHORT_ID_LENGTH = 13

export function shortenId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH)
}
