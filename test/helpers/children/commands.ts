import { writeFully } from '../../../src/cli/io.js'
import { runLogs, runState } from '../run.js'
import { dropRoot } from './drop-root.js'

/** Runs the command lines of argv[2], a JSON array of arrays, as one whom permissions stop; prints the results. */
dropRoot()
const lines: [program: 'logs' | 'state', ...argv: string[]][] = JSON.parse(process.argv[2]!)
for (const [program, ...argv] of lines) {
  const run = program === 'logs' ? runLogs : runState
  // One that waits for ever would be the fault that is looked for.
  const result = await run(argv, { signal: AbortSignal.timeout(5000) })
  writeFully(1, Buffer.from(`${JSON.stringify(result)}\n`))
}
