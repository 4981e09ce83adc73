// A home full of rollouts: the same bytes for the same numbers, on every machine.
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRandom } from './generate-logs.mjs'

const FIRST_SECONDS = Date.UTC(2026, 1, 1) / 1000

/** Gives what was written; a home that is complete already is left as it is. */
export function generateRollouts(home, { fileCount, sizeBytes }) {
  const done = join(home, 'complete')
  if (existsSync(done)) return JSON.parse(readFileSync(done, 'utf8'))
  process.stderr.write(`writing ${fileCount} rollouts to ${home} …\n`)
  const random = createRandom(1)
  const words = Array.from({ length: 4096 }, () => Math.floor(random() * 36 ** 7).toString(36))
  const text = (length) => {
    let result = ''
    while (result.length < length) result += `${words[Math.floor(random() * words.length)]} `
    return result.slice(0, length)
  }
  let writtenBytes = 0
  for (let index = 0; index < fileCount; index++) {
    // Some sessions are long, most are short: sizes from a tenth of the mean to ten times.
    const share = 0.1 + (random() < 0.1 ? 8 : 1) * random() * 0.9
    writtenBytes += writeRollout(home, index, Math.floor((sizeBytes / fileCount) * share * 1.27), text)
  }
  const written = { home, fileCount, sizeBytes: writtenBytes }
  writeFileSync(done, JSON.stringify(written))
  return written
}

function writeRollout(home, index, sizeBytes, text) {
  const seconds = FIRST_SECONDS + index * 400
  const timestamp = new Date(seconds * 1000).toISOString()
  const id = `${(seconds * 1000)
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}-7000-8000-${String(index).padStart(12, '0')}`
  const line = (type, payload) => `${JSON.stringify({ timestamp, type, payload })}\n`
  const message = text(80)
  const lines = [
    line('session_meta', {
      id,
      timestamp,
      cwd: `/srv/project-${index % 40}`,
      originator: 'codex_cli_rs',
      cli_version: '0.140.0',
      source: 'cli',
      model_provider: 'openai',
      base_instructions: null,
      git: {
        commit_hash: text(40).replaceAll(' ', '0'),
        branch: 'main',
        repository_url: 'https://example.org/x.git',
      },
    }),
    line('turn_context', {
      cwd: `/srv/project-${index % 40}`,
      approval_policy: 'on-request',
      sandbox_policy: { type: 'read-only' },
      model: 'gpt-5.2-codex',
      effort: 'medium',
      summary: 'auto',
    }),
    line('event_msg', { type: 'user_message', message, images: [], local_images: [], text_elements: [] }),
  ]
  let length = lines.join('').length
  for (let turn = 1; length < sizeBytes; turn++) {
    const usage = {
      input_tokens: turn * 900,
      cached_input_tokens: 0,
      output_tokens: 100,
      reasoning_output_tokens: 0,
      total_tokens: turn * 1000,
    }
    const added = [
      line('response_item', {
        type: 'function_call',
        name: 'shell',
        arguments: JSON.stringify({ command: ['bash', '-lc', text(60)] }),
        call_id: `call_${turn}`,
      }),
      line('response_item', {
        type: 'function_call_output',
        call_id: `call_${turn}`,
        output: text(Math.min(24_000, Math.max(200, sizeBytes / 8))),
      }),
      line('response_item', {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: text(400) }],
      }),
      line('event_msg', {
        type: 'token_count',
        info: { total_token_usage: usage, last_token_usage: usage, model_context_window: 258400 },
        rate_limits: null,
      }),
    ].join('')
    lines.push(added)
    length += added.length
  }
  const folder = join(home, 'sessions', timestamp.slice(0, 10).replaceAll('-', '/'))
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `rollout-${timestamp.slice(0, 19).replaceAll(':', '-')}-${id}.jsonl`)
  writeFileSync(path, lines.join(''))
  utimesSync(path, seconds + 300, seconds + 300)
  return length
}
