import { join } from 'node:path'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { temporaryFolder } from './layouts.js'

/** Every command of `codex-state` that only reads, with an argument where it needs one, and in its forms of JSON. */
export async function listStateReaders(): Promise<string[][]> {
  const commands: string[][] = []
  for (const [path, { load }] of Object.entries(STATE_PROGRAM.commands)) {
    const { command } = await load()
    if (command.writes !== undefined || !('codexHome' in command.flags)) continue
    const words = [...path.split(' '), ...Object.values(command.args).map(({ example = '' }) => example)]
    const line = words.filter((word) => word !== '')
    if (path === 'export') line.push('-o', join(temporaryFolder(), 'threads.ndjson'))
    commands.push(line, ...command.jsonForms.map(({ argv = [] }) => [...line, ...argv, '--json']))
  }
  commands.push(['threads', 'list', '--codex-picker'], ['verify', '--full'], ['backfill', 'run', '--dry-run'])
  return commands
}
