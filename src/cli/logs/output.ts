import { StateError } from '../../errors.js'
import { areOfColumns } from '../../format/encodings.js'
import { escapeForTerminal, escapeJsonForTerminal } from '../../format/escape.js'
import { createStatelessFormatter, formatOf, type RowFormatter } from '../../format/formats.js'
import { createRecordFormatter, type OpenBody } from '../../format/log-line.js'
import { createTextFormatter } from '../../format/log-text.js'
import type { Palette } from '../../format/palette.js'
import type { LogFilter, StoredLogRow } from '../../model/log.js'
import { LOG_FIELD_NAMES, LOG_FIELDS, type PieceStyles } from '../../model/log-records.js'
import type { Io } from '../io.js'
import { loadPalette, resolveColor } from '../options.js'
import type { LogsFlags } from './flags.js'
import { resolveFields, resolveFormat, resolveHighlight, resolveTime } from './options.js'
import type { RecordPlan } from './records.js'
import type { SummaryOutput } from './summary-output.js'

/** How records are printed. */
export interface Output {
  header: string
  formatter: RowFormatter
  /** Where rows are told by what their bodies mean. */
  summary?: Omit<SummaryOutput, 'formatter'>
  /** How SQLite writes them by itself; `undefined` where the output needs JavaScript's form. */
  plan: RecordPlan | undefined
  /** What reads bodies, where the plan asks for parts of them. */
  openBody?: OpenBody | undefined
  /** Whether the values of columns that are not known here are printed too. */
  hasUnknown: boolean
  /** Not a format that programs read line by line. */
  isForPeople: boolean
}

/** @throws {StateError} `USAGE` */
export async function resolveOutput(flags: LogsFlags, filter: LogFilter, io: Io): Promise<Output> {
  const format = resolveFormat(flags, io)
  const fields = typeof flags.fields === 'string' ? await resolveFields(flags.fields) : undefined
  if (flags.parse && fields)
    throw new StateError('USAGE', '--fields names what is printed, so --parse adds nothing')
  const { time, isUtc } = await resolveTime(flags, io)
  const isRaw = flags.raw ?? false
  const isTerminal = io.stdout.isTerminal
  const { audience, indent, tells, ...made } = formatOf(format)
  const printed = flags.parse ? [...LOG_FIELD_NAMES, ...PARSED_FIELDS] : fields
  const pieces = made.pieces(printed, { isCsvSafe: flags.csvSafe })
  const header = made.header?.(printed) ?? ''
  const openBody = areOfColumns(pieces) ? undefined : (await import('./read-body.js')).openBody
  if (audience === 'machines') {
    const hasUnknown = made.hasUnknown === true && fields === undefined
    const formatKnown = createRecordFormatter(pieces, { time, isRaw, openBody })
    const formatRecord: RowFormatter['format'] = hasUnknown
      ? (row, layout) => withUnknown(formatKnown(row, layout), row)
      : formatKnown
    if (!isTerminal || isRaw) {
      const plan = { pieces, isRaw, styles: undefined }
      return {
        header,
        formatter: createStatelessFormatter(formatRecord),
        plan,
        openBody,
        hasUnknown,
        isForPeople: false,
      }
    }
    const clean = format === 'csv' ? escapeForTerminal : escapeJsonForTerminal
    const formatter = createStatelessFormatter((row, layout) => clean(formatRecord(row, layout)))
    return { header, formatter, plan: undefined, hasUnknown, isForPeople: false }
  }
  const palette = await loadPalette(resolveColor(flags.color, io))
  const highlight = palette && resolveHighlight(filter)
  if (!fields && !isRaw && (tells === 'everywhere' || (tells && isTerminal))) {
    const { createSummaryOutput } = await import('./summary-output.js')
    const { formatter, ...summary } = createSummaryOutput({
      stdout: io.stdout,
      time,
      palette,
      highlight,
      isCompact: format === 'compact',
      wraps: flags.wrap ?? false,
      folds: flags.fold,
    })
    const output: Output = {
      header,
      formatter,
      summary: {
        ...summary,
        showThread(thread) {
          summary.showThread(thread)
          output.plan = undefined
        },
      },
      plan:
        tells === 'everywhere' && isUtc && !isTerminal && !palette
          ? { isShort: true, pieces, isRaw, styles: undefined }
          : undefined,
      hasUnknown: false,
      isForPeople: format !== 'csv',
    }
    return output
  }
  const options = {
    time,
    palette,
    isMultiline: isTerminal,
    indent: fields ? BODY_INDENT : indent,
    isRaw,
    highlight,
    openBody,
  }
  const canPlan = isUtc && !isTerminal && !highlight
  const plan =
    canPlan && areOfColumns(pieces) ? { pieces, isRaw, styles: palette && pickStyles(palette) } : undefined
  const formatter = createStatelessFormatter(createTextFormatter(pieces, options))
  return { header, formatter, plan, hasUnknown: false, isForPeople: format !== 'csv' }
}

/** What `--parse` adds to the columns. */
export const PARSED_FIELDS = ['message', 'spans', 'event_fields', 'turn_id'] as const

const BODY_INDENT = '    '

function pickStyles(palette: Palette): PieceStyles {
  const { time, thread, target, TRACE, DEBUG, INFO, WARN, ERROR, otherLevel } = palette
  return { time, thread, target, TRACE, DEBUG, INFO, WARN, ERROR, otherLevel }
}

/** A JSON record with the columns that are not known here, which may have the name of a field that has no column. */
function withUnknown(record: string, { unknown }: StoredLogRow): string {
  if (!unknown) return record
  const values = Object.entries(unknown).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  ])
  // Not through an object where that can be helped: it would round what is beyond 2^53.
  return Object.keys(unknown).some((name) => Object.hasOwn(LOG_FIELDS, name))
    ? `${JSON.stringify({ ...JSON.parse(record), ...Object.fromEntries(values) })}\n`
    : `${record.slice(0, -2)}${values.map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`).join('')}}\n`
}

/** What `--fields` alone prints: the names that it takes. */
export async function listFields(io: Io): Promise<void> {
  const { BODY_FIELD_NAMES } = await import('../../body/meanings.js')
  const names = [...LOG_FIELD_NAMES, ...BODY_FIELD_NAMES, 'field.<name>', 'span.<name>.<field>']
  io.stdout.write(names.map((name) => `${name}\n`).join(''))
}
