import { existsSync, readdirSync } from 'node:fs'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { formatBytes } from '../../format/quantity.js'
import { formatSource } from '../../format/thread-fields.js'
import { measureUsage, type Usage } from '../../inspect/disk-usage.js'
import { isMissing } from '../../model/file-error.js'
import { USAGE_GROUPS, type UsageGroup } from '../../model/inspection.js'
import { findThread } from '../../query/threads/find.js'
import type { ThreadTable } from '../../query/threads/table.js'
import { unreadableFolder } from '../../schema/files.js'
import { choiceFlag } from '../flags.js'
import { defineListCommand } from '../records.js'
import type { Session } from './session.js'

function createUsageKind(group: UsageGroup): RecordKind<Usage> {
  return {
    noun: 'file',
    fields: [
      { name: group, kind: group === 'project' ? 'path' : 'text', value: ({ key }) => key },
      { name: 'size_bytes', kind: 'bytes', heading: 'SIZE', value: ({ sizeBytes }) => sizeBytes },
      { name: 'files', kind: 'number', value: ({ fileCount }) => fileCount },
    ],
    shown: [group, 'size_bytes', 'files'],
    nameOf: ({ key }) => key,
  }
}

export const command = defineListCommand({
  kind: ({ by }) => createUsageKind(by),
  variesBy: 'by',
  flags: { by: choiceFlag('<what>', USAGE_GROUPS, 'what to sum up by', { initial: 'kind' }) },
  tables: ['threads'],
  read(session, { by }) {
    const { codexHome, home, nowMs, notice } = session
    requireFolder(codexHome)
    const databases = [...home.databases, ...home.elsewhere]
    const usage = measureUsage({ codexHome, sqliteHome: home.sqliteHome, databases }, by, {
      nowMs,
      describeThread: createDescriber(session),
      onNotice: notice,
    })
    const total = usage.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return { pages: [usage], footer: () => `${formatBytes(total)} in all` }
  },
})

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
