import { existsSync, readdirSync } from 'node:fs'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { formatBytes } from '../../format/quantity.js'
import { formatSource } from '../../format/thread-fields.js'
import { measureUsage, type Usage } from '../../inspect/disk-usage.js'
import { isMissing } from '../../model/file-error.js'
import type { UsageGroup } from '../../model/inspection.js'
import { findThread } from '../../query/threads/find.js'
import type { ThreadTable } from '../../query/threads/table.js'
import { unreadableFolder } from '../../schema/files.js'
import type { HomeFlags } from '../home-flags.js'
import type { CommandContext } from '../main.js'
import { printedFieldNames, writeRecords } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { type Session, withSession } from './session.js'

export function createUsageKind(group: UsageGroup): RecordKind<Usage> {
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

export async function run(
  context: CommandContext,
  flags: HomeFlags & OutputFlags & { by?: UsageGroup },
): Promise<void> {
  const group = flags.by ?? 'kind'
  const kind = createUsageKind(group)
  if (printedFieldNames(kind, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const { codexHome, home, nowMs, notice } = session
    requireFolder(codexHome)
    const databases = [...home.databases, ...home.elsewhere]
    const usage = measureUsage({ codexHome, sqliteHome: home.sqliteHome, databases }, group, {
      nowMs,
      describeThread: createDescriber(session),
      onNotice: notice,
    })
    await writeRecords(kind, [usage], flags, session)
    if (context.io.stdout.isTerminal && flags.json === undefined) {
      const total = usage.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      context.io.stdout.write(`${formatBytes(total)} in all\n`)
    }
  })
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
