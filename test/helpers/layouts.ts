import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'

export interface Layout {
  /** The releases that leave a home like this. */
  name: string
  /** File name → the frozen schema of test/fixtures/schemas, without `.sql`. */
  databases: Readonly<Record<string, string>>
  /** SQL that turns the frozen schema into that of a release between two frozen ones, by file name. */
  amend?: Readonly<Record<string, string>>
  /** The file that holds the logs of these releases. */
  logsFile: string
  /** The file that holds their threads. */
  stateFile: string
}

/** Every shape of files and columns that a release left. The next one is an entry here and a frozen schema. */
export const LAYOUTS: readonly Layout[] = [
  {
    name: '0.93 to 0.95',
    databases: { 'state.sqlite': '0.93.0.state' },
    logsFile: 'state.sqlite',
    stateFile: 'state.sqlite',
  },
  {
    name: '0.96 to 0.98',
    databases: { 'state_2.sqlite': '0.98.0.state_2' },
    logsFile: 'state_2.sqlite',
    stateFile: 'state_2.sqlite',
  },
  {
    name: '0.99',
    databases: { 'state_4.sqlite': '0.99.0.state_4' },
    logsFile: 'state_4.sqlite',
    stateFile: 'state_4.sqlite',
  },
  {
    name: '0.100',
    databases: { 'state_5.sqlite': '0.100.0.state_5' },
    logsFile: 'state_5.sqlite',
    stateFile: 'state_5.sqlite',
  },
  {
    name: '0.104',
    databases: { 'state_5.sqlite': '0.100.0.state_5' },
    amend: {
      'state_5.sqlite': `ALTER TABLE stage1_outputs ADD COLUMN rollout_slug TEXT;
        ALTER TABLE logs ADD COLUMN process_uuid TEXT;
        CREATE INDEX idx_logs_process_uuid ON logs(process_uuid);`,
    },
    logsFile: 'state_5.sqlite',
    stateFile: 'state_5.sqlite',
  },
  {
    name: '0.106 to 0.112',
    databases: { 'state_5.sqlite': '0.113.0.state_5' },
    logsFile: 'state_5.sqlite',
    stateFile: 'state_5.sqlite',
  },
  {
    name: '0.113 to 0.116',
    databases: { 'state_5.sqlite': '0.113.0.state_5', 'logs_1.sqlite': '0.113.0.logs_1' },
    logsFile: 'logs_1.sqlite',
    stateFile: 'state_5.sqlite',
  },
  {
    name: '0.117 to 0.118',
    databases: { 'state_5.sqlite': '0.113.0.state_5', 'logs_1.sqlite': '0.120.0.logs_2' },
    logsFile: 'logs_1.sqlite',
    stateFile: 'state_5.sqlite',
  },
  {
    name: '0.120',
    databases: { 'state_5.sqlite': '0.120.0.state_5', 'logs_2.sqlite': '0.120.0.logs_2' },
    logsFile: 'logs_2.sqlite',
    stateFile: 'state_5.sqlite',
  },
  {
    name: '0.140',
    databases: {
      'state_5.sqlite': '0.140.0.state_5',
      'logs_2.sqlite': '0.140.0.logs_2',
      'goals_1.sqlite': '0.140.0.goals_1',
      'memories_1.sqlite': '0.140.0.memories_1',
    },
    logsFile: 'logs_2.sqlite',
    stateFile: 'state_5.sqlite',
  },
  {
    name: '0.169',
    databases: {
      'state_5.sqlite': '0.169.0.state_5',
      'logs_2.sqlite': '0.169.0.logs_2',
      'goals_1.sqlite': '0.169.0.goals_1',
      'memories_1.sqlite': '0.169.0.memories_1',
      'queue_1.sqlite': '0.169.0.queue_1',
      'thread_history_1.sqlite': '0.169.0.thread_history_1',
    },
    logsFile: 'logs_2.sqlite',
    stateFile: 'state_5.sqlite',
  },
]

/** A new temporary folder, with characters in its name that a path must survive. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'codex-state é%20?#-'))
}

/** A home of this layout with empty tables, in WAL mode as Codex leaves it; gives its path. */
export function createHome(layout: Layout): string {
  const home = join(temporaryFolder(), '.codex')
  mkdirSync(home)
  for (const [file, schema] of Object.entries(layout.databases)) {
    const database = new Database(join(home, file))
    database.pragma('journal_mode = WAL')
    database.exec(readFrozenSchema(schema))
    database.exec(layout.amend?.[file] ?? '')
    database.close()
  }
  return home
}

export function readFrozenSchema(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../fixtures/schemas/${name}.sql`, import.meta.url)), 'utf8')
}
