// `npm run package:npm`: build/codex-state-<version>.tgz, what `npm publish` would send.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildAll } from './build.mjs'
import { root, runNpm } from './package-tools.mjs'

/** @returns the path of the tarball */
export async function packageNpm() {
  await buildAll()
  mkdirSync(`${root}build`, { recursive: true })
  // An array, or with newer npm an object by package name.
  const [packed] = Object.values(
    JSON.parse(runNpm(['pack', '--json', '--ignore-scripts', '--pack-destination', 'build'], { cwd: root })),
  )
  return { path: `${root}build/${packed.filename}`, unpackedBytes: packed.unpackedSize, files: packed.files }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { path, unpackedBytes, files } = await packageNpm()
  process.stdout.write(`${path}\n${files.length} files, ${unpackedBytes} bytes unpacked\n`)
}
