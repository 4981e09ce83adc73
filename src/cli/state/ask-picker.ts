import { readBackfillStatus } from '../../inspect/backfill-status.js'
import { findRollout } from '../../inspect/find-rollout.js'
import type { FoundThread } from '../../inspect/thread-reference.js'
import { type Check, checkPicker } from '../../inspect/why.js'
import { findResumeObstacle } from '../../rollout/resumable.js'
import { readConfiguredProvider } from '../../schema/home.js'
import type { Session } from './session.js'

/** Whether the picker of Codex shows a thread. */
export interface PickerAnswer {
  id: string
  checks: Check[]
  /** The first check that hides the thread, in plain words; `null` when the picker shows it. */
  reason: string | null
  /** `null` when there is no rollout to resume from. */
  resume: string | null
}

/** @param cwd the folder that Codex is started in */
export async function askPicker(
  { id, thread }: FoundThread,
  cwd: string,
  session: Session,
): Promise<PickerAnswer> {
  const { codexHome, notice } = session
  const threads = session.tryOpenThreads()
  const rolloutNotices: string[] = []
  const { rollout, isHidden: isRolloutHidden } = await findRollout(codexHome, { id, thread }, (text) =>
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
    cwd,
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
