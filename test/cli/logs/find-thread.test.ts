import { createHash } from 'node:crypto'
import Database from 'better-sqlite3'
import { beforeAll, expect, test } from 'vitest'
import { copyFixtureHome } from '../../helpers/homes.js'
import { runLogs, runState } from '../../helpers/run.js'

/** A home of one thread, and of another of which the state database has a row and the log none. */
let home: string
let id: string
let other: string

/** As much as ids of the same moment have in common. */
const TIME_LENGTH = 'xxxxxxxx-xxxx'.length

beforeAll(async () => {
  home = copyFixtureHome('failures', '0.169.0-model')
  const { stdout } = await runState(['threads', 'list', '--json', '-n', '1', '--codex-home', home])
  id = JSON.parse(stdout)[0].id
  other = `${id.slice(0, TIME_LENGTH)}-7fff-8fff-ffffffffffff`
  const database = new Database(`${home}/state_5.sqlite`)
  const columns = database.pragma('table_info(threads)') as { name: string }[]
  const copied = columns.map(({ name }) => (name === 'id' ? `'${other}'` : name)).join(', ')
  database.exec(`INSERT INTO threads SELECT ${copied} FROM threads WHERE id = '${id}'`)
  database.exec(`UPDATE threads SET updated_at = 0, title = 'elsewhere' WHERE id = '${other}'`)
  database.exec(`UPDATE threads SET title = 'Mine alone' WHERE id = '${id}'`)
  database.close()
})

interface Answer {
  exitCode: number
  stderr: string
  sizeBytes: number
  /** Of all that it printed. */
  sha256: string
}

/** What each kind of command prints that can be asked for one thread. */
async function ask(typed: string): Promise<Answer[]> {
  const commands = [
    ['query', '--thread-id', typed],
    ['stats', '--by', 'thread', '--thread-id', typed],
    ['turns', typed],
    ['feedback', typed],
  ]
  const answers: Answer[] = []
  for (const argv of commands) {
    const { stdout, ...answer } = await runLogs([...argv, '--codex-home', home], { now: 0 })
    const sha256 = createHash('sha256').update(stdout).digest('hex')
    answers.push({ ...answer, sizeBytes: stdout.length, sha256 })
  }
  return answers
}

const FOUND = { exitCode: 0, isEmpty: false }

test('a thread is found by every command in every way to name it', async () => {
  const byId = await ask(id)
  for (const { exitCode, sizeBytes } of byId) expect({ exitCode, isEmpty: sizeBytes < 100 }).toEqual(FOUND)
  // The state database has two threads whose ids begin so, the log has one.
  const start = id.slice(0, TIME_LENGTH)
  for (const typed of [id.toUpperCase(), start, ` ${start}`, 'mine ALONE', 'last'])
    expect(await ask(typed), typed).toEqual(byId)
})

test('a thread that nobody knows is told alike by every command', async () => {
  for (const typed of ['ffff', 'no such title', 'ffff-no-id', '']) {
    const [first, ...others] = await ask(typed)
    expect(first).toMatchObject({ exitCode: 1, sizeBytes: 0, stderr: expect.stringContaining(`'${typed}'`) })
    for (const answer of others) expect(answer).toEqual(first)
  }
})

test('a thread that the state database has not is found by the beginning of its id', async () => {
  const start = id.slice(0, TIME_LENGTH)
  const database = new Database(`${home}/state_5.sqlite`)
  database.exec('DELETE FROM threads')
  database.close()
  const byId = await ask(id)
  for (const { exitCode, sizeBytes } of byId) expect({ exitCode, isEmpty: sizeBytes < 100 }).toEqual(FOUND)
  expect(await ask(start)).toEqual(byId)
})
