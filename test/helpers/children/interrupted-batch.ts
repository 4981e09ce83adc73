import { writeSync } from 'node:fs'
import { openReadWrite } from '../../../src/db/open-write.js'
import type { NewLogRow } from '../../../src/model/log.js'
import { insertLogs, openLogTable } from '../../../src/store/logs.js'

/** Inserts a batch into the log database at argv[2], and stands still when half of it is written. */
const row = (line: number): NewLogRow => ({
  tsSeconds: 1_770_000_000,
  tsNanos: 0,
  level: 'INFO',
  target: 'child',
  // Large, so that pages go to the log file before the commit.
  body: 'x'.repeat(100_000),
  threadId: 'child',
  processUuid: null,
  modulePath: null,
  file: null,
  line,
})
const rows = Array.from({ length: 400 }, (_, line) => row(line))
const db = openReadWrite(process.argv[2]!)
db.exec('PRAGMA cache_size = 10')
Object.defineProperty(rows[200]!, 'target', {
  enumerable: true,
  get() {
    writeSync(1, 'in the transaction\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
})
insertLogs(openLogTable(db, 'logs'), rows)
