/** Years 1 to 9999, in Unix seconds: what a damaged row holds may be no time. */
export const FIRST_SECONDS = -62_135_596_800
export const LAST_SECONDS = 253_402_300_799

export function isRowTime(seconds: number | null): boolean {
  return seconds !== null && seconds >= FIRST_SECONDS && seconds <= LAST_SECONDS
}
