import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { build } from 'esbuild'
import { dataFolder, logs, median, root } from './measure.mjs'

/** Releases that wrote bodies of different kinds; random words would flatter. */
export const HOMES = ['codex-0.120.0', 'codex-0.140.0', 'codex-0.160.1', 'codex-0.169.0']
const ROUNDS_EACH = 20

/** The parser of log bodies alone, on one core: processor time for a gigabyte of real bodies. */
export async function* measure({ rounds }) {
  const outdir = join(dataFolder, 'body')
  const entryPoints = ['scan', 'parse'].map((name) => join(root, `src/body/${name}.ts`))
  await build({
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
  })
  const { createBodyScanner } = await import(pathToFileURL(join(outdir, 'scan.mjs')))
  const { parseBody } = await import(pathToFileURL(join(outdir, 'parse.mjs')))

  const rows = HOMES.flatMap(readRows).filter(({ body, target }) => body !== null && target !== 'log')
  const bodies = rows.map(({ body }) => Buffer.from(body))
  const window = Buffer.concat(bodies)
  const places = []
  for (const [index, { length }] of bodies.entries()) {
    const from = places.at(-1)?.to ?? 0
    places.push({ from, to: from + length, target: rows[index].target })
  }
  const scanner = createBodyScanner()
  const detail = `${rows.length} bodies, ${Math.round(window.length / 1e6)} MB`
  const figures = [
    ['where the event begins', 0.67, () => places.map(({ from, to }) => scanner.findEvent(window, from, to))],
    [
      'spans, message and fields as places',
      2,
      () => places.map(({ from, to, target }) => scanner.scan(window, from, to, target).fieldCount),
    ],
    [
      'the same as objects',
      undefined,
      () => rows.map(({ body, target }) => parseBody(body, { target }).isGuess),
    ],
  ]
  for (const [what, bound, work] of figures) {
    work()
    const seconds = Array.from({ length: rounds }, () => {
      const before = process.cpuUsage().user
      for (let round = 0; round < ROUNDS_EACH; round++) work()
      return (process.cpuUsage().user - before) / 1e6 / ROUNDS_EACH
    })
    yield { what, value: (median(seconds) / window.length) * 1e9, unit: 's a GB', bound, detail }
  }
}

export function readRows(name) {
  const folder = join(dataFolder, 'homes')
  if (!existsSync(join(folder, name))) {
    mkdirSync(folder, { recursive: true })
    const packed = readFileSync(join(root, `test/fixtures/homes/${name}.tar.br`))
    execFileSync('tar', ['xf', '-', '-C', folder], { input: brotliDecompressSync(packed) })
  }
  const [program, ...args] = [...logs, 'query', '--json', '--codex-home', join(folder, name, 'home')]
  const json = execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  return json
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}
