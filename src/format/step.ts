import type { ThreadActivity } from '../model/log-activity.js'

/** What a thread does or did, by what is known of its process. */
export function formatActivity(now: ThreadActivity & { process: { state: string } }): string {
  const text = formatStep(now)
  if (now.step === undefined || now.process.state === 'running') return text
  return `${now.process.state === 'gone' ? 'cut off' : 'last seen'}: ${text}`
}

/** What a thread does, in words for one line; times are in the sentence only where they lie ahead, in UTC. */
function formatStep({ step, turn, lastOutcome, approvalPolicy }: ThreadActivity): string {
  if (!step || !turn) {
    if (!lastOutcome) return 'idle'
    return lastOutcome.outcome === 'shutdown' ? 'closed' : `idle: its last turn ${ENDS[lastOutcome.outcome]}`
  }
  switch (step.kind) {
    case 'preparing':
      return 'prepares a request, or waits for a database'
    case 'request':
      return 'waits for the model server to answer'
    case 'stream':
      return 'receives an answer'
    case 'compacting':
      return 'compacts its context'
    case 'retry':
      return `waits until ${clock(step.untilMs)} to ask again (${step.attempt} of ${step.most})`
    case 'tool': {
      const names = [...new Set(step.calls.map(({ name }) => name))].join(', ')
      const mayWait = step.calls.some(({ decision }) => decision === undefined) && mayAsk(approvalPolicy)
      return `runs ${names}${mayWait ? ', or waits for an approval' : ''}`
    }
    default:
      return step satisfies never
  }
}

const ENDS = { completed: 'completed', failed: 'failed', interrupted: 'was interrupted' } as const

/** Where the policy is not known nothing is said of approvals. */
function mayAsk(policy: string | undefined): boolean {
  return policy !== undefined && policy !== 'Never'
}

function clock(epochMs: number): string {
  const iso = new Date(epochMs).toISOString()
  return `${iso.slice(11, 19)} UTC`
}
