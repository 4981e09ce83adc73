import { lintSource } from '@secretlint/core'
import { creator } from '@secretlint/secretlint-rule-preset-recommend'
import type { Redaction } from './redact.js'

const CONFIG = {
  rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator, options: {} }],
}

/**
 * What the rules of secretlint find in a text, beside ours: a second pair of eyes that others keep up to date.
 * Loaded only when something is redacted.
 */
export async function findBySecretlint(text: string): Promise<Redaction[]> {
  const { messages } = await lintSource({
    source: { filePath: 'text.txt', content: text, contentType: 'text', ext: '.txt' },
    options: { config: CONFIG, noPhysicFilePath: true },
  })
  return messages.map(({ range: [start, end] }) => ({ start, end, kind: 'secret' }))
}
