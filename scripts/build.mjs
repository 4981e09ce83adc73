// Builds what is shipped: one CommonJS bundle for each command (measured: half the start-up time of ES
// modules as installed) and the library as ES modules.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as esbuild } from 'esbuild'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Of these packages need less than they load: 4 ms for executable subcommands, a slow form of a global. */
const CHEAP = { child_process: 'export default {}', process: 'export default globalThis.process' }

/**
 * Each module of Node's is taken once, and of it just what is used. Of its own esbuild copies all names of a
 * module for every file that imports it, which in sum costs a start half a millisecond.
 */
const builtins = {
  name: 'builtins',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ importer, kind, path }) => {
      if (kind !== 'import-statement') return undefined
      const isCheap = path.slice(5) in CHEAP && /[\\/]node_modules[\\/]/.test(importer)
      return { path: path.slice(5), namespace: isCheap ? 'cheap' : 'builtin', sideEffects: false }
    })
    build.onLoad({ filter: /.*/, namespace: 'cheap' }, ({ path }) => ({ contents: CHEAP[path] }))
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path)).filter(
        (name) => /^[A-Za-z]\w*$/.test(name) && name !== 'default',
      )
      const taken = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})()`)
      return {
        contents: [`const builtin = require('node:${path}')`, ...taken, 'export default builtin'].join('\n'),
      }
    })
  },
}

/** Rarely needed and large: a file of its own each, so that a start does not even parse it. */
const VENDORED = ['luxon', 'chalk']

const vendorApart = {
  name: 'vendor-apart',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${VENDORED.join('|')})$`) }, ({ path }) => ({
      path,
      namespace: 'vendor',
    }))
    build.onLoad({ filter: /.*/, namespace: 'vendor' }, ({ path }) => ({
      contents: `module.exports = require(__dirname + '/vendor/${path}.cjs')`,
    }))
  },
}

/** In CommonJS there is no `import.meta`; what asks for its URL wants the place of the bundle. */
const bundleUrl = {
  define: { 'import.meta.url': 'bundle.url' },
  banner: {
    js: `const bundle = { get url() { return require('node:url').pathToFileURL(__filename).href } }`,
  },
}

/** In a bundle better-sqlite3's own search for its binary would start from the wrong folder. */
const locateAddon = (script) => ({
  name: 'locate-better-sqlite3-addon',
  setup(build) {
    build.onLoad({ filter: /better-sqlite3[\\/]lib[\\/]binding\.js$/ }, () => ({
      contents: `module.exports = require("./scripts/${script}")`,
      resolveDir: root,
    }))
  },
})

/** The commands carry the migrations: CommonJS has no import.meta.url, and an executable no folder beside it. */
const embedMigrations = {
  name: 'embed-migrations',
  setup(build) {
    build.onLoad({ filter: /src[\\/]db[\\/]migration-folder\.ts$/ }, () => {
      const families = readdirSync(`${root}migrations`).map((family) => {
        const folder = `${root}migrations/${family}`
        const names = readdirSync(folder).filter((name) => name.endsWith('.sql'))
        return [
          family,
          names.sort().map((name) => ({ name, sql: readFileSync(`${folder}/${name}`, 'utf8') })),
        ]
      })
      const files = JSON.stringify(Object.fromEntries(families))
      return {
        contents: `const FILES = ${files}\nexport const readMigrationFolder = (family) => FILES[family]`,
      }
    })
  },
}

/** Of what looks for files beside the bundle there is another form for executables. */
const packedForms = {
  name: 'packed-forms',
  setup(build) {
    build.onResolve({ filter: /\/start-worker\.js$/ }, () => ({
      path: `${root}src/executable/start-extract-worker.ts`,
    }))
  },
}

/** The bundles of the commands, by name. */
const COMMANDS = {
  'codex-logs': 'src/cli/logs-main.ts',
  'codex-state': 'src/cli/state-main.ts',
}

/** Bundles that run in threads of their own, of the commands and of the library alike, by name. */
const WORKERS = {
  'log-worker': 'src/cli/logs/log-worker.ts',
  'backfill-worker': 'src/rollout/extract-worker.ts',
  'redact-worker': 'src/cli/redact-worker.ts',
  'search-worker': 'src/rollout/search-worker.ts',
  'export-worker': 'src/cli/logs/export-worker.ts',
  'token-worker': 'src/rollout/token-worker.ts',
}

/** Half the bytes to parse at every start; names stay, and lines stay short, for the traces that DEBUG=1 shows. */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22.12',
  logLevel: 'warning',
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 160,
  metafile: true,
  write: false,
}

/** The bundles alone: what runs. Gives the names of the packages that went into them. */
export async function build() {
  const results = await Promise.all([
    esbuild({
      ...common,
      entryPoints: { ...COMMANDS, ...WORKERS },
      // The package is to stay below a megabyte; executables and the library keep their names.
      minifyIdentifiers: true,
      outdir: 'dist',
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      external: ['better-sqlite3/package.json'],
      // Of modules beside the bundle: `import()` would start the loader of ES modules for it.
      supported: { 'dynamic-import': false },
      ...bundleUrl,
      plugins: [builtins, locateAddon('addon.cjs'), embedMigrations, vendorApart],
    }),
    esbuild({
      ...common,
      entryPoints: Object.fromEntries(VENDORED.map((name) => [name, name])),
      minifyIdentifiers: true,
      outdir: 'dist/vendor',
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      plugins: [builtins],
    }),
    esbuild({
      ...common,
      entryPoints: ['src/index.ts'],
      outfile: 'dist/index.js',
      format: 'esm',
      external: ['better-sqlite3'],
    }),
  ])
  const files = results.flatMap(({ outputFiles }) => outputFiles)
  for (const file of files.filter(({ path }) =>
    Object.keys(COMMANDS).some((name) => path.endsWith(`${name}.cjs`)),
  ))
    addId(file)
  await Promise.all(files.map(replaceFile))
  for (const name of Object.keys(COMMANDS)) compileAhead(name)
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs))
  return [
    ...new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])),
  ].sort()
}

/** What bin/launch.js tells a bundle by. */
function addId(file) {
  const id = createHash('sha256').update(file.contents).digest('hex').slice(0, 16)
  Object.defineProperty(file, 'contents', { value: Buffer.from(`/*${id}*/${file.text}`) })
}

/** The code that V8 makes of a command's bundle, beside it, for bin/launch.js. */
function compileAhead(name) {
  const { status } = spawnSync(process.execPath, [`${root}scripts/compile-ahead.cjs`, name], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) throw new Error(`${name} could not be compiled`)
}

/** As a whole, and only if it changed: a command may just be starting from the file that is there. */
async function replaceFile({ path, contents }) {
  const present = await readFile(path).catch(() => undefined)
  if (present?.equals(contents)) return
  await mkdir(dirname(path), { recursive: true })
  const aside = `${path}.${process.pid}.tmp`
  await writeFile(aside, contents)
  await rename(aside, path)
}

/**
 * What goes into an executable: both commands in one bundle and the bundles of the workers, with nothing left
 * outside but what is read as an asset. Assets are those of a Node executable, or files beside the bundle.
 *
 * @returns the files by asset name, and the path of the bundle
 */
export async function buildExecutable({ outdir, addon, areAssetsFiles }) {
  const addonBytes = readFileSync(addon)
  await esbuild({
    ...common,
    write: true,
    entryPoints: { main: 'src/executable/main.ts', ...WORKERS },
    outdir,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    define: {
      ADDON_SHA256: JSON.stringify(createHash('sha256').update(addonBytes).digest('hex')),
      ADDON_BYTES: String(addonBytes.length),
      ASSETS_ARE_FILES: String(areAssetsFiles),
    },
    plugins: [builtins, locateAddon('addon-embedded.cjs'), embedMigrations, packedForms],
  })
  const workers = Object.keys(WORKERS).map((name) => [`${name}.cjs`, `${outdir}/${name}.cjs`])
  return { main: `${outdir}/main.cjs`, assets: Object.fromEntries([['addon', addon], ...workers]) }
}

/** All that the npm package holds under dist/. */
export async function buildAll() {
  rmSync(`${root}dist`, { recursive: true, force: true })
  const bundled = await build()
  buildTypes()
  await buildManuals()
  writeFileSync(`${root}dist/LICENSES.txt`, collectLicenses(bundled))
}

/** The manual pages: from the same tables of options as --help, so the program itself is asked. */
async function buildManuals() {
  const { formatManuals } = await loadSource('src/cli/manual.ts')
  mkdirSync(`${root}dist/man`, { recursive: true })
  for (const [name, page] of Object.entries(await formatManuals()))
    writeFileSync(`${root}dist/man/${name}.1`, page)
}

/** A module of the sources, for a script to call. */
export async function loadSource(path) {
  const { outputFiles } = await esbuild({
    ...common,
    entryPoints: [path],
    format: 'cjs',
    outfile: 'loaded.cjs',
    packages: 'external',
    // Nothing that is called looks for files.
    define: { 'import.meta.url': '""' },
  })
  const loaded = { exports: {} }
  const run = new Function('module', 'exports', 'require', outputFiles[0].text)
  run(loaded, loaded.exports, createRequire(import.meta.url))
  return loaded.exports
}

function buildTypes() {
  const compiler = `${root}node_modules/typescript/bin/tsc`
  const { status } = spawnSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], {
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('the types could not be built')
}

/** The licences of the packages whose code is inside the bundles: each asks to go where its code goes. */
function collectLicenses(packages) {
  return packages
    .map((name) => {
      const folder = `${root}node_modules/${name}`
      const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      if (!file) throw new Error(`${name} brings no licence text`)
      return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAll()
