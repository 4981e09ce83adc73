import { basename } from 'node:path'
import { LOGS_PROGRAM } from '../cli/logs.js'
import { runProgram } from '../cli/main.js'
import { createProcessIo } from '../cli/process-io.js'
import { STATE_PROGRAM } from '../cli/state.js'
import { startPackedWorker } from './assets.js'

/** One file answers to both names: which command it is depends on what it was called as. */
const program = basename(process.argv0).startsWith('codex-logs') ? LOGS_PROGRAM : STATE_PROGRAM

runProgram(program, process.argv.slice(2), createProcessIo(startPackedWorker)).then((exitCode) => {
  process.exitCode = exitCode
})
