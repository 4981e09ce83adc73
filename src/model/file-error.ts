/** The code of a failed call of the file system; `undefined` for any other error. */
function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

/** Whether nothing is there. Every other failure leaves that open: what may not be read is not gone. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Whether something may be there that this user may not look at. */
export function isDenied(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'EACCES' || code === 'EPERM'
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'it is a file, not a folder',
  ENOENT: 'it is not there',
  ELOOP: 'its links lead in a circle',
}

/** Why a file or folder cannot be read, in plain words. */
export function explainFileError(error: unknown): string {
  const code = codeOf(error) ?? ''
  return REASONS[code] ?? (code || String(error))
}
