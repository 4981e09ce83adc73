// `npm start`: codex-logs on the user's own Codex home when there is one, else on a copy of the demo home in
// which another process keeps adding rows.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { constants, homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'

const file = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const COMMANDS = ['tail', 'query', 'where']

const typed = process.argv.slice(2)
const isBare =
  typed.length === 0 || (typed[0].startsWith('-') && !['-h', '--help', '-V', '--version'].includes(typed[0]))
const args = isBare ? ['tail', ...typed] : typed

await build()
const home = process.env.CODEX_HOME?.trim() || join(homedir(), '.codex')
const isPlaceTyped = args.some((arg) => /^--(codex-home|db)(=|$)/.test(arg))
const needsHome =
  COMMANDS.includes(args[0]) && !isPlaceTyped && !args.includes('--help') && !args.includes('-h')

let demoHome
let writer
if (needsHome && !hasDatabases()) {
  demoHome = mkdtempSync(join(tmpdir(), 'codex-state-demo-'))
  cpSync(file('demo/home'), demoHome, { recursive: true })
  process.stderr.write(
    `No Codex home at ${home}: showing a demo home, a copy in ${demoHome}. Ctrl-C ends it.\n`,
  )
  writer = spawn(process.execPath, [file('scripts/demo-writer.mjs'), join(demoHome, 'logs_2.sqlite')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  args.push('--codex-home', demoHome)
}

const reader = spawn(process.execPath, [file('bin/codex-logs.js'), ...args], { stdio: 'inherit' })
// A terminal sends Ctrl-C to the children as well; a signal sent to this process alone is passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => reader.kill(signal))
reader.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal]
  if (!writer) return
  writer.on('exit', () => rmSync(demoHome, { recursive: true, force: true }))
  if (!writer.kill('SIGTERM')) rmSync(demoHome, { recursive: true, force: true })
})

/** Whether the command finds any by itself, wherever the environment and the configuration say. */
function hasDatabases() {
  return spawnSync(process.execPath, [file('bin/codex-logs.js'), 'where'], { stdio: 'ignore' }).status === 0
}
