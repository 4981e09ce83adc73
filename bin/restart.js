const { findNode } = require('./find-node.js')

/** Runs this command line again under a newer Node, where a checkout has one; else says what is needed. */
exports.restart = () => {
  const node = findNode(process)
  if (node.problem) {
    process.stderr.write(`${node.problem}\n`)
    process.exitCode = 1
    return
  }
  const { spawn } = require('node:child_process')
  const { constants } = require('node:os')
  const child = spawn(node.path, process.argv.slice(1), { stdio: 'inherit' })
  // A terminal sends Ctrl-C to the child as well; a signal sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = code === null ? 128 + constants.signals[signal] : code
  })
}
