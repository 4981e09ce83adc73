import { escapeForTerminal } from '../../format/escape.js'
import type { RecordKind } from '../../format/fields.js'
import { formatBytes, formatRelative } from '../../format/quantity.js'
import { findProjectSettings, type GivenMemory, readGivenMemory } from '../../inspect/memory-given.js'
import { textFlag } from '../flags.js'
import { defineRecordCommand } from '../records.js'
import { requireMemories } from './memory-sources.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'
import { toAbsolute } from './threads-list.js'

interface Given extends GivenMemory {
  cwd: string
  release: string | null
  isOn: boolean | null
  usesMemories: boolean | null
  /** Files of the project that speak of memories. */
  projectSettings: string[]
}

const GIVEN_KIND: RecordKind<Given> = {
  noun: 'answer',
  fields: [
    { name: 'cwd', kind: 'path', value: ({ cwd }) => cwd },
    { name: 'given', kind: 'flag', value: ({ isGiven }) => isGiven },
    { name: 'reason', kind: 'text', value: ({ reason }) => reason },
    { name: 'pipeline', kind: 'text', value: ({ pipeline }) => pipeline },
    { name: 'release', kind: 'text', value: ({ release }) => release },
    { name: 'feature_on', kind: 'flag', value: ({ isOn }) => isOn },
    { name: 'use_memories', kind: 'flag', value: ({ usesMemories }) => usesMemories },
    { name: 'path', kind: 'path', value: ({ path }) => path },
    { name: 'size_bytes', kind: 'bytes', value: ({ sizeBytes }) => sizeBytes },
    { name: 'modified_at', kind: 'time', value: ({ modifiedMs }) => modifiedMs },
    { name: 'format_mark', kind: 'flag', value: ({ hasFormatMark }) => hasFormatMark },
    { name: 'cut_bytes', kind: 'bytes', value: ({ cutBytes }) => cutBytes },
    {
      name: 'project_settings',
      kind: 'json',
      value: ({ projectSettings }) => JSON.stringify(projectSettings),
    },
    { name: 'text', kind: 'text', value: ({ text }) => text },
  ],
  shown: ['cwd', 'given', 'reason', 'pipeline', 'path', 'size_bytes', 'modified_at', 'cut_bytes', 'text'],
  nameOf: ({ path }) => path,
}

export const command = defineRecordCommand({
  examples: ['memories given --cwd .'],
  kind: GIVEN_KIND,
  flags: {
    cwd: textFlag('<dir>', 'the folder that the session is started in (default: this one)', {
      completes: { kind: 'folders' },
    }),
  },
  tables: ['threads'],
  notes: 'Only the text goes to stdout; on a terminal, what is known about it goes to stderr.',
  exitsWith1: 'nothing is given',
  read(session, { cwd: typed }): Given {
    const { home } = requireMemories(session)
    const cwd = toAbsolute(typed ?? '.', session.io.workingFolder)
    const given = readGivenMemory(home)
    if (!given.isGiven) session.fail()
    const projectSettings = findProjectSettings(cwd, home.codexHome, session.notice)
    for (const path of projectSettings) {
      session.notice(
        `${path} speaks of memories: a session in a trusted project may obey it, which is left out here`,
      )
    }
    return {
      ...given,
      cwd,
      release: home.version ?? null,
      isOn: home.settings?.isOn ?? null,
      usesMemories: home.settings?.usesMemories ?? null,
      projectSettings,
    }
  },
  write: writeGiven,
})

function writeGiven(given: Given, _: OutputFlags, { io, nowMs, notice }: Session): void {
  const { isGiven, reason, text, path, sizeBytes, modifiedMs, cutBytes, hasFormatMark } = given
  if (!isGiven || text === null) {
    notice(`a session is given nothing of its memories: ${reason}`)
    return
  }
  if (io.stderr.isTerminal) {
    const facts = [
      path,
      formatBytes(sizeBytes ?? 0),
      modifiedMs === null ? undefined : `written ${formatRelative(modifiedMs, nowMs)}`,
      hasFormatMark ? 'with the format mark v1' : undefined,
      cutBytes > 0 ? `${formatBytes(cutBytes)} cut out of its middle` : 'whole',
    ]
    notice(facts.filter((fact) => fact !== undefined).join(', '))
  }
  io.stdout.write(`${escapeForTerminal(text).trimEnd()}\n`)
}
