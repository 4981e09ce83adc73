// Runs a script under a Node that the project supports: the running one when it is new enough, else the
// Node 24 that `npm ci` put beside it (tools/node24). Built-in imports only: this file runs on any Node.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { findNode } from '../bin/find-node.js'

const [script, ...args] = process.argv.slice(2)
const node = findNode(process)
if (node.problem) {
  process.stderr.write(`${node.problem}\n`)
  process.exit(1)
}
const child = spawn(node.path, [script, ...args], { stdio: 'inherit' })
// A terminal sends Ctrl-C to the child as well; a signal sent to this process alone is passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal]
})
