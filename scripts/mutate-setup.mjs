// Runs in the process of each test file when `scripts/mutate.mjs` runs it: wakes the one change that is tried, and notes
// which places of the source a test comes through.
import { threadId, Worker } from 'node:worker_threads'
import { afterEach, beforeEach, inject } from 'vitest'

const { change, siteCount, limitMs } = inject('mutation')
const passed = new Uint8Array(siteCount)

globalThis.__change = (id) => {
  passed[id] = 1
  return id === change
}

/** What was passed since the last call. */
function takePassed() {
  const ids = [...passed.keys()].filter((id) => passed[id] === 1)
  passed.fill(0)
  return ids
}

if (change === undefined) {
  beforeEach(({ task }) => {
    // Outside of any test: while the file loads, or in a hook for several tests.
    const { meta } = task.file
    meta.passed = [...(meta.passed ?? []), ...takePassed()]
    task.meta.startedAt = performance.now()
  })
  afterEach(({ task }) => {
    task.meta.passed = takePassed()
    task.meta.tookMs = performance.now() - task.meta.startedAt
  })
} else if (threadId === 0) {
  // A change can make a loop that does not end: then only another thread can end this process.
  new Worker(`setTimeout(() => process.kill(${process.pid}, 'SIGKILL'), ${limitMs})`, { eval: true }).unref()
}
