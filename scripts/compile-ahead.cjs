// compile-ahead.cjs: what V8 makes of the commands, written to dist/code/ for bin/launch.js. Typical command lines run
// first: a function that has run is part of it, and is not compiled at a start. Only those: all that is part of it is
// read at every start.
const { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { keep } = require('../bin/code-cache.js')
const { open, openChunks } = require('../bin/launch.js')

const dist = join(__dirname, '../dist')
const folder = join(dist, 'code')
const home = ['--codex-home', join(__dirname, '../demo/home')]
const THREAD = '01a1fb72'

/** Of what more than one has, the first decides. */
const TYPICAL = {
  'codex-logs': [
    ['--help'],
    ['query', '-n', '200', ...home],
    ['status', ...home],
    ['stuck', ...home],
    ['errors', ...home],
    ['turns', THREAD, ...home],
    ['show', '100', ...home],
    ['check', '--max-size', '5GB', '--stuck', '10m', ...home],
    ['stats', ...home],
    ['where', ...home],
  ],
  'codex-state': [
    ['--help'],
    ['threads', 'list', '-n', '50', ...home],
    ['threads', 'show', 'last', ...home],
    ['threads', 'turns', 'last', ...home],
    ['threads', 'read', 'last', ...home],
    ['history', 'list', ...home],
    ['why', 'last', ...home],
    ['memories', 'list', ...home],
    ['tokens', 'list', ...home],
    ['backfill', 'status', ...home],
    ['where', ...home],
  ],
}

async function compileAhead() {
  const parts = new Map()
  for (const [name, lines] of Object.entries(TYPICAL)) {
    for (const line of lines) {
      const program = open(dist, name, (part) => join(folder, part))
      process.argv.splice(1, process.argv.length, name, ...line)
      await program.start().run()
      for (const part of program.taken) if (!parts.has(part.path)) parts.set(part.path, part)
    }
  }
  process.exitCode = 0
  for (const part of parts.values()) keep(part, id)
  // A command may just be starting: nothing that it could take is missing for a moment.
  for (const file of readdirSync(folder)) if (!parts.has(join(folder, file))) rmSync(join(folder, file))
  writeFileSync(madeOf, state)
}

/** Of which chunks it was made, and by which V8. */
const madeOf = join(folder, 'made-of')
const { id } = openChunks(dist)
const state = `${id} ${process.versions.v8}`
if (!existsSync(madeOf) || readFileSync(madeOf, 'utf8') !== state) compileAhead()
