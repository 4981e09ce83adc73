import type { ThreadMetadata } from '../../src/model/thread.js'

/** The id of a thread of the tests. */
export function threadId(number: number): string {
  return `0199aaaa-0000-7000-8000-${String(number).padStart(12, '0')}`
}

/** Metadata in which every field that a layout may lack has a value of its own. */
export function sampleMetadata(number: number, changes: Partial<ThreadMetadata> = {}): ThreadMetadata {
  const id = threadId(number)
  return {
    id,
    rolloutPath: `/home/demo/.codex/sessions/2026/02/05/rollout-2026-02-05T10-20-30-${id}.jsonl`,
    createdAtMs: 1_770_286_830_100 + number * 60_000,
    updatedAtMs: 1_770_286_890_250 + number * 60_000,
    source: 'cli',
    modelProvider: 'openai',
    cwd: '/srv/demo',
    title: `fix the build ${number}`,
    sandboxPolicy: '{"type":"read-only"}',
    approvalMode: 'on-request',
    tokensUsed: 15,
    firstUserMessage: `fix the build ${number}`,
    preview: `fix the build ${number}`,
    hasUserEvent: true,
    archivedAtSeconds: null,
    gitSha: 'abc123',
    gitBranch: 'main',
    gitOriginUrl: 'git@example.org:x/y.git',
    cliVersion: '0.99.0',
    agentNickname: 'Ada',
    agentRole: 'reviewer',
    agentPath: '/lead/ada',
    model: 'gpt-5.2-codex',
    reasoningEffort: 'medium',
    threadSource: 'user',
    historyMode: 'legacy',
    originator: 'codex_cli_rs',
    creatorUserId: 'user-1',
    creatorAccountId: 'account-1',
    memoryMode: 'disabled',
    ...changes,
  }
}
