import { THREAD_A } from './log-layouts.js'
import type { NewLogRow } from './log-rows.js'
import { startProcess } from './spawn.js'

/** A row of a thread's turn as 0.155 writes it. */
export function turnRow(ms: number, event: string, look: Partial<NewLogRow> = {}): NewLogRow {
  const threadId = look.threadId ?? THREAD_A
  return {
    tsSeconds: Math.floor(ms / 1000),
    tsNanos: (ms % 1000) * 1e6,
    level: 'DEBUG',
    target: 'codex_core::session::turn',
    body: `session_loop{thread_id=${String(threadId)}}:turn{otel.name="t" thread.id=${String(threadId)} turn.id=T1 model=m}: ${event}`,
    ...look,
    threadId,
  }
}

const SUBMISSION = {
  target: 'codex_core::session::handlers',
  body: 'session_loop{thread_id=x}: Submission sub=Submission { id: "T1", op: UserInput { items: [] } }',
}
const REQUEST = 'model="m" approval_policy=Never sandbox_policy=DangerFullAccess'

/** A turn that runs a command, from `ms` on. */
export function openTurn(ms: number, processUuid: string, threadId = THREAD_A): NewLogRow[] {
  const look = { processUuid, threadId }
  return [
    turnRow(ms, '', { ...SUBMISSION, ...look }),
    turnRow(ms + 10, REQUEST, { target: 'feedback_tags', ...look }),
    turnRow(ms + 50, 'Request completed method=POST url=http://x status=200 OK headers={}', look),
    turnRow(ms + 100, 'ToolCall: exec_command {"cmd":"make"}', look),
  ]
}

/** A process of the test's own that does nothing. */
export async function startIdle() {
  const running = startProcess(process.execPath, ['-e', 'console.log("up"); setTimeout(() => {}, 60_000)'])
  await running.until(() => running.stdout.includes('up'))
  return { running, uuid: `pid:${running.child.pid}:4b3a1d54-51c5-4a8e-9f34-0d2f8a9c1b11` }
}
