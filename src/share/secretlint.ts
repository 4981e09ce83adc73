import { rules } from '@secretlint/secretlint-rule-preset-recommend'
import type { SecretLintRuleContext, SecretLintSourceCode } from '@secretlint/types'
import type { Redaction } from './redact.js'

/** Comments that switch rules off are meant for sources of programs: in a log they would hide secrets. */
const RULES = rules.filter(({ meta }) => meta.id !== '@secretlint/secretlint-rule-filter-comments')

/** As the text of a file of no special kind. */
const SOURCE = { filePath: 'text.txt', ext: '.txt', contentType: 'text' }

/**
 * What the rules of secretlint find in a text, beside ours: a second pair of eyes that others keep up to date.
 * Loaded only when something is redacted.
 *
 * The rules are run by themselves: the core of secretlint keeps a mark of each run of a rule as long as the process
 * lives and goes through them all at the next, notes where each line begins, and leaves a byte order mark out of its count.
 */
export async function findBySecretlint(text: string): Promise<Redaction[]> {
  const found: Redaction[] = []
  const context: SecretLintRuleContext = {
    sharedOptions: {},
    createTranslator: () => (messageId) => ({ message: '', messageId: String(messageId), data: undefined }),
    report: ({ range: [start, end] }) => found.push({ start, end, kind: 'secret' }),
    ignore() {},
  }
  // Rules ask for places by line and column only to take comments that switch them off.
  const source = { ...SOURCE, content: text } as SecretLintSourceCode
  for (const rule of RULES) await rule.create(context, {}).file?.(source)
  return found
}
