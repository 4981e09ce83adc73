import type { Command, Help, Option } from 'commander'
import { createLogsProgram } from './logs.js'
import type { CommandContext } from './main.js'
import { createStateProgram } from './state.js'
import { VERSION } from './version.js'

/** Declares every command: no command line is being parsed. */
const NO_COMMAND_LINE = { exitCode: 0 } as CommandContext

const ENVIRONMENT: readonly (readonly [name: string, text: string])[] = [
  ['CODEX_HOME', 'The Codex home, unless --codex-home or --db is given; else ~/.codex.'],
  ['CODEX_SQLITE_HOME', 'Where the databases of that home lie, unless its config.toml says so.'],
  [
    'FORCE_COLOR, NO_COLOR, TERM',
    'Whether --color auto colours: FORCE_COLOR wins, then NO_COLOR, then TERM=dumb.',
  ],
  ['PAGER', 'Shows what does not fit on the terminal; empty or cat: nothing does. Else less does.'],
  ['DEBUG', 'When set, an error says where it came from.'],
]

/** The manual pages by name of the program, in the language of man(7). */
export function formatManuals(): Record<string, string> {
  return {
    'codex-logs': formatManual(createLogsProgram(NO_COMMAND_LINE), 'codex-state'),
    'codex-state': formatManual(createStateProgram(NO_COMMAND_LINE), 'codex-logs'),
  }
}

function formatManual(program: Command, sibling: string): string {
  const name = program.name()
  const help = program.createHelp()
  const { examples, exitCodes } = readHelpTexts(program)
  const lines = [
    `.TH ${name.toUpperCase()} 1 "" "codex-state ${VERSION}" "User Commands"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(program.description())}`,
    '.SH SYNOPSIS',
    `.B ${roff(name)}`,
    '.I command',
    '[options]',
  ]
  if (examples !== '') lines.push('.SH EXAMPLES', '.nf', ...examples.split('\n').map(roffLine), '.fi')
  lines.push('.SH OPTIONS', ...formatOptions(help, program), '.SH COMMANDS')
  for (const command of listCommands(help, program)) lines.push(...formatCommand(help, command, name))
  lines.push('.SH "EXIT STATUS"', roffLine(exitCodes), '.SH ENVIRONMENT')
  for (const [variable, text] of ENVIRONMENT) lines.push('.TP', `.B ${roff(variable)}`, roffLine(text))
  lines.push('.SH "SEE ALSO"', `.BR ${roff(sibling)} (1)`)
  return `${lines.join('\n')}\n`
}

/** The commands that do something: of a group, those below it. */
function listCommands(help: Help, command: Command): Command[] {
  return help
    .visibleCommands(command)
    .flatMap((below) => (below.commands.length > 0 ? listCommands(help, below) : [below]))
}

function formatCommand(help: Help, command: Command, program: string): string[] {
  const path = help.commandUsage(command).replace(`${program} `, '')
  const lines = [`.SS "${roff(path).replaceAll('"', '\\(dq')}"`, roffLine(command.description())]
  for (const argument of help.visibleArguments(command)) {
    const term = help.argumentTerm(argument)
    lines.push('.TP', `.I ${roff(term)}`, roffLine(help.argumentDescription(argument)))
  }
  return [...lines, ...formatOptions(help, command)]
}

function formatOptions(help: Help, command: Command): string[] {
  const lines: string[] = []
  let group: string | undefined
  for (const option of help.visibleOptions(command)) {
    if (option.helpGroupHeading !== group) {
      group = option.helpGroupHeading
      if (group !== undefined) lines.push('.PP', roffLine(group))
    }
    lines.push('.TP', formatTerm(help, option), roffLine(help.optionDescription(option)))
  }
  return lines
}

function formatTerm(help: Help, option: Option): string {
  return `.B ${roff(help.optionTerm(option))}`
}

/** What `--help` says before the usage and at its end. */
function readHelpTexts(program: Command): { examples: string; exitCodes: string } {
  let text = ''
  program.configureOutput({ writeOut: (chunk) => (text += chunk), getOutHelpWidth: () => 1000 })
  program.outputHelp()
  const examples = /^Examples:\n([\s\S]*?)\n*Usage:/.exec(text)?.[1] ?? ''
  const exitCodes = /^Exit codes: (.*)$/m.exec(text)?.[1] ?? ''
  return { examples: examples.trimEnd(), exitCodes }
}

/** Text in the middle of a line. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll(/[^\x20-\x7e]/gu, (character) => {
      return `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`
    })
}

/** A line of its own, which a dot would make a request. */
function roffLine(text: string): string {
  const escaped = roff(text)
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped
}
