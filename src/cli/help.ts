import type { Command, Entry, Program } from './command.js'
import { type Argument, type Flag, formatFlag } from './flags.js'
import { listBelow } from './registry.js'

export const EXIT_CODES =
  '0 fine, 1 the answer is no, what was named is not there, or not all could be read, 2 wrong usage, 3 no readable database'

/** A line of `--help` in two columns. */
export interface Item {
  readonly term: string
  readonly text: string
}

export interface Section {
  readonly heading: string
  readonly items: readonly Item[]
}

const HELP_ITEM: Item = { term: '-h, --help', text: 'print help' }

/** `--help` of the program itself. */
export function formatProgramHelp(program: Program, width: number): string {
  const options = [{ term: '-V, --version', text: 'print the version' }, HELP_ITEM]
  return join([
    `Usage: ${program.name} <command> [options]`,
    wrap(program.summary, '', width),
    ...formatSections(
      [
        { heading: 'Commands', items: itemsBelow(program) },
        { heading: 'Options', items: options },
      ],
      width,
    ),
    `Examples:\n${program.examples.trimEnd()}`,
    wrap(`Exit codes: ${EXIT_CODES}.`, '', width),
  ])
}

/** `--help` of a group: what is below it. */
export function formatGroupHelp(program: Program, name: string, width: number): string {
  const group = program.groups[name]!
  return join([
    `Usage: ${program.name} ${name} <command> [options]`,
    wrap(group.summary, '', width),
    ...formatSections(
      [
        { heading: 'Commands', items: itemsBelow(program, name) },
        { heading: 'Options', items: [HELP_ITEM] },
      ],
      width,
    ),
    `'${program.name} ${name}' is short for '${program.name} ${name} ${group.default}'.`,
  ])
}

/** `--help` of a command. */
export function formatCommandHelp(
  program: Program,
  path: string,
  entry: Entry,
  command: Command,
  width: number,
): string {
  const sections = listSections(command)
  const notes =
    command.notes?.split(/\n{2,}/).map((text) => wrap(text.replaceAll('\n', ' '), '', width)) ?? []
  return join([
    `Usage: ${formatUsage(program, path, command)}`,
    wrap(entry.summary, '', width),
    ...formatSections(sections, width),
    `Examples:\n${listExamples(program, command).join('\n')}`,
    ...notes,
    ...(command.exitsWith1 ? [wrap(`Exit code 1: ${command.exitsWith1}.`, '', width)] : []),
  ])
}

export function listExamples(program: Program, { examples }: Command): string[] {
  return examples.map((line) => `  ${program.name} ${line}`)
}

/** `codex-state threads show [options] <thread>` */
export function formatUsage(program: Program, path: string, { args }: Command): string {
  const places = Object.entries(args).map(([name, { form }]) => {
    const shown = form === 'rest' ? `${name}...` : name
    return form === 'required' ? `<${shown}>` : `[${shown}]`
  })
  return [program.name, path, '[options]', ...places].join(' ')
}

/** Arguments and flags under their headings, `--help` itself last of the options. */
export function listSections({ args, flags }: Command): Section[] {
  const sections = new Map<string, Item[]>()
  const add = (heading: string, item: Item) => {
    const items = sections.get(heading) ?? []
    items.push(item)
    sections.set(heading, items)
  }
  for (const [name, argument] of Object.entries(args)) {
    add('Arguments', { term: name, text: describeArgument(argument) })
  }
  sections.set('Options', [])
  for (const [name, flag] of Object.entries(flags)) {
    for (const item of itemsOf(name, flag)) add(flag.group ?? 'Options', item)
  }
  add('Options', HELP_ITEM)
  return [...sections].map(([heading, items]) => ({ heading, items }))
}

function describeArgument({ text, choices }: Argument): string {
  return choices ? `${text}: ${choices.join(', ')}` : text
}

/** A flag that can be said both ways has a line for each. */
export function itemsOf(name: string, flag: Flag): Item[] {
  const item = { term: formatFlag(name, flag), text: describeFlag(flag) }
  if (flag.form !== 'either') return [item]
  // The letter is that of the one that is on.
  const { short: _, ...off } = flag
  return [item, { term: formatFlag(name, { ...off, form: 'off' }), text: flag.offText ?? '' }]
}

export function describeFlag({ text, choices, initial, isRepeatable, form }: Flag): string {
  const facts = [
    choices?.join(', '),
    form === 'value' && initial !== undefined && `default: ${initial}`,
    isRepeatable && 'repeatable',
  ].filter(Boolean)
  return facts.length === 0 ? text : `${text} (${facts.join('; ')})`
}

function itemsBelow(program: Program, group?: string): Item[] {
  return listBelow(program, group).map(({ name, summary }) => ({ term: name, text: summary }))
}

function formatSections(sections: readonly Section[], width: number): string[] {
  const filled = sections.filter(({ items }) => items.length > 0)
  const widest = Math.max(...filled.flatMap(({ items }) => items.map(({ term }) => term.length)))
  const column = Math.min(widest, MAX_TERM) + 4
  return filled.map(({ heading, items }) => {
    const lines = items.map(({ term, text }) => {
      const start = `  ${term}`.padEnd(column)
      const wrapped = wrap(text, ' '.repeat(column), width).slice(column)
      // A term that is too long for its column has a line of its own.
      return start.length > column ? `${start}\n${' '.repeat(column)}${wrapped}` : start + wrapped
    })
    return `${heading}:\n${lines.join('\n')}`
  })
}

const MAX_TERM = 26

/** Words in lines that are no longer than the width, each behind the indent. */
function wrap(text: string, indent: string, width: number): string {
  const room = Math.max(width, indent.length + 30)
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + 1 + word.length > room) {
      lines.push(line)
      line = indent
    }
    line += line.length === indent.length ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}

function join(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`
}
