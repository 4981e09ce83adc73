import { startBundledWorker } from './bundled-worker.js'
import { LOGS_PROGRAM } from './logs.js'
import { runProgram } from './main.js'
import { createProcessIo } from './process-io.js'

/** What `bin/codex-logs.js` calls. */
export async function run(): Promise<void> {
  const io = createProcessIo(startBundledWorker)
  process.exitCode = await runProgram(LOGS_PROGRAM, process.argv.slice(2), io)
}
