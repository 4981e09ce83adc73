const { closeSync, lstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } = require('node:fs')
const { join, resolve, sep } = require('node:path')

/**
 * Where the code that V8 makes of a command is kept for its next start: in the user's cache folder, a file for each
 * command, since what has run is part of it. `undefined` where there is no place for it: code that somebody else
 * could have written is never run, and nothing is written into a Codex home.
 */
exports.findCache = (name, { argv, env, platform, versions, arch }) => {
  const word = argv[2] ?? ''
  if (!/^[a-z]{2,20}$/.test(word)) return undefined
  const home = env.HOME || env.USERPROFILE
  const base = env.XDG_CACHE_HOME || (platform === 'win32' ? env.LOCALAPPDATA : home && join(home, '.cache'))
  if (!base || resolve(base) !== base) return undefined
  const homes = [env.CODEX_HOME, home && join(home, '.codex')].filter(Boolean)
  if (homes.some((codexHome) => `${base}${sep}`.startsWith(`${resolve(codexHome)}${sep}`))) return undefined
  const folder = join(base, 'codex-state')
  const file = join(folder, `${name}-${word}-v8-${versions.v8}-${arch}.code`)
  return isOwn(folder) && isOwn(file) ? file : undefined
}

/** Whether nobody else can write there; also of what is not there yet. */
function isOwn(path) {
  try {
    const { uid, mode } = lstatSync(path)
    return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
  } catch (error) {
    return error.code === 'ENOENT'
  }
}

/** Writes the code when the command is done and was understood: as a whole, or, where that cannot be, not at all. */
exports.keepAtExit = (file, { script, id }) => {
  process.on('exit', (exitCode) => {
    if (exitCode !== 0 && exitCode !== 1) return
    const aside = `${file}.${process.pid}.tmp`
    try {
      mkdirSync(join(file, '..'), { mode: 0o700, recursive: true })
      // Opened before the code is made, which takes longer than all the rest.
      const opened = openSync(aside, 'wx', 0o600)
      try {
        writeSync(opened, Buffer.concat([Buffer.from(id, 'latin1'), script.createCachedData()]))
      } finally {
        closeSync(opened)
      }
      renameSync(aside, file)
    } catch {
      try {
        rmSync(aside, { force: true })
      } catch {}
    }
  })
}
