const { existsSync, readFileSync } = require('node:fs')
const { dirname } = require('node:path')
const { Script } = require('node:vm')

/** Runs a command. */
exports.launch = (name) => {
  const bundle = `${dirname(__dirname)}/dist/${name}.cjs`
  const beside = exports.codeFile(bundle)
  if (existsSync(beside)) return exports.load(bundle, beside).exports.run()
  // A package brings no code along: it is of use to one version of V8 alone. It is made at the first run.
  const { findCache, keepAtExit } = require('./code-cache.js')
  const file = findCache(name, process)
  const loaded = exports.load(bundle, file)
  if (file && loaded.script.cachedDataRejected !== false) keepAtExit(file, loaded)
  return loaded.exports.run()
}

exports.isNewEnough = (version) => {
  const [major, minor] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 12)
}

/** A bundle begins with a comment that holds its id; the code that V8 made of it begins with the same id. */
const ID = /^\/\*([0-9a-f]{16})\*\//

/** The bundle's name, with another ending. */
exports.codeFile = (bundle) => bundle.replace(/cjs$/, 'code')

/**
 * Loads a bundle as `require` does, but from the code that V8 made of it, where that is in the file and of this V8:
 * compiling takes a third of what a start costs on top of Node's own.
 * https://nodejs.org/api/vm.html#new-vmscriptcode-options
 *
 * @returns what the bundle exports; its script, which can tell its code; its id
 */
exports.load = (bundle, file = exports.codeFile(bundle)) => {
  const source = readFileSync(bundle, 'utf8')
  const [, id] = ID.exec(source)
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: bundle,
    cachedData: readCode(file, id),
  })
  const loaded = { exports: {} }
  script.runInThisContext()(loaded.exports, require, loaded, bundle, dirname(bundle))
  return { exports: loaded.exports, script, id }
}

/** V8 itself compares no more of the source than its length. */
function readCode(file, id) {
  try {
    const code = readFileSync(file)
    return code.latin1Slice(0, id.length) === id ? code.subarray(id.length) : undefined
  } catch {
    return undefined
  }
}
