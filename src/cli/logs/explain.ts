import { explainText, findEntry, findSimilarEntries, isRetryText } from '../../body/explain-failure.js'
import { FAILURES, type FailureEntry } from '../../body/failures.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { restArgument } from '../flags.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineListCommand } from '../records.js'

const ENTRY_KIND: RecordKind<FailureEntry> = {
  noun: 'entry',
  fields: [
    { name: 'name', kind: 'text', value: ({ name }) => name },
    { name: 'severity', kind: 'text', value: ({ severity }) => severity },
    { name: 'what', kind: 'text', value: ({ title }) => title },
    { name: 'cause', kind: 'text', value: ({ cause }) => cause },
    { name: 'step', kind: 'text', value: ({ step }) => step || null },
    { name: 'seen', kind: 'text', value: ({ seen }) => seen || null },
    { name: 'fixed_in', kind: 'text', value: ({ fixedIn }) => fixedIn },
  ],
  shown: ['name', 'severity', 'what'],
  nameOf: ({ name }) => name,
}

/** The catalogue of failures: all of it, one entry by its name, or the one that a message means. */
export const command = defineListCommand({
  examples: ['explain http-401', "explain 'exceeded retry limit, last status: 429'"],
  kind: ENTRY_KIND,
  args: { what: restArgument('a name, or a message as it was printed', { example: 'http-500' }) },
  notes: `Without a word it lists all entries. A message may be pasted with all that stands around it: quote it, so that the
shell leaves it as it is.`,
  isFaint: ({ severity }) => severity === 'notice',
  read(_, __, { what }) {
    const typed = what.join(' ').trim()
    if (typed === '') return [FAILURES]
    const entry = findEntry(typed) ?? explainText(typed)
    if (entry) return [[entry]]
    if (isRetryText(typed)) {
      throw new StateError('NOT_FOUND', 'a retry has the same text whatever its cause', {
        hint: `'codex-logs errors --explain' takes the cause from the rows around it.`,
      })
    }
    const similar = findSimilarEntries(typed).slice(0, MOST_SIMILAR)
    throw new StateError('NOT_FOUND', 'no entry fits this text', {
      hint:
        similar.length > 0
          ? `Entries with such words: ${similar.map(({ name }) => name).join(', ')}.`
          : `'codex-logs explain' lists all entries.`,
    })
  },
  write(rows, flags, { io }) {
    const [entry, ...others] = rows
    if (!entry || others.length > 0) return undefined
    return (async () => {
      const { wrapWords } = await import('../../format/table.js')
      const palette = await loadPalette(resolveColor(flags.color, io))
      const room = io.stdout.isTerminal ? (io.stdout.columns || 100) - LABEL_WIDTH : Number.POSITIVE_INFINITY
      const part = (label: string, text: string) =>
        wrapWords(text, room)
          .map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}\n`)
          .join('')
      io.stdout.write(
        `${paint(palette, 'heading', entry.name)}  ${entry.title}\n\n` +
          part('cause', entry.cause) +
          part('do', entry.step || 'Nothing.') +
          part(
            'seen',
            entry.seen === '' ? 'in reports of users; in no log at hand' : `in logs of ${entry.seen}`,
          ) +
          (entry.fixedIn === undefined ? '' : part('fixed', `in ${entry.fixedIn}`)),
      )
    })()
  },
})

const LABEL_WIDTH = 7
const MOST_SIMILAR = 5
