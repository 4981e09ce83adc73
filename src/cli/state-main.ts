import { startBundledWorker } from './bundled-worker.js'
import { runProgram } from './main.js'
import { createProcessIo } from './process-io.js'
import { STATE_PROGRAM } from './state.js'

/** What `bin/codex-state.js` calls. */
export async function run(): Promise<void> {
  const io = createProcessIo(startBundledWorker)
  process.exitCode = await runProgram(STATE_PROGRAM, process.argv.slice(2), io)
}
