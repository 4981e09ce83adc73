import { existsSync, readdirSync } from 'node:fs'
import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { formatBytes } from '../../format/quantity.js'
import { formatSource, labelOf } from '../../format/thread-fields.js'
import { measureContent } from '../../inspect/disk-content.js'
import { type FamilyUsage, measureFamilies } from '../../inspect/disk-families.js'
import { measurePlaces } from '../../inspect/disk-places.js'
import { isInside, measureUsage } from '../../inspect/disk-usage.js'
import { isMissing } from '../../model/file-error.js'
import { USAGE_GROUPS, type UsageGroup } from '../../model/inspection.js'
import { findThread, findThreads } from '../../query/threads/find.js'
import type { ThreadTable } from '../../query/threads/table.js'
import { unreadableFolder } from '../../schema/files.js'
import { choiceFlag } from '../flags.js'
import { createProgress, type Progress } from '../progress.js'
import { defineListCommand, type FoundRecords } from '../records.js'
import { arePlaces, type FamilyRow, type UsageRow, usageKind, writePlaces } from './du-kinds.js'
import { isCsv } from './output-fields.js'
import type { Session } from './session.js'

export const command = defineListCommand({
  examples: ['du --by family -n 10'],
  kind: ({ by = 'kind' }) => usageKind(by),
  variesBy: 'by',
  flags: {
    by: choiceFlag('<what>', USAGE_GROUPS, 'what to sum up by (default: kind; on a terminal: place)'),
  },
  tables: ['threads'],
  exitsWith1: 'not all can be read or counted',
  write: (rows, { color }, session) =>
    session.io.stdout.isTerminal && arePlaces(rows) ? writePlaces(rows, color, session) : undefined,
  notes: `place: each database with its log (WAL), each kind of files, whether it may go and what would be lost.
family: a thread with its forks, sub-agents and reviewers: a fork can need the rollout that it continues, so a family
goes whole or not at all. content: what the bytes of all rollouts are; they are read for it. Nothing is deleted.`,
  async read(session, flags) {
    const { by, json, fields } = flags
    requireFolder(session.codexHome)
    const isPlain = json === undefined && fields === undefined && !isCsv(flags)
    const group = by ?? (isPlain && session.io.stdout.isTerminal ? 'place' : 'kind')
    const rows = await measure(group, session)
    const total = rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const { codexHome, home } = session
    const folders = isInside(home.sqliteHome, codexHome) ? [codexHome] : [codexHome, home.sqliteHome]
    return {
      kind: usageKind(group),
      pages: [rows],
      heading: `${formatBytes(total)} in ${folders.map((folder) => cleanLine(shorten(folder, session.io.userHome))).join(' and ')}`,
      ...FOOTERS[group],
    }
  },
})

const FOOTERS: Partial<Record<UsageGroup, Pick<FoundRecords<UsageRow>, 'footer'>>> = {
  family: {
    footer: () => 'A fork can need the rollout it continues: a family goes whole or not at all.',
  },
  content: {
    footer: () => 'No part of a rollout can be removed by itself; whole threads: codex-state du --by family',
  },
}

async function measure(group: UsageGroup, session: Session): Promise<UsageRow[]> {
  const { codexHome, home, nowMs, notice, io } = session
  const places = {
    codexHome,
    sqliteHome: home.sqliteHome,
    databases: [...home.databases, ...home.elsewhere],
  }
  const onUnreadable = (reason: string) => {
    notice(reason)
    session.fail()
  }
  switch (group) {
    case 'place':
      return measurePlaces(places, onUnreadable)
    case 'family':
      return nameFamilies(await measureFamilies(places, { onUnreadable }), session)
    case 'content': {
      let progress: Progress | undefined
      let shownBytes = 0
      const found = await measureContent(places, {
        onUnreadable,
        onProgress(doneBytes, allBytes) {
          progress ??= createProgress(io, 'reading', allBytes)
          progress.add(doneBytes - shownBytes)
          shownBytes = doneBytes
        },
      })
      progress?.clear()
      const total = found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      return found.map((usage) => ({ ...usage, share: Math.round((usage.sizeBytes / total) * 1000) / 1000 }))
    }
    default:
      return measureUsage(places, group, {
        nowMs,
        describeThread: createDescriber(session),
        onNotice: notice,
        onUnreadable,
      })
  }
}

function nameFamilies(families: readonly FamilyUsage[], session: Session): FamilyRow[] {
  const threads = session.tryOpenThreads()
  const ids = families.flatMap(({ rootId }) => rootId ?? [])
  const rows = new Map(threads ? findThreads(threads, ids).map((thread) => [thread.id, thread]) : [])
  return families.map((family) => {
    const thread = family.rootId === null ? undefined : rows.get(family.rootId)
    return { ...family, label: thread ? labelOf({ thread, name: session.nameOf(thread) }) : '' }
  })
}

/** With `~` for the user's own folder, as a person would type it. */
function shorten(path: string, userHome: string): string {
  return path.startsWith(`${userHome}/`) ? `~${path.slice(userHome.length)}` : path
}

function requireFolder(path: string): void {
  try {
    readdirSync(path)
  } catch (error) {
    if (isMissing(error) && !existsSync(path)) {
      throw new StateError('DB_NOT_FOUND', `no Codex home at ${path}`)
    }
    throw unreadableFolder(path, error)
  }
}

function createDescriber(session: Session): (id: string) => { source: string; cwd: string } | undefined {
  let threads: ThreadTable | null | undefined
  return (id) => {
    if (threads === undefined) threads = session.tryOpenThreads() ?? null
    const thread = threads && findThread(threads, id)
    return thread ? { source: formatSource(thread.source), cwd: thread.cwd } : undefined
  }
}
