// `npm start`: codex-logs on the user's own Codex home when there is one, else on a copy of the demo home in
// which another process keeps adding rows. `npm start -- state …` is codex-state.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { constants, homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'

const file = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const NO_HOME_NEEDED = ['completion', 'schemas', 'help', 'explain']

const typed = process.argv.slice(2)
const program = ['logs', 'state'].includes(typed[0]) ? `codex-${typed.shift()}` : 'codex-logs'
const isLogs = program === 'codex-logs'
const isForNoHome = typed.some((arg) => ['-h', '--help', '-V', '--version'].includes(arg))
const isBare = isLogs && !isForNoHome && (typed.length === 0 || typed[0].startsWith('-'))
const args = isBare ? ['tail', ...typed] : typed

await build()
const home = process.env.CODEX_HOME?.trim() || join(homedir(), '.codex')
const isPlaceTyped = args.some((arg) => /^--(codex-home|db)(=|$)/.test(arg))
const needsHome = args.length > 0 && !isForNoHome && !isPlaceTyped && !NO_HOME_NEEDED.includes(args[0])

let demoHome
let writer
if (needsHome && !hasDatabases()) {
  demoHome = mkdtempSync(join(tmpdir(), 'codex-state-demo-'))
  cpSync(file('demo/home'), demoHome, { recursive: true })
  // What Codex writes for its developers is most of a log: the first look is at what it does.
  if (isBare && typed.length === 0) args.push('--min-level', 'info')
  args.push('--codex-home', demoHome)
  if (isLogs) {
    writer = spawn(process.execPath, [file('scripts/demo-writer.mjs'), join(demoHome, 'logs_2.sqlite')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }
  process.stderr.write(
    `No Codex home at ${home}: showing a demo home, a copy in ${demoHome}. Ctrl-C ends it.\n`,
  )
}

const reader = spawn(process.execPath, [file(`bin/${program}.js`), ...args], { stdio: 'inherit' })
// A terminal sends Ctrl-C to the children as well; a signal sent to this process alone is passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => reader.kill(signal))
reader.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal]
  if (!demoHome) return
  const removeDemo = () => rmSync(demoHome, { recursive: true, force: true })
  writer?.on('exit', removeDemo)
  if (!writer?.kill('SIGTERM')) removeDemo()
})

/** Whether the command finds any by itself, wherever the environment and the configuration say. */
function hasDatabases() {
  return spawnSync(process.execPath, [file('bin/codex-logs.js'), 'where'], { stdio: 'ignore' }).status === 0
}
