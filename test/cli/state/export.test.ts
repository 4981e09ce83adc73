import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { describeFolder } from '../../helpers/folder.js'
import { copyFixtureHome, copyHome, fixtureNames, HOMES } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

const folder = mkdtempSync(join(tmpdir(), 'codex-state-export-'))
afterAll(() => rmSync(folder, { recursive: true }))

const FIXTURES = [
  ...HOMES.map((name) => [name, () => copyHome(name)] as const),
  ...fixtureNames('failures').map((name) => [name, () => copyFixtureHome('failures', name)] as const),
]

test.each(FIXTURES)(
  '%s gives all its threads, tokens and turns away, and stays as it is',
  async (_, copy) => {
    const home = copy()
    // Of some the databases lay on a disk that is not there.
    const config = join(home, 'config.toml')
    if (existsSync(config))
      writeFileSync(config, readFileSync(config, 'utf8').replace(/^sqlite_home.*$/m, ''))
    const before = describeFolder(home)
    for (const what of ['threads', 'tokens', 'turns']) {
      for (const ending of what === 'turns' ? ['ndjson', 'parquet'] : ['ndjson']) {
        const path = join(folder, `x.${ending}`)
        const { stdout, exitCode } = await runState(['export', what, '-o', path, '--codex-home', home])
        // A home of which a part cannot be read has 1, and a file all the same.
        expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: expect.toBeOneOf([0, 1]) })
      }
      const lines = readFileSync(join(folder, 'x.ndjson'), 'utf8').split('\n').slice(0, -1)
      for (const line of lines) JSON.parse(line)
      if (what === 'threads') expect(lines.length).toBeGreaterThan(0)
    }
    expect(readFileSync(join(folder, 'x.parquet')).subarray(0, 4).toString()).toBe('PAR1')
    expect(describeFolder(home)).toEqual(before)
    rmSync(dirname(home), { recursive: true })
  },
)

test.each([
  ['forks-0.140.0', 'rolled back', 2],
  ['forks-0.169.0', 'reverted', 2],
])('Turns of %s that were %s are exported too, and said to be', async (name, _, count) => {
  const home = copyFixtureHome('turns', name)
  const path = join(folder, 'hidden.ndjson')
  await runState(['export', 'turns', '-o', path, '--codex-home', home])
  const turns = readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const hidden = turns.filter(({ rolled_back }) => rolled_back === true)
  expect(hidden.map(({ number, inherited }) => [number, inherited])).toEqual(Array(count).fill([null, false]))
  expect(hidden.every(({ total_tokens }) => Number(total_tokens) > 0)).toBe(true)
  rmSync(dirname(home), { recursive: true })
})
