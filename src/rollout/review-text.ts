import { isObject, type JsonObject, readParts, textOrNull } from './values.js'

/** What Codex shows where a review begins, and what where it ends. */
export function enteredReview(line: JsonObject): string {
  return textOrNull(line.user_facing_hint) ?? 'Review requested.'
}

export function exitedReview(output: unknown): string {
  const review = isObject(output) ? output : {}
  const parts: string[] = []
  const overall = (textOrNull(review.overall_explanation) ?? '').trim()
  if (overall !== '') parts.push(overall)
  const findings = readParts(review.findings)
  if (findings.length > 0)
    parts.push(
      [
        findings.length === 1 ? 'Review comment:' : 'Full review comments:',
        ...findings.map((finding) => `\n${formatFinding(finding)}`),
      ].join('\n'),
    )
  return parts.length === 0 ? 'Reviewer failed to output a response.' : parts.join('\n\n')
}

function formatFinding(finding: JsonObject): string {
  const location = isObject(finding.code_location) ? finding.code_location : {}
  const range = isObject(location.line_range) ? location.line_range : {}
  const place = `${textOrNull(location.absolute_file_path) ?? ''}:${range.start}-${range.end}`
  const body = (textOrNull(finding.body) ?? '').split('\n').map((line) => `  ${line}`)
  return [`- ${textOrNull(finding.title) ?? ''} — ${place}`, ...body].join('\n')
}
