import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, expectTypeOf, test } from 'vitest'
import type {
  BackfillState,
  DynamicTool,
  LogRow,
  NewLogRow,
  StateErrorCode,
  StateRuntime,
  Telemetry,
  ThreadAnchor,
  ThreadBuilder,
  ThreadMetadata,
  ThreadPage,
  ThreadPageQuery,
  ThreadRow,
} from '../src/index.js'
import { decodeCursor, encodeCursor, StateRuntime as Runtime, StateError } from '../src/index.js'

test('the compiler agrees with all that is expected below', () => {
  const root = fileURLToPath(new URL('../', import.meta.url))
  const tsc = ['node_modules/typescript/bin/tsc', '--noEmit']
  const { status, stdout } = spawnSync(process.execPath, tsc, { cwd: root, encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

test('a runtime is opened in three ways, and made in no other', () => {
  expectTypeOf(Runtime.init).returns.toEqualTypeOf<StateRuntime>()
  expectTypeOf(Runtime.openIfPresent).returns.toEqualTypeOf<StateRuntime | undefined>()
  expectTypeOf(Runtime.openExisting).returns.toEqualTypeOf<StateRuntime>()
  expectTypeOf(Runtime).not.toExtend<new (...args: never[]) => unknown>()
  expectTypeOf<{ codexHome: string; defaultProvider: string }>().toExtend<
    Parameters<typeof Runtime.init>[0]
  >()
  expectTypeOf<{ codexHome: string }>().not.toExtend<Parameters<typeof Runtime.init>[0]>()
  type Existing = Parameters<typeof Runtime.openExisting>[0]
  expectTypeOf<{ dbPath: string; defaultProvider: string }>().toExtend<Existing>()
  expectTypeOf<{ codexHome: string; defaultProvider: string }>().toExtend<Existing>()
  expectTypeOf<{ dbPath: string; codexHome: string; defaultProvider: string }>().toExtend<Existing>()
  expectTypeOf<{ defaultProvider: string }>().not.toExtend<Existing>()
  expectTypeOf<StateRuntime>().toExtend<Disposable>()
})

test('calls take and give these shapes', () => {
  expectTypeOf<StateRuntime['getThread']>().toEqualTypeOf<(id: string) => ThreadRow | undefined>()
  expectTypeOf<StateRuntime['upsertThread']>().toEqualTypeOf<(metadata: ThreadMetadata) => void>()
  expectTypeOf<StateRuntime['listThreads']>().toEqualTypeOf<(query: ThreadPageQuery) => ThreadPage>()
  expectTypeOf<StateRuntime['listThreadIds']>().returns.toEqualTypeOf<string[]>()
  expectTypeOf<StateRuntime['findRolloutPathById']>().parameters.toEqualTypeOf<
    [id: string, archivedOnly?: boolean]
  >()
  expectTypeOf<StateRuntime['applyRolloutItems']>().parameter(0).toEqualTypeOf<ThreadBuilder | undefined>()
  expectTypeOf<StateRuntime['getBackfillState']>().returns.toEqualTypeOf<BackfillState>()
  expectTypeOf<StateRuntime['insertLogs']>().parameter(0).toEqualTypeOf<readonly NewLogRow[]>()
  expectTypeOf<StateRuntime['queryLogs']>().returns.toEqualTypeOf<LogRow[]>()
  expectTypeOf<StateRuntime['getDynamicTools']>().returns.toEqualTypeOf<DynamicTool[]>()
  expectTypeOf<NewLogRow>().not.toHaveProperty('id')
  expectTypeOf<ThreadPage['nextAnchor']>().toEqualTypeOf<ThreadAnchor | undefined>()
  expectTypeOf<ThreadPageQuery['sortKey']>().toEqualTypeOf<'created_at' | 'updated_at' | undefined>()
})

test('a builder needs three fields, a backfill has three states', () => {
  expectTypeOf<{ id: string; rolloutPath: string; createdAtMs: number }>().toExtend<ThreadBuilder>()
  expectTypeOf<{ id: string; rolloutPath: string }>().not.toExtend<ThreadBuilder>()
  expectTypeOf<BackfillState['status']>().toEqualTypeOf<'pending' | 'running' | 'complete'>()
})

test('errors, cursors and telemetry are closed sets', () => {
  expectTypeOf<StateError['code']>().toEqualTypeOf<StateErrorCode>()
  expectTypeOf<string>().not.toExtend<StateErrorCode>()
  expectTypeOf(new StateError('INVALID', 'text')).toExtend<Error>()
  expectTypeOf(encodeCursor).toEqualTypeOf<(anchor: ThreadAnchor) => string>()
  expectTypeOf(decodeCursor).returns.toEqualTypeOf<ThreadAnchor | undefined>()
  expectTypeOf<Parameters<Telemetry>[0]['metric']>().toEqualTypeOf<
    | 'codex.db.init'
    | 'codex.db.error'
    | 'codex.db.backfill'
    | 'codex.db.backfill.duration_ms'
    | 'codex.db.compare_error'
  >()
})
