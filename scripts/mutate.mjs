// How good are the tests? Changes one small thing of the source at a time, in a copy of the repository, and runs the
// tests nearest to it: a change that no test notices has survived, and is printed. Not a part of `npm test`.
//
//   node scripts/node24.mjs scripts/mutate.mjs [--count 40] [--seed 1] [--minutes 30] [--tests 6] [src/inspect …]
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { transformSync } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '30' },
    tests: { type: 'string', default: '6' },
  },
})
const folders = positionals.length > 0 ? positionals : ['src/inspect', 'src/query', 'src/cli/state']
const deadline = Date.now() + Number(values.minutes) * 60_000

/** So long may the tests of one change take: a loop without an end is a change that was noticed. */
const TIMEOUT_MS = 120_000

/** Files of tests that take longer by themselves are left out. */
const SLOW_MS = 40_000

/** What is changed, outside of strings, comments and imports; each gives the text that stands there instead. */
const CHANGES = [
  [/ === /g, () => ' !== '],
  [/ !== /g, () => ' === '],
  [/ < /g, () => ' <= '],
  [/ <= /g, () => ' < '],
  [/ > /g, () => ' >= '],
  [/ >= /g, () => ' > '],
  [/ && /g, () => ' || '],
  [/ \|\| /g, () => ' && '],
  [/ \+ 1\b/g, () => ' - 1'],
  [/ - 1\b/g, () => ' + 1'],
  [/\btrue\b/g, () => 'false'],
  [/\bfalse\b/g, () => 'true'],
  [/!(?=[a-z(])/g, () => ''],
  [/\b[2-9]\d*(?:_\d+)*\b/g, (text) => `${Number(text.replaceAll('_', '')) * 100}`],
  [/\.(?:toReversed|toSorted)\(\)/g, () => ''],
]

/** The text with a blank for each character of a string, a comment or an import: what is left is code. */
function blankOut(text) {
  const blank = (found) => found.replace(/[^\n]/g, '\0')
  return text
    .replace(/\/\*[\s\S]*?\*\/|(?<=^|[\s;{(,])\/\/.*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/gm, blank)
    .replace(/^import [^;]*?from \0+$/gm, blank)
}

function findSites(path) {
  const text = readFileSync(join(root, path), 'utf8')
  const code = blankOut(text)
  const compile = (source) => transformSync(source, { loader: 'ts' }).code
  const compiled = compile(text)
  const sites = []
  for (const [pattern, change] of CHANGES) {
    for (const { 0: found, index } of code.matchAll(pattern)) {
      const changed = text.slice(0, index) + change(found) + text.slice(index + found.length)
      sites.push({
        path,
        index,
        line: text.slice(0, index).split('\n').length,
        changed,
        compile,
        compiled,
        text,
      })
    }
  }
  return sites
}

/** A type, or what is no program any more, is no change. */
function isChange({ changed, compile, compiled }) {
  try {
    return compile(changed) !== compiled
  } catch {
    return false
  }
}

const listFiles = (folder, end) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name).replaceAll('\\', '/'))

// Which files a file imports, also when it runs; and which commands a test runs by their words.
const sources = listFiles('src', '.ts')
const tests = listFiles('test', '.test.ts').filter((path) => !/^test\/(?:bin|interop|package)\//.test(path))
const imports = new Map(
  [...sources, ...tests, ...listFiles('test/helpers', '.ts')].map((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    const found = [...text.matchAll(/(?:from |import\()'(\.[^']+)\.js'/g)].map(([, specifier]) =>
      normalize(join(dirname(path), `${specifier}.ts`)).replaceAll('\\', '/'),
    )
    return [path, { text, found }]
  }),
)
const commands = ['logs', 'state'].flatMap((program) =>
  [
    ...imports
      .get(`src/cli/${program}.ts`)
      .text.matchAll(/^ {4}'?([\w ]+?)'?: \{[^}]*?import\('\.\/([^']+)\.js'\)/gms),
  ].map(([, words, file]) => ({ words: words.split(' '), path: normalize(`src/cli/${file}.ts`) })),
)

/** The tests of a file, nearest first: by how many imports lie between, a command that is run being one of them. */
function testsOf(path) {
  const importers = new Map([[path, 0]])
  const [word] = basename(path, '.ts').split('-')
  const isNamedAlike = (test) => Number(basename(test).includes(word))
  for (const [file, distance] of importers) {
    for (const [other, { found }] of imports) {
      // All commands are loaded through these two: they say nothing of what a test runs.
      if (/^src\/cli\/(?:logs|state|main)\.ts$/.test(other)) continue
      if (found.includes(file) && !importers.has(other)) importers.set(other, distance + 1)
    }
    for (const { words, path: commandPath } of commands) {
      if (commandPath !== file) continue
      const typed = new RegExp(`'${words.join(`',\\s*'`)}'`)
      for (const test of tests) {
        if (typed.test(imports.get(test).text) && !importers.has(test)) importers.set(test, distance + 1)
      }
    }
  }
  return [...importers]
    .filter(([file]) => tests.includes(file))
    .sort((a, b) => a[1] - b[1] || isNamedAlike(b[0]) - isNamedAlike(a[0]))
    .map(([file]) => file)
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

const sites = folders.flatMap((folder) => listFiles(folder, '.ts')).flatMap(findSites)
const random = createRandom(Number(values.seed))
const copy = mkdtempSync(join(tmpdir(), 'mutate-'))
for (const name of [
  'src',
  'test',
  'scripts',
  'schemas',
  'migrations',
  'docs',
  'demo',
  'bench',
  'tools',
  'bin',
])
  cpSync(join(root, name), join(copy, name), { recursive: true })
for (const name of readdirSync(root))
  if (/\.(?:json|md|ts)$/.test(name)) cpSync(join(root, name), join(copy, name))
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))

/** Whether these tests pass. */
function areTestsContent(files, timeout = TIMEOUT_MS) {
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', '--reporter=dot', ...files],
    { cwd: copy, stdio: 'ignore', timeout },
  )
  return status === 0
}

const counts = { noticed: 0, survived: 0, untested: 0 }
/** Tests that fail by themselves, or take too long, tell nothing. */
const sound = new Map()
function isSound(test) {
  if (!sound.has(test)) sound.set(test, areTestsContent([test], SLOW_MS))
  return sound.get(test)
}

function nearestSoundTests(path) {
  const found = []
  for (const test of testsOf(path)) {
    if (found.length === Number(values.tests) || Date.now() > deadline) break
    if (isSound(test)) found.push(test)
  }
  return found
}

try {
  for (let tried = 0; tried < Number(values.count) && Date.now() < deadline && sites.length > 0; ) {
    const [site] = sites.splice(Math.floor(random() * sites.length), 1)
    if (!isChange(site)) continue
    tried += 1
    const files = nearestSoundTests(site.path)
    if (files.length === 0) {
      counts.untested += 1
      console.log(`untested ${site.path}:${site.line}`)
      continue
    }
    writeFileSync(join(copy, site.path), site.changed)
    const hasSurvived = areTestsContent(files)
    writeFileSync(join(copy, site.path), site.text)
    counts[hasSurvived ? 'survived' : 'noticed'] += 1
    const change = site.changed.split('\n')[site.line - 1].trim()
    console.log(`${hasSurvived ? 'SURVIVED' : 'noticed '} ${site.path}:${site.line}  ${change}`)
  }
} finally {
  rmSync(copy, { recursive: true })
}
const { noticed, survived, untested } = counts
console.log(
  `\n${noticed} of ${noticed + survived} changes were noticed, seed ${values.seed}; ${untested} files without a test`,
)
