import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { copyFixtureHome, fixturePath } from '../helpers/homes.js'
import { runState } from '../helpers/run.js'
import { type AppServer, type InstalledRelease, installRelease, startAppServer } from './app-server.js'

/** Homes whose projection no Codex brings back by itself. */
const DAMAGED = ['history-tailgone', 'history-pastend', 'history-ordinalhigh'] as const

const TABLES = ['thread_history_projection_state', 'thread_turns', 'thread_items'] as const

describe.each(['0.153.0', '0.169.0'])('Codex %s', (version) => {
  let release: InstalledRelease
  beforeAll(async () => {
    release = await installRelease(version)
  })
  afterAll(() => rmSync(release.folder, { recursive: true, force: true }))

  test.for(DAMAGED)('shows all turns of a repaired chat once it is resumed: %s', async (name, { skip }) => {
    if ('problem' in release) return skip(`Codex ${version} is not tried: ${release.problem}`)
    const codexHome = moveIn(name)
    onTestFinished(() => rmSync(dirname(codexHome), { recursive: true, force: true }))
    const { thread: id, turnsInRollout, turnsListBeforeResume } = readExpected(name)
    const asked = { codexHome, program: release.path, id }
    const damaged = readRows(codexHome)

    expect(await listTurns(asked)).toBe(turnsListBeforeResume)
    expect(turnsListBeforeResume).toBeLessThan(turnsInRollout)

    const repair = (...flags: string[]) =>
      runState(['history', 'repair', id, ...flags, '--codex', version, '--codex-home', codexHome])
    expect(await repair('--yes')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readRows(codexHome)).toEqual({
      thread_history_projection_state: [],
      thread_turns: [],
      thread_items: [],
    })
    expect(await listTurns(asked)).toBe(0)
    expect(await repair('--undo')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readRows(codexHome)).toEqual(damaged)
    expect(await listTurns(asked)).toBe(turnsListBeforeResume)

    expect(await repair('--yes')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await listTurns({ ...asked, isResumed: true })).toBe(turnsInRollout)
    // And they stay.
    expect(await listTurns(asked)).toBe(turnsInRollout)
    const looked = await runState([
      'history',
      id,
      '--json=state',
      '--codex',
      version,
      '--codex-home',
      codexHome,
    ])
    expect(JSON.parse(looked.stdout)).toEqual([{ state: 'complete' }])
    expect(await repair('--undo')).toMatchObject({ exitCode: 1 })
  })
})

function readExpected(name: string): {
  thread: string
  turnsInRollout: number
  turnsListBeforeResume: number
} {
  return JSON.parse(readFileSync(join(fixturePath('turns', name), 'expected.json'), 'utf8'))
}

/** A copy of the home whose rows name the copy's files, and whose model provider nobody is. */
function moveIn(name: string): string {
  const copy = copyFixtureHome('turns', name)
  const codexHome = join(dirname(copy), '.codex')
  renameSync(copy, codexHome)
  const database = new Database(join(codexHome, 'state_5.sqlite'))
  database
    .prepare(`UPDATE threads SET rollout_path = replace(rollout_path, '/home/demo/.codex', ?)`)
    .run(codexHome)
  database.close()
  const config = join(codexHome, 'config.toml')
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:9'))
  return codexHome
}

interface Asked {
  codexHome: string
  program: string
  id: string
  isResumed?: boolean
}

/** How many turns a new process of the release shows. */
async function listTurns({ codexHome, program, id, isResumed }: Asked): Promise<number> {
  const server: AppServer = await startAppServer(program, codexHome)
  try {
    if (isResumed) await server.request('thread/resume', { threadId: id })
    const { data } = await server.request('thread/turns/list', { threadId: id, limit: 50 })
    return (data as unknown[]).length
  } finally {
    expect(await server.end()).toEqual({ exitCode: 0 })
  }
}

/** What is stored of the chat, in the order in which it was made. */
function readRows(codexHome: string): Record<string, unknown[]> {
  const database = new Database(join(codexHome, 'thread_history_1.sqlite'), { readonly: true })
  const rows = Object.fromEntries(
    TABLES.map((table) => [table, database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`).all()]),
  )
  database.close()
  return rows
}
