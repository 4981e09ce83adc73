import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** Which folders (or single files) of src/ a folder's files may import from; themselves always. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  model: [],
  errors: [],
  db: ['model', 'errors'],
  schema: ['model', 'errors'],
  rollout: ['model', 'errors'],
  format: ['model', 'errors'],
  body: ['model', 'errors'],
  share: ['format', 'body', 'model', 'errors'],
  query: ['schema', 'db', 'body', 'model', 'errors'],
  inspect: ['rollout', 'query', 'body', 'schema', 'db', 'model', 'errors'],
  store: ['schema', 'db', 'model', 'errors'],
  sync: ['rollout', 'schema', 'query', 'store', 'db', 'model', 'errors'],
  // Never store or sync: what inspects cannot write.
  cli: ['format', 'body', 'share', 'inspect', 'rollout', 'query', 'schema', 'db', 'model', 'errors'],
  executable: ['cli', 'rollout'],
  'runtime-arguments': ['model', 'errors'],
  runtime: [
    'runtime-arguments',
    'sync',
    'store',
    'rollout',
    'inspect',
    'query',
    'schema',
    'db',
    'model',
    'errors',
  ],
  'state-store': ['runtime', 'runtime-arguments', 'sync', 'model'],
  index: [
    'state-store',
    'runtime',
    'sync',
    'store',
    'rollout',
    'inspect',
    'query',
    'schema',
    'db',
    'model',
    'errors',
  ],
}

/** Files that may import more, each for a reason of its own. */
const EXCEPTIONS: Record<string, readonly string[]> = {
  // The two commands that write, and only with explicit words.
  'cli/state/backfill-run.ts': ['sync'],
  'cli/state/backfill-into.ts': ['sync'],
  'cli/state/history-repair.ts': ['sync'],
  // An encoding has its form in SQL beside the one in JavaScript.
  'query/logs/bytes.ts': ['format'],
}

/** Whoever has a connection for writing; all others can only read, whatever else they import. */
const MAY_OPEN_FOR_WRITING = ['sync', 'runtime']

/** Who may import which package; a package that is not here may not be imported at all. */
const PACKAGES: Record<string, (file: string) => boolean> = {
  'better-sqlite3': (file) => file === 'db/locking-driver.ts' || file === 'db/open-write.ts',
  '@secretlint/types': (file) => file === 'share/secretlint.ts',
  '@secretlint/secretlint-rule-preset-recommend': (file) => file === 'share/secretlint.ts',
  chalk: (file) => file === 'format/palette.ts',
  commander: (file) => file === 'cli/parse.ts',
  fflate: (file) => file === 'share/bundle.ts',
  'hyparquet-writer': (file) => file === 'share/export/parquet.ts',
  luxon: (file) => file === 'format/time.ts' || file === 'cli/options.ts',
  'smol-toml': (file) => file === 'schema/home.ts',
  'string-width': (file) => file.startsWith('format/'),
}

const src = fileURLToPath(new URL('../src/', import.meta.url))

interface SourceFile {
  /** Below src/, with slashes. */
  path: string
  text: string
  imports: string[]
}

const files: SourceFile[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(join(src, name), 'utf8')
    return { path: name.split(sep).join('/'), text, imports: importsOf(text) }
  })

/** What a file imports, also for its types, and when it runs. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const specifiers = code.matchAll(
    /^(?:import|export)\s[\w\s{},*]*\bfrom\s'([^']+)'|^import\s'([^']+)'|\bimport\('([^']+)'\)/gm,
  )
  return [...specifiers].map(([, from, alone, called]) => (from ?? alone ?? called)!)
}

const areaOf = (path: string) => path.split('/')[0]!.replace(/\.ts$/, '')

/** The file of src/ that a relative import means. */
function targetOf(path: string, specifier: string): string {
  return relative('.', normalize(join(dirname(path), specifier)))
    .split(sep)
    .join('/')
    .replace(/\.js$/, '.ts')
}

/** Each circle of imports that can be gone through from file to file, those for types included. */
function findCircles(importsByFile: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at !== -1) circles.push([...trail.slice(at), path])
    if (at !== -1 || done.has(path)) return
    for (const next of importsByFile.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of importsByFile.keys()) walk(path, [])
  return circles
}

test('no file imports itself through others, not for a type either', () => {
  const importsByFile = new Map(
    files.map(({ path, imports }) => [
      path,
      imports.filter((specifier) => specifier.startsWith('.')).map((specifier) => targetOf(path, specifier)),
    ]),
  )
  expect(findCircles(importsByFile)).toEqual([])
  expect(
    findCircles(
      new Map([
        ['a', ['b', 'd']],
        ['b', ['c']],
        ['c', ['b']],
        ['d', []],
      ]),
    ),
  ).toEqual([['b', 'c', 'b']])
})

/** Names that several files export by intent. */
const SHARED_NAMES: Record<string, string> = {
  command: 'each command is the value of this name in its file',
  run: 'what the file in bin/ of either program calls',
  startExtractWorker: 'an executable has its own in place of the other',
  findThreadPath: 'that of the library, with and without a database, and what does it',
  listThreadsWithFallback: 'that of the library, with and without a database, and what does it',
}

test('a name that is exported has one meaning', () => {
  const places = new Map<string, Set<string>>()
  for (const { path, text } of files) {
    const exported = text.matchAll(
      /^export (?:declare |abstract |async )*(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm,
    )
    for (const [, name] of exported) places.set(name!, (places.get(name!) ?? new Set()).add(path))
  }
  const shared = [...places].filter(([, paths]) => paths.size > 1)
  expect(shared.filter(([name]) => !(name in SHARED_NAMES)).map(([name, paths]) => [name, ...paths])).toEqual(
    [],
  )
  expect(Object.keys(SHARED_NAMES).toSorted()).toEqual(shared.map(([name]) => name).toSorted())
})

describe.each(files)('src/$path', ({ path, text, imports }) => {
  test('imports from where it may', () => {
    const area = areaOf(path)
    const allowed = [area, ...(MAY_IMPORT[area] ?? []), ...(EXCEPTIONS[path] ?? [])]
    for (const specifier of imports) {
      if (specifier.startsWith('.')) {
        expect(allowed, specifier).toContain(areaOf(targetOf(path, specifier)))
        expect(specifier).toMatch(/\.js(on)?$/)
      } else if (!specifier.startsWith('node:')) {
        expect(PACKAGES[specifier]?.(path), specifier).toBe(true)
      }
    }
  })

  test('opens databases for writing only where rows are written', () => {
    const isOpener = imports.some((specifier) => specifier.endsWith('db/open-write.js'))
    expect(isOpener && !MAY_OPEN_FOR_WRITING.includes(areaOf(path))).toBe(false)
  })

  test('re-exports nothing unless it is the public API', () => {
    expect(path !== 'index.ts' && /^export (type )?(\*|\{[^}]*\}) from/m.test(text)).toBe(false)
  })

  test('talks to the process only at the edge', () => {
    if (path.startsWith('cli/') || path.startsWith('executable/') || path === 'index.ts') return
    // The times of files are of the same clock.
    if (path === 'db/clock.ts') return
    expect(text).not.toMatch(/\bconsole\.|process\.(stdout|stderr|argv|exit\b)|process\.env\b|Date\.now\(/)
  })
})

/** Each brings up to forty others of Node's along: more than all that a start costs besides. */
const LARGE = /^node:(child_process|crypto|fs\/promises|http|https|net|stream|worker_threads|zlib)$/

/** Never part of the start of a command. */
const MAY_BEGIN_WITH_LARGE =
  /-worker\.ts$|^share\/(otlp-client|export\/final-file)\.ts$|^rollout\/(start-worker|extractor)\.ts$/

test('large modules of Node are taken where they are used, by process.getBuiltinModule', () => {
  const imported = files.flatMap(({ path, text }) =>
    [...text.matchAll(/^import (?!type\b).*? from '(node:[^']+)'/gm)]
      .filter(([, name]) => LARGE.test(name!) && !MAY_BEGIN_WITH_LARGE.test(path))
      .map(([, name]) => `${path} ${name}`),
  )
  expect(imported).toEqual([])
})

test('every folder is in the table', () => {
  expect([...new Set(files.map(({ path }) => areaOf(path)))].filter((area) => !(area in MAY_IMPORT))).toEqual(
    [],
  )
})

test('the public API is exported by name', () => {
  expect(files.find(({ path }) => path === 'index.ts')?.text).not.toMatch(/^export (type )?\*/m)
})

test('an import is found in all its forms', () => {
  const text = [
    "import a from './a.js'",
    "import {\n  b,\n} from './b.js'",
    "import type { C } from './c.js'",
    "import './d.js'",
    "const e = await import('./e.js')",
    "type F = typeof import('./f.js')",
    "export * from './g.js'",
    "// import './no.js'",
    "/* import './no.js' */",
  ].join('\n')
  expect(importsOf(text)).toEqual(['./a.js', './b.js', './c.js', './d.js', './e.js', './f.js', './g.js'])
})

test('a database is opened in three places, and its file by SQLite alone or with a hold on it', () => {
  const filesWith = (pattern: RegExp) =>
    files.filter(({ text }) => pattern.test(text)).map(({ path }) => path)
  expect(filesWith(/new Database\(|new \w+\.DatabaseSync\(/)).toEqual([
    'db/immutable-driver.ts',
    'db/locking-driver.ts',
    'db/open-write.ts',
  ])
  const opensFiles = /\b(openSync|readFileSync|copyFileSync|createReadStream|readFile|copyFile|cpSync)\(/
  const inDb = filesWith(opensFiles).filter((path) => path.startsWith('db/'))
  // SQLite locks no log; a private copy has no other user; migrations are text.
  expect(inDb).toEqual(['db/files.ts', 'db/held-files.ts', 'db/migration-folder.ts', 'db/private-copy.ts'])
})
