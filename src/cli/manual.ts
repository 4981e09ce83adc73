import type { Entry, Program } from './command.js'
import { EXIT_CODES, formatUsage, listExamples, listSections } from './help.js'
import { LOGS_PROGRAM } from './logs.js'
import { STATE_PROGRAM } from './state.js'
import { VERSION } from './version.js'

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
export async function formatManuals(): Promise<Record<string, string>> {
  return {
    'codex-logs': await formatManual(LOGS_PROGRAM, STATE_PROGRAM.name),
    'codex-state': await formatManual(STATE_PROGRAM, LOGS_PROGRAM.name),
  }
}

async function formatManual(program: Program, sibling: string): Promise<string> {
  const { name, summary, examples, commands } = program
  const lines = [
    `.TH ${name.toUpperCase()} 1 "" "codex-state ${VERSION}" "User Commands"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(summary)}`,
    '.SH SYNOPSIS',
    `.B ${roff(name)}`,
    '.I command',
    '[options]',
    '.SH EXAMPLES',
    '.nf',
    ...examples.trimEnd().split('\n').map(roffLine),
    '.fi',
    '.SH OPTIONS',
    ...['-V, --version', 'print the version', '-h, --help', 'print help'].flatMap((text, index) =>
      index % 2 === 0 ? ['.TP', `.B ${roff(text)}`] : [roffLine(text)],
    ),
    '.SH COMMANDS',
  ]
  for (const [path, entry] of Object.entries(commands)) {
    if (!entry.isHidden) lines.push(...(await formatCommand(program, path, entry)))
  }
  lines.push('.SH "EXIT STATUS"', roffLine(`${EXIT_CODES}.`), '.SH ENVIRONMENT')
  for (const [variable, text] of ENVIRONMENT) lines.push('.TP', `.B ${roff(variable)}`, roffLine(text))
  lines.push('.SH "SEE ALSO"', `.BR ${roff(sibling)} (1)`)
  return `${lines.join('\n')}\n`
}

async function formatCommand(program: Program, path: string, entry: Entry): Promise<string[]> {
  const { command } = await entry.load()
  const usage = formatUsage(program, path, command).replace(`${program.name} `, '')
  const lines = [`.SS "${roff(usage).replaceAll('"', '\\(dq')}"`, roffLine(entry.summary)]
  for (const { heading, items } of listSections(command)) {
    if (heading !== 'Arguments' && heading !== 'Options') lines.push('.PP', roffLine(`${heading}:`))
    const font = heading === 'Arguments' ? 'I' : 'B'
    for (const { term, text } of items) lines.push('.TP', `.${font} ${roff(term)}`, roffLine(text))
  }
  for (const note of command.notes?.split(/\n{2,}/) ?? []) {
    lines.push('.PP', roffLine(note.replaceAll('\n', ' ')))
  }
  lines.push('.PP', 'Examples:', '.nf', ...listExamples(program, command).map(roffLine), '.fi')
  if (command.exitsWith1) lines.push('.PP', roffLine(`Exit code 1: ${command.exitsWith1}.`))
  return lines
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
