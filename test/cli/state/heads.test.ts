import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { copyHome, type HomeName } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

interface Listed {
  id: string
  rollout_path: string
  cwd: string
}

/** A home with a thread that its Codex's picker shows, and the lines of its rollout. */
async function openHome(name: HomeName) {
  const home = copyHome(name)
  onTestFinished(() => rmSync(dirname(home), { recursive: true }))
  const list = async (...flags: string[]) => {
    const argv = ['threads', 'list', '--json=id,rollout_path,cwd', '--codex-home', home, ...flags]
    const { stdout, stderr } = await runState(argv)
    return { rows: JSON.parse(stdout) as Listed[], stderr }
  }
  const [thread] = (await list('--codex-picker')).rows
  const path = thread!.rollout_path.replace('/home/demo/.codex', home)
  const lines = readFileSync(path, 'utf8').split('\n')
  return {
    home,
    thread: thread!,
    lines,
    list,
    write: (changed: readonly string[]) => writeFileSync(path, changed.join('\n')),
    async why() {
      const argv = ['why', thread!.id, '--json', '--cwd', thread!.cwd, '--codex-home', home]
      const { checks } = JSON.parse((await runState(argv)).stdout)
      return Object.fromEntries(
        checks.map(({ check, passed, detail }: { check: string; passed: boolean; detail: string }) => [
          check,
          { passed, detail },
        ]),
      )
    },
  }
}

const HOMES_WITH_HEADS = ['codex-0.125.0', 'codex-0.140.0', 'codex-0.160.1', 'codex-0.169.0'] as const

test.each(HOMES_WITH_HEADS)(
  'the picker of %s goes by the provider in the first lines of a rollout, and so does why',
  async (name) => {
    const { thread, lines, list, write, why } = await openHome(name)
    const { provider, source } = await why()
    expect({ provider: provider.passed, source: source.passed }).toEqual({ provider: true, source: true })
    write(lines.map((line) => line.replace(/("model_provider(_id)?":)"\w+"/g, '$1"relay"')))
    expect((await why()).provider).toEqual({
      passed: false,
      detail: expect.stringMatching(
        /^its provider is relay in the first lines of its rollout \(\S+ in its row\), and the picker shows/,
      ),
    })
    expect((await list('--codex-picker')).rows.map(({ id }) => id)).not.toContain(thread.id)
  },
)

test.each([...HOMES_WITH_HEADS, 'codex-0.113.0'] as const)(
  'a first message behind the head of a rollout of %s is told by why and by the view',
  async (name) => {
    const { thread, lines, list, write, why } = await openHome(name)
    expect((await why()).content.passed).toBe(true)
    const isMessage = (line: string) => /"type":"(user_message|item_completed)"|"role":"user"/.test(line)
    const at = lines.findIndex(isMessage)
    const filler = lines.find((line, index) => index > 0 && line !== '' && !isMessage(line))!
    write([...lines.slice(0, at), ...Array<string>(250).fill(filler), ...lines.slice(at)])
    expect((await why()).content).toEqual({
      passed: false,
      detail: 'its first message stands behind line 210 of its rollout, and Codex looks no further for one',
    })
    const view = await list('--codex-view')
    expect(view.rows.map(({ id }) => id)).toContain(thread.id)
    expect(view.stderr).toBe(
      'codex-state: threads whose first message stands behind line 210 of their rollouts, which Codex may leave out: 1\n',
    )
  },
)

test.each(['codex-0.100.0', 'codex-0.111.0', 'codex-0.140.0'] as const)(
  'the view of %s says that Codex lists rollouts without a row, which it does not',
  async (name) => {
    const { home, thread, list } = await openHome(name)
    const database = new Database(`${home}/state_5.sqlite`)
    database.prepare('DELETE FROM threads WHERE id = ?').run(thread.id)
    database.close()
    const { rows, stderr } = await list('--codex-view')
    expect(rows.map(({ id }) => id)).not.toContain(thread.id)
    expect(stderr).toBe(
      'codex-state: rollouts without a row, which Codex 0.100 to 0.147 lists from their files and this list lacks: 1\n',
    )
  },
)
