import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { LOG_FORMATS } from '../../../src/format/formats.js'
import { temporaryFolder } from '../../helpers/layouts.js'
import { createLogHome, SAMPLE_ROWS, THREAD_A } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'

function exec(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

/** The sample rows in a table that was changed. */
function changedHome(sql: string) {
  const made = createLogHome(SAMPLE_ROWS)
  exec(made.path, sql)
  return made
}

function databaseOf(sql: string): string {
  const path = join(temporaryFolder(), 'logs_2.sqlite')
  exec(path, sql)
  return path
}

const query = (...argv: string[]) => runLogs(['query', ...argv])

describe('a table that was rebuilt', () => {
  const COLUMNS =
    'ts INTEGER, ts_nanos INTEGER, level TEXT, target TEXT, feedback_log_body TEXT, module_path TEXT, file TEXT, line INTEGER, thread_id TEXT, process_uuid TEXT, estimated_bytes INTEGER'
  const TABLES = {
    'with AUTOINCREMENT': `(id INTEGER PRIMARY KEY AUTOINCREMENT, ${COLUMNS})`,
    'without AUTOINCREMENT': `(id INTEGER PRIMARY KEY, ${COLUMNS})`,
    'without a primary key': `(id INTEGER, ${COLUMNS})`,
    'without ROWID': `(id INTEGER NOT NULL PRIMARY KEY, ${COLUMNS}) WITHOUT ROWID`,
  }

  test.each(Object.entries(TABLES))('%s is read like the one it came from', async (_name, definition) => {
    const { home, path } = createLogHome(SAMPLE_ROWS)
    const argvs = [
      [],
      ['-n', '3'],
      ['--reverse'],
      ['--thread-id', '019b'],
      ['--threadless', '-n', '2'],
      ['--since', '2026-02-06T09:15:02Z'],
      ['--until', '2026-02-06T09:15:02Z', '-n', '2'],
      ['--search', '100'],
    ]
    const read = async () => {
      const results = []
      for (const argv of argvs) results.push(await query('--json', '--codex-home', home, ...argv))
      const tail = await runLogs(['tail', '--no-follow', '-n', '2', '--codex-home', home])
      return [...results, tail]
    }
    const before = await read()
    exec(
      path,
      `ALTER TABLE logs RENAME TO old; CREATE TABLE logs ${definition}; INSERT INTO logs SELECT * FROM old; DROP TABLE old`,
    )
    expect(await read()).toEqual(before)
    expect(before.every(({ exitCode, stdout }) => exitCode === 0 && stdout !== '')).toBe(true)
  })

  test('whose ids are not its order is asked for by the ids that it prints', async () => {
    const { home, path } = createLogHome(SAMPLE_ROWS)
    exec(
      path,
      `CREATE TABLE other AS SELECT * FROM logs ORDER BY id; UPDATE other SET id = 9 - id;
       DROP TABLE logs; ALTER TABLE other RENAME TO logs`,
    )
    const at = ['--codex-home', home]
    const lines = (await query('--json', ...at)).stdout.trimEnd().split('\n')
    const rows = lines.map((line) => JSON.parse(line) as { id: number; body: string; level: string })
    for (const [index, { id, body }] of rows.entries()) {
      const shown = JSON.parse((await runLogs(['show', String(id), '--json', ...at])).stdout)
      expect(shown).toMatchObject({
        id,
        body,
        previous: rows[index - 1]?.id ?? null,
        next: rows[index + 1]?.id ?? null,
      })
    }
    const found = JSON.parse((await runLogs(['errors', '--json', ...at])).stdout)
    const example = rows.find(({ id }) => id === found[0].example_ids[0])
    expect(example).toMatchObject({ level: 'ERROR', body: found[0].example })
    const { stderr } = await runLogs(['show', '77', ...at])
    expect(stderr).toBe(`codex-logs: no row 77 in ${path}\n`)
    exec(path, 'UPDATE logs SET id = 5')
    expect((await runLogs(['show', '5', ...at])).stderr).toContain(`several rows of ${path} have the id 5`)
  })

  test('whose ids are not its order is printed in the order of its rows, each once', async () => {
    const path = databaseOf(`CREATE TABLE logs (id INTEGER, ts, ts_nanos, level, target, feedback_log_body);
      INSERT INTO logs VALUES (7, 1, 0, 'INFO', 't', 'a'), (7, 2, 0, 'INFO', 't', 'b'), (NULL, 3, 0, 'INFO', 't', 'c')`)
    const { stdout } = await query('--db', path, '--format', 'csv', '--fields', 'id,body')
    expect(stdout).toBe('id,body\n7,a\n7,b\n,c\n')
    expect((await query('--db', path, '--format', 'cat', '--reverse')).stdout).toBe('c\nb\na\n')
  })
})

test('ids at and below zero, and ids beyond 2^53, are printed once each and exactly', async () => {
  const ids = [
    '-9007199254740993',
    '-5',
    '0',
    '1',
    '1099511627776',
    '9007199254740993',
    '9223372036854775807',
  ]
  const path =
    databaseOf(`CREATE TABLE logs (id INTEGER PRIMARY KEY, ts, ts_nanos, level, target, message, thread_id);
    CREATE INDEX idx_logs_thread_id ON logs(thread_id);
    INSERT INTO logs (id, ts, ts_nanos, level, target) VALUES ${ids.map((id) => `(${id}, 1, 0, 'INFO', 't')`).join(',')}`)
  for (const format of ['json', 'csv', 'logfmt', 'cat'] as const) {
    for (const argv of [[], ['--threadless'], ['-n', '100'], ['--reverse']]) {
      const { stdout } = await query('--db', path, '--format', format, '--fields', 'id', ...argv)
      const found = stdout.match(/-?\d+/g)
      expect(argv.includes('--reverse') ? found?.reverse() : found, `${format} ${argv}`).toEqual(ids)
    }
  }
})

test('times beyond 2^53 are printed exactly, whoever makes the text', async () => {
  const stored = [
    ['9007199254740993', '5', '9007199254740993.000000005Z'],
    ['-9007199254740993', '0', '-9007199254740993.000000000Z'],
    ['9223372036854775807', '9223372036854775807', '9223372036854775807.9223372036854775807Z'],
    ['1770369302', '9007199254740993', '1770369302.9007199254740993Z'],
  ] as const
  const path =
    databaseOf(`CREATE TABLE logs (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER, ts_nanos INTEGER, level TEXT, target TEXT, feedback_log_body TEXT);
    INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body) VALUES ${stored.map(([ts, nanos]) => `(${ts}, ${nanos}, 'INFO', 't', 'a body')`).join(',')}`)
  const forms = [
    ['--format', 'short'],
    ['--format', 'full'],
    ['--format', 'json'],
    ['--format', 'full', '--grep', 'body'],
    ['--format', 'json', '--parse'],
    ['--format', 'short', '--grep', 'body'],
  ]
  for (const argv of forms) {
    const { stdout } = await query('--db', path, ...argv)
    for (const [, , text] of stored) expect(stdout, argv.join(' ')).toContain(text)
  }
  const { stdout } = await runLogs(['show', '1', '--db', path])
  expect(stdout).toContain(stored[0][2])
  const parsed = await query('--db', path, '--format', 'json', '--parse', '-n', '4')
  for (const [ts, nanos] of stored) expect(parsed.stdout).toContain(`"ts":${ts},"ts_nanos":${nanos},`)
})

describe('a column of another name', () => {
  test.each([
    { column: 'feedback_log_body', field: 'body' },
    { column: 'ts', field: 'ts' },
    { column: 'level', field: 'level' },
    { column: 'id', field: 'id' },
  ])('for $field is said once, and its values are in --json', async ({ column, field }) => {
    const { home, path } = changedHome(`ALTER TABLE logs RENAME COLUMN ${column} TO renamed_it`)
    const before = await query('--json', '--codex-home', createLogHome(SAMPLE_ROWS).home)
    const after = await query('--json', '--codex-home', home)
    expect(after.stderr).toBe(
      `codex-logs: ${path} has no column known for: ${field}; it has columns that are not known here, which --json prints: renamed_it\n`,
    )
    const parse = (text: string) =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    expect(parse(after.stdout).map((record) => record.renamed_it)).toEqual(
      parse(before.stdout).map((record) => record[field]),
    )
    for (const format of LOG_FORMATS) {
      const argv = ['--codex-home', home, '--format', format]
      const all = await query(...argv)
      const reversed = await query(...argv, '--reverse')
      expect(all).toMatchObject({ exitCode: 0, stderr: after.stderr })
      // The rules between days stand above other rows then.
      const records = (text: string) =>
        text
          .split('\n')
          .slice(format === 'csv' ? 1 : 0, -1)
          .filter((line) => !line.startsWith('──'))
      expect(records(reversed.stdout).reverse()).toEqual(records(all.stdout))
      expect(records(all.stdout)).toHaveLength(SAMPLE_ROWS.length)
    }
    for (const argv of [
      ['--since', '1h'],
      ['--until', 'now', '-n', '1'],
      ['--level', 'info'],
      ['--search', 'x'],
    ]) {
      expect(await query('--codex-home', home, ...argv)).toMatchObject({ exitCode: 0 })
    }
  })

  test('for the thread or the process is found by no filter, and read all the same', async () => {
    for (const column of ['thread_id', 'process_uuid']) {
      const { home } = changedHome(`ALTER TABLE logs RENAME COLUMN ${column} TO renamed_it`)
      const { stdout, exitCode } = await query('--json', '--codex-home', home, '--threadless')
      expect(exitCode).toBe(0)
      expect(stdout).toContain('renamed_it')
    }
  })

  test('for the thread or the process is told whoever asks for rows by it', async () => {
    for (const { column, argv, word } of [
      { column: 'thread_id', argv: ['--thread-id', THREAD_A], word: 'thread' },
      { column: 'thread_id', argv: ['--where', `thread_id=${THREAD_A}`], word: 'thread' },
      { column: 'process_uuid', argv: ['--process', '41'], word: 'process' },
    ]) {
      const { home, path } = changedHome(`ALTER TABLE logs RENAME COLUMN ${column} TO renamed_it`)
      const at = ['--codex-home', home]
      const told = `codex-logs: the rows of ${path} do not name their ${word}: none is found by it\n`
      expect(await query(...at, ...argv)).toMatchObject({ exitCode: 0, stdout: '', stderr: told })
      expect((await runLogs(['tail', '--no-follow', ...at, ...argv])).stderr).toBe(told)
      expect((await runLogs(['stats', ...at, ...argv])).stderr).toContain(told)
      expect((await query(...at)).stderr).toBe('')
    }
  })

  test('for the level leaves what went wrong to be told by its text', async () => {
    const { home, path } = createLogHome([
      {
        level: 'ERROR',
        target: 'codex_core::tools::router',
        body: 'error=unsupported call: nope',
        threadId: THREAD_A,
      },
      {
        level: 'WARN',
        target: 'codex_mcp::rmcp_client',
        body: 'MCP server startup failed server_name="x" error=No such file or directory (os error 2)',
      },
      {
        level: 'WARN',
        target: 'codex_core::session',
        body: 'failed: error returned from database: (code: 5) database is locked',
      },
      {
        level: 'TRACE',
        target: 'codex_core::tools::router',
        body: 'a call of exec_command',
        threadId: THREAD_A,
      },
    ])
    const at = ['--codex-home', home]
    const names = async () => {
      const { stdout } = await runLogs(['errors', '--json', ...at])
      return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name).sort()
    }
    const before = await names()
    expect(before).toEqual(['database-locked', 'mcp-start-no-command', 'unknown-tool'])
    exec(path, 'ALTER TABLE logs RENAME COLUMN level TO renamed_it')
    expect(await names()).toEqual(before)
    const { exitCode, stderr } = await runLogs(['feedback', THREAD_A, ...at])
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('unexpected')])
  })

  test('that takes the name of a field stands there, and one more column is no news', async () => {
    const { home } = changedHome(`ALTER TABLE logs RENAME COLUMN feedback_log_body TO body`)
    expect(JSON.parse((await query('--json', '--codex-home', home, '-n', '1')).stdout)).toMatchObject({
      body: 'late flush',
    })
    const more = changedHome(`ALTER TABLE logs ADD COLUMN kept INTEGER DEFAULT 5`)
    const { stdout, stderr } = await query('--json', '--codex-home', more.home, '-n', '1')
    expect(JSON.parse(stdout)).toMatchObject({ body: 'late flush', kept: 5 })
    expect(stderr).toBe('')
  })
})

describe('rows that are not where or what they are taken for', () => {
  test('a newest database without a row leads to the older one that holds some', async () => {
    const { home, path } = createLogHome(SAMPLE_ROWS)
    const newer = path.replace('logs_2', 'logs_3')
    copyFileSync(path, newer)
    exec(newer, 'DELETE FROM logs')
    const notice = `codex-logs: ${newer} holds no row; ${path} holds older ones: --db reads them\n`
    for (const argv of [['query'], ['tail', '--no-follow'], ['errors'], ['status'], ['stats'], ['stuck']]) {
      const { stderr, exitCode } = await runLogs([...argv, '--codex-home', home])
      expect([argv, exitCode, stderr.split(notice).length]).toEqual([argv, 0, 2])
    }
    expect((await query('--db', newer)).stderr).not.toContain('older')
    exec(path, 'DELETE FROM logs')
    expect((await query('--codex-home', home)).stderr).not.toContain('older')
  })

  test('a newer log database of another kind is named, and one that is being made is not', async () => {
    const { home, path } = createLogHome(SAMPLE_ROWS)
    const newer = path.replace('logs_2', 'logs_3')
    exec(newer, 'CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY)')
    const at = ['--codex-home', home]
    expect((await query(...at)).stderr).toBe('')
    exec(newer, 'CREATE TABLE log_events (id INTEGER PRIMARY KEY, text TEXT)')
    for (const argv of [['query'], ['tail', '--no-follow'], ['errors'], ['status']]) {
      const { stdout, stderr } = await runLogs([...argv, ...at])
      expect([argv, stderr]).toEqual([
        argv,
        expect.stringContaining(
          `codex-logs: ${newer} has tables, but none of logs that is known here; the logs are read from ${path}\n`,
        ),
      ])
      expect(stdout).not.toBe('')
    }
  })

  test.each(['ts * 1000', 'ts * 1000000000', "datetime(ts, 'unixepoch')"])(
    'times stored as %s are said once to be no seconds',
    async (sql) => {
      const { home, path } = changedHome(`UPDATE logs SET ts = ${sql}`)
      const at = ['--codex-home', home]
      const result = await query(...at, '--json')
      expect(result.exitCode).toBe(0)
      expect(result.stdout.trimEnd().split('\n')).toHaveLength(SAMPLE_ROWS.length)
      expect(result.stderr.match(/the time of the newest row, [^,]+, is not in seconds/g)).toHaveLength(1)
      expect(result.stderr).toContain(path)
      for (const argv of [['errors'], ['status'], ['tail', '--no-follow'], ['stats'], ['check']]) {
        const { stderr, stdout } = await runLogs([...argv, ...at])
        expect([argv, stderr.split('is not in seconds').length]).toEqual([argv, 2])
        expect(stdout).not.toMatch(/last failure {2}\d{1,3}\./)
      }
    },
  )
})
