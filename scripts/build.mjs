// Builds what is shipped: the chunks of the commands (measured: half the start-up time of ES modules as installed),
// a bundle for each worker thread, and the library as an ES module.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as esbuild } from 'esbuild'
import { packChunks } from './pack-chunks.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))

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

/** What the programs begin with, by name. */
const COMMANDS = {
  'codex-logs': 'src/cli/logs-main.ts',
  'codex-state': 'src/cli/state-main.ts',
}

/** Modules of the commands that are loaded when one of their functions is first called, by name. */
const LATE = { 'locking-driver': 'src/db/locking-driver.ts' }

/** What imports such a module gets functions that load it. Everywhere else it is imported as any other. */
const takenLate = {
  name: 'taken-late',
  setup(build) {
    for (const [name, source] of Object.entries(LATE)) {
      build.onResolve({ filter: new RegExp(`/${name}\\.js$`) }, () => ({ path: name, namespace: 'late' }))
      build.onLoad({ filter: new RegExp(`^${name}$`), namespace: 'late' }, () => {
        const functions = readFileSync(`${root}${source}`, 'utf8').matchAll(/^export function (\w+)/gm)
        const contents = [...functions].map(
          ([, exported]) =>
            `export const ${exported} = (...given) => bundle.take('${name}').${exported}(...given)`,
        )
        return { contents: contents.join('\n') }
      })
    }
  },
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
  alias: { 'string-width': './scripts/string-width.cjs' },
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

/**
 * commander takes child_process for subcommands that are executables of their own, which there are none of here:
 * 2 ms of each start.
 */
const withoutExecutables = {
  name: 'commander-without-executables',
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]node_modules[\\/]commander[\\/]/.test(importer)
        ? { path: 'child_process', namespace: 'unused' }
        : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'export default {}' }))
  },
}

/** Of both the programs and their workers. The library and the executables keep their names. */
const shipped = {
  ...common,
  minifyIdentifiers: true,
  external: ['better-sqlite3/package.json'],
  plugins: [withoutExecutables, locateAddon('addon.cjs'), embedMigrations],
}

/** The bundles alone: what runs. Gives the names of the packages that went into them. */
export async function build() {
  const results = await Promise.all([
    esbuild({
      ...shipped,
      plugins: [...shipped.plugins, takenLate],
      entryPoints: { ...COMMANDS, ...LATE },
      outdir: 'dist',
      format: 'esm',
      splitting: true,
      legalComments: 'none',
      define: { 'import.meta.url': 'bundle.url' },
    }),
    esbuild({
      ...shipped,
      entryPoints: WORKERS,
      outdir: 'dist',
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
    }),
    esbuild({
      ...common,
      entryPoints: ['src/index.ts'],
      outfile: 'dist/index.js',
      format: 'esm',
      external: ['better-sqlite3'],
    }),
  ])
  const [commands, ...others] = results
  const chunks = {
    path: `${root}dist/commands.chunks`,
    contents: packChunks(commands, { ...COMMANDS, ...LATE }),
  }
  await Promise.all([chunks, ...others.flatMap(({ outputFiles }) => outputFiles)].map(replaceFile))
  compileAhead()
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs))
  return [
    ...new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])),
  ].sort()
}

/** The code that V8 makes of the commands, beside them, for bin/launch.js. */
function compileAhead() {
  const { status, stderr } = spawnSync(process.execPath, [`${root}scripts/compile-ahead.cjs`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the commands could not be compiled: ${stderr}`)
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
    plugins: [locateAddon('addon-embedded.cjs'), embedMigrations, packedForms],
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
