import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StateRuntime } from '../../../src/runtime.js'
import { copyHome, HOMES, makeCase } from '../../helpers/homes.js'
import { temporaryFolder } from '../../helpers/layouts.js'
import { runState } from '../../helpers/run.js'

function exec(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

async function readJson(command: string, home: string) {
  const { stdout, stderr, exitCode } = await runState([...command.split(' '), '--codex-home', home])
  return { found: JSON.parse(stdout), stderr, exitCode }
}

/** Checksums of both forms, taken from published binaries for Linux and for Windows. */
const PAIRS = readFileSync(
  fileURLToPath(new URL('../../fixtures/migrations/checksums-by-line-ends.tsv', import.meta.url)),
  'utf8',
)
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t').slice(3) as [lf: string, crlf: string])

/** Records the migrations of a database as Codex for Windows does. */
function recordAsWindows(path: string, condition = 'TRUE'): void {
  exec(
    path,
    PAIRS.map(
      ([lf, crlf]) =>
        `UPDATE _sqlx_migrations SET checksum = x'${crlf}' WHERE checksum = x'${lf}' AND ${condition};`,
    ).join('\n'),
  )
}

function recordHomeAsWindows(home: string): void {
  for (const name of readdirSync(home).filter((file) => file.endsWith('.sqlite'))) {
    recordAsWindows(join(home, name))
  }
}

function readChecksums(path: string): string[] {
  const database = new Database(path, { readonly: true })
  const rows = database
    .prepare('SELECT lower(hex(checksum)) AS checksum FROM _sqlx_migrations ORDER BY version')
    .all() as { checksum: string }[]
  database.close()
  return rows.map(({ checksum }) => checksum)
}

describe('schema', () => {
  test.each(HOMES)('knows every migration that releases applied: %s', async (name) => {
    const { found, stderr, exitCode } = await readJson('schema --json', copyHome(name))
    expect(stderr).toBe('')
    const states = new Set((found as { state: string }[]).map(({ state }) => state))
    states.delete('not applied')
    expect({ states: [...states], exitCode }).toEqual({ states: ['known'], exitCode: 0 })
  })

  test('tells what is newer, changed, missing or failed', async () => {
    const home = copyHome('codex-0.169.0')
    exec(
      join(home, 'state_5.sqlite'),
      `UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 20;
       UPDATE _sqlx_migrations SET success = 0 WHERE version = 21;
       DELETE FROM _sqlx_migrations WHERE version = 22;
       INSERT INTO _sqlx_migrations VALUES (63, 'from the future', '2027-01-01 00:00:00', 1, x'01', 5);`,
    )
    const { found, exitCode } = await readJson('schema --json=version,state,note,installed_on', home)
    const odd = (found as { version: number; state: string; note: string | null }[]).filter(
      ({ state }) => state !== 'known',
    )
    expect({ odd, exitCode }).toMatchObject({
      odd: [
        { version: 20, state: 'modified', note: expect.stringContaining('either line ends') },
        { version: 21, state: 'failed' },
        { version: 22, state: 'missing' },
        { version: 63, state: 'newer', installed_on: '2027-01-01T00:00:00.000Z' },
      ],
      exitCode: 1,
    })
  })

  test.each(['codex-0.169.0', 'codex-0.140.0', 'codex-0.113.0', 'codex-0.99.0'] as const)(
    'knows a home of Codex for Windows, and says who refuses it: %s',
    async (name) => {
      const home = copyHome(name)
      recordHomeAsWindows(home)
      const { found, stderr, exitCode } = await readJson('schema --json=state,line_ends,note', home)
      const seen = new Set(
        (found as { state: string }[])
          .filter(({ state }) => state !== 'not applied')
          .map((row) => JSON.stringify(row)),
      )
      expect({ seen: [...seen], exitCode }).toEqual({
        seen: ['{"state":"known","line_ends":"crlf","note":null}'],
        exitCode: 0,
      })
      expect(stderr).toMatch(
        /^codex-state: state_\d.*: line ends: crlf; written by Codex for Windows, and Codex for Linux, macOS or WSL refuses what that wrote\n$/,
      )
    },
  )

  test('names triggers and indexes that no release makes', async () => {
    const { stderr, exitCode } = await readJson('schema --json', makeCase('log-guard', 'codex-0.169.0'))
    expect({ stderr, exitCode }).toEqual({
      stderr:
        'codex-state: logs_2.sqlite has what no release known here makes: index guard_level, trigger guard_after, trigger quiet_guard\n',
      exitCode: 0,
    })
  })

  test('says nothing of the line ends that Codex has here', async () => {
    const { found, stderr } = await readJson('schema --json=line_ends', copyHome('codex-0.148.0'))
    expect({ forms: [...new Set(found.map((row: { line_ends: string }) => row.line_ends))], stderr }).toEqual(
      {
        forms: ['lf'],
        stderr: '',
      },
    )
  })

  test('tells a database that every Codex refuses, because both forms are recorded in it', async () => {
    const home = copyHome('codex-0.160.1')
    recordAsWindows(join(home, 'state_5.sqlite'), 'version > 40')
    const { found, stderr, exitCode } = await readJson('schema --json=version,line_ends,note', home)
    expect(found[0]).toEqual({
      version: 1,
      line_ends: 'mixed',
      note: 'recorded with LF line ends, others with CR/LF: every Codex refuses this file',
    })
    expect({ stderr, exitCode }).toEqual({
      stderr:
        'codex-state: state_5.sqlite: line ends: mixed; some migrations are recorded as by Codex for Windows, others not, and every Codex refuses that\n',
      exitCode: 1,
    })
  })
})

describe('a state database that is built from a home', () => {
  const folder = () => {
    const created = temporaryFolder()
    onTestFinished(() => rmSync(created, { recursive: true, force: true }))
    return created
  }

  test('has the line ends of the home: of its own state database, else of another one', async () => {
    const home = copyHome('codex-0.140.0')
    recordHomeAsWindows(home)
    const crlf = new Set(PAIRS.map(([, checksum]) => checksum))
    const built = folder()
    await runState(['backfill', 'run', '--into', built, '--codex-home', home])
    expect(readChecksums(join(built, 'state_5.sqlite')).every((checksum) => crlf.has(checksum))).toBe(true)

    const without = join(folder(), 'home')
    cpSync(home, without, { recursive: true, preserveTimestamps: true })
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(without, `state_5.sqlite${suffix}`), { force: true })
    const anew = folder()
    await runState(['backfill', 'run', '--into', anew, '--codex-home', without])
    const [made] = readdirSync(anew).filter((name) => name.endsWith('.sqlite'))
    const ofThreads = readChecksums(join(anew, made!))[0]!
    expect(crlf.has(ofThreads)).toBe(true)
  })

  test('is one that the library makes beside the databases of Codex for Windows, and has their line ends', () => {
    const home = copyHome('codex-0.140.0')
    recordHomeAsWindows(home)
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(home, `state_5.sqlite${suffix}`), { force: true })
    StateRuntime.init({ codexHome: home, defaultProvider: 'mock' }).close()
    const [lf, crlf] = [new Set(PAIRS.map(([form]) => form)), new Set(PAIRS.map(([, form]) => form))]
    const made = readChecksums(join(home, 'state_4.sqlite'))
    expect(made.filter((checksum) => lf.has(checksum))).toEqual([])
    expect(made.filter((checksum) => crlf.has(checksum)).length).toBeGreaterThan(3)

    const empty = folder()
    StateRuntime.init({ codexHome: empty, defaultProvider: 'mock' }).close()
    const other = process.platform === 'win32' ? lf : crlf
    expect(readChecksums(join(empty, 'state_4.sqlite')).filter((checksum) => other.has(checksum))).toEqual([])
  })
})
