import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const MODULE = JSON.stringify(resolve('bin/code-cache.js'))
const LAUNCH = JSON.stringify(resolve('bin/launch.js'))
const ID = '0123456789abcdef'
const SOURCE = '[() => 1]'

function runNode(script: string): string {
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 20_000 }).trim()
}

test('code that a command keeps is taken at the next start, also where the command changed how memory grows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'code-cache-'))
  const path = JSON.stringify(join(folder, 'kept.code'))
  try {
    runNode(`const { Script } = require('node:vm'), source = '${SOURCE}', script = new Script(source)
      require('node:v8').setFlagsFromString('--semi-space-growth-factor=1')
      require(${MODULE}).keep({ path: ${path}, numbers: [7], source, script }, '${ID}')`)
    const answer = runNode(`const { Script } = require('node:vm')
      const { numbers, source, cachedData } = require(${LAUNCH}).readKept(${path}, '${ID}')
      const script = new Script(source, { cachedData })
      console.log(JSON.stringify({ numbers, source, isRejected: script.cachedDataRejected }))`)
    expect(JSON.parse(answer)).toEqual({ numbers: [7], source: SOURCE, isRejected: false })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
