import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { SEED_RULES } from '../../src/model/releases.js'
import { type ExtractJob, extractRollout } from '../../src/rollout/extract.js'
import { createExtractor } from '../../src/rollout/extractor.js'
import { startExtractWorker } from '../../src/rollout/start-worker.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { writeSessions } from '../helpers/sessions.js'
import { runBin, startProcess } from '../helpers/spawn.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const worker = join(root, 'dist/backfill-worker.cjs')
const settings = { defaultProvider: 'openai', rules: SEED_RULES, normalizesCwd: false }
const reportWorkers = { NODE_OPTIONS: `--require ${join(root, 'test/helpers/report-workers.cjs')}` }

function makeJobs(count: number): { home: string; jobs: ExtractJob[] } {
  const home = temporaryFolder()
  return { home, jobs: writeSessions(home, count).map((path) => ({ path, isArchived: false })) }
}

test('threads give what one thread gives, in the order of the jobs', async () => {
  const { jobs } = makeJobs(50)
  jobs.splice(10, 0, { path: '/nowhere/rollout-x.jsonl', isArchived: false })
  const expected = []
  for (const job of jobs) expected.push(await extractRollout(job, settings))
  expect(expected[10]).toMatchObject({ kind: 'failed' })
  for (const workerCount of [0, 1, 3]) {
    const extractor = createExtractor(settings, jobs, { workerCount })
    expect(await extractor.extract(jobs)).toEqual(expected)
    expect(
      await Promise.all([extractor.extract(jobs.slice(0, 3)), extractor.extract(jobs.slice(3))]),
    ).toEqual([expected.slice(0, 3), expected.slice(3)])
    await extractor.close()
  }
})

test('a thread that dies takes the work down, and does not hang it', async () => {
  const { jobs } = makeJobs(3)
  const extractor = createExtractor(settings, jobs, { workerCount: 1 })
  const impossible = [{ path: undefined as unknown as string, isArchived: false }]
  await expect(extractor.extract(impossible)).rejects.toThrow(TypeError)
  await expect(extractor.extract(jobs)).rejects.toThrow(TypeError)
  await extractor.close()
})

test('the worker is found from the sources', async () => {
  const started = startExtractWorker(settings)
  expect(started).toBeDefined()
  await started!.terminate()
})

test('the commands start threads for many rollouts and none for few', async () => {
  const few = makeJobs(200)
  const many = makeJobs(201)
  const run = async (home: string) => {
    const args = ['backfill', 'run', '--codex-home', home, '--into', temporaryFolder()]
    const { stderr, exitCode } = await runBin('codex-state', args, { env: reportWorkers })
    expect(exitCode).toBe(0)
    return stderr.split('\n').filter((line) => line.startsWith('worker'))
  }
  expect(await run(few.home)).toEqual([])
  const started = await run(many.home)
  expect(started.length).toBeGreaterThan(0)
  expect(new Set(started)).toEqual(new Set([`worker ${worker}`]))
})

test('the library starts them too', async () => {
  const { home } = makeJobs(201)
  const script = join(temporaryFolder(), 'use.mjs')
  writeFileSync(
    script,
    `import { initStateStore } from ${JSON.stringify(pathToFileURL(join(root, 'dist/index.js')).href)}
     const runtime = await initStateStore({ codexHome: process.argv[2], defaultProvider: 'openai', workerCount: 1 })
     console.log(runtime.listThreads({ pageSize: 1000 }).items.length)
     runtime.close()`,
  )
  const { stdout, stderr, exitCode } = await startProcess(process.execPath, [script, home], {
    env: reportWorkers,
  }).end()
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: '201\n', stderr: `worker ${worker}\n`, exitCode: 0 })
})
