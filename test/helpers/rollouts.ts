import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { SEARCH_PLACES, type SearchQuery } from '../../src/model/search.js'

export const THREAD_ID = '0199aaaa-0000-7000-8000-000000000001'
export const OTHER_ID = '0199aaaa-0000-7000-8000-000000000002'
export const ROLLOUT_NAME = `rollout-2026-02-05T10-20-30-${THREAD_ID}.jsonl`

/** A search for nothing yet, in all places. */
export const PLAIN_SEARCH: SearchQuery = {
  text: '',
  isRegex: false,
  ignoresCase: false,
  places: SEARCH_PLACES,
  contextLines: 0,
  sinceMs: undefined,
  untilMs: undefined,
  onlyFirst: false,
  withReviewers: true,
}

type Payload = Record<string, unknown>

/** One line without its line feed, keys in the order that Codex writes. */
export function line(type: string, payload: Payload): string {
  return JSON.stringify({ timestamp: '2026-02-05T10:20:30.123Z', type, payload })
}

export function event(type: string, payload: Payload): string {
  return line('event_msg', { type, ...payload })
}

export function sessionMeta(payload: Payload = {}): string {
  return line('session_meta', {
    id: THREAD_ID,
    timestamp: '2026-02-05T10:20:30.100Z',
    cwd: '/srv/demo',
    originator: 'codex_cli_rs',
    cli_version: '0.99.0',
    source: 'cli',
    model_provider: 'openai',
    ...payload,
  })
}

export function turnContext(payload: Payload = {}): string {
  return line('turn_context', {
    cwd: '/srv/turn',
    approval_policy: 'never',
    sandbox_policy: { type: 'danger-full-access' },
    model: 'gpt-5.2-codex',
    effort: 'medium',
    summary: 'auto',
    ...payload,
  })
}

export function userMessage(message: string, payload: Payload = {}): string {
  return event('user_message', { message, images: [], local_images: [], ...payload })
}

/** A folder that is gone after the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'codex-state-rollout-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes a file below a folder, and the folders between. */
export function writeFile(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const value of values) collected.push(value)
  return collected
}
