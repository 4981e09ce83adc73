const { closeSync, lstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } = require('node:fs')
const { join, resolve, sep } = require('node:path')

/**
 * Where the code that V8 makes of the commands is kept for their next start: in the user's cache folder, by the name
 * of the part. Gives `undefined` where there is no place for it: code that somebody else could have written is never
 * run, and nothing is written into a Codex home.
 */
exports.findCache = ({ env, platform, versions, arch }) => {
  const home = env.HOME || env.USERPROFILE
  const base = env.XDG_CACHE_HOME || (platform === 'win32' ? env.LOCALAPPDATA : home && join(home, '.cache'))
  const homes = [env.CODEX_HOME, home && join(home, '.codex')].filter(Boolean)
  const isPlace =
    base &&
    resolve(base) === base &&
    !homes.some((codexHome) => `${base}${sep}`.startsWith(`${resolve(codexHome)}${sep}`))
  const folder = isPlace && join(base, 'codex-state')
  if (!folder || !isOwn(folder)) return () => undefined
  return (part) => {
    const path = join(folder, `v8-${versions.v8}-${arch}.${part}`)
    return isOwn(path) ? path : undefined
  }
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

/** Writes what had to be compiled when the command is done and was understood. */
exports.keepAtExit = ({ taken, id }) => {
  process.on('exit', (exitCode) => {
    if (exitCode !== 0 && exitCode !== 1) return
    for (const part of taken) {
      if (part.path !== undefined && part.script.cachedDataRejected !== false) exports.keep(part, id)
    }
  })
}

/** V8 takes code only under the flags that it was made under: what commands set is set back to V8's own. */
const FLAGS_OF_V8 = '--semi-space-growth-factor=2'

/** As a whole, or, where that cannot be, not at all. */
exports.keep = (part, id) => {
  const { path } = part
  const aside = `${path}.${process.pid}.tmp`
  // Loaded only here: most starts keep nothing.
  require('node:v8').setFlagsFromString(FLAGS_OF_V8)
  try {
    mkdirSync(join(path, '..'), { mode: 0o700, recursive: true })
    // Opened before the code is made, which takes longer than all the rest.
    const opened = openSync(aside, 'wx', 0o600)
    try {
      writeSync(opened, packPart(part, id))
    } finally {
      closeSync(opened)
    }
    renameSync(aside, path)
  } catch {
    try {
      rmSync(aside, { force: true })
    } catch {}
  }
}

/** Gives the bytes of a part to keep. V8 copies code that does not begin at a multiple of eight. */
function packPart({ numbers, source, script }, id) {
  const code = script.createCachedData()
  const start = `${id}${code.length.toString(16).padStart(8, '0')}`
  return Buffer.concat([
    Buffer.from(start, 'latin1'),
    code,
    Buffer.from(`${JSON.stringify({ numbers, length: source.length })}\n${source}`, 'latin1'),
  ])
}
