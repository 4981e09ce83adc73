// A Codex at work, as far as the log database is concerned: it is told over stdin what to do, one JSON array
// a line, and answers each with one line when that is done.
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'

const database = new Database(process.argv[2], { timeout: 0 })
database.pragma('journal_mode = WAL')
database.pragma('synchronous = NORMAL')

const DO = {
  /** One transaction; afterwards only the newest `keep` rows stay, as in Codex's own inserts. */
  insert(count, keep = Number.POSITIVE_INFINITY) {
    const names = database.pragma('table_info(logs)').map(({ name }) => name)
    const body = names.includes('feedback_log_body') ? 'feedback_log_body' : 'message'
    const insert = database.prepare(
      `INSERT INTO logs (ts, ts_nanos, level, target, ${body}) VALUES (?, ?, 'INFO', 'writer', ?)`,
    )
    return database.transaction(() => {
      let lastId = 0
      for (let n = 0; n < count; n++) {
        const now = Date.now()
        const { lastInsertRowid } = insert.run(
          Math.floor(now / 1000),
          (now % 1000) * 1e6,
          `row of ${process.pid}`,
        )
        lastId = Number(lastInsertRowid)
      }
      if (keep < lastId) database.prepare('DELETE FROM logs WHERE id <= ?').run(lastId - keep)
      return lastId
    })()
  },
  /** One transaction; the bodies are the numbers from `first` on. The first row gets the id, where one is given. */
  insertNumbered(count, first, id = null) {
    const names = database.pragma('table_info(logs)').map(({ name }) => name)
    const body = names.includes('feedback_log_body') ? 'feedback_log_body' : 'message'
    const insert = database.prepare(
      `INSERT INTO logs (id, ts, ts_nanos, level, target, ${body}) VALUES (?, ?, ?, 'INFO', 'writer', ?)`,
    )
    return database.transaction(() => {
      let lastId = 0
      for (let n = 0; n < count; n++) {
        const now = Date.now()
        const given = n === 0 && id !== null ? BigInt(id) : null
        const { lastInsertRowid } = insert.run(
          given,
          Math.floor(now / 1000),
          (now % 1000) * 1e6,
          String(first + n),
        )
        lastId = Number(lastInsertRowid)
      }
      return lastId
    })()
  },
  checkpoint: (mode) => database.pragma(`wal_checkpoint(${mode})`)[0],
  exec: (sql) => void database.exec(sql),
  close: () => void database.close(),
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line)
  let answer
  try {
    answer = { result: DO[name](...args) ?? null }
  } catch (error) {
    answer = { error: `${error.code}: ${error.message}` }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
