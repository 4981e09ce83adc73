import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)

/** The text of the README and of each page of `docs/`, by its path from the root. */
export const pages: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'README.md',
    ...readdirSync(new URL('docs/', root))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ].map((path) => [path, readFileSync(fileURLToPath(new URL(path, root)), 'utf8')]),
)

/** Pages about other programs as well (npm, tar), or about code: the options in them are not all ours. */
const ABOUT_OTHERS = ['docs/install.md', 'docs/architecture.md']

/** What a user reads of the two commands. */
export const guide: string = Object.entries(pages)
  .filter(([path]) => !ABOUT_OTHERS.includes(path))
  .map(([, text]) => text)
  .join('\n')

/** The lines of a page's shell blocks that call one of the commands, without the prompt. */
export function commandLines(text: string): string[] {
  return [...text.matchAll(/```(?:sh|console)\n([\s\S]*?)```/g)]
    .flatMap(([, code]) => code!.split('\n'))
    .map((line) => line.replace(/^\$ /, ''))
    .filter((line) => /^codex-(logs|state) /.test(line))
}
