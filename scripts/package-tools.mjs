// What packaging needs beyond the project's own packages: a folder with a lock file of its own (tools/package),
// installed when first needed.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const toolsFolder = `${root}tools/package`

export function ensurePackageTools() {
  const installed = `${toolsFolder}/node_modules/.package-lock.json`
  const isCurrent =
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(`${toolsFolder}/package-lock.json`).mtimeMs
  if (isCurrent) return
  process.stderr.write(`Installing the packaging tools into ${toolsFolder}\n`)
  runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: toolsFolder })
}

/** Runs npm to its end, its output on our stderr; what it prints for programs comes back. */
export function runNpm(args, options = {}) {
  // npm says where it lies to what it starts; on Windows `npm` itself is a script that needs a shell.
  const { npm_execpath } = process.env
  const [command, first] = npm_execpath ? [process.execPath, [npm_execpath]] : ['npm', []]
  return runProgram(command, [...first, ...args], options)
}

export function runProgram(command, args, options = {}) {
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    ...options,
  })
  if (result.error) throw result.error
  if (result.status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${result.status ?? result.signal}\n${result.stdout}`,
    )
  }
  return result.stdout
}
