import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const toolsFolder = join(root, 'tools/package')

/** What a machine behind a proxy or with a registry of its own needs to reach it. */
const NETWORK =
  /^(https?_proxy|no_proxy|node_extra_ca_certs|npm_config_(registry|cafile|proxy|https_proxy|noproxy))$/i

export function networkEnv(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => NETWORK.test(name))) as Record<
    string,
    string
  >
}

/** A new folder whose only programs are a shell, `env` and, when given, this Node. */
export function createBareMachine(node?: string): { folder: string; env: Record<string, string> } {
  const folder = mkdtempSync(join(tmpdir(), 'codex-state-package-'))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  for (const program of ['/bin/sh', '/usr/bin/env'])
    symlinkSync(program, join(bin, program.split('/').at(-1)!))
  if (node) symlinkSync(node, join(bin, 'node'))
  return { folder, env: { PATH: bin, HOME: folder } }
}

export interface Ran {
  stdout: string
  stderr: string
  status: number | null
}

export function runProgram(
  command: string,
  args: readonly string[],
  options: { env: Record<string, string>; cwd?: string; uid?: number; gid?: number },
): Ran {
  const { stdout, stderr, status, error } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (error) throw error
  return { stdout, stderr, status }
}
