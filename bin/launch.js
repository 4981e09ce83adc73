// What both commands do before their bundle is loaded. Built-in imports only, and syntax that an old Node
// parses: below Node 22 the SQLite addon would crash the process, so the version is looked at first.
import { createRequire } from 'node:module'
import { findNode } from './find-node.js'

/** Loads `dist/<name>.cjs` and runs it, under a newer Node when this one is too old. */
export async function launch(name) {
  const node = findNode(process)
  if (node.problem) {
    process.stderr.write(`${node.problem}\n`)
    process.exitCode = 1
  } else if (node.path === process.execPath) {
    await createRequire(import.meta.url)(`../dist/${name}.cjs`).run()
  } else {
    await restart(node.path)
  }
}

async function restart(nodePath) {
  const { spawn } = await import('node:child_process')
  const { constants } = await import('node:os')
  const child = spawn(nodePath, process.argv.slice(1), { stdio: 'inherit' })
  // A terminal sends Ctrl-C to the child as well; a signal sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  process.exitCode = await new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve(code === null ? 128 + constants.signals[signal] : code))
  })
}
