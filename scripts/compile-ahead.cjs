// compile-ahead.cjs NAME: what V8 makes of a command's bundle, written beside it for bin/launch.js. A few typical
// command lines run first: a function that has run is part of it, and is not compiled at a start. Few of them: all
// that is part of it is read at every start.
const { renameSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { codeFile, load } = require('../bin/launch.js')

const root = join(__dirname, '..')
const home = ['--codex-home', join(root, 'demo/home')]

const TYPICAL = {
  'codex-logs': [['query', '-n', '200', ...home]],
  'codex-state': [['--help'], ['threads', 'list', '-n', '50', ...home]],
}

const name = process.argv[2]
const bundle = join(root, 'dist', `${name}.cjs`)
const { exports: command, script, id } = load(bundle)
if (script.cachedDataRejected !== false) compile()

async function compile() {
  for (const argv of TYPICAL[name]) {
    process.argv.splice(1, process.argv.length, name, ...argv)
    await command.run()
  }
  const file = codeFile(bundle)
  const aside = `${file}.${process.pid}.tmp`
  writeFileSync(aside, Buffer.concat([Buffer.from(id, 'latin1'), script.createCachedData()]))
  renameSync(aside, file)
}
