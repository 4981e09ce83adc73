import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBytesReader } from '../../../src/cli/logs/records.js'
import { piecesOf } from '../../../src/format/formats.js'
import { type LogStore, openLogStore } from '../../../src/query/logs/store.js'
import { listDatabases } from '../../../src/schema/files.js'
import { TEST_EVERYTHING } from '../../helpers/everything.js'
import { createLogHome } from '../../helpers/log-layouts.js'

/** A control character is one byte in the database and six in JSON. */
const BODY = '\u0001'.repeat(16_000_000)
const BODY_BYTES = 6 * BODY.length
const MEBIBYTE = 1024 * 1024
let home: string
let store: LogStore

beforeAll(() => {
  // Together more than the 1,000,000,000 bytes that SQLite allows for one text.
  home = createLogHome(Array(11).fill({ body: BODY })).home
  store = openLogStore(listDatabases(home))!
})
afterAll(() => {
  store.connection.close()
  rmSync(dirname(home), { recursive: true })
})

test.runIf(TEST_EVERYTHING)('records that are longer together than one text may be are read in parts', () => {
  const read = createBytesReader(
    store,
    {},
    { pieces: piecesOf('json', ['id', 'body']), isRaw: false, styles: undefined },
  )
  const { bytes, lastId } = read({ kind: 'window', low: 1n, high: 1000n })!
  expect(lastId).toBe(11)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const lineLength = '{"id":1,"body":""}\n'.length + BODY_BYTES
  for (let id = 1, at = 0; id <= 11; id++) {
    const head = `{"id":${id},"body":"\\u0001`
    expect(text.toString('latin1', at, at + head.length)).toBe(head)
    at += lineLength + (id > 9 ? 1 : 0)
    expect(text.toString('latin1', at - 3, at)).toBe('"}\n')
    if (id === 11) expect(at).toBe(text.length)
  }
})

test.runIf(TEST_EVERYTHING)(
  'a text that is longer than a string may be is cut, and says what it lacks, whoever writes the record',
  () => {
    const { home: hugeHome, path } = createLogHome([{ body: 'before' }])
    const writer = new Database(path)
    // 80 MiB of text, then as much that only JavaScript can escape.
    const insert =
      "INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body) VALUES (1, 0, 'INFO', 't', ?)"
    writer.prepare(insert).run('x'.repeat(80 * MEBIBYTE))
    writer.prepare(insert).run(`\x1b${'y'.repeat(80 * MEBIBYTE - 1)}`)
    writer.close()
    const huge = openLogStore(listDatabases(hugeHome))!
    const plan = { pieces: piecesOf('cat'), isRaw: false, styles: undefined }
    const read = createBytesReader(huge, {}, plan)
    const { bytes } = read({ kind: 'window', low: 1n, high: 3n })!
    huge.connection.close()
    rmSync(dirname(hugeHome), { recursive: true })
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const lack = `… [${16 * MEBIBYTE} more bytes]\n`
    const lines = [
      `before\n`,
      'x'.repeat(64 * MEBIBYTE) + lack,
      `\\x1b${'y'.repeat(64 * MEBIBYTE - 1)}${lack}`,
    ]
    expect(text.equals(Buffer.concat(lines.map((line) => Buffer.from(line))))).toBe(true)
  },
)
