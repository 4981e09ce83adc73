// Takes the place of better-sqlite3's lib/binding.js inside an executable. The system loads an addon from a
// file only, so the embedded one is written out: once, into a folder of the user's that nobody else can write.
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { readAsset } = require('../src/executable/assets.ts')

/* global ADDON_SHA256, ADDON_BYTES -- put in by the build */
const NAME = `better-sqlite3-${ADDON_SHA256}.node`

let addon

exports.getBinding = (given) => {
  if (given !== null && typeof given === 'object') return given
  addon ??= loadFromCache() ?? loadFromTemporaryFolder()
  return addon
}

function loadFromCache() {
  try {
    const folder = path.join(cacheFolder(), 'codex-state')
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!isPrivate(folder)) return undefined
    const file = path.join(folder, NAME)
    // The name says which bytes; the size, whether a crash of the system cut them short.
    if (fs.statSync(file, { throwIfNoEntry: false })?.size !== ADDON_BYTES) {
      const scratch = fs.mkdtempSync(path.join(folder, 'new-'))
      try {
        fs.writeFileSync(path.join(scratch, NAME), readAsset('addon'), { mode: 0o600 })
        fs.renameSync(path.join(scratch, NAME), file)
      } finally {
        fs.rmSync(scratch, { recursive: true, force: true })
      }
    }
    return load(file)
  } catch {
    // Not writable, full, or mounted so that nothing in it can be executed.
    return undefined
  }
}

function loadFromTemporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'codex-state-'))
  try {
    const file = path.join(folder, NAME)
    fs.writeFileSync(file, readAsset('addon'), { mode: 0o600 })
    return load(file)
  } finally {
    try {
      // Loaded, it needs no name any more; Windows keeps it until the process has ended.
      fs.rmSync(folder, { recursive: true, force: true })
    } catch {}
  }
}

function load(file) {
  const loaded = { exports: {} }
  process.dlopen(loaded, file)
  return loaded.exports
}

function cacheFolder() {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (process.platform === 'win32' && LOCALAPPDATA) return LOCALAPPDATA
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches')
  // https://specifications.freedesktop.org/basedir-spec/: a relative value is to be ignored.
  if (XDG_CACHE_HOME && path.isAbsolute(XDG_CACHE_HOME)) return XDG_CACHE_HOME
  return path.join(os.homedir(), '.cache')
}

/** Whoever can write there could put another program in the addon's place. */
function isPrivate(folder) {
  if (process.platform === 'win32') return true
  const stat = fs.lstatSync(folder)
  return stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & 0o022) === 0
}
