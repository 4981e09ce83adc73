// What both commands do before their bundle is loaded. Built-in modules only, and syntax that an old Node
// parses: below Node 22 the SQLite addon would crash the process, so the version is looked at first.
// CommonJS, as loading ES modules costs milliseconds at every start.
const { findNode } = require('./find-node.js')

/** Loads `dist/<name>.cjs` and runs it, under a newer Node when this one is too old. */
exports.launch = (name) => {
  const node = findNode(process)
  if (node.problem) {
    process.stderr.write(`${node.problem}\n`)
    process.exitCode = 1
  } else if (node.path === process.execPath) {
    require(`../dist/${name}.cjs`).run()
  } else {
    restart(node.path)
  }
}

function restart(nodePath) {
  const { spawn } = require('node:child_process')
  const { constants } = require('node:os')
  const child = spawn(nodePath, process.argv.slice(1), { stdio: 'inherit' })
  // A terminal sends Ctrl-C to the child as well; a signal sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = code === null ? 128 + constants.signals[signal] : code
  })
}
