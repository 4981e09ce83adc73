import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const MODULE = JSON.stringify(resolve('bin/code-cache.js'))
const SCRIPT = `new Script('(() => 1)()', { filename: 'kept', cachedData: code })`

function runNode(script: string): string {
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 20_000 }).trim()
}

test('code that a command keeps is taken at the next start, also where the command changed how memory grows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'code-cache-'))
  const path = JSON.stringify(join(folder, 'kept.code'))
  try {
    runNode(`const { Script } = require('node:vm'), code = undefined, script = ${SCRIPT}
      require('node:v8').setFlagsFromString('--semi-space-growth-factor=1')
      require(${MODULE}).keep(${path}, script, '')`)
    const answer =
      runNode(`const { Script } = require('node:vm'), code = require('node:fs').readFileSync(${path})
      console.log(${SCRIPT}.cachedDataRejected)`)
    expect(answer).toBe('false')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
