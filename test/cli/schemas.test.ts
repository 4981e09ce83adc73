import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { createSchemas } from '../../src/cli/schemas.js'
import { copyHome, HOMES } from '../helpers/homes.js'
import { runLogs, runState } from '../helpers/run.js'

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

test('every schema was held against records of a real release, but for what no home at hand has', () => {
  expect(Object.keys(validators).filter((name) => !seen.has(name))).toEqual([
    'codex-state.jobs',
    'codex-state.memories-jobs',
    'codex-state.memories-list',
    'codex-state.memories-show',
  ])
})
