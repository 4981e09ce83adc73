// Whole processes, timed from outside, in turn (A B A B …): medians and the ratio pair by pair, which holds
// when the machine's speed drifts.
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const dataFolder = join(root, 'bench/data')
export const node = process.execPath
export const logs = [node, join(root, 'bin/codex-logs.js')]
export const state = [node, join(root, 'bin/codex-state.js')]

const SQLITE_SOURCES = join(root, 'node_modules/better-sqlite3/deps/sqlite3')
/** As better-sqlite3 is built, as far as it counts here. */
const SQLITE_OPTIONS = [
  '-DSQLITE_DQS=0',
  '-DSQLITE_DEFAULT_MEMSTATUS=0',
  '-DSQLITE_THREADSAFE=2',
  '-DSQLITE_DEFAULT_CACHE_SIZE=-16000',
  '-DSQLITE_OMIT_SHARED_CACHE',
  '-DSQLITE_OMIT_PROGRESS_CALLBACK',
  '-DSQLITE_OMIT_DEPRECATED',
]

/** Builds a C program of this folder once; `undefined` without a compiler. */
export function buildC(name, { withSqlite = false } = {}) {
  const program = join(dataFolder, name)
  if (existsSync(program)) return program
  mkdirSync(dirname(program), { recursive: true })
  const sqlite = withSqlite
    ? [join(SQLITE_SOURCES, 'sqlite3.c'), `-I${SQLITE_SOURCES}`, ...SQLITE_OPTIONS]
    : []
  try {
    process.stderr.write(`building ${name} …\n`)
    execFileSync('cc', [
      '-O2',
      '-o',
      program,
      join(root, `bench/${name}.c`),
      ...sqlite,
      '-lpthread',
      '-ldl',
      '-lm',
    ])
    return program
  } catch (error) {
    process.stderr.write(`no ${name}: ${error.message.split('\n')[0]}\n`)
    return undefined
  }
}

/** Runs a command once, its output thrown away, or piped into a shell's `into`; what the system counted for it. */
export async function run(command, { into, output = '/dev/null', env = process.env } = {}) {
  const timed = buildC('timed')
  if (!timed) throw new Error('whole processes are timed by a small C program: a compiler is needed')
  const argv = into ? ['sh', '-c', `"$@" | ${into}`, 'sh', ...command] : command
  const stdout = openSync(output, 'w')
  const child = spawn(timed, argv, { env, stdio: ['ignore', stdout, 'ignore', 'pipe'] })
  let told = ''
  child.stdio[3].on('data', (chunk) => {
    told += chunk
  })
  await new Promise((done) => child.on('close', done))
  closeSync(stdout)
  return JSON.parse(told)
}

/** Runs two commands in turn; medians, and the median of the ratios A/B of each pair. */
export async function pair(a, b, { rounds = 7, ...options } = {}) {
  await run(a, options)
  await run(b, options)
  const pairs = []
  for (let round = 0; round < rounds; round++) pairs.push([await run(a, options), await run(b, options)])
  return {
    aMs: median(pairs.map(([one]) => one.wallMs)),
    bMs: median(pairs.map(([, two]) => two.wallMs)),
    peakMiB: Math.max(...pairs.map(([one]) => one.peakMiB)),
    ratio: median(pairs.map(([one, two]) => one.wallMs / two.wallMs)),
  }
}

export function median(values) {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
