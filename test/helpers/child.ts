import { spawn } from 'node:child_process'
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

const built = new Map<string, string>()

/** A script of test/helpers/children with the sources that it uses, in one file. */
function build(name: string): string {
  // Below the project, so that better-sqlite3 and migrations/ are found.
  const outfile = `${root}build/children/${name}.mjs`
  buildSync({
    entryPoints: [`${root}test/helpers/children/${name}.ts`],
    bundle: true,
    platform: 'node',
    target: 'node22.12',
    format: 'esm',
    external: ['better-sqlite3'],
    outfile,
  })
  built.set(name, outfile)
  return outfile
}

/** Runs a script of test/helpers/children in a process of its own. One name is for one test file. */
export function startChild(name: string, args: readonly string[]): Child {
  const script = built.get(name) ?? build(name)
  const started = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]()
  let stderr = ''
  started.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const closed = new Promise<number | null>((resolve) => started.on('close', resolve))
  return {
    async nextLine() {
      const { value, done } = await lines.next()
      return done ? undefined : value
    },
    async kill() {
      started.kill('SIGKILL')
      await closed
    },
    async end() {
      return { exitCode: await closed, stderr }
    },
  }
}
