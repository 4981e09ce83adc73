/** A whole UUID, letters in either case: a part of a pattern. */
export const UUID_PATTERN = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'

const WHOLE = new RegExp(`^${UUID_PATTERN}$`)

/** Whether the text is one whole UUID, letters in either case. */
export function isUuid(text: string): boolean {
  return WHOLE.test(text)
}
