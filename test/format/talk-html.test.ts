import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { homePath } from '../helpers/homes.js'
import { requirePrograms } from '../helpers/programs.js'
import { runState } from '../helpers/run.js'

const folder = mkdtempSync(join(tmpdir(), 'talk-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const home = homePath('codex-0.169.0')
const page = join(folder, 'page.html')

async function write(thread: string, ...argv: string[]) {
  return runState(['threads', 'read', thread, '--html', page, '--codex-home', home, ...argv])
}

describe('the page of a talk', () => {
  test('has course and talk, no script, and nothing from elsewhere', async () => {
    expect(await write('01a1fb71-715e')).toEqual({ stdout: '', stderr: '', exitCode: 0 })
    const text = readFileSync(page, 'utf8')
    expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(text).not.toMatch(/<script|<link|<img|src=|url\(|@import|href="(?!#turn-)/)
    expect(text.match(/<h2 id="turn-\d+">/g)).toHaveLength(2)
    expect(text.match(/<i class="call"/g)!.length).toBeGreaterThan(1)
    expect(text).toContain('Fix the rounding bug in src/cart.js')
    expect(statSync(page).mode & 0o077).toBe(0)
  })

  test('shows what was said as it was said, whatever it looks like', async () => {
    const { stdout } = await runState(['threads', 'list', '-q', '--codex-home', home])
    for (const id of stdout.trim().split('\n')) {
      const { stdout: text } = await runState(['threads', 'read', id, '--html', '-', '--codex-home', home])
      const tags = new Set(text.match(/<\/?[a-z][a-z0-9]*/gi))
      expect(tags).toContain('</html')
      const ours = 'html head meta title style body h1 h2 p span div a i section header b pre details summary'
      expect(
        [...tags].map((tag) => tag.replace(/[</]/g, '')).filter((tag) => !ours.split(' ').includes(tag)),
      ).toEqual([])
    }
  })

  test('is drawn by a browser', async () => {
    requirePrograms('chromium')
    await write('01a1fb71-715e')
    const url = pathToFileURL(page).href
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(folder, 'profile')}`,
    ]
    const options = { encoding: 'utf8', timeout: 60_000, stdio: 'pipe' } as const
    const dom = execFileSync('chromium', [...flags, '--dump-dom', url], options)
    expect(dom).toContain('id="turn-2"')
    const picture = join(folder, 'page.png')
    execFileSync('chromium', [...flags, '--window-size=1000,1400', `--screenshot=${picture}`, url], options)
    // A page without anything on it is far smaller.
    expect(statSync(picture).size).toBeGreaterThan(20_000)
  })

  test('is not written where that would not be what was asked for', async () => {
    expect((await write('last', '-f')).exitCode).toBe(2)
    expect((await write('last', '--format', 'md')).exitCode).toBe(2)
    const { stderr } = await runState([
      'threads',
      'read',
      'last',
      '--html',
      join(folder, 'none', 'x.html'),
      '--codex-home',
      home,
    ])
    expect(stderr).toContain('x.html')
  })
})
