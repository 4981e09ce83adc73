import { cleanLine } from '../../format/clean.js'
import type { RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { formatPlural } from '../../format/quantity.js'
import type { Check } from '../../inspect/why.js'
import { onFlag, textFlag } from '../flags.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineRecordCommand } from '../records.js'
import { askPicker, type PickerAnswer } from './ask-picker.js'
import { findHistory, tellHiddenTurnsOf } from './history-look.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'
import { toAbsolute } from './threads-list.js'

const ANSWER_KIND: RecordKind<PickerAnswer> = {
  noun: 'answer',
  fields: [
    { name: 'id', kind: 'id', value: ({ id }) => id },
    { name: 'shown', kind: 'flag', value: ({ reason }) => reason === null },
    { name: 'reason', kind: 'text', value: ({ reason }) => reason },
    {
      name: 'checks',
      kind: 'json',
      value: ({ checks }) =>
        JSON.stringify(
          checks.map(({ name, isPassed, detail }) => ({ check: name, passed: isPassed, detail })),
        ),
    },
    { name: 'resume', kind: 'text', value: ({ resume }) => resume },
  ],
  shown: ['id', 'shown', 'reason', 'checks', 'resume'],
  nameOf: ({ id }) => id,
}

export const command = defineRecordCommand({
  examples: ['why last --cwd .'],
  kind: ANSWER_KIND,
  args: { thread: THREAD_ARGUMENT },
  flags: {
    all: onFlag('list the checks that are fine as well'),
    cwd: textFlag('<dir>', 'the folder that Codex is started in (default: this one)', {
      completes: { kind: 'folders' },
    }),
  },
  tables: ['threads', 'backfill_state'],
  exitsWith1: 'the thread is hidden',
  async read(session, { cwd }, args) {
    const found = await requireThread(args.thread, session)
    const answer = await askPicker(found, toAbsolute(cwd ?? '.', session.io.workingFolder), session)
    tellHiddenTurnsOf(await findHistory(session, answer.id), session)
    if (answer.reason !== null) session.fail()
    return answer
  },
  write: writeAnswer,
})

async function writeAnswer(
  { checks, resume }: PickerAnswer,
  flags: OutputFlags & { all?: true | undefined },
  { io }: Session,
): Promise<void> {
  if (!io.stdout.isTerminal) {
    for (const { name, isPassed, detail } of checks) {
      io.stdout.write(`${isPassed ? 'pass' : 'fail'}\t${name}\t${cleanLine(detail)}\n`)
    }
    if (resume) io.stdout.write(`resume\t${resume}\n`)
    return
  }
  const palette = await loadPalette(resolveColor(flags.color ?? 'auto', io))
  const failed = checks.filter(({ isPassed }) => !isPassed)
  // That a home was copied hides every thread of it, so beside a reason of this thread's own it is a note.
  const own = failed.filter(({ name }) => name !== 'home')
  const reasons = own.length > 0 ? own : failed
  const notes = failed.filter((check) => !reasons.includes(check))
  const passed = checks.filter(({ isPassed }) => isPassed)
  const width = Math.max(...checks.map(({ name }) => name.length))
  const { wrapWords } = await import('../../format/table.js')
  const columns = io.stdout.columns ?? 100
  const indent = '  ✓ '.length + width + 2
  const write = (line: string) => void io.stdout.write(`${line}\n`)
  const writeCheck = ({ name, isPassed, detail }: Check) => {
    const mark = isPassed ? paint(palette, 'good', '✓') : paint(palette, 'bad', '✗')
    const [first, ...others] = wrapWords(cleanLine(detail), columns - indent)
    write(`  ${mark} ${name.padEnd(width)}  ${first}`)
    for (const line of others) write(' '.repeat(indent) + line)
  }
  write(
    reasons.length === 0
      ? "Shown in Codex's resume list."
      : `Hidden from Codex's resume list, for ${formatPlural(reasons.length, 'reason')}:`,
  )
  for (const check of reasons) writeCheck(check)
  if (notes.length > 0) {
    const text = 'Note: this home was copied, mounted or restored; its row names a file elsewhere'
    for (const line of wrapWords(text, columns)) write(line)
  }
  if (flags.all) for (const check of passed) writeCheck(check)
  else if (passed.length > 0) {
    const names = passed.map(({ name }) => name).join(', ')
    const [those, are] = passed.length === 1 ? ['check', 'is'] : ['checks', 'are']
    const other = reasons.length > 0 ? ' other' : ''
    const text = `${passed.length}${other} ${those} ${are} fine: ${names} (--all lists them)`
    for (const line of wrapWords(text, columns)) write(paint(palette, 'faint', line))
  }
  write(resume === null ? 'There is nothing to resume it from.' : `Open it:  ${resume}`)
}
