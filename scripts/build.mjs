// Builds what is shipped: one CommonJS bundle for each command (measured: half the start-up time of ES
// modules as installed) and the library as ES modules.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as esbuild } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * commander loads node:child_process (4 ms) for executable subcommands, which these commands lack; chalk and
 * commander load node:process as a module, which costs more than the global that it is.
 */
const cheapBuiltins = {
  name: 'cheap-builtins',
  setup(build) {
    const contents = { child_process: 'export default {}', process: 'export default globalThis.process' }
    build.onResolve({ filter: /^node:(child_process|process)$/ }, ({ importer, path }) =>
      /[\\/]node_modules[\\/]/.test(importer) ? { path: path.slice(5), namespace: 'cheap' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'cheap' }, ({ path }) => ({ contents: contents[path] }))
  },
}

/** Rarely needed and large: a file of its own each, so that a start does not even parse it. */
const VENDORED = ['luxon', 'chalk']

const vendorApart = {
  name: 'vendor-apart',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${VENDORED.join('|')})$`) }, ({ path }) => ({
      path: `./vendor/${path}.cjs`,
      external: true,
    }))
  },
}

/** In a bundle better-sqlite3's own search for its binary would start from the wrong folder. */
const locateAddon = {
  name: 'locate-better-sqlite3-addon',
  setup(build) {
    build.onLoad({ filter: /better-sqlite3\/lib\/binding\.js$/ }, () => ({
      contents: 'module.exports = require("./scripts/addon.cjs")',
      resolveDir: root,
    }))
  },
}

export async function build() {
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node22.12',
    logLevel: 'warning',
    write: false,
  }
  // Half the bytes to parse at every start; names stay, for the traces that DEBUG=1 shows.
  const small = { minifyWhitespace: true, minifySyntax: true }
  const results = await Promise.all([
    esbuild({
      ...common,
      entryPoints: {
        'codex-logs': 'src/cli/logs-main.ts',
        'codex-state': 'src/cli/state-main.ts',
        'log-worker': 'src/cli/logs/log-worker.ts',
      },
      outdir: 'dist',
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      ...small,
      external: ['better-sqlite3/package.json'],
      plugins: [cheapBuiltins, locateAddon, vendorApart],
    }),
    esbuild({
      ...common,
      entryPoints: Object.fromEntries(VENDORED.map((name) => [name, name])),
      outdir: 'dist/vendor',
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      ...small,
      plugins: [cheapBuiltins],
    }),
    esbuild({
      ...common,
      entryPoints: ['src/index.ts'],
      outfile: 'dist/index.js',
      format: 'esm',
      external: ['better-sqlite3'],
    }),
  ])
  await Promise.all(results.flatMap(({ outputFiles }) => outputFiles).map(replaceFile))
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

if (process.argv[1] === fileURLToPath(import.meta.url)) await build()
