import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { findBySecretlint } from '../../src/share/secretlint.js'
import { createSecrets } from './made-up-secrets.js'

const token = createSecrets(1).find(({ kind }) => kind === 'GitHub')!.secret

test.each([
  ['a text', `use ${token} now`],
  ['a text with a comment that switches its rules off', `// secretlint-disable\nuse ${token} now`],
  ['a text that begins with a byte order mark', `\ufeffuse ${token} now`],
])('secretlint finds a token of GitHub in %s', async (_, text) => {
  const start = text.indexOf(token)
  expect(await findBySecretlint(text)).toEqual([{ start, end: start + token.length, kind: 'secret' }])
})

test('a run of secretlint leaves nothing behind in the process', async () => {
  const before = performance.getEntries().length
  await findBySecretlint(token)
  expect(performance.getEntries()).toHaveLength(before)
})
