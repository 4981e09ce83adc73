import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import type { WriteConnection } from './db/connection.js'
import { migrate } from './db/migrate.js'
import { loadMigrations } from './db/migration-files.js'
import { openReadWrite } from './db/open-write.js'
import { StateError } from './errors.js'
import { listMemories, memoryReason, toMemory } from './inspect/memories.js'
import { describeMemories, type Memories } from './inspect/open-memories.js'
import { findHomeLineEnds } from './inspect/schema-report.js'
import type { BackfillState } from './model/backfill.js'
import type { LogRow, LogRowFilter, LogRowQuery, NewLogRow } from './model/log.js'
import type { Memory, MemoryAnswer, MemoryListQuery, ThreadMemory } from './model/memory.js'
import { FIRST_GENERATION_WITH_LOG_DATABASE, type MetadataRules } from './model/releases.js'
import type {
  BackfillOptions,
  BackfillResult,
  FindThreadPathOptions,
  SyncFailure,
  ThreadListQuery,
} from './model/sync.js'
import type { BackfillCounts, Telemetry, TelemetryCount } from './model/telemetry.js'
import type { DynamicTool, ThreadMetadata, ThreadRow } from './model/thread.js'
import type { ThreadPage, ThreadPageQuery } from './model/thread-page.js'
import { type OpenTable, openTable } from './query/databases.js'
import { queryLogRows, readMaxLogId } from './query/logs/rows.js'
import { describeLogs, type LogSource } from './query/logs/store.js'
import { findRolloutPath, findThread } from './query/threads/find.js'
import { readThreadPage } from './query/threads/page.js'
import type { ThreadBuilder } from './rollout/builder.js'
import type { RolloutItem } from './rollout/parse.js'
import * as check from './runtime-arguments.js'
import {
  type DatabaseFile,
  listDatabases,
  OWN_STATE_GENERATION,
  parseDatabaseFilename,
  stateDbPath,
} from './schema/files.js'
import { resolveHome } from './schema/home.js'
import { listTables, readColumnNames } from './schema/inspect.js'
import { LOG_TABLE } from './schema/logs.js'
import * as backfill from './store/backfill.js'
import * as tools from './store/dynamic-tools.js'
import { retireLegacyStateFiles } from './store/legacy-files.js'
import * as logs from './store/logs.js'
import * as memories from './store/memories.js'
import { appendSessionName } from './store/session-index.js'
import * as threads from './store/threads.js'
import { backfill as runBackfill } from './sync/backfill.js'
import { listThreadsWithFallback } from './sync/list.js'
import { applyLiveItems } from './sync/live-items.js'
import { findThreadPath } from './sync/read-repair.js'
import { attachTarget, type SyncTarget } from './sync/target.js'

export interface RuntimeOptions {
  /** Stands for a provider that a rollout does not name. */
  defaultProvider: string
  /** Receives the counters that Codex sends to its telemetry. */
  telemetry?: Telemetry | undefined
  /** Called with a one-line message when something went wrong without being an error. */
  onWarning?: ((message: string) => void) | undefined
  /** Unix milliseconds; default `Date.now`. */
  now?: (() => number) | undefined
}

export interface InitOptions extends RuntimeOptions {
  /** The folder that holds `sessions/` and, for our own generation, the database. */
  codexHome: string
}

/**
 * `dbPath`: that state database; `codexHome` need only be given with it when the database lies elsewhere.
 * `codexHome` alone: the newest state database of that home, where its `config.toml` says that databases are.
 */
export type OpenExistingOptions = RuntimeOptions &
  ({ dbPath: string; codexHome?: string | undefined } | { codexHome: string; dbPath?: undefined })

/** What the class owns and its methods work on. */
interface Opened extends SyncTarget {
  /** `undefined` when there is no log table. */
  logTable: logs.LogTable | undefined
  /** The same to read from. */
  logSource: LogSource | undefined
}

/**
 * A Codex state database, owned: opened for writing, kept open, and closed.
 *
 * Calls are synchronous; one that writes waits for another process's lock for up to 5 s. Each write is one
 * transaction. Every call throws `StateError`: `DB_BUSY`, `DB_FULL`, `DB_READONLY`, `DB_CORRUPT`, `DB_UNREADABLE`,
 * `DB_REPLACED` on a write to a file that was removed or replaced while it was open;
 * `DB_NO_TABLE` where the layout lacks what the call is about; `INVALID` for an argument that is none; `CLOSED`
 * after `close`. Shapes, defaults and retention are those of
 * Codex's own state runtime in the generation of `state_4.sqlite`.
 *
 * Several processes may write at once, Codex among them.
 */
export class StateRuntime {
  /** The home that the runtime was opened for; by default, of a database opened by path, the folder that it is in. */
  readonly codexHome: string
  readonly dbPath: string
  /** How the releases that write to this database read rollouts: for `extractMetadata` and `builderFromItems`. */
  readonly rules: MetadataRules
  readonly #opened: Opened
  readonly #options: RuntimeOptions
  #isClosed = false

  private constructor(opened: Opened, options: RuntimeOptions) {
    this.codexHome = opened.codexHome
    this.dbPath = opened.state.path
    this.rules = opened.rules
    this.#opened = opened
    this.#options = options
  }

  /**
   * Opens our own state database of a home (`state_4.sqlite`) and makes it if it is missing, with its folder: in
   * WAL mode, migrated, with the checksums that the Codex of the home's other databases records (for Windows or for
   * another system; without any, that of this system). Takes away what it replaces, and tells each file to
   * `onWarning`: a state database of Codex's of a **lower** generation or without a number is removed; what has
   * such a name and is something else is moved to `db-backups/`. (Codex to 0.130 removed all of these by their
   * names, higher ones too; here a newer program's data is never touched.) Removes log rows older than 90 days.
   *
   * @throws {StateError} `MIGRATION_MISMATCH`: the file has migrations that we do not know, or another one
   *   under the same number; and as every call
   */
  static init(options: InitOptions): StateRuntime {
    checkOptions(options)
    check.checkName('codexHome', options.codexHome)
    const codexHome = resolve(options.codexHome)
    const path = stateDbPath(codexHome)
    const isNew = !existsSync(path)
    return countingFailure(options, () => {
      const state = openReadWrite(path, { create: true })
      return closingOnFailure(state, () => {
        migrate(
          state,
          loadMigrations('state'),
          isNew ? findHomeLineEnds(listDatabases(codexHome).filter((file) => file.path !== path)) : undefined,
        )
        // Only now, so that nothing is gone when ours cannot be used.
        retireLegacyStateFiles(codexHome, OWN_STATE_GENERATION, options.onWarning ?? (() => {}))
        const runtime = new StateRuntime(attach(state, codexHome), options)
        runtime.deleteLogsBefore(runtime.#nowSeconds() - logs.LOG_AGE_SECONDS)
        runtime.#count('codex.db.init', 1, { status: 'opened' })
        if (isNew) runtime.#count('codex.db.init', 1, { status: 'created' })
        return runtime
      })
    })
  }

  /**
   * Opens our own state database of a home if it is there, as it is: makes, migrates and removes nothing.
   *
   * @throws {StateError} as `openExisting`
   */
  static openIfPresent(options: InitOptions): StateRuntime | undefined {
    checkOptions(options)
    check.checkName('codexHome', options.codexHome)
    const codexHome = resolve(options.codexHome)
    const path = stateDbPath(codexHome)
    return existsSync(path) ? StateRuntime.#open(path, codexHome, options) : undefined
  }

  /**
   * Attaches to a state database of any generation, and to the log database that goes with it, as they are:
   * makes, migrates and removes nothing. Rows are written by the columns that the file has.
   *
   * @throws {StateError} `DB_NOT_FOUND`, `DB_NOT_A_DATABASE`; `SCHEMA_UNKNOWN` when a column must have a value
   *   that is not known here; `DB_NO_TABLE` when it has no threads; and as every call
   */
  static openExisting(options: OpenExistingOptions): StateRuntime {
    checkOptions(options)
    if (options.dbPath !== undefined) {
      check.checkName('dbPath', options.dbPath)
      const path = resolve(options.dbPath)
      return StateRuntime.#open(path, resolve(options.codexHome ?? dirname(path)), options)
    }
    check.checkName('codexHome', options.codexHome)
    const { codexHome, sqliteHome, notice } = resolveHome({
      typedHome: options.codexHome,
      env: {},
      userHome: homedir(),
      workingFolder: process.cwd(),
    })
    if (notice !== undefined) options.onWarning?.(notice)
    const newest = listDatabases(sqliteHome).find(({ role }) => role === 'state')
    if (!newest) {
      throw new StateError('DB_NOT_FOUND', `no state database in ${sqliteHome}`, {
        hint: 'Codex makes it when it is started; StateRuntime.init makes one of our own generation.',
      })
    }
    return StateRuntime.#open(newest.path, codexHome, options)
  }

  static #open(path: string, codexHome: string, options: RuntimeOptions): StateRuntime {
    return countingFailure(options, () => {
      const state = openReadWrite(path)
      return closingOnFailure(state, () => {
        const runtime = new StateRuntime(attach(state, codexHome), options)
        runtime.#count('codex.db.init', 1, { status: 'opened' })
        return runtime
      })
    })
  }

  /** Closes the connections; every later call throws `CLOSED`. A second time does nothing. */
  close(): void {
    this.#isClosed = true
    const { state, logTable } = this.#opened
    if (logTable && logTable.db !== state) logTable.db.close()
    state.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  // Backfill state. The row is made, as `pending`, where it is missing.

  /** @throws {StateError} `INVALID` for a status that is none */
  getBackfillState(): BackfillState {
    return this.#run('get_backfill_state', ({ state }) =>
      backfill.readBackfillState(state, this.#nowSeconds()),
    )
  }

  /**
   * Takes the lease of the backfill: `true` for one caller, until 900 s have passed without a checkpoint.
   * `false` when it is complete, or somebody else's lease holds.
   */
  claimBackfill(): boolean {
    return this.#run('claim_backfill', ({ state }) => backfill.claimBackfill(state, this.#nowSeconds()))
  }

  /** Without regard to a lease. */
  markBackfillRunning(): void {
    this.#run('mark_backfill_running', ({ state }) => backfill.markBackfillRunning(state, this.#nowSeconds()))
  }

  /**
   * Writes down how far the backfill got, and renews the lease.
   *
   * @param watermark path of the last rollout of a batch, relative to the home, with `/`
   */
  checkpointBackfill(watermark: string): void {
    check.checkName('watermark', watermark)
    this.#run('checkpoint_backfill', ({ state }) =>
      backfill.checkpointBackfill(state, watermark, this.#nowSeconds()),
    )
  }

  /** Without a watermark the last checkpoint's stays. */
  markBackfillComplete(lastWatermark?: string): void {
    if (lastWatermark !== undefined) check.checkName('lastWatermark', lastWatermark)
    this.#run('mark_backfill_complete', ({ state }) =>
      backfill.markBackfillComplete(state, lastWatermark, this.#nowSeconds()),
    )
  }

  /**
   * Reads the rollouts of the home into the database, unless that has been done: resumes after the last
   * checkpoint, stores batches of 200 in one transaction each together with their checkpoint, and marks the
   * end. A rollout that cannot be read is reported to `onFailure` (by default to
   * `onWarning` of the runtime) and passed over. Where another process is at it,
   * that one is waited for, and its work is continued here when its lease of 900 s ends without a sign of life.
   *
   * @throws {StateError} `BACKFILL_TIMEOUT` when the other one is not done in time; `ABORTED`, with everything
   *   up to the last batch stored and the lease given back; `DB_NO_TABLE` in layouts to 0.98
   */
  async backfill(options: Omit<BackfillOptions, 'defaultProvider'> = {}): Promise<BackfillResult> {
    const result = await this.#run('backfill', (opened) =>
      runBackfill(opened, { ...this.#syncOptions(), ...options }),
    )
    if (result.kind === 'ran') this.recordBackfill(result)
    return result
  }

  /** Sends the counters of a backfill that has ended. */
  recordBackfill({ upserted, failed, durationMs }: BackfillCounts): void {
    const status = failed === 0 ? 'success' : upserted === 0 ? 'failed' : 'partial_failure'
    this.#count('codex.db.backfill', upserted, { status: 'upserted' })
    this.#count('codex.db.backfill', failed, { status: 'failed' })
    this.#count('codex.db.backfill.duration_ms', durationMs, { status })
  }

  /** Counts that database and rollouts do not agree, under Codex's names (`list_threads_db`, `stale_db_path` …). */
  recordDiscrepancy(stage: string, reason: string): void {
    this.#count('codex.db.compare_error', 1, { stage, reason })
  }

  // Threads.

  getThread(id: string): ThreadRow | undefined {
    check.checkText('id', id)
    return this.#run('get_thread', ({ threads: table }) => findThread(table, id))
  }

  /** One page of the threads that have something to show, newest first. */
  listThreads(query: ThreadPageQuery): ThreadPage {
    check.checkThreadPageQuery(query)
    return this.#run('list_threads', ({ threads: table }) => readThreadPage(table, query))
  }

  /** The ids of such a page. */
  listThreadIds(query: ThreadPageQuery): string[] {
    return this.listThreads(query).items.map(({ id }) => id)
  }

  /**
   * Inserts a thread or replaces its metadata. Kept are what no rollout says (name, recency, section,
   * project), `memory_mode` after the insert, a preview against an empty one, and `paginated` as history
   * mode; in files of 0.117 on a title that is not the first message, of 0.129 on git values that are there.
   * In files with milliseconds `updatedAtMs` may be moved up to be unique.
   */
  upsertThread(metadata: ThreadMetadata): void {
    check.checkThreadMetadata(metadata)
    this.#run('upsert_thread', ({ threadTable }) =>
      threads.upsertThread(threadTable, {
        ...metadata,
        modelProvider: metadata.modelProvider || this.#options.defaultProvider,
      }),
    )
  }

  /**
   * `listThreads`, held against the files: a row whose file is gone is repaired if the thread's file is elsewhere
   * below the home, and left out of the page if it is not (it stays in the table). While the backfill is not
   * complete, or when the database cannot be read, the page is made from the rollouts themselves: at most
   * 10,000 files, and the head of each.
   *
   * @throws {StateError} `ABORTED`
   */
  async listThreadsWithFallback(query: ThreadListQuery): Promise<ThreadPage> {
    check.checkThreadPageQuery(query)
    return this.#run('list_threads_with_fallback', (opened) =>
      listThreadsWithFallback(opened, query, this.#syncOptions()),
    )
  }

  /**
   * The rollout of a thread on disk; ends in `.jsonl.zst` where it is compressed. The row's path wins if the
   * file is there and its session_meta carries this id, whatever its name; else the folders are searched for a
   * file that is named after the thread and carries its id, and the row is repaired or made. A file of another
   * thread is never given.
   *
   * @throws {StateError} `ABORTED`
   */
  async findThreadPath(id: string, options: FindThreadPathOptions = {}): Promise<string | undefined> {
    check.checkText('id', id)
    check.checkFlag('archivedOnly', options.archivedOnly)
    return this.#run('find_thread_path', (opened) =>
      findThreadPath(opened, id, { ...options, ...this.#syncOptions() }),
    )
  }

  /**
   * The rollout file that the database has for a thread; whether it is there is not looked at.
   *
   * @param archivedOnly `true`: only if archived; `false`: only if not
   */
  findRolloutPathById(id: string, archivedOnly?: boolean): string | undefined {
    check.checkText('id', id)
    check.checkFlag('archivedOnly', archivedOnly)
    return this.#run('find_rollout_path_by_id', ({ threads: table }) =>
      findRolloutPath(table, id, archivedOnly),
    )
  }

  /**
   * Applies new items of a rollout to its thread's row, which is made if it is missing, and stores the client's
   * tools that a session_meta among them names. The rules are those of the releases that write such a file.
   * The thread counts as changed when its file was (to 0.130) or now.
   *
   * @param builder whose items these are (`builderFromItems`); without one nothing is written but a discrepancy
   *   counted
   * @returns what was stored
   */
  applyRolloutItems(
    builder: ThreadBuilder | undefined,
    items: readonly RolloutItem[],
  ): ThreadMetadata | undefined {
    check.checkArray('items', items)
    if (!builder) {
      this.#requireOpen()
      this.recordDiscrepancy('apply_rollout_items', 'missing_builder')
      return undefined
    }
    check.checkObject('builder', builder)
    check.checkName('builder.id', builder.id)
    check.checkName('builder.rolloutPath', builder.rolloutPath)
    check.checkWhole('builder.createdAtMs', builder.createdAtMs)
    return this.#run('apply_rollout_items', (opened) =>
      applyLiveItems(opened, builder, items, {
        defaultProvider: this.#options.defaultProvider,
        changedAtMs: opened.rules.touchesRows ? this.#nowMs() : modifiedAtMs(builder.rolloutPath),
      }),
    )
  }

  /**
   * Notes that a thread's file was moved to `archived_sessions/`. The move itself is the caller's.
   *
   * @param rolloutPath where the file is now
   * @param archivedAtSeconds unix seconds; default now
   * @returns `false` when there is no such thread
   */
  markArchived(id: string, rolloutPath: string, archivedAtSeconds = this.#nowSeconds()): boolean {
    return this.#moveThread('mark_archived', id, rolloutPath, archivedAtSeconds)
  }

  /**
   * Notes that a thread's file was moved back to `sessions/`.
   *
   * @returns `false` when there is no such thread
   */
  markUnarchived(id: string, rolloutPath: string): boolean {
    return this.#moveThread('mark_unarchived', id, rolloutPath, null)
  }

  /**
   * Gives a thread a name: in its row, where the releases of this database keep one, and as a line of
   * `session_index.jsonl` in the home, which all releases read. An empty name takes it away.
   *
   * @returns `false` when there is no such thread
   * @throws {StateError} `DB_READONLY` when the index cannot be written; the row then keeps the name that it had
   */
  renameThread(id: string, name: string): boolean {
    check.checkText('id', id)
    check.checkText('name', name)
    return this.#run('rename_thread', ({ state, threadTable }) =>
      // Both or neither: what cannot be appended takes the row's name back.
      state.transaction(() => {
        if (!threads.renameThread(threadTable, id, name)) return false
        appendSessionName(this.codexHome, { id, name, atMs: this.#nowMs() })
        return true
      }),
    )
  }

  /**
   * Removes a thread's row with its tools, memory and spawn edges. Where logs have a database of their own, its
   * rows there and in the databases of goals, memories and queued messages go first; each file is a transaction
   * of its own, so after a failure in between the call is to be repeated. With a memory goes the job that made it,
   * and where it was part of the last consolidation the next one is asked for. The rollout file is the caller's:
   * while it is there, a backfill brings the row back.
   *
   * @returns `false` when there is no such thread
   */
  deleteThread(id: string): boolean {
    check.checkText('id', id)
    return this.#run('delete_thread', ({ state, threadTable, logTable }) => {
      if (logTable && logTable.db !== state) {
        logs.deleteThreadLogs(logTable, id)
        deleteRowsElsewhere(dirname(state.path), id, this.#nowSeconds())
      }
      return state.transaction(() => {
        memories.deleteMemoryOfThread(state, id, this.#nowSeconds())
        return threads.deleteThread(threadTable, id)
      })
    })
  }

  // Tools that a thread's client brought along (0.95 to 0.135).

  /** By position; none where there are none. */
  getDynamicTools(threadId: string): DynamicTool[] {
    check.checkText('threadId', threadId)
    return this.#run('get_dynamic_tools', ({ state }) => tools.readDynamicTools(state, threadId))
  }

  /**
   * Stores all tools or none; a position that has one keeps it.
   *
   * @throws {StateError} `INVALID` when there is no such thread
   */
  persistDynamicTools(threadId: string, dynamicTools: readonly DynamicTool[]): void {
    check.checkText('threadId', threadId)
    check.checkDynamicTools(dynamicTools)
    this.#run('persist_dynamic_tools', ({ state }) =>
      tools.persistDynamicTools(state, threadId, dynamicTools),
    )
  }

  // Memory of threads (0.97, 0.98 and our own generation).

  getThreadMemory(threadId: string): ThreadMemory | undefined {
    check.checkText('threadId', threadId)
    return this.#run('get_thread_memory', ({ state }) => memories.findThreadMemory(state, threadId))
  }

  /**
   * Its time is now, or one second after the stored one where that is later.
   *
   * @throws {StateError} `INVALID` when there is no such thread
   */
  upsertThreadMemory(memory: Omit<ThreadMemory, 'updatedAtSeconds'>): ThreadMemory {
    check.checkObject('the memory', memory)
    for (const name of ['threadId', 'traceSummary', 'memorySummary'] as const)
      check.checkText(name, memory[name])
    return this.#run('upsert_thread_memory', ({ state }) =>
      memories.upsertThreadMemory(state, memory, this.#nowSeconds()),
    )
  }

  /** Of the threads whose folder is exactly `cwd`, the last written first. */
  getLastNThreadMemoriesForCwd(cwd: string, n: number): ThreadMemory[] {
    check.checkText('cwd', cwd)
    check.checkWhole('n', n)
    return this.#run('get_last_n_thread_memories_for_cwd', ({ state }) =>
      memories.readLastThreadMemories(state, cwd, n),
    )
  }

  // Memories of every later era, to read: in the state database (0.99 to 0.134) or beside it.

  /**
   * Newest first; by default those of the pipeline that sessions read, so that each thread has one at most.
   *
   * @throws {StateError} as every call, also for the databases of memories
   */
  listMemories(query: MemoryListQuery = {}): Memory[] {
    check.checkMemoryListQuery(query)
    return this.#readMemories('list_memories', (found) => listMemories(found, query).map(toMemory))
  }

  /**
   * Why a thread has no memory in the pipeline that sessions read: the first condition that it does not meet, by
   * the rules of the release that wrote here and the home's `config.toml`, and all conditions one by one.
   *
   * @throws {StateError} as every call, also for the databases of memories
   */
  memoryReason(threadId: string): MemoryAnswer {
    check.checkText('threadId', threadId)
    return this.#readMemories('memory_reason', (found) => memoryReason(found, threadId))
  }

  #readMemories<T>(stage: string, work: (found: Memories) => T): T {
    return this.#run(stage, ({ state, threads: table }) => {
      const opened: OpenTable[] = []
      const folder = dirname(state.path)
      const own: DatabaseFile = { path: state.path, role: 'state', generation: 0, age: 'known' }
      const open = (name: 'stage1_outputs' | 'thread_memory', files: readonly DatabaseFile[]) => {
        // Ours is open, and stays so.
        if (files.includes(own)) {
          const columns = readColumnNames(state, name)
          return columns.size > 0 ? { file: own, connection: state, columns } : undefined
        }
        const found = openTable(files, name)
        if (found) opened.push(found)
        return found
      }
      try {
        return work(
          describeMemories({
            codexHome: this.codexHome,
            databases: [own, ...listDatabases(folder).filter(({ role }) => role !== 'state')],
            threads: table,
            nowMs: this.#nowMs(),
            open,
            onNotice: (text) => this.#options.onWarning?.(text),
          }),
        )
      } finally {
        for (const { connection } of opened) connection.close()
      }
    })
  }

  // Logs: of the log database where there is one, else of the state database.

  insertLog(row: NewLogRow): void {
    this.insertLogs([row])
  }

  /**
   * Stores all rows or none, in their order. From 0.105 on a partition (a thread, or the rows outside any thread
   * of one process) keeps its newest 10 MiB, and in a log database its newest 1000 rows: what is beyond goes in
   * the same transaction.
   */
  insertLogs(rows: readonly NewLogRow[]): void {
    check.checkArray('rows', rows)
    for (const row of rows) check.checkLogRow(row)
    this.#run('insert_logs', (opened) => logs.insertLogs(requireLogs(opened), rows))
  }

  queryLogs(query: LogRowQuery = {}): LogRow[] {
    check.checkLogQuery(query)
    return this.#run('query_logs', (opened) => queryLogRows(requireLogSource(opened), query))
  }

  /** The highest id among the rows of the filter, 0 when there are none; it can sink when rows are removed. */
  maxLogId(filter: LogRowFilter = {}): number {
    check.checkLogQuery(filter)
    return this.#run('max_log_id', (opened) => readMaxLogId(requireLogSource(opened), filter))
  }

  /**
   * @param tsSeconds unix seconds; a row of that same second stays
   * @returns the number of rows removed
   */
  deleteLogsBefore(tsSeconds: number): number {
    check.checkWhole('tsSeconds', tsSeconds)
    return this.#run('delete_logs_before', (opened) => logs.deleteLogsBefore(requireLogs(opened), tsSeconds))
  }

  #moveThread(stage: string, id: string, rolloutPath: string, archivedAtSeconds: number | null): boolean {
    check.checkText('id', id)
    check.checkName('rolloutPath', rolloutPath)
    if (archivedAtSeconds !== null) check.checkWhole('archivedAtSeconds', archivedAtSeconds)
    const updatedAtMs = modifiedAtMs(rolloutPath)
    return this.#run(stage, ({ threadTable }) =>
      threads.moveThread(threadTable, id, { rolloutPath, archivedAtSeconds, updatedAtMs }),
    )
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closedError(this.dbPath)
  }

  #run<T>(stage: string, work: (opened: Opened) => T): T {
    this.#requireOpen()
    const fail = (error: unknown): never => {
      this.#count('codex.db.error', 1, { stage })
      // Closed while it still ran: the driver's own words for that are no error of ours.
      throw this.#isClosed && !(error instanceof StateError) ? closedError(this.dbPath, error) : error
    }
    try {
      const result = work(this.#opened)
      return result instanceof Promise ? (result.catch(fail) as T) : result
    } catch (error) {
      return fail(error)
    }
  }

  #syncOptions() {
    const { defaultProvider, now = Date.now } = this.#options
    const onDiscrepancy = (stage: string, reason: string) => this.recordDiscrepancy(stage, reason)
    const onFailure = ({ path, reason }: SyncFailure) => this.#options.onWarning?.(`${path}: ${reason}`)
    return { defaultProvider, now, onDiscrepancy, onFailure }
  }

  #count(metric: TelemetryCount['metric'], value: number, tags: TelemetryCount['tags']): void {
    this.#options.telemetry?.({ metric, value, tags })
  }

  #nowMs(): number {
    return (this.#options.now ?? Date.now)()
  }

  #nowSeconds(): number {
    return Math.floor(this.#nowMs() / 1000)
  }
}

function closedError(path: string, cause?: unknown): StateError {
  return new StateError('CLOSED', `the runtime of ${path} is closed`, { cause })
}

function checkOptions(options: RuntimeOptions): void {
  check.checkObject('the options', options)
  check.checkName('defaultProvider', options.defaultProvider)
}

function attach(state: WriteConnection, codexHome: string): Opened {
  // The logs last: that may open a connection, which nothing after it could leave open.
  return { ...attachTarget(state, codexHome), ...attachLogs(state) }
}

function attachLogs(state: WriteConnection): Pick<Opened, 'logTable' | 'logSource'> {
  const open = (db: WriteConnection, role: 'state' | 'logs') => ({
    logTable: logs.openLogTable(db, role),
    logSource: describeLogs(db),
  })
  const generation = parseDatabaseFilename(basename(state.path))?.generation
  const hasLogDatabase = generation === undefined || generation >= FIRST_GENERATION_WITH_LOG_DATABASE
  const file = hasLogDatabase && listDatabases(dirname(state.path)).find(({ role }) => role === 'logs')
  if (!file) {
    const isHere = listTables(state).includes(LOG_TABLE)
    return isHere ? open(state, 'state') : { logTable: undefined, logSource: undefined }
  }
  const db = openReadWrite(file.path)
  return closingOnFailure(db, () => open(db, 'logs'))
}

function countingFailure<T>({ telemetry }: RuntimeOptions, open: () => T): T {
  try {
    return open()
  } catch (error) {
    telemetry?.({ metric: 'codex.db.init', value: 1, tags: { status: 'open_error' } })
    throw error
  }
}

function deleteRowsElsewhere(folder: string, id: string, nowSeconds: number): void {
  const files = listDatabases(folder)
  for (const { role, remove } of threads.ROWS_ELSEWHERE) {
    const file = files.find((found) => found.role === role)
    if (!file) continue
    const db = openReadWrite(file.path)
    try {
      remove(db, id, nowSeconds)
    } finally {
      db.close()
    }
  }
}

function requireLogs({ logTable, state }: Opened): logs.LogTable {
  return logTable ?? failWithoutLogs(state)
}

function requireLogSource({ logSource, state }: Opened): LogSource {
  return logSource ?? failWithoutLogs(state)
}

function failWithoutLogs(state: WriteConnection): never {
  throw new StateError('DB_NO_TABLE', `no log table in ${state.path} or beside it`)
}

/** `undefined` when the file is not there, or cannot be one: a name that is too long, a folder that may not be entered. */
function modifiedAtMs(path: string): number | undefined {
  try {
    return Math.floor(statSync(path).mtimeMs)
  } catch {
    return undefined
  }
}

function closingOnFailure<T>(connection: WriteConnection, work: () => T): T {
  try {
    return work()
  } catch (error) {
    connection.close()
    throw error
  }
}
