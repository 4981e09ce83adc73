import { cleanLine } from '../../format/clean.js'
import type { RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { formatPlural } from '../../format/quantity.js'
import { readBackfillStatus } from '../../inspect/backfill-status.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { type Check, checkPicker } from '../../inspect/why.js'
import { findResumeObstacle } from '../../rollout/resumable.js'
import { readConfiguredProvider } from '../../schema/home.js'
import { onFlag, textFlag } from '../flags.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineRecordCommand } from '../records.js'
import { tellHiddenTurns } from './history-look.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'
import { toAbsolute } from './threads-list.js'

interface Answer {
  id: string
  checks: Check[]
  /** The first check that hides the thread, in plain words; `null` when the picker shows it. */
  reason: string | null
  /** `null` when there is no rollout to resume from. */
  resume: string | null
}

const ANSWER_KIND: RecordKind<Answer> = {
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
    const answer = await findAnswer(args.thread, cwd, session)
    await tellHiddenTurns(session, answer.id)
    if (answer.reason !== null) session.fail()
    return answer
  },
  write: writeAnswer,
})

async function findAnswer(text: string, typedCwd: string | undefined, session: Session): Promise<Answer> {
  const { codexHome, io, notice } = session
  const { id, thread } = await requireThread(text, session)
  const threads = session.tryOpenThreads()
  const rolloutNotices: string[] = []
  const { rollout, isHidden: isRolloutHidden } = await findRollout(codexHome, id, thread, (text) =>
    rolloutNotices.push(text),
  )
  const obstacle = rollout && (await findResumeObstacle(rollout))
  const checks = await checkPicker({
    id,
    codexHome,
    threads,
    thread,
    rollout,
    rolloutNotices,
    isRolloutHidden,
    obstacle,
    backfill: await readBackfillStatus(codexHome, session.tryOpen('backfill_state'), threads),
    provider: readConfiguredProvider(codexHome, notice),
    cwd: toAbsolute(typedCwd ?? '.', io.workingFolder),
  })
  const failed = checks.find(({ isPassed }) => !isPassed)
  const isDefaultHome = session.home.rule === 'default' || session.home.rule === 'CODEX_HOME'
  return {
    id,
    checks,
    reason: failed?.detail ?? null,
    resume:
      rollout && obstacle === undefined
        ? `${isDefaultHome ? '' : `CODEX_HOME=${quote(codexHome)} `}codex resume ${id}`
        : null,
  }
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

async function writeAnswer(
  { checks, resume }: Answer,
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
  const write = (line: string) => void io.stdout.write(`${line}\n`)
  const writeCheck = ({ name, isPassed, detail }: Check) => {
    const mark = isPassed ? paint(palette, 'good', '✓') : paint(palette, 'bad', '✗')
    write(`  ${mark} ${name.padEnd(width)}  ${cleanLine(detail)}`)
  }
  write(
    reasons.length === 0
      ? "Shown in Codex's resume list."
      : `Hidden from Codex's resume list, for ${formatPlural(reasons.length, 'reason')}:`,
  )
  for (const check of reasons) writeCheck(check)
  if (notes.length > 0)
    write('Note: this home was copied, mounted or restored; its row names a file elsewhere')
  if (flags.all) for (const check of passed) writeCheck(check)
  else if (passed.length > 0) {
    const names = passed.map(({ name }) => name).join(', ')
    const [those, are] = passed.length === 1 ? ['check', 'is'] : ['checks', 'are']
    const other = reasons.length > 0 ? ' other' : ''
    write(
      paint(palette, 'faint', `${passed.length}${other} ${those} ${are} fine: ${names} (--all lists them)`),
    )
  }
  write(resume === null ? 'There is nothing to resume it from.' : `Open it:  ${resume}`)
}
