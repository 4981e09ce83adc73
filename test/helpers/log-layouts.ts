import { join } from 'node:path'
import { createHome, LAYOUTS, type Layout } from './layouts.js'
import { hasLogColumn, insertLogRows, type NewLogRow } from './log-rows.js'

/** The layouts of the releases, and the table of logs as its first migration made it, before thread ids. */
export const LOG_LAYOUTS: readonly Layout[] = [
  {
    name: 'before 0.93',
    databases: { 'state.sqlite': '0.93.0.state' },
    amend: { 'state.sqlite': 'DROP INDEX idx_logs_thread_id; ALTER TABLE logs DROP COLUMN thread_id;' },
    logsFile: 'state.sqlite',
    stateFile: 'state.sqlite',
  },
  ...LAYOUTS,
]

export const NEWEST_LAYOUT: Layout = LAYOUTS.at(-1)!

export interface LogHome {
  home: string
  /** The database that holds the logs. */
  path: string
  hasThreads: boolean
  hasProcesses: boolean
}

/** A home of the layout with these rows of logs. */
export function createLogHome(rows: readonly NewLogRow[], layout = NEWEST_LAYOUT): LogHome {
  const home = createHome(layout)
  const path = join(home, layout.logsFile)
  insertLogRows(path, rows)
  return {
    home,
    path,
    hasThreads: hasLogColumn(path, 'threadId'),
    hasProcesses: hasLogColumn(path, 'processUuid'),
  }
}

/** 2026-02-06T09:15:02Z. */
export const T = 1_770_369_302
/** The two that begin alike, and another. */
export const THREAD_A = '019a1111-0000-7000-8000-00000000000a'
export const THREAD_A2 = '019a1122-0000-7000-8000-00000000000b'
export const THREAD_B = '019b0000-0000-7000-8000-00000000000c'
export const PROCESS_41 = 'pid:41:4b3a1d54-51c5-4a8e-9f34-0d2f8a9c1b11'
export const PROCESS_412 = 'pid:412:9c1b1122-51c5-4a8e-9f34-0d2f8a9c1b12'

/** Seven rows that every filter parts in another way; the last one was flushed late. */
export const SAMPLE_ROWS: readonly NewLogRow[] = [
  { tsSeconds: T - 172_800, level: 'TRACE', target: 'log', body: null, processUuid: PROCESS_41 },
  {
    tsSeconds: T - 3600,
    tsNanos: 999_999_999,
    level: 'DEBUG',
    target: 'codex_core::codex',
    body: 'turn started',
    modulePath: 'codex_core::codex',
    file: 'core/src/codex.rs',
    line: 10,
    threadId: THREAD_A,
    processUuid: PROCESS_41,
  },
  {
    tsSeconds: T,
    level: 'INFO',
    target: 'codex_core::plan_mode',
    body: 'reached 100% of plan_mode',
    modulePath: 'codex_core::plan_mode',
    file: 'core/src/plan_mode.rs',
    line: 20,
    threadId: THREAD_B,
    processUuid: PROCESS_41,
  },
  {
    tsSeconds: T,
    tsNanos: 41_123_456,
    level: 'WARN',
    target: 'codex_core::planXmode',
    body: 'reached 1000 of planXmode',
    modulePath: 'codex_core::planXmode',
    file: 'core/src/planXmode.rs',
    line: 30,
    threadId: THREAD_A2,
    processUuid: PROCESS_412,
  },
  {
    tsSeconds: T,
    tsNanos: 41_123_457,
    level: 'ERROR',
    target: 'codex_api::client',
    body: 'Connection timed out',
    modulePath: 'codex_api::client',
    file: '/build/100%/api/src/client.rs',
    line: 40,
    processUuid: PROCESS_412,
  },
  {
    tsSeconds: T + 1,
    tsNanos: 500_000_000,
    level: 'INFO',
    target: 'codex_tui',
    body: 'first line\nsecond: TIMED OUT, "quoted"\n',
    modulePath: 'codex_tui::app',
    file: 'tui/src/app.rs',
    line: 50,
    threadId: THREAD_A,
    processUuid: PROCESS_412,
  },
  {
    tsSeconds: T - 10,
    level: 'INFO',
    target: 'codex_core',
    body: 'late flush',
    threadId: THREAD_B,
    processUuid: PROCESS_41,
  },
]
/** A time shortly after the newest of them: Unix milliseconds. */
export const SAMPLE_NOW = (T + 100) * 1000 + 250
