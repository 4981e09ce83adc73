// Takes the place of better-sqlite3's lib/binding.js inside the bundles: same result, found through the
// installed package instead of by the folder of the running file.
const fs = require('node:fs')
const path = require('node:path')

let addon

exports.getBinding = (given) => {
  if (given !== null && typeof given === 'object') return given
  addon ??= require(typeof given === 'string' ? given : findPrebuilt())
  return addon
}

function findPrebuilt() {
  const folder = path.join(path.dirname(require.resolve('better-sqlite3/package.json')), 'prebuilds')
  const libc = process.platform === 'linux' && isMusl() ? 'musl' : ''
  return path.join(folder, `${process.platform}${libc}-${process.arch}.node`)
}

function isMusl() {
  try {
    return /\/ld-musl-[^/\s]*\.so/.test(fs.readFileSync('/proc/self/maps', 'latin1'))
  } catch {
    return false
  }
}
