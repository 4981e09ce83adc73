import { cleanMessage } from '../format/clean.js'
import { formatBytes, formatPlural } from '../format/quantity.js'
import { REDACTION_KINDS, type RedactionKind } from './redact.js'

/** What a bundle of a thread holds, and what not. */
export interface BundleContents {
  readonly subject: { readonly id: string; readonly cliVersion: string | undefined }
  readonly written: readonly {
    readonly file: string
    /** What it holds, for a person. */
    readonly holds: string
    readonly sizeBytes: number
    /** What was said while it was written. */
    readonly notices: readonly string[]
  }[]
  readonly left: readonly { readonly file: string; readonly reason: string }[]
  readonly counts: Readonly<Record<RedactionKind, number>> | undefined
  readonly isRedacted: boolean
  /** Of what wrote it. */
  readonly version: string
}

/** What is printed of it. */
export function formatBundleContents(contents: BundleContents): string {
  const { subject, written, left } = contents
  const widths = {
    file: Math.max(...[...written, ...left].map(({ file }) => file.length)),
    size: Math.max(...written.map(({ sizeBytes }) => formatBytes(sizeBytes).length)),
  }
  const lines = [
    `Thread ${subject.id}`,
    '',
    ...written.map(
      ({ holds, file, sizeBytes }) =>
        `${file.padEnd(widths.file)}  ${formatBytes(sizeBytes).padStart(widths.size)}  ${holds}`,
    ),
    ...left.map(
      ({ file, reason }) => `${file.padEnd(widths.file)}  ${'-'.padStart(widths.size)}  not in it: ${reason}`,
    ),
    '',
    tellRedaction(contents),
    ...written.flatMap(({ file, notices }) => notices.map((text) => `${file}: ${text}`)),
  ]
  return `${lines.map(cleanMessage).join('\n')}\n`
}

/** Names of what is replaced, one and many. */
const KIND_NOUNS: Record<RedactionKind, string> = {
  secret: 'secret',
  home: 'home folder',
  user: 'user name',
  host: 'host name',
  mail: 'mail address',
  path: 'path of a disk or share',
}

function tellRedaction({ counts, isRedacted }: BundleContents): string {
  if (!isRedacted) return 'NOT REDACTED: secrets, home folders and names are in it.'
  const parts = REDACTION_KINDS.flatMap((kind) => {
    const count = counts?.[kind] ?? 0
    return count === 0 ? [] : [`${count} ${count === 1 ? KIND_NOUNS[kind] : pluralOf(KIND_NOUNS[kind])}`]
  })
  const found = parts.length === 0 ? 'Nothing was found to be replaced' : `Replaced: ${parts.join(', ')}`
  return `${found}. No rule knows every secret: look into it before you give it away.`
}

function pluralOf(noun: string): string {
  return noun.startsWith('path') ? noun.replace('path', 'paths') : formatPlural(2, noun).replace('2 ', '')
}

/** The README.md in it. */
export function formatBundleReadme(contents: BundleContents): string {
  const { subject, written, left } = contents
  const notices = written.flatMap(({ file, notices }) =>
    notices.map((text) => `- ${file}: ${cleanMessage(text)}`),
  )
  return `# A thread of Codex

Thread ${subject.id}${subject.cliVersion === undefined ? '' : `, begun with Codex ${subject.cliVersion}`}.
Written by codex-logs ${contents.version} (codex-logs bundle); nothing was sent anywhere.

## What is in it

| file | size | |
| --- | --- | --- |
${written.map(({ holds, file, sizeBytes }) => `| ${file} | ${formatBytes(sizeBytes)} | ${holds} |`).join('\n')}

## What is not

${left.map(({ file, reason }) => `- ${file}: ${reason}\n`).join('')}- rows and turns of other threads, the databases themselves, auth.json, config.toml, the history of prompts: never

## What was replaced

${tellRedaction(contents)}
Prompts, commands and answers are in it as they are, but for what was replaced: \`[secret:1]\`, \`[home]\`, \`[user:1]\` and the
like stand for the same value in all files.
${notices.length === 0 ? '' : `\n## What was noticed on the way\n\n${notices.join('\n')}\n`}`
}
