// Loaded before a program: tells on stderr which file each of its worker threads runs.
const { syncBuiltinESMExports } = require('node:module')
const threads = require('node:worker_threads')
const { Worker } = threads
threads.Worker = class extends Worker {
  constructor(path, options) {
    super(path, options)
    process.stderr.write(`worker ${path}\n`)
  }
}
syncBuiltinESMExports()
