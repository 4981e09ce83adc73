import { expect, test } from 'vitest'
import type { Command } from '../../src/cli/command.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'

const commands = await Promise.all(
  [LOGS_PROGRAM, STATE_PROGRAM].flatMap((program) =>
    Object.entries(program.commands).map(
      async ([path, { load }]): Promise<[string, Command]> => [
        `${program.name} ${path}`,
        (await load()).command,
      ],
    ),
  ),
)

test('what looks into a home can redact what it says of it', () => {
  const readers = commands.filter(([, { flags }]) => 'codexHome' in flags || 'db' in flags)
  expect(readers.length).toBeGreaterThan(30)
  const without = readers.filter(([, { flags }]) => !('redact' in flags || 'shareable' in flags))
  expect(without.map(([name]) => name)).toEqual([])
})

test('what has no home to look into is what prints of the program alone, and what is typed', () => {
  const others = commands.filter(([, { flags }]) => !('redact' in flags || 'shareable' in flags))
  expect(others.map(([name]) => name)).toEqual([
    'codex-logs schemas',
    'codex-logs completion',
    'codex-logs __complete',
    'codex-state schemas',
    'codex-state completion',
    'codex-state __complete',
  ])
})
