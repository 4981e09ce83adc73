import { StateRuntime } from '../../../src/runtime.js'
import { sampleMetadata } from '../threads.js'

/**
 * Opens (or makes) the home at argv[2] and writes `count` threads and log rows, each in a transaction of its
 * own, numbered from argv[3].
 */
const [home, first, count] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]
using runtime = StateRuntime.init({ codexHome: home, defaultProvider: 'openai' })
for (let number = first; number < first + count; number++) {
  runtime.upsertThread(sampleMetadata(number))
  runtime.insertLog({
    tsSeconds: Math.floor(Date.now() / 1000),
    tsNanos: 0,
    level: 'INFO',
    target: 'writer',
    body: String(number),
    threadId: null,
    processUuid: null,
    modulePath: null,
    file: null,
    line: null,
  })
}
