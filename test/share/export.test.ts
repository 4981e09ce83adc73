import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, expect, test } from 'vitest'
import { createFinalFile, openDescriptor } from '../../src/share/export/final-file.js'
import { createParquetFile, type ParquetColumn } from '../../src/share/export/parquet.js'

const folder = mkdtempSync(join(tmpdir(), 'codex-state-export-'))
afterAll(() => rmSync(folder, { recursive: true }))

const COLUMNS: ParquetColumn<readonly unknown[]>[] = (
  [
    ['id', 'integer'],
    ['time', 'timestamp'],
    ['level', 'text'],
    ['share', 'double'],
    ['failed', 'boolean'],
  ] as const
).map(([name, type], index) => ({ name, type, of: (row) => row[index], isUnique: name === 'id' }))

async function readBack(path: string, sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(sql.replace('$file', `'${path}'`))).getRowObjectsJson()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

// DuckDB keeps microseconds of an instant, which is its own limit: the file has nanoseconds.
test('DuckDB reads back every value, and nulls, of all types, over several row groups', async () => {
  const path = join(folder, 'all.parquet')
  const file = createFinalFile(path)
  const groups: number[] = []
  const parquet = createParquetFile(file, COLUMNS, {
    metadata: { home: '/x' },
    rowGroupSize: 2,
    onGroup: (count) => groups.push(count),
  })
  parquet.add([1, 1_795_564_800_000_000_005n, 'WARN', 0.5, true])
  parquet.add([2n ** 60n, null, null, null, null])
  parquet.add([null, -1000n, 'a\n"ü" 👩‍👩‍👧', -1, false])
  parquet.finish()
  expect(groups).toEqual([2, 3])
  expect(existsSync(path)).toBe(false)
  file.commit()
  expect(
    await readBack(
      path,
      'SELECT id, epoch_us(time) AS us, level, share, failed FROM $file ORDER BY file_row_number',
    ),
  ).toEqual([
    { id: '1', us: '1795564800000000', level: 'WARN', share: 0.5, failed: true },
    { id: String(2n ** 60n), us: null, level: null, share: null, failed: null },
    { id: null, us: '-1', level: 'a\n"ü" 👩‍👩‍👧', share: -1, failed: false },
  ])
  expect(await readBack(path, 'SELECT DISTINCT column_name, column_type FROM (DESCRIBE FROM $file)')).toEqual(
    expect.arrayContaining([
      { column_name: 'id', column_type: 'BIGINT' },
      { column_name: 'time', column_type: expect.stringMatching(/^TIMESTAMP/) },
      { column_name: 'level', column_type: 'VARCHAR' },
      { column_name: 'share', column_type: 'DOUBLE' },
      { column_name: 'failed', column_type: 'BOOLEAN' },
    ]),
  )
})

test('a file is private, appears when it is whole, and replaces an older one', () => {
  const path = join(folder, 'one.ndjson')
  writeFileSync(path, 'old')
  const file = createFinalFile(path)
  file.write(Buffer.from('new'))
  expect(readFileSync(path, 'utf8')).toBe('old')
  file.commit()
  file.discard()
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
})

test('what is discarded leaves nothing', () => {
  const path = join(folder, 'discarded.csv')
  const file = createFinalFile(path)
  file.write(Buffer.from('half'))
  file.discard()
  expect(readdirSync(folder).filter((name) => name.includes('discarded'))).toEqual([])
})

test('a folder of that name is told at once, and one that comes meanwhile leaves nothing behind', () => {
  const path = join(folder, 'taken.csv')
  const file = createFinalFile(path)
  mkdirSync(path)
  expect(() => file.commit()).toThrow(/cannot write .*taken\.csv: it is a folder/)
  file.discard()
  expect(() => createFinalFile(path)).toThrow(/cannot write .*taken\.csv: it is a folder/)
  expect(readdirSync(folder).filter((name) => name.includes('taken'))).toEqual(['taken.csv'])
})

test.runIf(existsSync('/dev/full'))('a full disk is no wrong use', () => {
  const descriptor = openSync('/dev/full', 'w')
  const error = (() => {
    try {
      openDescriptor(descriptor, 'x.csv').write(Buffer.from('half'))
    } catch (thrown) {
      return thrown
    }
  })()
  closeSync(descriptor)
  expect(error).toMatchObject({ code: 'OUTPUT', message: 'cannot write x.csv: no space left on device' })
})

test('a folder that is not there is told as the reason', () => {
  expect(() => createFinalFile(join(folder, 'no', 'x.csv'))).toThrow(
    /cannot write .*x\.csv: its folder does not exist/,
  )
})
