import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { listJsonForms, type NamedForm } from '../../src/cli/json-forms.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { createSchemas } from '../../src/cli/schemas.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { sampleOf } from '../helpers/everything.js'
import { copyFixtureHome, copyHome, fixturePath, HOMES, makeCase } from '../helpers/homes.js'
import { createHome, LAYOUTS } from '../helpers/layouts.js'
import { requirePrograms } from '../helpers/programs.js'
import { runLogs, runState } from '../helpers/run.js'

const folder = new URL('../../schemas/', import.meta.url)
const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true })

const validators = Object.fromEntries(
  readdirSync(folder).map((file) => [
    file.replace(/\.schema\.json$/, ''),
    ajv.compile(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
  ]),
)

test('the published schemas are those of this version', async () => {
  const published = readdirSync(folder).map((file) => [
    file.replace(/\.schema\.json$/, ''),
    JSON.parse(readFileSync(new URL(file, folder), 'utf8')),
  ])
  expect(Object.fromEntries(published)).toEqual(await createSchemas())
})

const FORMS = (await listJsonForms(STATE_PROGRAM)).filter(
  ({ name, command }) => name !== 'where' && command.writes === undefined,
)

/** Of codex-logs, beside its rows. */
const LOG_FORMS = (await listJsonForms(LOGS_PROGRAM)).filter(
  ({ name, form }) => name !== 'where' && form.shape !== 'lines',
)

/** What is typed to get a form of JSON. */
function lineOf({ path, command, form }: NamedForm): string[] {
  const words = Object.values(command.args).flatMap(({ form: place, example }) =>
    place === 'required' ? [example ?? ''] : [],
  )
  return [...path.split(' '), ...words, ...(form.argv ?? [])]
}

/** Names of the schemas that some home gave records for. */
const seen = new Set<string>()

function expectValid(name: string, value: unknown): void {
  const validate = validators[name] as ValidateFunction
  const isValid = validate(value)
  expect(isValid ? [] : validate.errors?.slice(0, 3)).toEqual([])
  if (!Array.isArray(value) || value.length > 0) seen.add(name)
}

describe.each(sampleOf(HOMES, 6))('the home of %s', (homeName) => {
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

  test.each(FORMS)('$name', async (form) => {
    const { stdout, stderr, exitCode } = await runState([...lineOf(form), '--json', '--codex-home', home])
    if (form.form.shape === 'lines') {
      for (const line of stdout.split('\n').slice(0, -1)) expectValid(form.name, JSON.parse(line))
      return
    }
    // A layout that has no such table, or a home where there is nothing of the kind, prints nothing.
    if (stdout === '') {
      expect(stderr).not.toBe('')
      expect(exitCode).not.toBe(0)
      return
    }
    expectValid(form.name, JSON.parse(stdout))
  })
})

/** What makes a command find something in a home where nothing goes on. */
const FINDS_ALL: Readonly<Record<string, readonly string[]>> = {
  'codex-logs.stuck': ['--all'],
  'codex-logs.errors': ['--notices'],
  'codex-logs.errors-by-thread': ['--notices'],
  'codex-logs.errors-by-turn': ['--notices'],
  'codex-logs.errors-no-group': ['--notices'],
}

test.each(LOG_FORMS)('$name', async (form) => {
  const home = copyFixtureHome('failures', '0.169.0-mcp')
  const argv = [...lineOf(form), ...(FINDS_ALL[form.name] ?? []), '--json', '--codex-home', home]
  const { stdout } = await runLogs(argv)
  expectValid(form.name, JSON.parse(stdout))
})

test('rows by kind', async () => {
  const { stdout } = await runLogs([
    'query',
    '--collapse',
    '--json',
    '--codex-home',
    copyHome('codex-0.169.0'),
  ])
  for (const line of stdout.split('\n').slice(0, -1))
    expectValid('codex-logs.query-collapse', JSON.parse(line))
})

test('the tools of a thread that has some', async () => {
  const home = ['--codex-home', copyHome('codex-0.113.0')]
  const [tool] = JSON.parse((await runState(['tools', '--json', ...home])).stdout)
  const { stdout } = await runState(['threads', 'tools', tool.thread_id, '--json', ...home])
  expectValid('codex-state.threads-tools', JSON.parse(stdout))
})

test('rate limits, which only some homes tell of', async () => {
  const home = join(fixturePath('turns', 'forks-0.169.0'), 'home')
  const { stdout } = await runState(['tokens', 'limits', '--json', '--codex-home', home])
  expectValid('codex-state.tokens-limits', JSON.parse(stdout))
})

test('differences, which no sound home has', async () => {
  const home = makeCase('stale-rows', 'codex-0.169.0')
  const { stdout } = await runState(['diff', '--json', '--codex-home', home])
  expectValid('codex-state.diff', JSON.parse(stdout))
})

test('histories with turns that are not shown', async () => {
  const home = copyFixtureHome('turns', 'history-duplicate')
  const { stdout } = await runState(['history', '--json', '--codex-home', home])
  expectValid('codex-state.history-list', JSON.parse(stdout))
  rmSync(dirname(home), { recursive: true })
})

test('memories, their files and jobs, and what is told of them', async () => {
  const home = copyFixtureHome('memories', 'codex-0.169.0-memories')
  const cwd = '/home/demo/projects/infra'
  for (const [name, argv] of [
    ['memories-list', ['memories', 'list']],
    ['memories-list-missing', ['memories', 'list', '--missing']],
    ['memories-show', ['memories', 'show', 'last']],
    ['memories-last', ['memories', 'last', '--cwd', cwd]],
    ['memories-why', ['memories', 'why', 'last']],
    ['memories-given', ['memories', 'given']],
    ['memories-files', ['memories', 'files']],
    ['memories-jobs', ['memories', 'jobs']],
  ] as const) {
    const { stdout } = await runState([...argv, '--json', '--codex-home', home])
    expectValid(`codex-state.${name}`, JSON.parse(stdout))
  }
  expectValid('where', JSON.parse((await runState(['where', '--json', '--codex-home', home])).stdout))
  rmSync(dirname(home), { recursive: true })
})

test('jobs of agents, which no home at hand has', async () => {
  const layout = LAYOUTS.find(({ name }) => name === '0.106 to 0.112')!
  const home = createHome(layout)
  const database = new Database(join(home, layout.stateFile))
  database.exec(
    `INSERT INTO agent_jobs (id, name, status, instruction, input_headers_json, input_csv_path, output_csv_path, created_at, updated_at)
       VALUES ('j', 'Sweep', 'running', 'do', '["a"]', '/in', '/out', 1770000000, 1770000000);`,
  )
  database.close()
  const { stdout } = await runState(['jobs', '--json', '--codex-home', home])
  expectValid('codex-state.jobs', JSON.parse(stdout))
})

test('what a repair would change', async () => {
  const home = copyHome('codex-0.169.0')
  const database = new Database(join(home, 'state_5.sqlite'))
  database.exec('DELETE FROM threads WHERE rowid IN (SELECT rowid FROM threads LIMIT 2)')
  database.close()
  const { stdout } = await runState(['backfill', 'run', '--dry-run', '--json', '--codex-home', home])
  expectValid('codex-state.backfill-run', JSON.parse(stdout))
})

test('every schema was held against records', () => {
  // The case of differences is made with it.
  requirePrograms('sqlite3')
  expect(Object.keys(validators).filter((name) => !seen.has(name))).toEqual([])
})
