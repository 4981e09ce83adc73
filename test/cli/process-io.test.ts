import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { createLogHome } from '../helpers/log-layouts.js'
import { insertInto } from '../helpers/log-rows.js'
import { requirePrograms } from '../helpers/programs.js'
import { binPath, startProcess } from '../helpers/spawn.js'

test.runIf(process.platform === 'linux')(
  'a tail on a terminal opens it once, however often rows come',
  async () => {
    requirePrograms('script')
    const { home, path } = createLogHome([{ body: 'row 0' }])
    const command = `exec '${process.execPath}' '${binPath('codex-logs')}' tail --poll-ms 50 --codex-home '${home}'`
    const terminal = startProcess('script', ['-qfec', command, '/dev/null'], { env: { TERM: 'dumb' } })
    await terminal.until(() => terminal.stdout.includes('row 0'))
    const { pid } = terminal.child
    const [tail] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    const countOpen = () => {
      const folder = `/proc/${tail}/fd`
      return readdirSync(folder).filter((fd) => nameOf(`${folder}/${fd}`).startsWith('/dev/pts/')).length
    }
    const database = new Database(path)
    const counts: number[] = []
    for (let index = 1; index <= 6; index++) {
      insertInto(database, [{ body: `row ${index}` }])
      await terminal.until(() => terminal.stdout.includes(`row ${index}`))
      counts.push(countOpen())
    }
    database.close()
    await terminal.end('SIGTERM')
    expect(counts[0]).toBeGreaterThan(0)
    expect(counts.at(-1)).toBe(counts[0])
  },
)

/** Of an open file; one may be closed while they are looked through. */
function nameOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}
