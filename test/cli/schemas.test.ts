import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createSchemas } from '../../src/cli/schemas.js'
import { copyHome, HOMES } from '../helpers/homes.js'
import { createHome, LAYOUTS } from '../helpers/layouts.js'
import { THREAD_ID } from '../helpers/rollouts.js'
import { runLogs, runState } from '../helpers/run.js'
import { insertThreads } from '../helpers/seed.js'

const folder = new URL('../../schemas/', import.meta.url)
const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true })

const validators = Object.fromEntries(
  readdirSync(folder).map((file) => [
    file.replace(/\.schema\.json$/, ''),
    ajv.compile(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
  ]),
)

test('the published schemas are those of this version', () => {
  const published = readdirSync(folder).map((file) => [
    file.replace(/\.schema\.json$/, ''),
    JSON.parse(readFileSync(new URL(file, folder), 'utf8')),
  ])
  expect(Object.fromEntries(published)).toEqual(createSchemas())
})

/** The command line of each `codex-state.` schema; the others are below. */
const COMMANDS: Record<string, string[]> = {
  'threads-list': ['threads', 'list'],
  'threads-tree': ['threads', 'tree'],
  'threads-tools': ['threads', 'tools', 'last'],
  'threads-show': ['threads', 'show', 'last'],
  'threads-path': ['threads', 'path', 'last'],
  'memories-list': ['memories', 'list'],
  'memories-show': ['memories', 'show', 'last'],
  'memories-jobs': ['memories', 'jobs'],
  'backfill-status': ['backfill', 'status'],
  tokens: ['tokens'],
  goals: ['goals'],
  jobs: ['jobs'],
  tools: ['tools'],
  tables: ['tables'],
  schema: ['schema'],
  verify: ['verify'],
  locks: ['locks'],
  diff: ['diff'],
  why: ['why', 'last'],
}
for (const by of ['cwd', 'source', 'provider', 'model', 'day', 'branch', 'total']) {
  COMMANDS[`tokens-by-${by}`] = ['tokens', '--by', by]
}
for (const by of ['kind', 'age', 'source', 'project']) COMMANDS[`du-by-${by}`] = ['du', '--by', by]

test('every schema is held against what its command prints', () => {
  const names = Object.keys(COMMANDS).map((name) => `codex-state.${name}`)
  expect(Object.keys(validators).sort()).toEqual([...names, 'codex-logs.record', 'where'].sort())
})

/** Names of the schemas that some home gave records for. */
const seen = new Set<string>()

function expectValid(name: string, value: unknown): void {
  const validate = validators[name] as ValidateFunction
  const isValid = validate(value)
  expect(isValid ? [] : validate.errors?.slice(0, 3)).toEqual([])
  if (!Array.isArray(value) || value.length > 0) seen.add(name)
}

describe.each(HOMES)('the home of %s', (homeName) => {
  const home = copyHome(homeName)

  test('codex-logs query', async () => {
    const { stdout } = await runLogs(['query', '--json', '--codex-home', home])
    const lines = stdout.split('\n').slice(0, -1)
    for (const line of lines) expectValid('codex-logs.record', JSON.parse(line))
  })

  test('where', async () => {
    const { stdout } = await runLogs(['where', '--json', '--codex-home', home])
    expectValid('where', JSON.parse(stdout))
  })

  test.each(Object.entries(COMMANDS))('codex-state %s', async (name, argv) => {
    const { stdout, stderr, exitCode } = await runState([...argv, '--json', '--codex-home', home])
    // A layout that has no such table, or a home where there is nothing of the kind, prints nothing.
    if (stdout === '') {
      expect(stderr).not.toBe('')
      expect(exitCode).not.toBe(0)
      return
    }
    expectValid(`codex-state.${name}`, JSON.parse(stdout))
  })
})

test('the tools of a thread that has some', async () => {
  const home = ['--codex-home', copyHome('codex-0.113.0')]
  const [tool] = JSON.parse((await runState(['tools', '--json', ...home])).stdout)
  const { stdout } = await runState(['threads', 'tools', tool.thread_id, '--json', ...home])
  expectValid('codex-state.threads-tools', JSON.parse(stdout))
})

test('memories and jobs, which no home at hand has', async () => {
  const layout = LAYOUTS.find(({ name }) => name === '0.106 to 0.112')!
  const home = createHome(layout)
  insertThreads(join(home, layout.stateFile), [{ id: THREAD_ID, cwd: '/srv/a', title: 'A' }])
  const database = new Database(join(home, layout.stateFile))
  database.exec(
    `INSERT INTO stage1_outputs (thread_id, source_updated_at, raw_memory, rollout_summary, generated_at)
       VALUES ('${THREAD_ID}', 1770000000, 'long', 'short', 1770000060);
     INSERT INTO jobs (kind, job_key, status, retry_remaining) VALUES ('memory_stage1', '${THREAD_ID}', 'error', 2);
     INSERT INTO agent_jobs (id, name, status, instruction, input_headers_json, input_csv_path, output_csv_path, created_at, updated_at)
       VALUES ('j', 'Sweep', 'running', 'do', '["a"]', '/in', '/out', 1770000000, 1770000000);`,
  )
  database.close()
  for (const [name, argv] of [
    ['memories-list', ['memories', 'list']],
    ['memories-show', ['memories', 'show', THREAD_ID]],
    ['memories-jobs', ['memories', 'jobs']],
    ['jobs', ['jobs']],
  ] as const) {
    const { stdout } = await runState([...argv, '--json', '--codex-home', home])
    expectValid(`codex-state.${name}`, JSON.parse(stdout))
  }
})

test('every schema was held against records', () => {
  expect(Object.keys(validators).filter((name) => !seen.has(name))).toEqual([])
})
