import { describe, expect, test } from 'vitest'
import { copyHome, HOMES } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'
import { fingerprintFolder } from '../../helpers/seed.js'

const COMMANDS = [
  'threads list',
  'threads list --json',
  'threads list --codex-view',
  'threads list --codex-picker --archived',
  'threads list --cwd /home/demo/projects/web-shop',
  'threads show last',
  'threads path last',
  'threads tree',
  'threads tools last',
  'memories list',
  'memories show last',
  'memories last --cwd /home/demo/projects/web-shop',
  'memories jobs',
  'backfill status',
  'tokens --by model',
  'goals',
  'jobs',
  'tools',
  'tables',
  'table threads --json',
  'table _sqlx_migrations',
  'where',
  'schema',
  'verify --full',
  'du --by project',
  'locks',
  'diff',
  'why last',
]

describe.each(HOMES)('%s', (name) => {
  test('is the same, byte for byte, after every command', async () => {
    const home = copyHome(name)
    const before = fingerprintFolder(home)
    for (const command of COMMANDS) {
      const { exitCode } = await runState([...command.split(' '), '--codex-home', home])
      expect({ command, isSound: exitCode <= 1, after: fingerprintFolder(home) }).toEqual({
        command,
        isSound: true,
        after: before,
      })
    }
  })
})

test('an empty home is told of, and nothing is created in it', async () => {
  const home = `${copyHome('codex-0.93.0')}/sessions`
  const before = fingerprintFolder(home)
  const codes: Record<string, number> = {}
  for (const command of COMMANDS) {
    const { exitCode, stdout, stderr } = await runState([...command.split(' '), '--codex-home', home])
    codes[command] = exitCode
    expect({ command, isQuiet: exitCode === 0 || (exitCode === 3 ? stdout : '') === '' }).toEqual({
      command,
      isQuiet: true,
    })
    if (exitCode !== 0) expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  }
  expect(fingerprintFolder(home)).toEqual(before)
  expect(codes).toMatchInlineSnapshot(`
    {
      "backfill status": 3,
      "diff": 3,
      "du --by project": 0,
      "goals": 3,
      "jobs": 3,
      "locks": 3,
      "memories jobs": 3,
      "memories last --cwd /home/demo/projects/web-shop": 3,
      "memories list": 3,
      "memories show last": 3,
      "schema": 3,
      "table _sqlx_migrations": 3,
      "table threads --json": 3,
      "tables": 3,
      "threads list": 3,
      "threads list --codex-picker --archived": 3,
      "threads list --codex-view": 3,
      "threads list --cwd /home/demo/projects/web-shop": 3,
      "threads list --json": 3,
      "threads path last": 3,
      "threads show last": 3,
      "threads tools last": 3,
      "threads tree": 3,
      "tokens --by model": 3,
      "tools": 3,
      "verify --full": 3,
      "where": 3,
      "why last": 3,
    }
  `)
})
