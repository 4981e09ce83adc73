import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { LOG_FORMATS } from '../src/format/formats.js'
import { commandLines, guide, pages } from './helpers/docs.js'
import { type RunOptions, type RunResult, runLogs, runState } from './helpers/run.js'

const readme = pages['README.md']!
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

/** A command as its own help tells of it. */
interface CommandHelp {
  /** `codex-logs tail` */
  name: string
  flags: string[]
}

type Run = (argv: readonly string[], options?: RunOptions) => Promise<RunResult>

/** The command and all below it. */
async function readHelp(run: Run, program: string, path: readonly string[] = []): Promise<CommandHelp[]> {
  const { stdout } = await run([...path, '--help'])
  const lines = stdout.split('\n')
  // A flag’s line begins with it: `  -n, --lines <count>  …`, `  --from, --since <time>  …`.
  const flags = lines.flatMap((line) => {
    const start = /^ {2}((?:-[-\w]+(?:, )?)+)/.exec(line)?.[1] ?? ''
    return start.match(/--?[a-zA-Z][-\w]*/g) ?? []
  })
  const commandLines = lines.slice(lines.indexOf('Commands:') + 1)
  const names = lines.includes('Commands:')
    ? commandLines
        .slice(0, commandLines.indexOf(''))
        .flatMap((line) => /^ {2}([a-z][-\w]*)/.exec(line)?.[1] ?? [])
    : []
  const below = await Promise.all(names.map((name) => readHelp(run, program, [...path, name])))
  return [{ name: [program, ...path].join(' '), flags }, ...below.flat()]
}

let commands: CommandHelp[]
beforeAll(async () => {
  commands = [...(await readHelp(runLogs, 'codex-logs')), ...(await readHelp(runState, 'codex-state'))]
})

test('the help is understood', () => {
  const tail = commands.find(({ name }) => name === 'codex-logs tail')
  expect(tail?.flags).toEqual(
    expect.arrayContaining(['-n', '--backfill', '--since', '--from', '-g', '--grep', '-h']),
  )
  expect(commands.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['codex-logs tail', 'codex-logs query', 'codex-logs where', 'codex-state where']),
  )
})

/** `codex-state threads`, which stands in the table of commands beside the names of what is below it. */
function isInTable(name: string): boolean {
  const [program, ...path] = name.split(' ')
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'))
  return rows.some((row) => {
    const names = [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replace(`${program} `, ''))
    return row.startsWith(`| \`${program}`) && path.every((part) => names.includes(part))
  })
}

describe('the README', () => {
  test('can be read in one go', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(200)
  })

  test('has every command in its tables', () => {
    const missing = commands.filter(({ name }) => name.includes(' ') && !isInTable(name))
    expect(missing.map(({ name }) => name)).toEqual([])
  })

  test('leads to every page', () => {
    const missing = Object.keys(pages).filter((path) => path !== 'README.md' && !readme.includes(`(${path})`))
    expect(missing).toEqual([])
  })
})

describe('the guide: the README and its pages', () => {
  test('has every command', () => {
    const missing = commands.filter(({ name }) => !guide.includes(name))
    expect(missing.map(({ name }) => name)).toEqual([])
  })

  test('has every flag', () => {
    const missing = commands.flatMap(({ name, flags }) =>
      flags
        .filter((flag) => !new RegExp(`(^|[\\s\`,])${flag}($|[\\s\`,=])`, 'm').test(guide))
        .map((flag) => `${name} ${flag}`),
    )
    expect(missing).toEqual([])
  })

  test('has no flag that is not there', () => {
    const known = new Set(commands.flatMap(({ flags }) => flags))
    const named = [...guide.matchAll(/(?<=^|[\s`|])--[a-z][-a-z\d]+/gm)].map(([flag]) => flag)
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((flag) => !known.has(flag))).toEqual([])
  })

  test('has no command that is not there', () => {
    const known = commands.map(({ name }) => name)
    const lines = Object.values(pages).flatMap(commandLines)
    expect(lines.length).toBeGreaterThan(4)
    const named = lines.map((line) => /^codex-(?:logs|state)(?: [a-z]+)+/.exec(line)?.[0] ?? line)
    expect(named.filter((name) => !known.some((one) => one === name || name.startsWith(`${one} `)))).toEqual(
      [],
    )
  })

  test('gives npm a file as a path that begins with a dot: else it is an owner and a repository to npm', () => {
    const contributing = readFileSync(new URL('../CONTRIBUTING.md', import.meta.url), 'utf8')
    const text = [...Object.values(pages), contributing].join('\n')
    const files = [...text.matchAll(/npm (?:install|publish)\b[^`\n]*?\s(\S*\.tgz)/g)].map(
      ([, path]) => path!,
    )
    expect(files.length).toBeGreaterThan(1)
    expect(files.filter((path) => !path.startsWith('./'))).toEqual([])
  })

  test('names every format and exit code', () => {
    for (const format of LOG_FORMATS) expect(guide).toContain(`\`${format}\``)
    for (const code of [0, 1, 2, 3]) expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'))
  })

  test('sets up and tests in one line each, with scripts that are there', () => {
    expect(readme).toContain('```sh\nnpm ci && npm start\n```')
    expect(readme).toContain('```sh\nnpm ci && npm test\n```')
    const named = [
      ...Object.values(pages)
        .join('\n')
        .matchAll(/npm run ([a-z:]+)/g),
    ].map(([, name]) => name!)
    expect(['start', 'test', ...named].filter((name) => !(name in scripts))).toEqual([])
  })
})
