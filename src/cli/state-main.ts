import { createProcessIo } from './io.js'
import { runProgram } from './main.js'
import { createStateProgram } from './state.js'

/** What `bin/codex-state.js` calls. */
export async function run(): Promise<void> {
  process.exitCode = await runProgram(createStateProgram, process.argv.slice(2), createProcessIo())
}
