import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Child {
  /** Its next line; `undefined` when it has ended. */
  nextLine(): Promise<string | undefined>
  kill(): Promise<void>
  /** Its exit code, and what it wrote to stderr. */
  end(): Promise<{ exitCode: number | null; stderr: string }>
}

export interface ChildOptions {
  /** Runs as a user who is not root, whom file permissions would not stop. */
  asNobody?: boolean
}

/** Runs a script of test/helpers/children in a process of its own, over the sources as they are. */
export function startChild(name: string, args: readonly string[], options: ChildOptions = {}): Child {
  // Below the project, so that better-sqlite3 and migrations/ are found.
  const outfile = `${root}build/children/${process.pid}/${name}.mjs`
  mkdirSync(`${root}build/children`, { recursive: true })
  buildSync({
    entryPoints: [`${root}test/helpers/children/${name}.ts`],
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['better-sqlite3', 'esbuild'],
    define: { 'import.meta.url': JSON.stringify(new URL('../../src/db/x.js', import.meta.url).href) },
    outfile,
  })
  chmodSync(outfile, 0o644)
  const isRoot = process.getuid?.() === 0
  const process_: ChildProcess = spawn(process.execPath, [outfile, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.asNobody && isRoot ? { uid: 65534, gid: 65534 } : {}),
  })
  const lines = createInterface({ input: process_.stdout! })[Symbol.asyncIterator]()
  let stderr = ''
  process_.stderr!.on('data', (chunk) => {
    stderr += chunk
  })
  const closed = new Promise<number | null>((resolve) => process_.on('close', resolve))
  return {
    async nextLine() {
      const { value, done } = await lines.next()
      return done ? undefined : value
    },
    async kill() {
      process_.kill('SIGKILL')
      await closed
    },
    async end() {
      return { exitCode: await closed, stderr }
    },
  }
}
