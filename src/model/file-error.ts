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

const WRITE_REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on device',
  ENOENT: 'its folder does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  EROFS: 'the file system is read-only',
  ENOTEMPTY: 'there is something of that name already',
  EEXIST: 'there is something of that name already',
  ENOTDIR: 'there is something of that name already',
  EFBIG: 'no file may be that large',
  EDQUOT: 'no more may be stored',
}

/** Why a file cannot be written, in plain words. */
export function explainWriteError(error: unknown): string {
  const code = codeOf(error) ?? ''
  return WRITE_REASONS[code] ?? (code || String(error))
}

/** Why a file or folder cannot be read, in plain words. */
export function explainFileError(error: unknown): string {
  const code = codeOf(error) ?? ''
  return REASONS[code] ?? (code || String(error))
}
