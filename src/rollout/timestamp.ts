const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const FILE_NAME_FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)$/

/** What Codex writes in every line of a rollout. */
const LINE_FORM = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z$/

/** RFC 3339, or `YYYY-MM-DDTHH-MM-SS` which is read as UTC; unix milliseconds, cut not rounded, or `null`. */
export function parseTimestampMs(text: string): number | null {
  // A day that every month has is not checked against its month, so this is all there is to do for nearly all lines.
  if (LINE_FORM.test(text)) {
    const ms = Date.parse(text)
    return Number.isNaN(ms) ? null : ms
  }
  const match = RFC_3339.exec(text) ?? FILE_NAME_FORM.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHours = 0, offsetMinutes = 0] =
    match
  const ms = fraction.slice(1, 4).padEnd(3, '0')
  const isoText = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`
  const utcMs = Date.parse(isoText)
  // Of an impossible date (the 31st of February) `Date` makes the next possible one.
  if (Number.isNaN(utcMs) || new Date(utcMs).toISOString() !== isoText) return null
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000
  return sign === '-' ? utcMs + offsetMs : utcMs - offsetMs
}
