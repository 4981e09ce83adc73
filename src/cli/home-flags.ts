import { type FlagValues, groupFlags, textFlag } from './flags.js'

/** Which home, or which file: flags of every command that reads one. */
export const HOME_FLAGS = groupFlags('Where to look', {
  codexHome: textFlag('<dir>', 'Codex home (default: $CODEX_HOME, else ~/.codex)', {
    completes: { kind: 'folders' },
  }),
  db: textFlag('<file>', 'read this database file instead', { completes: { kind: 'files' } }),
})

export type HomeFlags = Partial<FlagValues<typeof HOME_FLAGS>>
