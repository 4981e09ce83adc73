import { basename } from 'node:path'
import { createProcessIo } from '../cli/io.js'
import { createLogsProgram } from '../cli/logs.js'
import { runProgram } from '../cli/main.js'
import { createStateProgram } from '../cli/state.js'
import { startPackedWorker } from './assets.js'

/** One file answers to both names: which command it is depends on what it was called as. */
const createProgram = basename(process.argv0).startsWith('codex-logs')
  ? createLogsProgram
  : createStateProgram

runProgram(createProgram, process.argv.slice(2), createProcessIo(startPackedWorker)).then((exitCode) => {
  process.exitCode = exitCode
})
