import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { describeFolder } from '../helpers/folder.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { type Running, startProcess, waitUntil } from '../helpers/spawn.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

function npmStart(env: Record<string, string>, ...args: string[]): Running {
  const typed = args.length > 0 ? ['--', ...args] : []
  return startProcess('npm', ['start', '--silent', ...typed], { cwd: root, env })
}

/** The same without npm between, so that a signal to the process is one to the script. */
function start(env: Record<string, string>, ...args: string[]): Running {
  return startProcess(process.execPath, ['scripts/node24.mjs', 'scripts/start.mjs', ...args], {
    cwd: root,
    env,
  })
}

const demoHomes = () => readdirSync(tmpdir()).filter((name) => name.startsWith('codex-state-demo-'))

describe('npm start without a Codex home', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'follows a demo home until %s and leaves nothing behind',
    async (signal) => {
      const user = temporaryFolder()
      const before = {
        user: describeFolder(user),
        demo: describeFolder(join(root, 'demo')),
        homes: demoHomes(),
      }
      const reader = start({ HOME: user })
      // The rows of the home, and after them new ones by the writer.
      const today = new Date().toISOString().slice(0, 10)
      await reader.until(() => reader.stdout.includes('2026-11-21T') && reader.stdout.includes(`\n${today}`))
      expect(reader.stderr.replace(/copy in \S+\./, 'copy in FOLDER.')).toBe(
        `No Codex home at ${join(user, '.codex')}: showing a demo home, a copy in FOLDER. Ctrl-C ends it.\n`,
      )
      const { exitCode } = await reader.end(signal)
      expect(exitCode).toBe(signal === 'SIGINT' ? 130 : 143)
      await waitUntil(() => demoHomes().length === before.homes.length)
      expect({
        user: describeFolder(user),
        demo: describeFolder(join(root, 'demo')),
        homes: demoHomes(),
      }).toEqual(before)
    },
  )

  test('takes arguments', async () => {
    const user = temporaryFolder()
    const homes = demoHomes()
    const { stdout, exitCode } = await npmStart({ HOME: user }, 'query', '-n', '2').end()
    expect(exitCode).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(demoHomes()).toEqual(homes)
  })

  test('shows threads as well', async () => {
    const { stdout, exitCode } = await start(
      { HOME: temporaryFolder() },
      'state',
      'threads',
      'list',
      '-q',
    ).end()
    expect(exitCode).toBe(0)
    expect(stdout).toContain('01a1fb71-715e-7f23-a852-149551519dd4\n')
  })

  test('needs none for help', async () => {
    const { stdout, stderr, exitCode } = await start({ HOME: temporaryFolder() }, '--help').end()
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toContain('Usage: codex-logs')
  })
})

describe('npm start with a Codex home', () => {
  test('reads that one, wherever it is', async () => {
    const { home } = createLogHome([{ body: 'my own' }])
    const query = (env: Record<string, string>) => start(env, 'query', '--format', 'cat').end()
    const expected = { stdout: 'my own\n', stderr: '', exitCode: 0, signal: null }
    expect(await query({ CODEX_HOME: home })).toEqual(expected)
    expect(await query({ HOME: join(home, '..') })).toEqual(expected)
    expect(await query({ HOME: temporaryFolder(), CODEX_SQLITE_HOME: home })).toEqual(expected)
    const user = temporaryFolder()
    mkdirSync(join(user, '.codex', 'db'), { recursive: true })
    copyFileSync(join(home, 'logs_2.sqlite'), join(user, '.codex', 'db', 'logs_2.sqlite'))
    writeFileSync(join(user, '.codex', 'config.toml'), 'sqlite_home = "db"')
    expect(await query({ HOME: user })).toEqual(expected)
  })

  test('a home that was typed is taken at its word', async () => {
    const { exitCode, stderr } = await start(
      { HOME: temporaryFolder() },
      'query',
      '--codex-home',
      '/no/such/home',
    ).end()
    expect(exitCode).toBe(3)
    expect(stderr).toContain('no Codex database in /no/such/home')
  })
})
