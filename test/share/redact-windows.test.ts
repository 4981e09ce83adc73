import { expect, test } from 'vitest'
import { createRedactor } from '../../src/share/redact.js'
import { createRedactingWriter } from '../../src/share/redact-windows.js'

async function redactInParts(parts: readonly string[]): Promise<string[]> {
  const written: string[] = []
  const writer = createRedactingWriter(createRedactor(), (text) => written.push(text))
  for (const part of parts) await writer.write(part)
  await writer.end()
  return written
}

test('whole lines are written at once, and a line that is not whole when it is', async () => {
  expect(await redactInParts(['a password=one-1\nb pass', 'word=two-2\n', 'c'])).toEqual([
    'a password=[secret:1]\n',
    'b password=[secret:2]\n',
    'c',
  ])
})

test('a private key that comes in parts is one secret', async () => {
  const key = [
    '-----BEGIN PRIVATE KEY-----\n',
    'MIIEabcdef0123456789\n',
    '-----END PRIVATE KEY-----\n',
    'rest\n',
  ]
  expect((await redactInParts(['first\n', ...key])).join('')).toBe('first\n[secret:1]\nrest\n')
})

test('a key that never ends does not hold the rest back', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `${index} ${'x'.repeat(30)}\n`)
  const written = (await redactInParts(['-----BEGIN PRIVATE KEY-----\n', ...lines])).join('')
  expect(written).toContain('4999 xxx')
})

test('a text of megabytes in one line is redacted, and stays JSON', async () => {
  const records = Array.from({ length: 30_000 }, (_, id) => ({
    id,
    body: `token=secret-${id % 7}-abcdef and words`,
    more: 'x'.repeat(40),
  }))
  const parts = JSON.stringify(records).match(/[\s\S]{1,70000}/g)!
  const written = (await redactInParts(parts)).join('')
  expect(JSON.parse(written)).toEqual(
    records.map((record) => ({
      ...record,
      body: expect.stringMatching(/^token=\[secret:[1-7]\] and words$/),
    })),
  )
})
