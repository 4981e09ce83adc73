import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { generateLogs } from './generate-logs.mjs'
import { dataFolder, logs, node, pair, root, state } from './measure.mjs'

export async function* measure({ manyRows, rounds }) {
  const bare = [node, '-e', '0']
  const many = generateLogs(join(dataFolder, `${manyRows}/logs_2.sqlite`), { rowCount: manyRows })
  const few = generateLogs(join(dataFolder, '100000/logs_2.sqlite'), { rowCount: 100_000 })
  const often = { rounds: rounds * 5 }
  for (const [program, command] of Object.entries({ 'codex-logs': logs, 'codex-state': state })) {
    for (const flag of ['--help', '--version']) {
      const { ratio, aMs } = await pair([...command, flag], bare, often)
      yield {
        what: `${program} ${flag}`,
        value: ratio,
        unit: 'N',
        bound: 1.25,
        detail: `${aMs.toFixed(1)} ms`,
      }
    }
  }
  const newest = [...logs, 'query', '-n', '200', '--db']
  const ofMany = await pair([...newest, many], bare, often)
  yield {
    what: `query -n 200 of ${manyRows} rows`,
    value: ofMany.ratio,
    unit: 'N',
    bound: 1.4,
    detail: `${ofMany.aMs.toFixed(1)} ms`,
  }
  // Its warm-up run is the first: it keeps the code that V8 made of it.
  const cache = { env: { ...process.env, XDG_CACHE_HOME: join(dataFolder, 'cache') } }
  const plain = await pair([node, installed(), ...newest.slice(2), many], bare, { ...often, ...cache })
  yield {
    what: 'the same from the npm package, from its second run on',
    value: plain.ratio,
    unit: 'N',
    bound: 1.45,
    detail: `${plain.aMs.toFixed(1)} ms`,
  }
  const { ratio } = await pair([...newest, many], [...newest, few], often)
  yield { what: `the same against 100000 rows`, value: ratio, unit: 'times', bound: 1.1 }
}

/** The command as the npm package has it: without the code that V8 made of it here. */
function installed() {
  const folder = join(dataFolder, 'installed')
  rmSync(folder, { recursive: true, force: true })
  for (const name of ['bin', 'dist'])
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => path !== join(root, 'dist/code'),
    })
  return join(folder, 'bin/codex-logs.js')
}
