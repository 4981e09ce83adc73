// compile-ahead.cjs: what V8 makes of the commands, written to dist/code/ for bin/launch.js. Typical command lines run
// first: a function that has run is part of it, and is not compiled at a start. Only those: all that is part of it is
// read at every start.
const {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { DatabaseSync } = require('node:sqlite')
const { keep } = require('../bin/code-cache.js')
const { open, openChunks } = require('../bin/launch.js')

const dist = join(__dirname, '../dist')
const folder = join(dist, 'code')
const THREAD = '01a1fb72'

/** Of what more than one has, the first decides. */
const TYPICAL = {
  'codex-logs': [
    ['--help'],
    ['query', '-n', '200'],
    ['status'],
    ['stuck'],
    ['errors'],
    ['turns', THREAD],
    ['show', '100'],
    ['check', '--max-size', '5GB', '--stuck', '10m'],
    ['stats'],
    ['where'],
  ],
  'codex-state': [
    ['--help'],
    ['threads', 'list', '-n', '50'],
    ['threads', 'show', 'last'],
    ['threads', 'turns', 'last'],
    ['threads', 'read', 'last'],
    ['history', 'list'],
    ['why', 'last'],
    ['memories', 'list'],
    ['tokens', 'list'],
    ['backfill', 'status'],
    ['where'],
  ],
}

async function compileAhead(home) {
  const parts = new Map()
  for (const [name, lines] of Object.entries(TYPICAL)) {
    for (const line of lines) {
      const program = open(dist, name, (part) => join(folder, part))
      process.argv.splice(1, process.argv.length, name, ...line)
      const { run } = program.start()
      // A database is opened in one way while Codex is at work, and in another when nobody else has it open.
      const writers = openDatabases(home)
      await run()
      for (const writer of writers) writer.close()
      await run()
      for (const part of program.taken) if (!parts.has(part.path)) parts.set(part.path, part)
    }
  }
  process.exitCode = 0
  for (const part of parts.values()) keep(part, id)
  // A command may just be starting: nothing that it could take is missing for a moment.
  for (const file of readdirSync(folder)) if (!parts.has(join(folder, file))) rmSync(join(folder, file))
  writeFileSync(madeOf, state)
}

/** As Codex does: beside each there is a log, until the last one to close it takes that away. */
function openDatabases(home) {
  const names = readdirSync(home).filter((name) => name.endsWith('.sqlite'))
  return names.map((name) => {
    const database = new DatabaseSync(join(home, name))
    database.exec('PRAGMA journal_mode = wal; SELECT count(*) FROM sqlite_schema')
    return database
  })
}

async function compileAtHome() {
  const temporary = mkdtempSync(join(tmpdir(), 'codex-state-'))
  try {
    process.env.CODEX_HOME = join(temporary, 'home')
    cpSync(join(__dirname, '../demo/home'), process.env.CODEX_HOME, { recursive: true })
    await compileAhead(process.env.CODEX_HOME)
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

/** Of which chunks it was made, and by which V8. */
const madeOf = join(folder, 'made-of')
const { id } = openChunks(dist)
const state = `${id} ${process.versions.v8}`
if (!existsSync(madeOf) || readFileSync(madeOf, 'utf8') !== state) compileAtHome()
