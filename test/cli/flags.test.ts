import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Argument, Flag } from '../../src/cli/flags.js'
import { dashed } from '../../src/cli/flags.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { parseLine } from '../../src/cli/parse.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { copyFixtureHome } from '../helpers/homes.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { runLogs, runState } from '../helpers/run.js'

const home = copyFixtureHome('memories', 'codex-0.169.0-memories')

/** Some flags are asked for only where there is something to say. */
const HOMES: Record<string, string> = { errors: copyFixtureHome('failures', '0.169.0-model') }

const PROGRAMS = [
  { program: LOGS_PROGRAM, run: runLogs },
  { program: STATE_PROGRAM, run: runState },
]

const COMMANDS = (
  await Promise.all(
    PROGRAMS.flatMap(({ program, run }) =>
      Object.entries(program.commands).map(async ([path, { load }]) => {
        const { command } = await load()
        return { line: `${program.name} ${path}`, path, command, run }
      }),
    ),
  )
).filter(({ command }) => Object.keys(command.flags).length > 0)

const EXAMPLES: Readonly<Record<string, string>> = {
  '<time>': '1d',
  '<level>': 'info',
  '<zone>': 'utc',
  '<span>': '1s',
  '<size>': '1GB',
  '<count/span>': '5/1h',
}

/** A value that the flag takes. */
function exampleOf({ choices, parse, placeholder = '' }: Flag): string {
  if (choices) return choices.at(-1)!
  if (placeholder === '<file>') return join(temporaryFolder(), 'x')
  return EXAMPLES[placeholder] ?? (parse ? '100' : 'x')
}

function typedAs(name: string, flag: Flag): string[] {
  if (flag.form === 'off') return [`--no-${dashed(name)}`]
  return flag.form === 'value' ? [`--${dashed(name)}`, exampleOf(flag)] : [`--${dashed(name)}`]
}

function endingSoon(): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => controller.abort('SIGTERM'), 300)
  return controller.signal
}

// A thread of which everything is known.
const [{ thread_id: thread }] = JSON.parse(
  (await runState(['memories', 'list', '--json', '--codex-home', home])).stdout,
)

const words = (args: Readonly<Record<string, Argument>>): string[] =>
  Object.entries(args).flatMap(([name, { form, example }]) =>
    form === 'required' ? [name === 'thread' ? thread : (example ?? 'x')] : [],
  )

describe.each(COMMANDS)('$line', ({ path, command, run }) => {
  test('has no two flags of one spelling, and does not know others', () => {
    expect(() => parseLine(command.flags, ['--zebra'])).toThrow(`unknown option '--zebra'`)
  })

  test.each(Object.keys(command.flags).filter((name) => name !== 'pager' && name !== 'redact'))(
    'reads its flag %s',
    async (name) => {
      const read = new Set<string>()
      const typed = typedAs(name, command.flags[name]!)
      // What writes is to write nothing, and a sheet that is its own has no colour.
      if ('follow' in command.flags && command.flags.follow?.form !== 'on' && name !== 'pollMs')
        typed.push('--no-follow')
      if ('dryRun' in command.flags) typed.push('--dry-run')
      if (name === 'color' && 'json' in command.flags && 'fields' in command.flags) {
        const [form] = command.jsonForms
        const fields = form?.record && 'noun' in form.record ? (form.record.fields as { name: string }[]) : []
        if (fields[0]) typed.push(`--fields=${fields[0].name}`)
      }
      const place = name === 'codexHome' || name === 'db' ? [] : ['--codex-home', HOMES[path] ?? home]
      for (const isTerminal of [false, true]) {
        if (read.has(name)) break
        await run([...path.split(' '), ...words(command.args), ...place, ...typed], {
          env: { CODEX_HOME: HOMES[path] ?? home },
          isTerminal,
          signal: name === 'pollMs' || name === 'follow' ? endingSoon() : undefined,
          onFlagRead: (flag) => read.add(flag),
        })
      }
      expect([...read]).toContain(name)
    },
  )
})

test('a flag is typed in every usual way', () => {
  const flags: Record<string, Flag> = {
    quiet: { form: 'on', text: '', short: 'q' },
    limit: { form: 'value', text: '', placeholder: '<n>', short: 'n', parse: Number },
    search: { form: 'value', text: '', placeholder: '<text>', isRepeatable: true, alias: 'find' },
    fields: { form: 'optional', text: '', placeholder: '[list]' },
    pager: { form: 'off', text: '', initial: true },
    children: { form: 'either', text: '' },
  }
  const parse = (line: string) => {
    const { flags: values, words: rest } = parseLine(flags, line.split(' '))
    return { ...values, words: rest.join(' ') }
  }
  expect(parse('a b')).toEqual({ pager: true, words: 'a b' })
  expect(parse('-n 5 --limit=7 a')).toEqual({ pager: true, limit: 7, words: 'a' })
  expect(parse('-n5')).toEqual({ pager: true, limit: 5, words: '' })
  expect(parse('-qn5')).toEqual({ pager: true, quiet: true, limit: 5, words: '' })
  expect(parse('--search a --find=b --search -c')).toEqual({
    pager: true,
    search: ['a', 'b', '-c'],
    words: '',
  })
  expect(parse('--search=a=b')).toEqual({ pager: true, search: ['a=b'], words: '' })
  expect(parse('--fields id -q')).toEqual({ pager: true, fields: 'id', quiet: true, words: '' })
  expect(parse('--fields -q')).toEqual({ pager: true, fields: true, quiet: true, words: '' })
  expect(parse('--no-pager --no-children')).toEqual({ pager: false, children: false, words: '' })
  expect(parse('--children')).toEqual({ pager: true, children: true, words: '' })
  expect(parse('-q -- -q --limit')).toEqual({ pager: true, quiet: true, words: '-q --limit' })
  expect(() => parse('--no-quiet')).toThrow("unknown option '--no-quiet'")
  expect(() => parse('--quiet=yes')).toThrow("unknown option '--quiet=yes'")
  expect(() => parse('-qx')).toThrow("unknown option '-x'")
  expect(() => parse('--pager')).toThrow("unknown option '--pager'")
  expect(() => parse('-n')).toThrow('-n, --limit <n>: missing value')
})

test('what stands behind a flag that is not typed is not taken for it', () => {
  const flags = {
    limit: { form: 'value', placeholder: '<n>', short: 'n', text: '' },
    codexHome: { form: 'value', placeholder: '<dir>', alias: 'home', text: '' },
    wrap: { form: 'either', text: '' },
    colour: { form: 'off', text: '', initial: true },
    follow: { form: 'on', short: 'f', text: '' },
  } satisfies Record<string, Flag>
  const flagsOf = (...argv: string[]) => parseLine(flags, argv).flags
  expect(flagsOf()).toEqual({ colour: true })
  expect(flagsOf('-fn5', '--home=a=b')).toEqual({ colour: true, follow: true, limit: '5', codexHome: 'a=b' })
  expect(flagsOf('--limit', '-f')).toEqual({ colour: true, limit: '-f' })
  expect(flagsOf('--no-wrap', '--no-colour')).toEqual({ wrap: false, colour: false })
  expect(flagsOf('--', '--wrap')).toEqual({ colour: true })
  expect(() => flagsOf('--wrap', '--folow')).toThrow(`unknown option '--folow' (did you mean --follow?)`)
})
