// How good are the tests? In a copy of the repository it makes one small change of the source at a time and runs the
// tests that come through the changed place: a change that no test notices has survived, and is printed. First all tests
// run once to see which places each comes through. Not a part of `npm test`.
//
//   node scripts/node24.mjs scripts/mutate.mjs [--count 40] [--seed 1] [--minutes 60] [--seconds 60] [--tests test/cli]
//     [src/inspect src/query/memories.ts:41 …]
//
// A place may be a folder, a file, or a file and a line. `--seconds` is how long the tests of one change may take,
// `--tests` names the only tests that are run (several: divided by commas).
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createVitest } from 'vitest/node'
import { insertChanges } from './mutate-sites.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '60' },
    tests: { type: 'string', default: 'test/' },
  },
})
const places = positionals.length > 0 ? positionals : ['src/inspect', 'src/query', 'src/cli/state']
const deadline = Date.now() + Number(values.minutes) * 60_000
const secondsEach = Number(values.seconds)

// These run the built program, or take long and notice no more than that a command ends.
const NOT_RUN =
  /^test\/(?:(?:bin|interop|package)\/|(?:package|readme|recipes|types|architecture|fixtures-unchanged)\.test|.*(?:mutants|kills)\.test)/

const sites = []
/** Each source file with its changes inside, by its path. */
const changed = new Map()
/** The lines that are asked for, by file; none: all of it. */
const linesOf = new Map()
for (const place of places) {
  const [path, line] = place.split(':')
  const files = statSync(join(root, path)).isDirectory()
    ? readdirSync(join(root, path), { recursive: true, encoding: 'utf8' }).map((name) => join(path, name))
    : [path]
  for (const file of files.filter((name) => name.endsWith('.ts')).sort()) {
    linesOf.set(file, [...(linesOf.get(file) ?? []), ...(line ? [Number(line)] : [])])
  }
}
for (const [file, lines] of linesOf) {
  const isWanted = ({ line }) => lines.length === 0 || lines.includes(line)
  const addSite = (site) => sites.push({ ...site, isWanted: isWanted(site) }) - 1
  changed.set(file, insertChanges(file, readFileSync(join(root, file), 'utf8'), addSite))
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function createRandom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Sites in the order they are tried: each file in its turn, and in it each kind of change as often as another. */
function* drawSites() {
  const random = createRandom(Number(values.seed))
  const takeOne = (list) => list.splice(Math.floor(random() * list.length), 1)[0]
  const wanted = [...sites.keys()].filter((id) => sites[id].isWanted)
  const byFile = [...Map.groupBy(wanted, (id) => sites[id].path).values()].map((ids) => [
    ...Map.groupBy(ids, (id) => sites[id].kind).values(),
  ])
  for (let files = byFile; files.length > 0; files = files.filter((kinds) => kinds.length > 0)) {
    const round = [...files]
    while (round.length > 0) {
      const kinds = takeOne(round)
      const ids = takeOne(kinds)
      yield takeOne(ids)
      if (ids.length > 0) kinds.push(ids)
    }
  }
}

setPriority(10)
const copy = mkdtempSync(join(tmpdir(), 'mutate-'))
for (const name of readdirSync(root)) {
  if (!/^(?:\.git|node_modules|dist|test-report\.json)$/.test(name)) {
    cpSync(join(root, name), join(copy, name), { recursive: true })
  }
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
process.chdir(copy)

const vitest = await createVitest(
  'test',
  { root: copy, watch: false, maxWorkers: 1, reporters: [{}] },
  {
    plugins: [
      {
        name: 'changes',
        enforce: 'pre',
        config: () => ({
          cacheDir: join(copy, 'cache'),
          test: { setupFiles: ['scripts/mutate-setup.mjs'], testTimeout: 120_000, hookTimeout: 120_000 },
        }),
        transform: (_, id) => changed.get(relative(copy, id)),
      },
    ],
  },
)

const [project] = vitest.projects
const short = (text) => String(text).replace(/\s+/g, ' ').slice(0, 90)

/** Runs tests of one file with one change, or with none: whether they passed, and what each came through. */
async function run(specification, change) {
  // The first test that fails is enough for a change; without one all are looked at.
  project.config.bail = change === undefined ? 0 : 1
  vitest.provide('mutation', { change, siteCount: sites.length, limitMs: secondsEach * 3000 })
  vitest.state.errorsSet.clear()
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications([specification])
  // Those of earlier runs are told as well.
  const module = testModules.find(({ moduleId }) => moduleId === specification.moduleId)
  const [failed] = module?.children.allTests('failed') ?? []
  const problem =
    failed?.result().errors[0]?.message ?? module?.errors()[0]?.message ?? unhandledErrors[0]?.message
  return { hasPassed: unhandledErrors.length === 0 && module?.ok() === true, module, problem }
}

/** The tests by site: of each file of tests those that come through it. */
const testsOf = new Map()
async function mapTests() {
  const specifications = await vitest.globTestSpecifications(values.tests.split(','))
  for (const specification of specifications) {
    const file = relative(copy, specification.moduleId)
    if (NOT_RUN.test(file) || Date.now() > deadline) continue
    const { hasPassed, module, problem } = await run(specification, undefined)
    // Tests that fail by themselves tell nothing.
    if (!hasPassed) console.log(`left out what fails without a change: ${file}: ${short(problem)}`)
    if (!module) continue
    const outside = new Set(module.meta().passed)
    const tests = [...module.children.allTests('passed')].map((test) => ({
      id: test.id,
      tookMs: test.meta().tookMs,
      passed: new Set(test.meta().passed),
    }))
    for (const id of tests.reduce((all, { passed }) => all.union(passed), outside)) {
      const isWhole = !sites[id].isInFunction || outside.has(id)
      const chosen = isWhole ? tests : tests.filter(({ passed }) => passed.has(id))
      const tookMs = chosen.reduce((sum, test) => sum + test.tookMs, 1500)
      if (!testsOf.has(id)) testsOf.set(id, [])
      testsOf.get(id).push({ file, testIds: chosen.map((test) => test.id), tookMs })
    }
  }
}

/** Tries the tests of a site, those named like its file first, then the quick ones. */
async function tryChange(id) {
  const [word] = basename(sites[id].path, '.ts').split('-')
  const isNamedAlike = ({ file }) => Number(basename(file).includes(word))
  const found = (testsOf.get(id) ?? []).sort(
    (a, b) => isNamedAlike(b) - isNamedAlike(a) || a.tookMs - b.tookMs,
  )
  const end = Math.min(deadline, Date.now() + secondsEach * 1000)
  let tried = 0
  for (const { file, testIds } of found) {
    if (tried > 0 && Date.now() > end) break
    tried += 1
    const { hasPassed, problem } = await run(project.createSpecification(join(copy, file), { testIds }), id)
    if (!hasPassed) return { outcome: 'noticed', by: `${file}: ${short(problem)}` }
  }
  return {
    outcome: found.length === 0 ? 'untested' : 'SURVIVED',
    by: `${tried} of ${found.length} files of tests`,
  }
}

const counts = { noticed: 0, SURVIVED: 0, untested: 0 }
try {
  await vitest.standalone()
  await mapTests()
  console.log(`${sites.length} places, ${testsOf.size} of them in a test`)
  let tried = 0
  for (const id of drawSites()) {
    if (tried === Number(values.count) || Date.now() > deadline) break
    tried += 1
    const { path, line, kind, before, after } = sites[id]
    const { outcome, by } = await tryChange(id)
    counts[outcome] += 1
    console.log(`${outcome} ${path}:${line} ${kind}: ${short(before)} → ${short(after)} (${by})`)
  }
} finally {
  await vitest.close()
  process.chdir(root)
  rmSync(copy, { recursive: true, force: true })
}
const { noticed, SURVIVED, untested } = counts
console.log(
  `\n${noticed} of ${noticed + SURVIVED + untested} changes were noticed, seed ${values.seed}; ${untested} of the others are in no test`,
)
