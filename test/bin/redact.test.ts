import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { copyHome } from '../helpers/homes.js'
import { requirePrograms } from '../helpers/programs.js'

const bin = fileURLToPath(new URL('../../bin/', import.meta.url))
const home = copyHome('codex-0.140.0')
afterAll(() => rmSync(dirname(home), { recursive: true }))

function run(program: string, ...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(bin, program), ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { PATH: process.env.PATH, HOME: '/home/nils', USER: 'nils', CODEX_HOME: home },
  })
  return { stdout, stderr, status }
}

test('all rows of a log are there, and no key or home folder is', () => {
  const plain = run('codex-logs.js', 'query', '--json')
  const redacted = run('codex-logs.js', 'query', '--json', '--redact')
  expect(redacted).toMatchObject({ stderr: plain.stderr, status: 0 })
  expect(plain.stdout).toMatch(/sk-demo-/)
  expect(redacted.stdout).not.toMatch(/sk-demo-|\/home\/demo/)
  const idsOf = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id)
  expect(idsOf(redacted.stdout)).toEqual(idsOf(plain.stdout))
})

test.each([
  ['threads', 'list', '--json'],
  ['threads', 'list', '--fields', 'id,cwd,rollout_path'],
  ['table', 'threads', '--json'],
  ['du', '--json'],
])('codex-state %s %s %s', (...args) => {
  const { stdout, status } = run('codex-state.js', ...args, '--redact')
  expect(status).toBe(0)
  expect(stdout).not.toMatch(/\/home\/demo/)
  if (args.includes('--json')) expect(JSON.parse(stdout).length).toBeGreaterThan(1)
})

test('what is said on stderr is redacted too', () => {
  expect(run('codex-logs.js', 'query', '--redact', '--codex-home', '/home/nils/none')).toEqual({
    stdout: '',
    stderr: expect.stringContaining('no Codex database in [home]/none'),
    status: 3,
  })
})

test('a reader that leaves ends the program quietly, and a full disk is told', () => {
  requirePrograms('bash', 'head', 'wc')
  const script = `"${process.execPath}" "${join(bin, 'codex-logs.js')}" query --redact`
  const shell = (command: string) =>
    spawnSync('bash', ['-c', `set -o pipefail; ${command}`], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: '/home/nils', CODEX_HOME: home },
    })
  expect(shell(`${script} | head -n 1 | wc -l`)).toMatchObject({ stdout: '1\n', stderr: '', status: 0 })
  expect(shell(`${script} > /dev/full`)).toMatchObject({
    stderr: 'codex-logs: cannot write the output: no space left on device\n',
    status: 1,
  })
})
