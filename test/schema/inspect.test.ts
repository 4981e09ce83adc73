import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openReadOnly } from '../../src/db/open-read.js'
import {
  listTables,
  readColumnNames,
  readColumns,
  readIndexNames,
  readMigrations,
} from '../../src/schema/inspect.js'
import { createHome, LAYOUTS } from '../helpers/layouts.js'

/** Body column, whether there are processes and sizes, and the number of migrations of the logs' file. */
const LOGS: Record<string, [body: string, optional: string[], migrations: number]> = {
  '0.93 to 0.95': ['message', [], 3],
  '0.96 to 0.98': ['message', [], 5],
  '0.99': ['message', [], 8],
  '0.100': ['message', [], 8],
  '0.104': ['message', ['process_uuid'], 8],
  '0.106 to 0.112': ['message', ['process_uuid', 'estimated_bytes'], 18],
  '0.113 to 0.116': ['message', ['process_uuid', 'estimated_bytes'], 1],
  '0.117 to 0.118': ['feedback_log_body', ['process_uuid', 'estimated_bytes'], 2],
  '0.120': ['feedback_log_body', ['process_uuid', 'estimated_bytes'], 2],
  '0.140': ['feedback_log_body', ['process_uuid', 'estimated_bytes'], 2],
  '0.169': ['feedback_log_body', ['process_uuid', 'estimated_bytes'], 2],
}

describe.each(LAYOUTS)('the logs of $name', (layout) => {
  test('are as the releases left them', () => {
    const connection = openReadOnly(join(createHome(layout), layout.logsFile))
    const [body, optional, migrations] = LOGS[layout.name]!
    const always = ['id', 'ts', 'ts_nanos', 'level', 'target', 'module_path', 'file', 'line', 'thread_id']
    expect([...readColumnNames(connection, 'logs')].sort()).toEqual([...always, body, ...optional].sort())
    expect(readMigrations(connection)).toHaveLength(migrations)
    expect(listTables(connection)).toContain('logs')
    expect(listTables(connection)).not.toContain('sqlite_sequence')
    expect(readIndexNames(connection, 'logs')).toContain('idx_logs_ts')
    expect(readIndexNames(connection, 'logs')).toContain('idx_logs_thread_id')
    connection.close()
  })
})

test('a column’s details, a migration’s, and what is not there', () => {
  const connection = openReadOnly(join(createHome(LAYOUTS.at(-1)!), 'logs_2.sqlite'))
  expect(readColumns(connection, 'logs')[0]).toEqual({
    name: 'id',
    type: 'INTEGER',
    isNotNull: false,
    hasDefault: false,
    isPrimaryKey: true,
    isGenerated: false,
  })
  expect(readColumns(connection, 'logs').at(-1)).toEqual({
    name: 'estimated_bytes',
    type: 'INTEGER',
    isNotNull: true,
    hasDefault: true,
    isPrimaryKey: false,
    isGenerated: false,
  })
  expect(readMigrations(connection)[0]).toEqual({
    version: 1,
    description: 'logs',
    installedOn: '2026-11-21 00:11:16',
    isSuccessful: true,
    checksum: expect.stringMatching(/^009639eafe599be97d49d1d712e51671[0-9a-f]{64}$/),
  })
  expect(readColumns(connection, 'nothing')).toEqual([])
  expect(readIndexNames(connection, 'nothing')).toEqual(new Set())
  connection.close()
})
