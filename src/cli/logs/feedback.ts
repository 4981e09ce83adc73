import { resolve } from 'node:path'
import { StateError } from '../../errors.js'
import { formatBytes, formatPlural } from '../../format/quantity.js'
import { type Feedback, readFeedback } from '../../inspect/feedback.js'
import { createFinalFile } from '../../share/export/final-file.js'
import { findSecrets } from '../../share/find-secrets.js'
import { defineTextCommand } from '../command.js'
import { textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import { PAGER_FLAGS } from '../pager-flag.js'
import { REDACT_FLAGS } from '../redact-flag.js'
import { withSession } from '../state/session.js'
import { THREAD_ARGUMENT } from '../state/thread-argument.js'
import { openLogs, requireThreadOfLogs } from './open-logs.js'

export const command = defineTextCommand({
  examples: ['feedback last -o feedback.txt'],
  args: { thread: THREAD_ARGUMENT },
  flags: {
    output: textFlag('<file>', 'write the exact text that would be uploaded to this file', {
      short: 'o',
      completes: { kind: 'files' },
    }),
    ...PAGER_FLAGS,
    ...REDACT_FLAGS,
    ...HOME_FLAGS,
  },
  tables: ['logs', 'threads'],
  notes: `Prints the log rows that /feedback of Codex would upload for the thread, in its order, form and bounds, with every secret
that is found marked as >>>…<<<; what it is made of is said on stderr. Codex may upload more beside them: the rollout, a doctor report.`,
  async run(context, { output, codexHome, db }, { thread }) {
    return withSession(context, { codexHome, db }, async (session) => {
      const store = await openLogs(session)
      const { id } = await requireThreadOfLogs(thread, store, session)
      const feedback = readFeedback(store, id, session.tryOpenThreads())
      if (feedback.lines.length === 0) {
        throw new StateError('NOT_FOUND', `no log row of thread ${id} would be uploaded`, {
          hint: 'codex exec writes no log, and older rows are pruned.',
        })
      }
      const text = feedback.lines.join('')
      const secrets = secretsIn(text)
      if (output === undefined) context.io.stdout.write(markSecrets(text, secrets))
      else {
        const file = createFinalFile(resolve(context.io.workingFolder, output))
        try {
          file.write(Buffer.from(text))
          file.commit()
        } finally {
          file.discard()
        }
      }
      for (const line of describe(feedback, text, secrets)) context.io.stderr.write(`${line}\n`)
      return 0
    })
  },
})

function markSecrets(text: string, secrets: readonly Place[]): string {
  const parts: string[] = []
  let from = 0
  for (const { start, end } of secrets) {
    if (start < from) continue
    parts.push(text.slice(from, start), '>>>', text.slice(start, end), '<<<')
    from = end
  }
  return [...parts, text.slice(from)].join('')
}

/** A part of the text. */
interface Place {
  readonly start: number
  readonly end: number
}

function secretsIn(text: string): Place[] {
  return findSecrets(text)
    .filter(({ kind }) => kind === 'secret')
    .sort((a, b) => a.start - b.start)
}

function* describe(feedback: Feedback, text: string, secrets: readonly Place[]): Generator<string> {
  const { lines, sizeBytes, threadlessRows, leftOutRows, leftOutThreads, threadIds, otherThreads } = feedback
  yield `${formatPlural(lines.length, 'row')}, ${formatBytes(sizeBytes)}, of ${formatPlural(threadIds.length, 'thread')}${
    threadlessRows > 0 ? `; ${threadlessRows} of them belong to no thread, but to the same process` : ''
  }`
  if (leftOutRows > 0) yield `${leftOutRows} older rows do not fit into the 10 MiB that are uploaded`
  if (leftOutThreads > 0)
    yield `${formatPlural(leftOutThreads, 'spawned thread')} would be left out: eight are taken`
  if (otherThreads.length > 0 && threadlessRows > 0) {
    yield `the same process worked on ${formatPlural(otherThreads.length, 'other thread')}: rows that name no thread may be about ${otherThreads.length === 1 ? 'it' : 'them'}`
  }
  const values = new Set(secrets.map(({ start, end }) => text.slice(start, end)))
  yield secrets.length === 0
    ? 'no secret was found by the rules here, which cannot know all'
    : `${formatPlural(secrets.length, 'place')} with a secret (${values.size} different)`
}
