import { describe, expect, test } from 'vitest'
import { escapeForTerminal } from '../../../src/format/escape.js'
import { toldHomes } from '../../helpers/codex-view.js'
import { homePath } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

const home = homePath('codex-0.169.0')
const SHOP = '01a1fb71-715e'

const read = (thread: string, ...argv: string[]) =>
  runState(['threads', 'read', thread, '--codex-home', home, ...argv])

describe('threads read', () => {
  test('tells who said and ran what, when, and with what outcome', async () => {
    const { stdout, stderr, exitCode } = await read(SHOP, '--turn', '1')
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toMatchInlineSnapshot(`
      "── turn 1  2026-11-21 00:11:18 UTC, completed in 962 ms, 29,173 tokens, gpt-5.2-codex

      user  00:11:18
        Fix the rounding bug in src/cart.js and drop the unused helper.

      thought  00:11:18
        **Planning the fix**

        Sum in cents, add a test, delete the legacy file.

      call  00:11:18, 20 ms
      > update_plan {"explanation":"Small change","plan":[{"step":"Sum in cents","status":"in_progress"},{"step":"Add a test","status":"pending"}]}
        unsupported call: update_plan

      changed  00:11:18, 0 ms
        update /home/demo/projects/web-shop/src/cart.js
        @@ -1,11 +1,8 @@
        +// Sums in whole cents, so that binary fractions do not creep in.
         export function total(items) {
        -  let t = 0;
        +  let cents = 0;
           for (const i of items) {
        -    t += i.price * i.qty;
        +    cents += Math.round(i.price * 100) * i.qty;
           }
        -  return t;
        -}
        -
        -export function unusedHelper(x) {
        -  return x;
        +  return cents / 100;
         }
        delete /home/demo/projects/web-shop/src/legacy.js
        -// nothing left here
        add /home/demo/projects/web-shop/test/cart.test.js
        +import test from "node:test";
        +import assert from "node:assert";
        +import { total } from "../src/cart.js";
        +
        +test("no drift", () => {
        +  assert.equal(total([{ price: 0.1, qty: 3 }]), 0.3);
        +});

      ran  00:11:19, 339 ms
      $ /bin/bash -lc 'node --test 2>&1 | tail -5'
        # fail 0
        # cancelled 0
        # skipped 0
        # todo 0
        # duration_ms 313.77391

      changed  00:11:19, 0 ms
        update /home/demo/projects/web-shop/README.md -> /home/demo/projects/web-shop/docs/README.md
        @@ -1,2 +1,3 @@
         # web-shop
        -A small demo shop.
        +A small demo shop. Prices are summed in cents; see \`src/cart.js\`.
        +Run the tests with \`node --test\`.

      assistant  00:11:19
        Fixed. \`total\` now sums in cents, there is a test, and the legacy file is gone.

        - \`src/cart.js\`
        - \`test/cart.test.js\`
        - \`docs/README.md\`

      "
    `)
  })

  test('chooses turns and parts', async () => {
    const heads = (text: string) =>
      text
        .split('\n')
        .filter((line) => /^(──|\w+ {2}\d)/.test(line))
        .map((line) => line.split('  ')[0])
    expect(heads((await read(SHOP, '--last', '1', '--only', 'user,assistant')).stdout)).toEqual([
      '── turn 2',
      'user',
      'assistant',
    ])
    const { stdout: last } = await read(SHOP, '--turn', 'last')
    expect(last).toBe((await read(SHOP, '--turn', '2')).stdout)
    expect((await read(SHOP)).stdout.endsWith(last)).toBe(true)
    for (const argv of [
      ['--turn', 'x'],
      ['--turn', '1', '--last', '1'],
      ['--last', '0'],
      ['--only', 'all'],
    ]) {
      expect([argv, (await read(SHOP, ...argv)).exitCode]).toEqual([argv, 2])
    }
    const gone = await read(SHOP, '--turn', '3')
    expect([gone.exitCode, gone.stderr]).toEqual([1, expect.stringContaining('It has 2')])
  })

  test('leaves out the middle of long outputs, and with --full nothing', async () => {
    const [folded, all] = [await read('01a1fb71-8b7b'), await read('01a1fb71-8b7b', '--full')]
    expect(folded.stdout).toMatch(/… \d+ more lines/)
    expect(all.stdout).not.toMatch(/… \d+ more lines/)
    expect(all.stdout.split('\n').length).toBeGreaterThan(folded.stdout.split('\n').length)
  })

  test('prints Markdown whose code no output can end', async () => {
    const { stdout } = await read(SHOP, '--format', 'md', '--turn', '1')
    expect(stdout).toContain("```console\n$ /bin/bash -lc 'node --test 2>&1 | tail -5'\n# fail 0\n")
    expect(stdout).toContain('```diff\nupdate /home/demo/projects/web-shop/src/cart.js\n')
    expect(stdout.match(/^`{3,}/gm)!.length % 2).toBe(0)
  })

  test('prints an object a line, of which --only chooses', async () => {
    const { stdout } = await read(SHOP, '--format', 'json', '--only', 'calls')
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows.map(({ turn, kind, exit_code }) => [turn, kind, exit_code])).toEqual([
      [1, 'call', null],
      [1, 'ran', 0],
      [2, 'ran', 0],
      [2, 'ran', 0],
    ])
  })

  test('has every word that Codex tells of each thread', async () => {
    const names = ['codex-0.93.0', 'items-0.169.0']
    for (const { name, home, threads } of toldHomes().filter(({ name }) => names.includes(name))) {
      for (const [id, { turns = [] }] of Object.entries(threads)) {
        if (turns.length === 0) continue
        const { stdout } = await runState(['threads', 'read', id, '--full', '--codex-home', home])
        const lines = new Set(stdout.split('\n'))
        const said = turns.flatMap(({ items }) => items.flatMap(wordsOf)).flatMap((text) => text.split('\n'))
        const missing = said.filter((line) => line !== '' && !lines.has(`  ${escapeForTerminal(line)}`))
        expect([name, id, missing]).toEqual([name, id, []])
      }
    }
  })
})

function wordsOf(item: Record<string, unknown>): string[] {
  if (item.type === 'agentMessage') return [String(item.text)]
  if (item.type !== 'userMessage') return []
  const [only, ...more] = item.content as { type: string; text?: string }[]
  return only?.type === 'text' && more.length === 0 ? [String(only.text).replace(/\n+$/, '')] : []
}
