/** What is said of a line of a rollout that cannot be read, wherever it is said. */
export function formatBadLine({
  path,
  lineNumber,
  reason,
}: {
  path: string
  lineNumber: number
  reason: string
}): string {
  return `${path}: line ${lineNumber}: ${reason}`
}
