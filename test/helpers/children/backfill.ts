import { writeSync } from 'node:fs'
import { StateRuntime } from '../../../src/runtime.js'

/**
 * Backfills the home at argv[2], tells how far it is, and stands still after argv[3] rollouts; then how it ended
 * and the most memory that it took, in MiB. `claim`: only claims, at the unix millisecond argv[4].
 */
const [codexHome, stopAt, claimAtMs] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])]
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
using runtime = StateRuntime.init({ codexHome, defaultProvider: 'openai' })
if (stopAt === 'claim') {
  standStill(claimAtMs - Date.now())
  console.log(String(runtime.claimBackfill()))
} else {
  const result = await runtime.backfill({
    pollMs: 20,
    onProgress({ done }) {
      writeSync(1, `${done}\n`)
      if (done === Number(stopAt)) standStill(Number.POSITIVE_INFINITY)
    },
  })
  console.log(JSON.stringify({ kind: result.kind, peakMiB: process.resourceUsage().maxRSS / 1024 }))
}
