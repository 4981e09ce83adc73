import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { commandLines, pages } from './helpers/docs.js'
import { copyHome, fixtureNames, fixturePath, HOMES, type HomeName, homePath } from './helpers/homes.js'
import { temporaryFolder } from './helpers/layouts.js'
import { requirePrograms } from './helpers/programs.js'
import { runLogs, runState } from './helpers/run.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const readme = pages['README.md']!
const section = readme.slice(readme.indexOf('\n## Questions\n'), readme.indexOf('\n## Commands\n'))
interface Recipe {
  title: string
  code: string
  /** What the README says that it prints. */
  shown: string[]
}

/** `# a question`, `$ a command`, what it prints. */
const recipes: Recipe[] = []
const sectionLines = /```console\n([\s\S]*?)\n```/.exec(section)![1]!.split('\n')
for (const [at, line] of sectionLines.entries()) {
  const next = sectionLines[at + 1]
  if (line.startsWith('# ') && next?.startsWith('$ ')) {
    recipes.push({ title: line.slice(2), code: next.slice(2), shown: [] })
  } else if (!line.startsWith('$ ')) recipes.at(-1)?.shown.push(line)
}

interface Outcome {
  stdout: string
  stderr: string
  exitCode: number | null
}

/** It ends when somebody ends it; without a receiver `ship` tries again and again. */
function isFollowing(code: string): boolean {
  return /codex-logs tail|\btail\b.* -f\b|--follow|codex-logs ship/.test(code)
}

/** As a user's shell runs it: the commands on the PATH, a home of release 0.169, a folder of one's own. */
async function runRecipe(code: string, codexHome: string): Promise<Outcome> {
  const folder = temporaryFolder()
  const commands = join(folder, 'commands')
  mkdirSync(commands)
  for (const name of ['codex-logs', 'codex-state']) {
    const script = `#!/bin/sh\nexec "${process.execPath}" "${root}bin/${name}.js" "$@"\n`
    writeFileSync(join(commands, name), script, { mode: 0o755 })
  }
  const shell = spawn('sh', ['-c', code], {
    cwd: folder,
    detached: true,
    env: {
      ...process.env,
      CODEX_HOME: codexHome,
      HOME: folder,
      PATH: commands + delimiter + process.env.PATH,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const outcome: Outcome = { stdout: '', stderr: '', exitCode: null }
  // A recipe that follows ends as a person ends it, once it has shown something or after a while.
  const follows = isFollowing(code)
  let end = () => {
    end = () => {}
    process.kill(-shell.pid!, 'SIGINT')
  }
  const patience = follows ? setTimeout(() => end(), 2000) : undefined
  shell.stdout.on('data', (chunk) => {
    outcome.stdout += chunk
    if (follows) end()
  })
  shell.stderr.on('data', (chunk) => {
    outcome.stderr += chunk
  })
  // A shell may wait for the command that was interrupted, or end of the signal itself.
  outcome.exitCode = await new Promise((resolve) =>
    shell.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal!])),
  )
  clearTimeout(patience)
  return outcome
}

/** The other programs that a line calls. */
function programsOf(line: string): string[] {
  const names = line.split('|').map((part) => part.trim().split(' ')[0]!)
  return names.filter((name) => ['jq', 'fzf', 'grep', 'head', 'cut', 'sort', 'uniq', 'wc'].includes(name))
}

/** A terminal of this width, at a time when the demo home was an hour old. */
const COLUMNS = 100
const NOW = Date.UTC(2026, 10, 21, 1, 12)
/** What is longer is cut in the README, which says so by this. */
const CUT = '…'
const SHOWN_LINES = 3

/** What a terminal shows of a plain command line, with the home under another name. */
async function showOnTerminal(
  code: string,
  { source, shownAs, now }: { source: string; shownAs: string; now: number },
): Promise<string[]> {
  const [program, ...argv] = code.match(/'[^']*'|"[^"]*"|\S+/g)!.map((word) => word.replaceAll(/['"]/g, ''))
  const run = program === 'codex-logs' ? runLogs : runState
  const home = join(temporaryFolder(), '.codex')
  cpSync(source, home, { recursive: true, preserveTimestamps: true })
  const { stdout, stderr } = await run(argv, {
    env: { CODEX_HOME: home, NO_COLOR: '1', PAGER: '' },
    now,
    isTerminal: true,
    columns: COLUMNS,
    workingFolder: '/home/demo/projects/web-shop',
  })
  // Some answers are no records: a terminal shows them alike.
  const text = (stdout || stderr).replaceAll(/.*\x1b\[K/g, '')
  return text.split('\n').map((line) => line.replaceAll(home, shownAs).trimEnd())
}

async function answer(code: string): Promise<string[]> {
  const source = join(root, 'demo/home')
  const lines = await showOnTerminal(code, { source, shownAs: '~/.codex', now: NOW })
  const filled = lines.filter((line) => line !== '')
  return filled.length > SHOWN_LINES ? [...filled.slice(0, SHOWN_LINES - 1), CUT] : filled
}

test('each question has an answer', () => {
  expect(recipes.length).toBeGreaterThanOrEqual(14)
})

// `UPDATE_README=1` writes the answers of today.
test.each(recipes)('$title', async ({ code, shown }) => {
  const answered = await answer(code)
  expect(answered).not.toEqual([])
  if (process.env.UPDATE_README) {
    const path = join(root, 'README.md')
    const before = `$ ${code}\n${shown.map((line) => `${line}\n`).join('')}`
    const after = `$ ${code}\n${answered.map((line) => `${line}\n`).join('')}`
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(before, () => after),
    )
  } else expect(shown).toEqual(answered)
})

/** A command line of a page in docs/, with what the page says that it prints. */
interface DocAnswer {
  page: string
  /** As it stands there, with the remark behind it. */
  typed: string
  shown: string[]
  /** The fixture whose home answers. */
  fixture: string
}

/**
 * Lines of `console` blocks with what is shown below them. A comment in front of a block names the fixture it is of
 * (`<!-- home: NAME -->`), or says that it was made by hand: where it needs a process that runs, or writes.
 */
function* listDocAnswers(page: string, text: string): Generator<DocAnswer> {
  const blocks = text.matchAll(/(?:<!-- (by hand|home: (\S+)) -->\n)?```console\n([\s\S]*?)\n```/g)
  for (const [, remark, fixture = 'codex-0.169.0', code] of blocks) {
    if (remark === 'by hand') continue
    for (const part of `\n${code}`.split('\n$ ').slice(1)) {
      const [typed, ...shown] = part.split('\n')
      if (shown.length > 0) yield { page, typed: typed!, shown, fixture }
    }
  }
}

function findFixture(name: string): { source: string; now: number } {
  if ((HOMES as readonly string[]).includes(name)) {
    return { source: homePath(name as HomeName), now: Date.UTC(2026, 10, 21, 4, 15) }
  }
  const kind = (['failures', 'turns', 'items', 'memories'] as const).find((one) =>
    fixtureNames(one).includes(name),
  )
  return { source: join(fixturePath(kind!, name), 'home'), now: Date.UTC(2026, 10, 25, 18, 50) }
}

/** As many lines as the page shows, and a last one that says so where there are more. */
async function answerOfDocs({ typed, shown, fixture }: DocAnswer): Promise<string[]> {
  const code = typed.replace(/\s+#\s.*$/, '')
  const { source, now } = findFixture(fixture)
  const lines = code.includes(' | ')
    ? (await runRecipe(code, source)).stdout.split('\n')
    : await showOnTerminal(code, { source, shownAs: '/home/demo/.codex', now })
  while (lines.at(-1) === '') lines.pop()
  const room = shown.at(-1) === CUT ? shown.length - 1 : shown.length
  return lines.length > room ? [...lines.slice(0, room), CUT] : lines
}

const docAnswers = Object.entries(pages).flatMap(([page, text]) =>
  page === 'README.md' ? [] : [...listDocAnswers(page, text)],
)

test('the pages show answers', () => {
  expect(docAnswers.length).toBeGreaterThan(25)
})

// `UPDATE_DOCS=1` writes the answers of today.
test.each(docAnswers)('$page shows what it prints: $typed', async (doc) => {
  requirePrograms(...programsOf(doc.typed))
  const answered = await answerOfDocs(doc)
  expect(answered).not.toEqual([])
  if (process.env.UPDATE_DOCS) {
    const path = join(root, doc.page)
    const write = (lines: readonly string[]) => [`$ ${doc.typed}`, ...lines, ''].join('\n')
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(write(doc.shown), () => write(answered)),
    )
  } else expect(doc.shown).toEqual(answered)
})

const HOME = 'codex-0.169.0'
let readHome: string | undefined

/** A line that asks nothing of a shell, and ends by itself. */
function isPlain(line: string): boolean {
  return !/[|><&;$"'`~]|\btail\b|--watch|--follow|--sample|\s-f\b|\brun\b|\brepair\b|\sship\b|\s-o\s/.test(
    line,
  )
}

/** Without a process of its own, which most lines do not need. */
async function runHere(line: string): Promise<Outcome> {
  const [program, ...argv] = line
    .replace(/\s#\s.*$/, '')
    .trim()
    .split(/\s+/)
  readHome ??= copyHome(HOME)
  const run = program === 'codex-logs' ? runLogs : runState
  return run(argv, { env: { CODEX_HOME: readHome }, workingFolder: temporaryFolder() })
}

/** Every other command line of the guide; what it prints is left out there or cut. */
const others = { ...pages, 'README.md': readme.replace(section, '') }
for (const [page, text] of Object.entries(others)) {
  for (const line of new Set(commandLines(text))) {
    test(`${page}: ${line}`, async () => {
      requirePrograms(...programsOf(line))
      // What watches for a while does so for a second here.
      const typed = line.replace(/--sample \S+/, '--sample 1s')
      const { stderr, exitCode } = await (isPlain(typed) ? runHere(typed) : runRecipe(typed, copyHome(HOME)))
      expect(stderr).not.toMatch(/See --help|unexpected error/)
      // Not misused, and a home that can be read: what is not there in this one is 1.
      expect(isFollowing(line) ? [0, 1, 130] : [0, 1]).toContain(exitCode)
    })
  }
}
