import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { listDatabases } from '../../src/schema/files.js'
import { buildStateDatabase } from '../../src/sync/build.js'
import { describeFolder } from '../helpers/folder.js'
import { copyHome, HOMES } from '../helpers/homes.js'
import { readStored } from '../helpers/sessions.js'

describe.each(HOMES)('a database built from %s', (name) => {
  const home = copyHome(name)
  afterAll(() => rmSync(dirname(home), { recursive: true }))
  test('x', async () => {
    const modelPath = listDatabases(home).find(({ role }) => role === 'state')!.path
    const folder = join(dirname(home), 'built')
    const before = describeFolder(home)
    await buildStateDatabase({ codexHome: home, modelPath, folder, defaultProvider: 'mock', isHeld: () => false, now: Date.now })
    expect(describeFolder(home)).toEqual(before)
    const built = readStored(listDatabases(folder)[0]!.path)
    const stored = readStored(modelPath)
    const out = []
    for (const row of stored.threads) {
      const other = built.threads.find((o) => o.id === row.id)
      if (!other) { out.push(`${row.id} missing`); continue }
      for (const c of Object.keys(row)) {
        const v = c === 'rollout_path' ? (row[c] as string).replace('/home/demo/.codex', home) : row[c]
        if (v !== other[c]) out.push(`${row.id} ${c} ${String(v).slice(0,40)} | ${String(other[c]).slice(0,40)}`)
      }
    }
    console.log(name, built.threads.length - stored.threads.length, JSON.stringify([stored.tools.length, built.tools.length, stored.edges, built.edges]), out.filter((x) => !/updated_at_ms|recency|created_at_ms/.test(x)).join('\n'))
    console.log(out.filter((x) => /updated_at_ms|recency|created_at_ms/.test(x)).slice(0,12).join('\n'))
  })
})
