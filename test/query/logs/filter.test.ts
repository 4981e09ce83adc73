import { expect, test } from 'vitest'
import type { LogFilter, LogRow } from '../../../src/model/log.js'
import { compileLogFilter, loadFilterFunctions, PATTERN_FUNCTION } from '../../../src/query/logs/filter.js'
import { type ResolvedColumns, resolveColumns } from '../../../src/schema/columns.js'
import { LOG_COLUMNS } from '../../../src/schema/logs.js'

const NEW = [
  'id',
  'ts',
  'ts_nanos',
  'level',
  'target',
  'feedback_log_body',
  'module_path',
  'file',
  'thread_id',
  'process_uuid',
]
const newest: ResolvedColumns<LogRow> = resolveColumns(LOG_COLUMNS, new Set(NEW))
const oldest: ResolvedColumns<LogRow> = resolveColumns(LOG_COLUMNS, new Set([...NEW.slice(0, 5), 'message']))

test.each<[string, LogFilter, string[], unknown[]]>([
  ['nothing', {}, [], []],
  ['levels', { levels: ['WARN', 'ERROR'] }, ['+level COLLATE NOCASE IN (?, ?)'], ['WARN', 'ERROR']],
  ['no level at all', { levels: [] }, ['+level COLLATE NOCASE IN ()'], []],
  ['a second', { from: { seconds: 5, nanos: 0 } }, ['+ts >= ?'], [5]],
  [
    'a nanosecond',
    { from: { seconds: 5, nanos: 7 } },
    ['+ts >= ?', '(+ts > ? OR +ts_nanos >= ?)'],
    [5, 5, 7],
  ],
  ['a whole second', { to: { seconds: 5, nanos: 999_999_999 } }, ['+ts <= ?'], [5]],
  [
    'up to a nanosecond',
    { to: { seconds: 5, nanos: 0 } },
    ['+ts <= ?', '(+ts < ? OR +ts_nanos <= ?)'],
    [5, 5, 0],
  ],
  [
    'modules',
    { module: { match: 'anyCase', anyOf: ['50%_\\', 'b'] } },
    ["(+module_path LIKE ? ESCAPE '\\' OR +module_path LIKE ? ESCAPE '\\')"],
    ['%50\\%\\_\\\\%', '%b%'],
  ],
  ['files', { file: { match: 'anyCase', anyOf: ['a'] } }, ["(+file LIKE ? ESCAPE '\\')"], ['%a%']],
  ['targets', { target: { match: 'anyCase', anyOf: ['a'] } }, ["(+target LIKE ? ESCAPE '\\')"], ['%a%']],
  ['wildcards', { module: { match: 'like', anyOf: ['50%_\\'] } }, ['(+module_path LIKE ?)'], ['%50%_\\%']],
  ['a thread', { threadIds: ['t'] }, ['(+thread_id = ?)'], ['t']],
  ['threadless', { includesThreadless: true }, ['(+thread_id IS NULL)'], []],
  [
    'either',
    { threadIds: ['t', 'u'], includesThreadless: true },
    ['(+thread_id = ? OR +thread_id = ? OR +thread_id IS NULL)'],
    ['t', 'u'],
  ],
  [
    'a pid',
    { processes: ['41'] },
    ["((+process_uuid = ? OR +process_uuid LIKE ? ESCAPE '\\'))"],
    ['41', 'pid:41:%'],
  ],
  [
    'a process',
    { processes: ['pid:41:x'] },
    ["((+process_uuid = ? OR +process_uuid LIKE ? ESCAPE '\\'))"],
    ['pid:41:x', ''],
  ],
  [
    'a search',
    { body: { match: 'literal', anyOf: ['100%'] } },
    ["(instr(CAST(coalesce(+feedback_log_body, '') AS TEXT), ?) > 0)"],
    ['100%'],
  ],
  [
    'a pattern',
    { pattern: { regExp: /x/, isInverted: true } },
    [
      `${PATTERN_FUNCTION}(iif(octet_length(+feedback_log_body) > 67108864, substr(+feedback_log_body, 1, 67108864), +feedback_log_body)) = ?`,
    ],
    [0],
  ],
])('%s', (_title, filter, sql, params) => {
  expect(compileLogFilter(filter, newest)).toEqual({ sql, params })
})

test('what the layout lacks is NULL', () => {
  const filter: LogFilter = {
    threadIds: ['t'],
    includesThreadless: true,
    module: { match: 'anyCase', anyOf: ['m'] },
    body: { match: 'literal', anyOf: ['s'] },
  }
  expect(compileLogFilter(filter, oldest).sql).toEqual([
    "(+NULL LIKE ? ESCAPE '\\')",
    '(+NULL = ? OR +NULL IS NULL)',
    "(instr(CAST(coalesce(+message, '') AS TEXT), ?) > 0)",
  ])
})

test('a pattern is tested on text, a NULL as the empty one', async () => {
  const functions = await loadFilterFunctions({ pattern: { regExp: /^$|é/, isInverted: false } })
  const matches = functions[PATTERN_FUNCTION]!
  expect([null, '', 'é', Buffer.from('é'), 'e', 5].map((value) => matches(value))).toEqual([1, 1, 1, 1, 0, 0])
  expect(await loadFilterFunctions({})).toEqual({})
})
