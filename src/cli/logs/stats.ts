import type { RecordKind } from '../../format/fields.js'
import { STATS_GROUPS } from '../../model/log-stats.js'
import type { Command, JsonForm } from '../command.js'
import { listFlag, onFlag, parsedFlag, parseSpan } from '../flags.js'
import { defineListCommand } from '../records.js'
import { CHURN_KIND, listChurn } from './churn.js'
import { LOG_FILTER_FLAGS } from './filter-flags.js'
import { openFilteredLogs } from './open-logs.js'
import { runSample, SAMPLE_FORM } from './sample.js'
import { groupKind, readGroupSums, resolveGroups } from './stats-groups.js'
import { histogramKind, readHistogram } from './stats-histogram.js'

const FLAGS = {
  by: listFlag(
    '<what>',
    `sum up by ${STATS_GROUPS.join(', ')}; by two at once where it is given twice (default: level)`,
    {
      completes: { kind: 'words', words: STATS_GROUPS },
    },
  ),
  histogram: onFlag('rows over time, by level'),
  churn: onFlag('rows ever written, kept and pruned, and free space in the file'),
  sample: parsedFlag(
    '<span>',
    'measure what is written from now on, for this long (30s); Ctrl-C ends it sooner',
    parseSpan,
  ),
  ...LOG_FILTER_FLAGS,
}

// biome-ignore lint/suspicious/noExplicitAny: one of three kinds, by the flags.
type AnyRow = any

const list = defineListCommand<AnyRow, typeof FLAGS>({
  examples: ['stats --by target -n 10', 'stats --histogram --min-level warn'],
  tables: ['logs', 'threads'],
  flags: FLAGS,
  notes: `Sizes are what Codex itself counts (estimated_bytes), or those of the bodies where a layout has no such column; the
file is larger by its indexes and free pages (--churn). Hours and days are UTC.`,
  emptyText: 'no rows match',
  kind: ({ by, histogram, churn }) =>
    (churn ? CHURN_KIND : histogram ? histogramKind() : groupKind(resolveGroups(by))) as RecordKind<AnyRow>,
  async read(session, flags) {
    if (flags.churn) return { pages: [listChurn(session)] }
    const { store, filter } = await openFilteredLogs(flags, session)
    return flags.histogram
      ? readHistogram(store, filter, session, flags.json === undefined)
      : readGroupSums(store, filter, session, flags)
  },
})

const forms: JsonForm[] = [
  { shape: 'array', record: groupKind(['level']) },
  ...STATS_GROUPS.map(
    (by): JsonForm => ({ shape: 'array', suffix: `by-${by}`, argv: ['--by', by], record: groupKind([by]) }),
  ),
  { shape: 'array', suffix: 'histogram', argv: ['--histogram'], record: histogramKind() },
  { shape: 'array', suffix: 'churn', argv: ['--churn'], record: CHURN_KIND },
  SAMPLE_FORM,
]

export const command: Command = {
  ...list,
  jsonForms: forms,
  run: (context, flags, words) =>
    flags.sample === undefined ? list.run(context, flags, words) : runSample(context, flags),
}
