import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WriteConnection } from '../../src/db/connection.js'
import { openReadWrite } from '../../src/db/open-write.js'
import type { StateError } from '../../src/errors.js'
import type { ThreadRow } from '../../src/model/thread.js'
import { findThread } from '../../src/query/threads/find.js'
import { describeThreadTable } from '../../src/query/threads/table.js'
import { openThreadTable, type WritableThreadTable } from '../../src/store/thread-table.js'
import {
  deleteThread,
  insertThread,
  moveThread,
  renameThread,
  upsertThread,
} from '../../src/store/threads.js'
import { createHome, LAYOUTS, type Layout } from '../helpers/layouts.js'
import { sampleMetadata, threadId } from '../helpers/threads.js'

let db: WriteConnection

const open = () => openThreadTable(db, describeThreadTable(db).release)

function openLayout(layout: Layout): WritableThreadTable {
  db = openReadWrite(join(createHome(layout), layout.stateFile))
  return open()
}

function layoutNamed(name: string): Layout {
  return LAYOUTS.find((layout) => layout.name === name)!
}

function read({ db }: WritableThreadTable, id: string): ThreadRow {
  return findThread(describeThreadTable(db), id)!
}

/** The row as it is stored, of these columns. */
function stored(id: string, ...columns: string[]): unknown {
  return db.get(`SELECT ${columns.join(', ')} FROM threads WHERE id = ?`, id)
}

afterEach(() => db.close())

describe.each(LAYOUTS)('threads of $name', (layout) => {
  let table: WritableThreadTable
  beforeEach(() => {
    table = openLayout(layout)
  })

  test('a thread that was inserted reads back in every column that the layout has', () => {
    const metadata = sampleMetadata(1, { archivedAtSeconds: 1_770_287_000 })
    upsertThread(table, metadata)
    const hasMillis = table.present.has('updated_at_ms')
    const inUnit = (ms: number) => (hasMillis ? ms : Math.floor(ms / 1000) * 1000)
    const expected: ThreadRow = {
      ...metadata,
      createdAtMs: inUnit(metadata.createdAtMs),
      updatedAtMs: inUnit(metadata.updatedAtMs),
      recencyAtMs: inUnit(metadata.updatedAtMs),
      isArchived: true,
      hasUserEvent: !table.present.has('first_user_message'),
      name: null,
      isPinned: false,
      threadSectionId: null,
      sectionPosition: null,
      sectionEnteredAtMs: null,
      projectId: null,
      daybreakEnabled: null,
      attachedThreadParentId: null,
    }
    for (const name of Object.keys(expected) as (keyof ThreadRow)[]) {
      if (table.columns[name] === undefined) Object.assign(expected, { [name]: null })
    }
    expect(read(table, metadata.id)).toEqual(expected)
  })

  test('empty texts are stored where a column must have a value', () => {
    upsertThread(
      table,
      sampleMetadata(1, {
        title: '',
        firstUserMessage: null,
        preview: null,
        memoryMode: null,
        cliVersion: '',
      }),
    )
    expect(read(table, threadId(1))).toMatchObject({
      title: '',
      firstUserMessage: table.present.has('first_user_message') ? '' : null,
      preview: table.present.has('preview') ? '' : null,
      memoryMode: table.present.has('memory_mode') ? 'enabled' : null,
    })
  })

  test('both units of a time are in step, on insert and on update', () => {
    const hasMillis = table.present.has('updated_at_ms')
    const columns = ['created_at', 'updated_at', ...(hasMillis ? ['created_at_ms', 'updated_at_ms'] : [])]
    upsertThread(table, sampleMetadata(1, { createdAtMs: 1_770_000_000_999, updatedAtMs: 1_770_000_001_001 }))
    expect(stored(threadId(1), ...columns)).toEqual({
      created_at: 1_770_000_000,
      updated_at: 1_770_000_001,
      ...(hasMillis && { created_at_ms: 1_770_000_000_999, updated_at_ms: 1_770_000_001_001 }),
    })
    upsertThread(table, sampleMetadata(1, { createdAtMs: 1_770_000_000_999, updatedAtMs: 1_770_000_009_500 }))
    expect(stored(threadId(1), ...columns)).toEqual({
      created_at: 1_770_000_000,
      updated_at: 1_770_000_009,
      ...(hasMillis && { created_at_ms: 1_770_000_000_999, updated_at_ms: 1_770_000_009_500 }),
    })
  })

  test('a second upsert of the same metadata changes nothing', () => {
    upsertThread(table, sampleMetadata(1))
    upsertThread(table, sampleMetadata(2))
    const before = db.all('SELECT * FROM threads ORDER BY id')
    upsertThread(table, sampleMetadata(1))
    upsertThread(table, sampleMetadata(2))
    expect(db.all('SELECT * FROM threads ORDER BY id')).toEqual(before)
  })

  test('an update replaces what the rollout says', () => {
    upsertThread(table, sampleMetadata(1))
    const changes = {
      rolloutPath: '/elsewhere/rollout.jsonl',
      source: 'exec',
      modelProvider: 'acme',
      cwd: '/srv/other',
      sandboxPolicy: '{"type":"danger-full-access"}',
      approvalMode: 'never',
      tokensUsed: 99,
      archivedAtSeconds: 1_770_300_000,
    }
    upsertThread(table, sampleMetadata(1, changes))
    expect(read(table, threadId(1))).toMatchObject({ ...changes, isArchived: true })
  })

  test('archiving moves the path, the flag and the time; unarchiving takes them back', () => {
    upsertThread(table, sampleMetadata(1))
    const archived = { rolloutPath: '/a/x.jsonl', archivedAtSeconds: 1_770_300_000 }
    expect(moveThread(table, threadId(1), { ...archived, updatedAtMs: 1_770_290_000_500 })).toBe(true)
    expect(read(table, threadId(1))).toMatchObject({
      ...archived,
      isArchived: true,
      updatedAtMs: table.present.has('updated_at_ms') ? 1_770_290_000_500 : 1_770_290_000_000,
    })
    const before = read(table, threadId(1)).updatedAtMs
    const active = { rolloutPath: '/s/x.jsonl', archivedAtSeconds: null }
    expect(moveThread(table, threadId(1), { ...active, updatedAtMs: undefined })).toBe(true)
    expect(read(table, threadId(1))).toMatchObject({ ...active, isArchived: false, updatedAtMs: before })
    expect(moveThread(table, threadId(2), { ...active, updatedAtMs: undefined })).toBe(false)
  })

  test('deleting takes the row and what hangs on it, and only that', () => {
    upsertThread(table, sampleMetadata(1))
    upsertThread(table, sampleMetadata(2))
    const hasTools = db.get(`SELECT 1 FROM sqlite_schema WHERE name = 'thread_dynamic_tools'`) !== undefined
    for (const id of hasTools ? [threadId(1), threadId(2)] : []) {
      db.run(
        `INSERT INTO thread_dynamic_tools (thread_id, position, name, description, input_schema)
         VALUES (?, 0, 'n', 'd', '{}')`,
        id,
      )
    }
    for (const child of table.hasSpawnEdges ? [threadId(3), threadId(4)] : []) {
      const parent = child === threadId(3) ? threadId(1) : threadId(2)
      db.run(`INSERT INTO thread_spawn_edges VALUES (?, ?, 'open')`, parent, child)
    }
    for (const id of table.hasReadReceipts ? [threadId(1), threadId(2)] : []) {
      db.run(`INSERT INTO thread_read_receipts VALUES (?, NULL, 'r', NULL)`, id)
    }
    expect(deleteThread(table, threadId(1))).toBe(true)
    expect(deleteThread(table, threadId(1))).toBe(false)
    expect(db.all('SELECT id FROM threads')).toEqual([{ id: threadId(2) }])
    if (hasTools)
      expect(db.all('SELECT thread_id FROM thread_dynamic_tools')).toEqual([{ thread_id: threadId(2) }])
    if (table.hasSpawnEdges)
      expect(db.all('SELECT child_thread_id FROM thread_spawn_edges')).toEqual([
        { child_thread_id: threadId(4) },
      ])
    if (table.hasReadReceipts)
      expect(db.all('SELECT thread_id FROM thread_read_receipts')).toEqual([{ thread_id: threadId(2) }])
  })

  test('a column that must have a value and is unknown is refused, by name', () => {
    // A table cannot be given such a column afterwards, so it is made anew with one.
    const { sql } = db.get<{ sql: string }>(`SELECT sql FROM sqlite_schema WHERE name = 'threads'`)!
    db.exec('PRAGMA foreign_keys = OFF; DROP TABLE threads')
    db.exec(sql.replace('git_sha TEXT', 'mood TEXT NOT NULL, git_sha TEXT'))
    let failure: StateError | undefined
    try {
      open()
    } catch (error) {
      failure = error as StateError
    }
    expect(failure?.code).toBe('SCHEMA_UNKNOWN')
    expect(failure?.message).toBe(`${db.path} requires a value that this version does not know: threads.mood`)
  })

  test('a column that need not have a value is tolerated', () => {
    db.exec(
      `ALTER TABLE threads ADD COLUMN mood TEXT; ALTER TABLE threads ADD COLUMN calm INTEGER NOT NULL DEFAULT 7`,
    )
    const widened = open()
    upsertThread(widened, sampleMetadata(1))
    expect(stored(threadId(1), 'mood', 'calm')).toEqual({ mood: null, calm: 7 })
  })
})

describe('what an update keeps', () => {
  test('name, recency, section, project and memory mode, which no rollout says', () => {
    const table = openLayout(layoutNamed('0.169'))
    upsertThread(table, sampleMetadata(1))
    db.exec(`INSERT INTO thread_sections (id, name) VALUES ('s', 'Section');
      INSERT INTO projects (id, name, position, created_at_ms, updated_at_ms) VALUES ('p', 'Project', 1, 1, 1);
      UPDATE threads SET name = 'Named', recency_at = 1780000000, recency_at_ms = 1780000000123,
        thread_section_id = 's', section_position = 1000000, section_entered_at_ms = 5, project_id = 'p',
        memory_mode = 'polluted', is_pinned = 1, daybreak_enabled = 1, attached_thread_parent_id = 'x'`)
    upsertThread(table, sampleMetadata(1, { tokensUsed: 16, updatedAtMs: 1_790_000_000_000 }))
    expect(read(table, threadId(1))).toMatchObject({
      tokensUsed: 16,
      updatedAtMs: 1_790_000_000_000,
      name: 'Named',
      recencyAtMs: 1_780_000_000_123,
      threadSectionId: 's',
      sectionPosition: 1_000_000,
      sectionEnteredAtMs: 5,
      projectId: 'p',
      memoryMode: 'polluted',
      isPinned: true,
      daybreakEnabled: true,
      attachedThreadParentId: 'x',
    })
  })

  test('values of git that are there, in files whose releases merge them; others are replaced', () => {
    const changes = { gitSha: 'def', gitBranch: null, gitOriginUrl: 'new' }
    const merged = openLayout(layoutNamed('0.140'))
    upsertThread(merged, sampleMetadata(1, { gitOriginUrl: null }))
    upsertThread(merged, sampleMetadata(1, changes))
    expect(read(merged, threadId(1))).toMatchObject({
      gitSha: 'abc123',
      gitBranch: 'main',
      gitOriginUrl: 'new',
    })
    db.close()

    const replaced = openLayout(layoutNamed('0.99'))
    upsertThread(replaced, sampleMetadata(1))
    upsertThread(replaced, sampleMetadata(1, changes))
    expect(read(replaced, threadId(1))).toMatchObject(changes)
  })

  test('a title that was set explicitly, until another one is', () => {
    const table = openLayout(layoutNamed('0.140'))
    upsertThread(table, sampleMetadata(1))
    expect(renameThread(table, threadId(1), 'Set by hand')).toBe(true)
    upsertThread(table, sampleMetadata(1))
    expect(read(table, threadId(1)).title).toBe('Set by hand')
    upsertThread(table, sampleMetadata(1, { title: 'Set again' }))
    expect(read(table, threadId(1)).title).toBe('Set again')
  })

  test('a name that a release of 0.120 put into the title; before, a title is replaced', () => {
    const named = openLayout(layoutNamed('0.120'))
    upsertThread(named, sampleMetadata(1))
    db.exec(`UPDATE threads SET title = 'Named'`)
    upsertThread(named, sampleMetadata(1))
    expect(read(named, threadId(1)).title).toBe('Named')
    db.close()

    const older = openLayout(layoutNamed('0.99'))
    upsertThread(older, sampleMetadata(1, { title: 'Other' }))
    upsertThread(older, sampleMetadata(1))
    expect(read(older, threadId(1)).title).toBe('fix the build 1')
  })

  test('no empty preview where there is a first message: the thread would be in no list', () => {
    const table = openLayout(layoutNamed('0.140'))
    upsertThread(table, sampleMetadata(1, { preview: null }))
    expect(read(table, threadId(1)).preview).toBe('fix the build 1')
    db.exec(`UPDATE threads SET preview = ''`)
    upsertThread(table, sampleMetadata(1, { preview: null }))
    expect(read(table, threadId(1)).preview).toBe('fix the build 1')
    upsertThread(table, sampleMetadata(2, { preview: null, firstUserMessage: null }))
    expect(read(table, threadId(2)).preview).toBe('')
  })

  test('a preview against an empty one', () => {
    const table = openLayout(layoutNamed('0.140'))
    upsertThread(table, sampleMetadata(1, { preview: 'shown' }))
    upsertThread(table, sampleMetadata(1, { preview: null }))
    expect(read(table, threadId(1)).preview).toBe('shown')
  })

  test('a history mode that a later release stored, while a new row cannot have one', () => {
    const table = openLayout(layoutNamed('0.169'))
    upsertThread(table, sampleMetadata(1))
    db.exec(`UPDATE threads SET history_mode = 'holographic'`)
    upsertThread(table, sampleMetadata(1, { title: 'New', firstUserMessage: 'New' }))
    upsertThread(table, sampleMetadata(1, { historyMode: 'holographic' }))
    expect(read(table, threadId(1)).historyMode).toBe('holographic')
    for (const write of [upsertThread, insertThread]) {
      expect(() => write(table, sampleMetadata(2, { historyMode: 'holographic' }))).toThrow(
        expect.objectContaining({ code: 'INVALID', message: expect.stringContaining('"holographic"') }),
      )
    }
    expect(db.get('SELECT count(*) AS n FROM threads')).toEqual({ n: 1 })
  })

  test('the paginated history mode, which only rises', () => {
    const table = openLayout(layoutNamed('0.169'))
    upsertThread(table, sampleMetadata(1, { historyMode: 'legacy' }))
    upsertThread(table, sampleMetadata(1, { historyMode: 'paginated' }))
    upsertThread(table, sampleMetadata(1, { historyMode: 'legacy' }))
    expect(read(table, threadId(1)).historyMode).toBe('paginated')
  })

  test('the first originator and creator', () => {
    const table = openLayout(layoutNamed('0.169'))
    upsertThread(table, sampleMetadata(1, { creatorUserId: null }))
    upsertThread(
      table,
      sampleMetadata(1, { originator: 'other', creatorUserId: 'late', creatorAccountId: null }),
    )
    expect(read(table, threadId(1))).toMatchObject({
      originator: 'codex_cli_rs',
      creatorUserId: 'late',
      creatorAccountId: 'account-1',
    })
  })
})

describe('the name of a thread', () => {
  test('is a column of its own in a paginated thread, and the title of another', () => {
    const table = openLayout(layoutNamed('0.169'))
    upsertThread(table, sampleMetadata(1, { historyMode: 'paginated' }))
    upsertThread(table, sampleMetadata(2, { historyMode: 'legacy' }))
    renameThread(table, threadId(1), 'Named')
    renameThread(table, threadId(2), 'Named')
    expect(read(table, threadId(1))).toMatchObject({ name: 'Named', title: 'fix the build 1' })
    expect(read(table, threadId(2))).toMatchObject({ name: null, title: 'Named' })
    renameThread(table, threadId(1), '')
    renameThread(table, threadId(2), '')
    expect(read(table, threadId(1))).toMatchObject({ name: null, title: 'fix the build 1' })
    expect(read(table, threadId(2))).toMatchObject({ name: null, title: 'fix the build 2' })
  })

  test('has no place in files before milliseconds', () => {
    const table = openLayout(layoutNamed('0.99'))
    upsertThread(table, sampleMetadata(1))
    expect(renameThread(table, threadId(1), 'Named')).toBe(true)
    expect(read(table, threadId(1)).title).toBe('fix the build 1')
    expect(renameThread(table, threadId(2), 'Named')).toBe(false)
  })
})

describe('milliseconds of the last change', () => {
  test.each([
    { what: 'above all is taken as it is', candidate: 1_770_000_000_001, given: 1_770_000_000_001 },
    { what: 'a second below is history, and taken', candidate: 1_769_999_999_000, given: 1_769_999_999_000 },
    {
      what: 'a little below becomes the next free one',
      candidate: 1_769_999_999_001,
      given: 1_770_000_000_001,
    },
    { what: 'equal becomes the next free one', candidate: 1_770_000_000_000, given: 1_770_000_000_001 },
  ])('a time $what', ({ candidate, given }) => {
    const table = openLayout(layoutNamed('0.140'))
    upsertThread(table, sampleMetadata(1, { updatedAtMs: 1_770_000_000_000 }))
    upsertThread(table, sampleMetadata(2, { updatedAtMs: candidate }))
    expect(read(table, threadId(2)).updatedAtMs).toBe(given)
  })

  test('go on from those that the file has', () => {
    upsertThread(openLayout(layoutNamed('0.140')), sampleMetadata(1, { updatedAtMs: 1_770_000_000_000 }))
    const again = open()
    upsertThread(again, sampleMetadata(2, { updatedAtMs: 1_770_000_000_000 }))
    expect(read(again, threadId(2)).updatedAtMs).toBe(1_770_000_000_001)
  })

  test('are filled by the file itself for a writer that knows seconds alone', () => {
    const table = openLayout(layoutNamed('0.140'))
    db.run(
      `INSERT INTO threads (id, rollout_path, created_at, updated_at, source, model_provider, cwd, title,
         sandbox_policy, approval_mode) VALUES (?, '', 1770000000, 1770000001, 'cli', '', '', '', '{}', 'never')`,
      threadId(1),
    )
    expect(read(table, threadId(1))).toMatchObject({
      createdAtMs: 1_770_000_000_000,
      updatedAtMs: 1_770_000_001_000,
    })
  })
})

test('a spawned thread gets an open edge to its parent, once', () => {
  const table = openLayout(layoutNamed('0.120'))
  const source = `{"subagent":{"thread_spawn":{"parent_thread_id":"${threadId(9)}","depth":1}}}`
  upsertThread(table, sampleMetadata(1, { source }))
  db.exec(`UPDATE thread_spawn_edges SET status = 'closed'`)
  upsertThread(table, sampleMetadata(1, { source }))
  upsertThread(table, sampleMetadata(2, { source: '{"subagent":"review"}' }))
  upsertThread(table, sampleMetadata(3, { source: '{broken' }))
  expect(db.all('SELECT * FROM thread_spawn_edges')).toEqual([
    { parent_thread_id: threadId(9), child_thread_id: threadId(1), status: 'closed' },
  ])
})

test('metadata with more fields than it should have writes only its own', () => {
  const table = openLayout(layoutNamed('0.169'))
  upsertThread(table, { ...sampleMetadata(1), name: 'smuggled', recencyAtMs: 5 } as never)
  expect(read(table, threadId(1))).toMatchObject({ name: null, recencyAtMs: sampleMetadata(1).updatedAtMs })
})
