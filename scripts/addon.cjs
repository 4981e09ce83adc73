// Takes the place of better-sqlite3's lib/binding.js inside the bundles: same result, found through the
// installed package instead of by the folder of the running file.
const fs = require('node:fs')
const path = require('node:path')

let addon

exports.getBinding = (given) => {
  if (given !== null && typeof given === 'object') return given
  addon ??= load(typeof given === 'string' ? given : findPrebuilt())
  return addon
}

/** As `require` does it, which would look at every folder of the path for itself. */
function load(file) {
  const loaded = { exports: {} }
  process.dlopen(loaded, file)
  return loaded.exports
}

function findPrebuilt() {
  const libc = process.platform === 'linux' && isMusl() ? 'musl' : ''
  return path.join(findPackage(), 'prebuilds', `${process.platform}${libc}-${process.arch}.node`)
}

/** The nearest one upwards, as `require` finds it; `require` itself takes over a millisecond for it. */
function findPackage() {
  for (let folder = __dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const found = path.join(folder, 'node_modules/better-sqlite3')
    if (fs.existsSync(found)) return found
  }
  return path.dirname(require.resolve('better-sqlite3/package.json'))
}

function isMusl() {
  try {
    return /\/ld-musl-[^/\s]*\.so/.test(fs.readFileSync('/proc/self/maps', 'latin1'))
  } catch {
    return false
  }
}
