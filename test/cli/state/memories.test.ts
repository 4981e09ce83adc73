import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyFixtureHome, copyHome, fixtureNames, fixturePath } from '../../helpers/homes.js'
import { type RunOptions, runState } from '../../helpers/run.js'
import { fingerprintFolder } from '../../helpers/seed.js'

interface Expected {
  pipeline_in_use: string
  threads: Record<string, { id: string; in_threads: boolean; memory?: Record<string, unknown> }>
  pipelines: Record<string, { stage1_outputs: { thread_id: string }[]; jobs: Record<string, unknown>[] }>
  files: Record<string, { bytes: number }>
}

const MARKS: Record<string, string> = { pass: '✓', fail: '✗', 'not known': '?' }

/** What `memories why` shows on a terminal: a line for each check, and what follows from them. */
function toText(answer: {
  thread_id: string
  pipeline: string
  has_memory: boolean
  words: string
  checks: { check: string; outcome: string; detail: string; change: string | null }[]
}): string {
  const lines = answer.checks.map(({ check, outcome, detail, change }) => {
    const remedy = change === null ? '' : ` (to change it: ${change})`
    return `${MARKS[outcome]} ${check.padEnd(8)}  ${detail}${remedy}\n`
  })
  const conclusion = answer.has_memory
    ? `has a memory in ${answer.pipeline}, which is in use`
    : `has no memory: ${answer.words}.`
  return `${lines.join('')}\nThread ${answer.thread_id} ${conclusion}`
}

const homes: string[] = []

function copy(name: string): string {
  const home = copyFixtureHome('memories', name)
  homes.push(home)
  return home
}

afterAll(() => {
  for (const home of homes) rmSync(dirname(home), { recursive: true })
})

/** The moment after a home was left: its newest job had just begun. */
function whenLeft(expected: Expected): number {
  const starts = Object.values(expected.pipelines).flatMap(({ jobs }) =>
    jobs.map((job) => Number(job.started_at)),
  )
  return 1000 * (Math.max(...starts) + 2)
}

function run(home: string, command: string, options: RunOptions = {}) {
  return runState([...command.split(' '), '--codex-home', home], options)
}

async function readJson(home: string, command: string, options: RunOptions = {}) {
  const { stdout } = await run(home, `${command} --json`, options)
  return JSON.parse(stdout)
}

/** Lines of stderr but those that every home with an unread log has. */
function saidIn(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.includes('reading a private copy'))
}

function changeConfig(home: string, change: (text: string) => string): void {
  const path = join(home, 'config.toml')
  writeFileSync(path, change(readFileSync(path, 'utf8')))
}

describe.each(fixtureNames('memories'))('in the home of %s', (name) => {
  const expected: Expected = JSON.parse(
    readFileSync(join(fixturePath('memories', name), 'expected.json'), 'utf8'),
  )
  const now = whenLeft(expected)
  const inUse = expected.pipeline_in_use
  const rows = expected.pipelines[inUse]!.stage1_outputs
  const ids = rows.map(({ thread_id }) => thread_id).sort()
  let home: string

  beforeAll(() => {
    home = copy(name)
  })

  test('memories list has those in use, and with --missing all other threads', async () => {
    const before = fingerprintFolder(home)
    const listed = await readJson(home, 'memories list', { now })
    expect(listed.map((memory: { thread_id: string }) => memory.thread_id).sort()).toEqual(ids)
    expect(listed.every((memory: { in_use: boolean }) => memory.in_use)).toBe(true)
    const all = await readJson(home, 'memories list --all', { now })
    expect(all).toHaveLength(
      Object.values(expected.pipelines).reduce((sum, { stage1_outputs }) => sum + stage1_outputs.length, 0),
    )
    const missing = await readJson(home, 'memories list --missing', { now })
    const threads = await readJson(home, 'threads list', { now })
    const found = [...listed, ...missing].map((row: { thread_id: string }) => row.thread_id).sort()
    expect(found).toEqual(threads.map(({ id }: { id: string }) => id).sort())
    expect(fingerprintFolder(home)).toEqual(before)
  })

  test('a memory is shown from the pipeline in use, and a thread without one gets its reason', async () => {
    const newest = await readJson(home, 'memories show last', { now })
    expect(newest.database).toBe(join(home, inUse))
    for (const { id, memory } of Object.values(expected.threads)) {
      const answer = await readJson(home, `memories why ${id}`, { now })
      const { reason, has_memory, words } = answer
      expect(has_memory).toBe(memory?.[inUse] !== undefined)
      expect(reason === 'has-memory').toBe(has_memory)
      const shown = await run(home, `memories why ${id} --color never`, { now, isTerminal: true })
      expect(shown).toMatchObject({
        exitCode: has_memory ? 0 : 1,
        stdout: expect.stringContaining(toText(answer)),
      })
      if (has_memory || reason === 'no-row') continue
      const { stderr, exitCode } = await run(home, `memories show ${id}`, { now })
      expect(exitCode).toBe(1)
      expect(saidIn(stderr)[0]).toContain(`thread ${id} has no memory: ${words}`)
    }
    const thread = await readJson(home, `threads show ${newest.thread_id}`, { now })
    expect(thread.memory.database).toBe(join(home, inUse))
    expect(thread.memory.raw_memory).toBe(newest.raw_memory)
  })

  test('files, jobs, tables and what is given are those of the home', async () => {
    const files = await readJson(home, 'memories files', { now })
    const told = files.filter(({ kind }: { kind: string }) => !['baseline', 'lock'].includes(kind))
    expect(
      Object.fromEntries(
        told.map((file: { path: string; size_bytes: number }) => [
          file.path.slice(home.length + 1),
          file.size_bytes,
        ]),
      ),
    ).toEqual(Object.fromEntries(Object.entries(expected.files).map(([path, { bytes }]) => [path, bytes])))
    const given = await run(home, 'memories given', { now })
    expect(given.stdout.trim()).toBe(
      readFileSync(
        join(home, inUse === 'memories_v2_1.sqlite' ? 'memories_v2' : 'memories', 'memory_summary.md'),
        'utf8',
      ).trim(),
    )
    const jobs = await readJson(home, 'memories jobs --all', { now })
    const stored = Object.values(expected.pipelines).flatMap((pipeline) => pipeline.jobs)
    expect(jobs).toHaveLength(stored.length)
    const table = await readJson(home, 'table jobs', { now })
    expect(table).toHaveLength(stored.length)
    const places = await readJson(home, 'where', { now })
    expect(
      places
        .filter((place: { in_use: boolean }) => place.in_use)
        .map(({ path }: { path: string }) => path.slice(home.length + 1)),
    ).toEqual([inUse])
    const usage = await readJson(home, 'du', { now })
    expect(usage.find(({ kind }: { kind: string }) => kind === 'memories').size_bytes).toBe(
      files.reduce((sum: number, { size_bytes }: { size_bytes: number }) => sum + size_bytes, 0),
    )
  })
})

describe('a home with both pipelines', () => {
  let home: string
  let now: number

  beforeAll(() => {
    home = copy('codex-0.169.0-dual-memories')
    now = whenLeft(
      JSON.parse(
        readFileSync(join(fixturePath('memories', 'codex-0.169.0-dual-memories'), 'expected.json'), 'utf8'),
      ),
    )
  })

  test('a table that both have is shown from both, each row with its database, or from the one that is named', async () => {
    const both = await readJson(home, 'table stage1_outputs')
    expect(
      new Set(both.map(({ database }: { database: string }) => database.slice(home.length + 1))),
    ).toEqual(new Set(['memories_1.sqlite', 'memories_v2_1.sqlite']))
    for (const name of ['memories_v2_1.stage1_outputs', 'memories_v2_1.sqlite.stage1_outputs']) {
      const one = await readJson(home, `table ${name}`)
      expect(one).toHaveLength(11)
      expect(Object.keys(one[0])).not.toContain('database')
      expect(one.every(({ raw_memory }: { raw_memory: string }) => raw_memory === '')).toBe(true)
    }
    expect((await run(home, 'table memories_v3_1.jobs')).exitCode).toBe(1)
  })

  test('the list can be cut down by state, use, folder and pipeline', async () => {
    const count = async (flags: string) => (await readJson(home, `memories list ${flags}`, { now })).length
    expect(await count('--state consolidated')).toBe(7)
    expect(await count('--state newer-waiting --state waiting')).toBe(2)
    expect(await count('--state archived')).toBe(1)
    expect(await count('--used')).toBe(2)
    expect(await count('--unused')).toBe(9)
    expect(await count('--unused --pipeline v2')).toBe(11)
    expect(await count('--cwd /home/demo/projects/infra/')).toBe(5)
    for (const flags of ['--used --unused', '--all --pipeline v1', '--missing --used']) {
      expect((await run(home, `memories list ${flags}`)).exitCode).toBe(2)
    }
  })

  test('the consolidation has counters for watermarks, an extraction times', async () => {
    const [first, second] = await readJson(home, 'memories jobs', { now })
    expect(first).toMatchObject({
      phase: 'consolidate',
      state: 'waiting',
      input_watermark: null,
      input_counter: 1_795_594_996,
      last_success_counter: 1_795_566_192,
    })
    expect(second).toMatchObject({ phase: 'extract', input_counter: null })
    expect(second.input_watermark).toMatch(/^2026-/)
  })

  test('where says which pipeline sessions read, and by which rule', async () => {
    const { stdout } = await run(home, 'where --no-pager', { isTerminal: true, columns: 200 })
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(
      'Memories are on; sessions read v1: memories.version = "v1" in config.toml.',
    )
  })

  test('where claims nothing of a configuration that cannot be used', async () => {
    const broken = copy('codex-0.169.0-dual-memories')
    changeConfig(broken, (text) => `${text}\n]`)
    const { stdout } = await run(broken, 'where --no-pager', { isTerminal: true, columns: 200 })
    expect(stdout).toContain('Whether memories are on is not known: config.toml cannot be used.\n')
    const places = await readJson(broken, 'where')
    expect(new Set(places.map(({ in_use }: { in_use: boolean | null }) => in_use))).toEqual(new Set([null]))
    const [memory] = await readJson(broken, 'memories list --pipeline v1')
    const { checks } = await readJson(broken, `memories why ${memory.thread_id}`)
    expect(checks[0]).toMatchObject({ check: 'feature', outcome: 'not known' })
    expect((await readJson(broken, 'memories given')).reason).toBe('not known: config.toml cannot be used')
  })

  test('on a terminal a memory is text with its lines', async () => {
    const { stdout } = await run(home, 'memories show last --color never', { now, isTerminal: true })
    expect(stdout).toContain('\nRaw memory\n---\ndescription: ')
    expect(stdout).toContain('\n### Task 1: ')
    expect(stdout).not.toContain('\\n')
  })

  test('without the folder of the first pipeline its rows are dead, which is said', async () => {
    const moved = copy('codex-0.169.0-dual-memories')
    rmSync(join(moved, 'memories'), { recursive: true })
    changeConfig(moved, (text) => text.replace('version = "v1"\n', ''))
    const database = new Database(join(moved, 'memories_v2_1.sqlite'))
    database.exec('DELETE FROM stage1_outputs; DELETE FROM jobs')
    database.close()
    const { stderr, exitCode } = await run(moved, 'memories list', { now })
    expect(exitCode).toBe(0)
    expect(saidIn(stderr)).toEqual([
      'codex-state: 11 threads have their memory only in v1, which no session reads; --all shows both. In use is v2: there is no folder memories/, and config.toml has no memories.version',
    ])
    const [memory] = await readJson(moved, 'memories list --pipeline v1', { now })
    expect(memory.in_use).toBe(false)
    const { reason, words } = await readJson(moved, `memories why ${memory.thread_id}`, { now })
    expect({ reason, words }).toEqual({
      reason: 'other-pipeline',
      words: 'it has one in the other pipeline (v1), which is not read',
    })
    const given = await run(moved, 'memories given', { now })
    expect(given.stdout.startsWith('v1\n')).toBe(true)
  })
})

describe('what a session is given', () => {
  const NAME = 'codex-0.140.0-memories'
  const reasonIn = async (home: string, cwd = '/') => {
    const { given, reason } = await readJson(home, `memories given --cwd ${cwd}`)
    return { given, reason }
  }

  test('nothing, and why: the feature, use_memories, the mark, or the file', async () => {
    const home = copy(NAME)
    const summary = join(home, 'memories', 'memory_summary.md')
    const text = readFileSync(summary, 'utf8')
    changeConfig(home, (config) => config.replace('\nmemories = true', '\nmemories = false'))
    expect(await reasonIn(home)).toEqual({
      given: false,
      reason: 'memories are off in this home: features.memories in config.toml',
    })
    changeConfig(home, (config) =>
      config
        .replace('\nmemories = false', '\nmemories = true')
        .replace('[memories]', '[memories]\nuse_memories = false'),
    )
    expect((await reasonIn(home)).reason).toBe('memories.use_memories is false in config.toml')
    changeConfig(home, (config) => config.replace('use_memories = false', ''))
    expect((await reasonIn(home)).given).toBe(true)
    writeFileSync(summary, text.replace(/^v1\n/, ''))
    expect((await reasonIn(home)).reason).toContain('does not begin with the line v1')
    writeFileSync(summary, ' \n')
    expect((await reasonIn(home)).reason).toBe('the summary is empty')
    rmSync(summary)
    const { stdout, stderr, exitCode } = await run(home, 'memories given')
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 })
    expect(saidIn(stderr)).toEqual([
      'codex-state: a session is given nothing of its memories: there is no summary yet: no consolidation has ended well',
    ])
  })

  test('a long summary loses its middle, between characters', async () => {
    const home = copy(NAME)
    writeFileSync(join(home, 'memories', 'memory_summary.md'), `v1\n${'ö'.repeat(6000)}\nend\n`)
    const { text, cut_bytes, size_bytes } = await readJson(home, 'memories given')
    const [head, tail] = text.split('…502 tokens truncated…')
    expect(head).toBe(`v1\n${'ö'.repeat(2498)}`)
    expect(tail).toBe(`${'ö'.repeat(2497)}\nend\n`)
    expect(Buffer.byteLength(head + tail) + cut_bytes).toBe(size_bytes)
  })

  test('what a project says of memories is named, and not taken for obeyed', async () => {
    const home = copy(NAME)
    const config = join(home, 'project', '.codex', 'config.toml')
    mkdirSync(dirname(config), { recursive: true })
    mkdirSync(join(home, 'project', '.git'))
    // Above the root of the project nothing is looked at.
    mkdirSync(join(home, '.codex'))
    writeFileSync(join(home, '.codex', 'config.toml'), '[memories]\nuse_memories = false\n')
    writeFileSync(config, '[memories]\nuse_memories = false\n')
    const at = `memories given --cwd ${join(home, 'project', 'src')}`
    const { given, project_settings } = await readJson(home, at)
    expect({ given, project_settings }).toEqual({ given: true, project_settings: [config] })
    expect(saidIn((await run(home, at)).stderr)).toEqual([
      `codex-state: ${config} speaks of memories: a session in a trusted project may obey it, which is left out here`,
    ])
  })
})

test('texts of threads that are gone are named, with the fault that leaves them there', async () => {
  const home = copy('codex-0.118.0-memories')
  const [orphan, ...others] = await readJson(home, 'memories files --orphans')
  expect(others).toEqual([])
  expect(orphan).toMatchObject({ kind: 'rollout summary', orphan: 'its thread has no row' })
  const { stdout } = await run(home, 'memories files --no-pager', { isTerminal: true, columns: 200 })
  expect(stdout).toContain('1 text tells of a thread or memory that is gone')
  expect(stdout).toContain('to 0.125 Codex does not notice when a rollout is removed by hand')
  const jobs = await readJson(home, 'memories jobs')
  expect(jobs.find(({ job_key }: { job_key: string }) => job_key === orphan.thread_id).state).toBe('orphan')
})

test.each([
  ['0.118.0', 'disabled', '`codex debug clear-memories` of 0.118 and 0.120 disables every thread'],
  ['0.125.0', 'enabled', '0.124 and 0.125 write enabled over polluted whenever they list threads'],
  ['0.140.0', 'enabled', undefined],
])('in %s a thread that is %s may be so by a fault of Codex: %s', async (version, mode, fault) => {
  const home = copy('codex-0.118.0-memories')
  const database = new Database(join(home, 'state_5.sqlite'))
  database.prepare('UPDATE threads SET cli_version = ?, memory_mode = ?').run(version, mode)
  const id = database.prepare('SELECT id FROM threads WHERE archived = 0').pluck().get()
  database.close()
  const { checks } = await readJson(home, `memories why ${id}`)
  const { detail } = checks.find(({ check }: { check: string }) => check === 'mode')
  expect(detail.startsWith(`memory_mode is ${mode}`)).toBe(true)
  expect(detail.includes('(')).toBe(fault !== undefined)
  if (fault !== undefined) expect(detail).toContain(fault)
})

test.each([
  ['idle', -5, 'fail', 'idle for 0 h, less than min_rollout_idle_hours (6)'],
  ['idle', 59, 'fail', 'idle for 0 h, less than min_rollout_idle_hours (6)'],
  ['idle', 359, 'fail', 'idle for 5 h, less than min_rollout_idle_hours (6)'],
  ['idle', 360, 'pass', 'idle for longer than min_rollout_idle_hours (6)'],
  ['age', 30 * 1440, 'pass', 'not older than max_rollout_age_days (30)'],
  ['age', 30 * 1440 + 1, 'fail', 'older than max_rollout_age_days (30)'],
])(
  'the check of %s, %i minutes after the thread changed: %s, %s',
  async (check, minutes, outcome, detail) => {
    const home = copy('codex-0.169.0-memories')
    const [{ id, updated_at }] = await readJson(home, 'threads list')
    const now = Date.parse(updated_at) + minutes * 60_000
    const { checks } = await readJson(home, `memories why ${id}`, { now })
    expect(checks.find((one: { check: string }) => one.check === check)).toMatchObject({ outcome, detail })
  },
)

test('a home that makes no memories says so', async () => {
  const home = copyHome('codex-0.140.0')
  const off = 'memories are off in this home: features.memories in config.toml'
  expect(existsSync(join(home, 'memories'))).toBe(false)
  const said = async (command: string) => saidIn((await run(home, command)).stderr).at(-1)
  expect(await said('memories list')).toBe(`codex-state: no memories: ${off}`)
  expect(await said('memories jobs')).toBe(`codex-state: no memory jobs: ${off}`)
  expect(await said('memories show last')).toContain(`there are no memories: ${off}`)
  expect(await said('memories given')).toContain(off)
  const missing = await readJson(home, 'memories list --missing')
  expect(new Set(missing.map(({ reason }: { reason: string }) => reason))).toEqual(new Set(['feature-off']))
  rmSync(dirname(home), { recursive: true })
})

test('where the release makes none, that is the one condition', async () => {
  const home = copyHome('codex-0.98.0')
  const { reason, checks } = await readJson(home, 'memories why last')
  expect({ reason, count: checks.length }).toEqual({ reason: 'feature-off', count: 1 })
  rmSync(dirname(home), { recursive: true })
})

test('a memory whose thread has no row is an orphan', async () => {
  const home = copy('codex-0.140.0-memories')
  const { thread_id: id } = await readJson(home, 'memories show last')
  const database = new Database(join(home, 'state_5.sqlite'))
  database.prepare('DELETE FROM threads WHERE id = ?').run(id)
  database.close()
  const [memory] = await readJson(home, 'memories list --state orphan')
  expect(memory.thread_id).toBe(id)
  expect(readdirSync(join(home, 'memories', 'rollout_summaries')).length).toBeGreaterThan(0)
})

test('files have what made them told, whatever a release left there', async () => {
  const home = copy('codex-0.169.0-dual-memories')
  const put = (path: string) => {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), '')
  }
  put('memories/phase2_workspace_diff.md')
  put('memories/.codex')
  put('memories/draft.txt')
  put('memories_extensions/ad_hoc/notes/2026-11-25T12-00-00-tea.md')
  const files = await readJson(home, 'memories files')
  const found = files.map(({ path, kind, made_by, pipeline }: Record<string, string>) =>
    [path!.slice(home.length + 1), kind, made_by, pipeline].join(' | '),
  )
  expect(found).toEqual(
    expect.arrayContaining([
      'memories/phase2_workspace_diff.md | pending diff | Codex | v1',
      'memories/.codex | leftover | sandbox | v1',
      'memories/draft.txt | other | not known | v1',
      'memories_extensions/ad_hoc/notes/2026-11-25T12-00-00-tea.md | note | agent of a session | v1',
      'memories/.git | baseline | Codex | v1',
      'memories.lock | lock | Codex | v1',
      'memories_v2.lock | lock | Codex | v2',
      'memories_v2/memory_summary.md | summary | consolidation agent | v2',
    ]),
  )
  const { stdout } = await run(home, 'memories files --no-pager', { isTerminal: true })
  expect(stdout).toContain('a diff is pending: a consolidation is under way, or did not end well\n')
})

test('files are looked for in the home, and rows where its databases are', async () => {
  const home = copy('codex-0.140.0-memories')
  mkdirSync(join(home, 'elsewhere'))
  for (const name of readdirSync(home).filter((file) => /\.sqlite/.test(file))) {
    renameSync(join(home, name), join(home, 'elsewhere', name))
  }
  changeConfig(home, (text) => `sqlite_home = "elsewhere"\n${text}`)
  expect(await readJson(home, 'memories list')).toHaveLength(11)
  expect((await readJson(home, 'memories given')).given).toBe(true)
  const orphans = await readJson(home, 'memories files --orphans')
  expect(orphans).toEqual([])
})

test('a job that is over or rests says when it is looked at again', async () => {
  const home = copy('codex-0.140.0-memories')
  const now = 1_800_000_000_000
  const change = (sql: string) => {
    const database = new Database(join(home, 'memories_1.sqlite'))
    database.exec(`UPDATE jobs SET ${sql} WHERE kind = 'memory_consolidate_global'`)
    database.close()
  }
  const tell = async () => {
    const [{ state, words, lease }] = await readJson(home, 'memories jobs', { now })
    return { state, words, lease }
  }
  change(`status = 'done', finished_at = ${now / 1000 - 3600}`)
  expect(await tell()).toEqual({ state: 'done', words: 'rests for 5 h more', lease: null })
  change(`finished_at = ${now / 1000 - 7 * 3600}`)
  expect(await tell()).toEqual({ state: 'done', words: 'looks again at the next start', lease: null })
  change(`status = 'running', started_at = ${now / 1000 - 600}, lease_until = ${now / 1000 + 3000}`)
  expect(await tell()).toEqual({
    state: 'running',
    words: 'since 10 min ago, lease for 50 min more',
    lease: 'held',
  })
  change(`lease_until = ${now / 1000 - 1}`)
  expect((await tell()).state).toBe('lease run out')
  change(
    `status = 'error', retry_remaining = 1, retry_at = ${now / 1000 + 1800}, last_error = 'failed_agent'`,
  )
  expect((await tell()).words).toBe('2 of 3 times, next try in 30 min: failed_agent')
  change('retry_remaining = 0')
  expect(await tell()).toEqual({ state: 'given up', words: 'after 3 tries: failed_agent', lease: null })
})

test('a home of 0.99 keeps its memories in a state database of an older generation', async () => {
  const home = copy('codex-0.100.0-memories')
  for (const suffix of ['', '-wal'])
    renameSync(join(home, `state_5.sqlite${suffix}`), join(home, `state_4.sqlite${suffix}`))
  const database = new Database(join(home, 'state_4.sqlite'))
  database.exec(`UPDATE threads SET cli_version = '0.99.0'`)
  database.close()
  expect(await readJson(home, 'memories list')).toHaveLength(16)
  const [state] = await readJson(home, 'where')
  expect(state).toMatchObject({ role: 'state', pipeline: 'v1', in_use: true })
})

test('a damaged database of the pipeline that no session reads takes nothing from the other', async () => {
  const home = copy('codex-0.169.0-dual-memories')
  rmSync(join(home, 'memories_v2_1.sqlite-wal'))
  writeFileSync(join(home, 'memories_v2_1.sqlite'), 'no database at all')
  const { stdout, stderr, exitCode } = await run(home, 'memories list --json')
  expect({ exitCode, count: JSON.parse(stdout).length }).toEqual({ exitCode: 0, count: 11 })
  expect(saidIn(stderr)).toEqual([
    `codex-state: ${home}/memories_v2_1.sqlite is not an SQLite database: memories in it, which no session reads, are left out`,
  ])
  rmSync(join(home, 'memories_1.sqlite-wal'))
  writeFileSync(join(home, 'memories_1.sqlite'), 'no database at all')
  expect((await run(home, 'memories list')).exitCode).toBe(3)
})
