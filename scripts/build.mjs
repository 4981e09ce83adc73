// Builds what is shipped: one CommonJS bundle for each command (measured: half the start-up time of ES
// modules as installed) and the library as ES modules.
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build as esbuild } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** commander pulls in node:child_process (4 ms) for executable subcommands, which these commands lack. */
const stubChildProcess = {
  name: 'stub-child-process-for-commander',
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('commander') ? { path: 'child_process', namespace: 'stub' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: 'module.exports = {}' }))
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
  await mkdir(`${root}dist`, { recursive: true })
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node22.12',
    logLevel: 'warning',
  }
  await Promise.all([
    esbuild({
      ...common,
      entryPoints: { 'codex-logs': 'src/cli/logs-main.ts', 'codex-state': 'src/cli/state-main.ts' },
      outdir: 'dist',
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      external: ['better-sqlite3/package.json'],
      plugins: [stubChildProcess, locateAddon],
    }),
    esbuild({
      ...common,
      entryPoints: ['src/index.ts'],
      outfile: 'dist/index.js',
      format: 'esm',
      external: ['better-sqlite3'],
    }),
  ])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build()
