import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import zlib from 'node:zlib'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { copyFixtureHome, copyHome } from '../../helpers/homes.js'
import { keep } from '../../helpers/kept.js'
import { runState } from '../../helpers/run.js'
import { waitUntil } from '../../helpers/spawn.js'

const SHOP = '01a1fb71-715e'

async function pathOf(home: string, thread: string): Promise<string> {
  return (await runState(['threads', 'path', thread, '--codex-home', home])).stdout.trim()
}

/** Follows a thread while `write` goes on. */
async function follow(
  argv: readonly string[],
  write: (untilShown: (text: string) => Promise<void>) => Promise<void>,
) {
  const controller = new AbortController()
  let shown = ''
  const running = runState(['threads', 'read', ...argv, '-f'], {
    signal: controller.signal,
    onOutput: (text) => {
      shown += text
    },
  })
  const untilShown = (text: string) =>
    waitUntil(
      () => shown.includes(text),
      () => shown,
    )
  // However busy the machine is, what was there before is told first.
  await untilShown('──')
  await write(untilShown)
  controller.abort('SIGINT')
  return running
}

/** What was said and done, without the heads of turns. */
function blocks(text: string): string[] {
  return text.split('\n\n').filter((block) => block !== '' && !block.startsWith('──'))
}

/** Longer than a look at the file takes, and than what is looked at once a second. */
const LOOK_MS = 400
const FIND_MS = 1600

describe('threads read -f', () => {
  test('heads a turn that was over before once, with how it ended', async () => {
    const home = keep(copyHome('codex-0.169.0'))
    const { stdout } = await follow([SHOP, '--codex-home', home], () => sleep(LOOK_MS))
    const heads = stdout.split('\n').filter((line) => line.startsWith('── turn'))
    expect(heads).toEqual([
      expect.stringMatching(/^── turn 1 .*completed in/),
      expect.stringMatching(/^── turn 2 .*completed in/),
    ])
  })

  test('tells what is written, a call when it begins and when it has its answer', async () => {
    const home = keep(copyHome('codex-0.169.0'))
    const whole = await runState(['threads', 'read', SHOP, '--only', 'user,assistant', '--codex-home', home])
    const path = await pathOf(home, SHOP)
    const lines = readFileSync(path, 'utf8').split(/(?<=\n)/)
    writeFileSync(path, lines.slice(0, 20).join(''))
    const { stdout, stderr } = await follow([SHOP, '--codex-home', home], async (untilShown) => {
      await sleep(LOOK_MS)
      const rest = lines.slice(20)
      const firstCall = rest.find((line) => line.includes('"type":"function_call"'))
      for (const line of rest) {
        // In two parts: half a line is no line.
        appendFileSync(path, line.slice(0, 50))
        await sleep(5)
        appendFileSync(path, line.slice(50))
        // It has its answer a few lines later.
        if (line === firstCall) await untilShown('running')
      }
      await sleep(LOOK_MS)
    })
    expect(stderr).toBe('')
    const told = new Set(blocks(stdout))
    expect(blocks(whole.stdout).filter((block) => !told.has(block))).toEqual([])
    const runs = stdout.split('\n').filter((line) => line.startsWith('ran  '))
    expect(runs.filter((line) => line.includes('running')).length).toBeGreaterThan(0)
    expect(
      stdout
        .split('\n')
        .filter((line) => line.startsWith('──'))
        .at(-1),
    ).toContain('completed in 308 ms')
  })

  test('goes on behind a rename to .zst when the rollout is unpacked again', async () => {
    const home = keep(copyHome('codex-0.169.0'))
    const path = await pathOf(home, SHOP)
    const text = readFileSync(path)
    const { stdout } = await follow([SHOP, '--last', '1', '--codex-home', home], async () => {
      await sleep(LOOK_MS)
      writeFileSync(`${path}.zst`, zlib.zstdCompressSync(text))
      rmSync(path)
      await sleep(FIND_MS)
      writeFileSync(`${path}.new`, Buffer.concat([text, messageLine('still here')]))
      renameSync(`${path}.new`, path)
      rmSync(`${path}.zst`)
      await sleep(FIND_MS)
    })
    expect(stdout.split('List the source files again.').length).toBe(2)
    expect(blocks(stdout).filter((block) => block.includes('still here'))).toHaveLength(1)
  })

  test('goes on in the rollout of a revert', async () => {
    const home = keep(copyFixtureHome('turns', 'forks-0.169.0'))
    const database = new Database(join(home, 'state_5.sqlite'))
    const reverted = database
      .prepare(`SELECT id, rollout_path AS path FROM threads WHERE rollout_path GLOB '*_????????-*'`)
      .get() as { id: string; path: string }
    const first = `${reverted.path.slice(0, reverted.path.lastIndexOf('_'))}.jsonl`
    const set = database.prepare('UPDATE threads SET rollout_path = ? WHERE id = ?')
    set.run(first, reverted.id)
    const before = await runState(['threads', 'read', reverted.id, '--codex-home', home])
    const { stdout, stderr } = await follow([reverted.id, '--codex-home', home], async () => {
      await sleep(LOOK_MS)
      set.run(reverted.path, reverted.id)
      await sleep(FIND_MS)
    })
    database.close()
    expect(stderr).toMatch(/was reverted to \d+ turns?; it goes on in .*_[0-9a-f-]{36}\.jsonl\n$/)
    const after = await runState(['threads', 'read', reverted.id, '--codex-home', home])
    const told = new Set(blocks(stdout))
    expect(blocks(before.stdout).filter((block) => !told.has(block))).toEqual([])
    expect(blocks(after.stdout).filter((block) => !told.has(block))).toEqual([])
    // What both have is told once.
    expect(blocks(stdout)).toHaveLength(new Set([...blocks(before.stdout), ...blocks(after.stdout)]).size)
  })
})

function messageLine(text: string): Buffer {
  const turn = '01a1fb72-0000-7000-8000-000000000001'
  const lines = [
    { type: 'event_msg', payload: { type: 'task_started', turn_id: turn } },
    {
      type: 'event_msg',
      payload: {
        type: 'item_completed',
        turn_id: turn,
        item: { type: 'AgentMessage', id: 'msg_1', content: [{ type: 'Text', text }] },
      },
    },
  ]
  return Buffer.from(
    lines
      .map(
        (line, at) =>
          `${JSON.stringify({ timestamp: '2026-11-21T00:20:00.000Z', ordinal: 900 + at, ...line })}\n`,
      )
      .join(''),
  )
}
