import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** The program inside a release, or why it cannot be had here. */
export type InstalledRelease = { path: string; folder: string } | { problem: string; folder: string }

const TRIPLES: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
}

/** Installs a release from the npm registry into a folder of its own. Its scripts do not run. */
export async function installRelease(version: string): Promise<InstalledRelease> {
  const folder = mkdtempSync(join(tmpdir(), `codex-${version}-`))
  const triple = TRIPLES[`${process.platform}-${process.arch}`]
  if (triple === undefined) return { folder, problem: `no release for ${process.platform}-${process.arch}` }
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  try {
    await promisify(execFile)('npm', ['install', ...options, `@openai/codex@${version}`], {
      cwd: folder,
      timeout: 240_000,
    })
  } catch (error) {
    return { folder, problem: `npm could not install it: ${(error as Error).message.split('\n', 1)[0]}` }
  }
  // To about 0.99 all platforms are in the package itself; later each has a package of its own.
  const scope = join(folder, 'node_modules', '@openai')
  const found = readdirSync(scope)
    .flatMap((name) => ['bin/codex', 'codex/codex'].map((file) => join(scope, name, 'vendor', triple, file)))
    .find((path) => existsSync(path))
  return found === undefined
    ? { folder, problem: 'its package has no program for us' }
    : { folder, path: found }
}

export interface AppServer {
  /** @throws when the answer is an error, or does not come in time */
  request(method: string, params: unknown): Promise<Record<string, unknown>>
  /** Closes its input and waits for it to end; kills it when it does not. */
  end(): Promise<{ exitCode: number | null }>
}

const REQUEST_TIMEOUT_MS = 30_000
const END_TIMEOUT_MS = 15_000

/**
 * Starts `codex app-server` over stdio on a home. It can reach loopback only: every proxy that it may use is a
 * closed port.
 */
export async function startAppServer(program: string, codexHome: string): Promise<AppServer> {
  const nowhere = 'http://127.0.0.1:9'
  const workFolder = join(codexHome, '..', 'work')
  mkdirSync(workFolder, { recursive: true })
  const child: ChildProcess = spawn(program, ['app-server'], {
    cwd: workFolder,
    env: {
      PATH: process.env.PATH,
      HOME: join(codexHome, '..'),
      CODEX_HOME: codexHome,
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      ALL_PROXY: nowhere,
      http_proxy: nowhere,
      https_proxy: nowhere,
      all_proxy: nowhere,
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const waiting = new Map<number, (message: Record<string, unknown>) => void>()
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const message = JSON.parse(line) as { id?: number }
    if (message.id !== undefined) waiting.get(message.id)?.(message)
  })
  let lastId = 0

  async function request(method: string, params: unknown): Promise<Record<string, unknown>> {
    const id = ++lastId
    const answer = new Promise<Record<string, unknown>>((resolve) => waiting.set(id, resolve))
    child.stdin!.write(`${JSON.stringify({ id, method, params })}\n`)
    const message = await within(REQUEST_TIMEOUT_MS, answer, `no answer to ${method}`)
    waiting.delete(id)
    if (message.error !== undefined) throw new Error(`${method}: ${JSON.stringify(message.error)}`)
    return message.result as Record<string, unknown>
  }

  const server: AppServer = {
    request,
    async end() {
      child.stdin!.end()
      try {
        return { exitCode: await within(END_TIMEOUT_MS, ended, 'app-server did not end') }
      } catch {
        child.kill('SIGKILL')
        return { exitCode: await ended }
      }
    },
  }
  try {
    await request('initialize', {
      clientInfo: { name: 'codex_state_interop', title: null, version: '1.0.0' },
    })
    child.stdin!.write(`${JSON.stringify({ method: 'initialized' })}\n`)
    return server
  } catch (error) {
    await server.end()
    throw error
  }
}

async function within<T>(timeoutMs: number, promise: Promise<T>, problem: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${problem} within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
