/**
 * A path in the one spelling in which two paths are compared: without Windows' verbatim prefix (but that of a
 * volume, which has no other name) and without slashes at the end; a Windows path in lower case, with `\`, and
 * with the newer name of the WSL share. A path is a Windows one by its own form: a home can have come from
 * another system.
 */
export function normalizePath(path: string): string {
  const plain = path.replace(/^[\\/]{2}\?[\\/]UNC[\\/]/i, '\\\\').replace(/^[\\/]{2}\?[\\/](?=[a-z]:)/i, '')
  const isWindows = /^[a-z]:([\\/]|$)/i.test(plain) || plain.startsWith('\\\\')
  const unified = isWindows ? plain.replaceAll('/', '\\').toLowerCase() : plain
  const separator = isWindows ? '\\' : '/'
  const root = isWindows && unified.startsWith('\\\\') ? '\\\\' : unified.startsWith('/') ? '/' : ''
  const parts = unified.split(separator).filter((part) => part !== '' && part !== '.')
  if (root === '\\\\' && parts[0] === 'wsl$') parts[0] = 'wsl.localhost'
  return root + parts.join(separator)
}

/** Whether two texts are one path by their spelling; links are not looked at. */
export function isSamePath(one: string, other: string): boolean {
  return one === other || normalizePath(one) === normalizePath(other)
}
