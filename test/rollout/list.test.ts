import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareWatermarks,
  listRollouts,
  parseRolloutName,
  walkRolloutsNewestFirst,
  watermarkOf,
} from '../../src/rollout/list.js'
import { collect, makeFolder, OTHER_ID, ROLLOUT_NAME, THREAD_ID, writeFile } from '../helpers/rollouts.js'

const nameAt = (time: string, id = THREAD_ID) => `rollout-${time}-${id}.jsonl`

function makeHome(files: readonly string[]): string {
  const home = makeFolder()
  for (const file of files) writeFile(home, file, '')
  return home
}

describe('listing all rollouts', () => {
  test('goes by watermark, with archived ones first and old days before new ones', async () => {
    const home = makeHome([
      'sessions/2026/02/05/rollout-b.jsonl',
      'sessions/2025/12/31/rollout-c.jsonl',
      'sessions/2026/02/05/deep/er/rollout-a.jsonl',
      'archived_sessions/rollout-z.jsonl',
    ])
    const { files, unreadable } = await listRollouts(home)
    expect(unreadable).toEqual([])
    expect(files.map((file) => `${file.root} ${file.watermark}`)).toEqual([
      'archived_sessions archived_sessions/rollout-z.jsonl',
      'sessions sessions/2025/12/31/rollout-c.jsonl',
      'sessions sessions/2026/02/05/deep/er/rollout-a.jsonl',
      'sessions sessions/2026/02/05/rollout-b.jsonl',
    ])
    expect(files[0]?.path).toBe(join(home, 'archived_sessions/rollout-z.jsonl'))
  })

  test('takes a compressed file unless its plain one is beside it', async () => {
    const home = makeHome([
      'sessions/rollout-a.jsonl',
      'sessions/rollout-a.jsonl.zst',
      'sessions/rollout-b.jsonl.zst',
    ])
    const { files } = await listRollouts(home)
    expect(files.map((file) => file.watermark)).toEqual([
      'sessions/rollout-a.jsonl',
      'sessions/rollout-b.jsonl.zst',
    ])
  })

  test('gives only the files of ids that begin so, archived and compressed ones and those of a revert too', async () => {
    const home = makeHome([
      `sessions/2026/02/05/${nameAt('2026-02-05T10-20-30')}`,
      `sessions/2026/02/05/${nameAt('2026-02-05T10-20-31', OTHER_ID)}`,
      `sessions/2026/03/01/${nameAt('2026-03-01T10-20-30', `${THREAD_ID.toUpperCase()}_${OTHER_ID}`)}.zst`,
      `sessions/2026/03/01/${nameAt('2026-03-01T10-20-31', `${OTHER_ID}_${THREAD_ID}`)}`,
      `archived_sessions/${nameAt('2026-02-05T10-20-30')}`,
      `sessions/rollout-${THREAD_ID}.jsonl`,
    ])
    const all = (await listRollouts(home)).files
    for (const idPrefix of [THREAD_ID, THREAD_ID.slice(0, 6), OTHER_ID, 'ffff']) {
      const { files } = await listRollouts(home, { idPrefix })
      expect(files).toEqual(all.filter(({ name }) => name?.threadId.startsWith(idPrefix)))
    }
    expect((await listRollouts(home, { idPrefix: THREAD_ID })).files).toHaveLength(3)
  })

  test('leaves out other names, links, and folders that are named like a rollout', async () => {
    const home = makeHome([
      'sessions/notes.jsonl',
      'sessions/rollout-a.json',
      'sessions/rollout-d.jsonl/rollout-in.jsonl',
      'kept.jsonl',
    ])
    symlinkSync(join(home, 'kept.jsonl'), join(home, 'sessions/rollout-link.jsonl'))
    const { files } = await listRollouts(home)
    expect(files.map((file) => file.watermark)).toEqual(['sessions/rollout-d.jsonl/rollout-in.jsonl'])
  })

  test('does not run round a loop of links', async () => {
    const home = makeHome(['sessions/2026/rollout-a.jsonl'])
    symlinkSync(join(home, 'sessions'), join(home, 'sessions/2026/again'))
    const { files } = await listRollouts(home)
    expect(files).toHaveLength(1)
  })

  test('follows a root that is a link', async () => {
    const home = makeFolder()
    const elsewhere = makeHome(['rollout-a.jsonl'])
    symlinkSync(elsewhere, join(home, 'sessions'))
    const { files } = await listRollouts(home)
    expect(files.map((file) => file.watermark)).toEqual(['sessions/rollout-a.jsonl'])
  })

  test('finds nothing in a home without sessions', async () => {
    expect(await listRollouts(makeFolder())).toEqual({ files: [], unreadable: [] })
  })

  test('reports a root that is not a folder and goes on', async () => {
    const home = makeHome(['sessions', 'archived_sessions/rollout-a.jsonl'])
    const { files, unreadable } = await listRollouts(home)
    expect(files).toHaveLength(1)
    expect(unreadable).toEqual([
      { kind: 'unreadableFolder', path: join(home, 'sessions'), reason: 'it is a file, not a folder' },
    ])
  })

  test('reports a root that leads nowhere', async () => {
    const home = makeFolder()
    symlinkSync(join(home, 'sessions'), join(home, 'sessions'))
    const { unreadable } = await listRollouts(home)
    expect(unreadable).toMatchObject([{ path: join(home, 'sessions'), reason: 'its links lead in a circle' }])
  })

  test('can be aborted', async () => {
    await expect(listRollouts(makeFolder(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })
})

describe('walking newest first', () => {
  test('goes by time and id of the names, day by day', async () => {
    const home = makeHome([
      `sessions/2026/02/05/${nameAt('2026-02-05T10-20-30')}`,
      `sessions/2026/02/05/${nameAt('2026-02-05T10-20-30', OTHER_ID)}`,
      `sessions/2026/02/05/${nameAt('2026-02-05T23-00-00')}`,
      `sessions/2026/10/01/${nameAt('2026-10-01T00-00-00')}`,
      `sessions/2025/12/31/${nameAt('2025-12-31T00-00-00')}`,
      'sessions/2026/02/05/rollout-without-time.jsonl',
      `sessions/other/02/05/${nameAt('2026-12-05T23-00-00')}`,
    ])
    const found = await collect(walkRolloutsNewestFirst(home, 'sessions'))
    expect(found.map((file) => file.kind === 'rollout' && file.watermark)).toEqual([
      `sessions/2026/10/01/${nameAt('2026-10-01T00-00-00')}`,
      `sessions/2026/02/05/${nameAt('2026-02-05T23-00-00')}`,
      `sessions/2026/02/05/${nameAt('2026-02-05T10-20-30', OTHER_ID)}`,
      `sessions/2026/02/05/${nameAt('2026-02-05T10-20-30')}`,
      `sessions/2025/12/31/${nameAt('2025-12-31T00-00-00')}`,
    ])
  })

  test('reads the archive flat', async () => {
    const home = makeHome([`archived_sessions/${ROLLOUT_NAME}`, `archived_sessions/2026/${ROLLOUT_NAME}`])
    const found = await collect(walkRolloutsNewestFirst(home, 'archived_sessions'))
    expect(found).toMatchObject([{ watermark: `archived_sessions/${ROLLOUT_NAME}` }])
  })

  test('opens a folder only when its reader gets there', async () => {
    const home = makeHome([`sessions/2026/02/05/${ROLLOUT_NAME}`, 'sessions/2026/02/04/other'])
    const older = `sessions/2026/02/04/${nameAt('2026-02-04T10-20-30')}`
    const walk = walkRolloutsNewestFirst(home, 'sessions')
    await walk.next()
    writeFile(home, older, '')
    expect(await collect(walk)).toMatchObject([{ watermark: older }])
  })

  test('reports a folder that is none and can be aborted', async () => {
    const home = makeHome(['archived_sessions'])
    const path = join(home, 'archived_sessions')
    expect(await collect(walkRolloutsNewestFirst(home, 'archived_sessions'))).toMatchObject([
      { kind: 'unreadableFolder', path },
    ])
    const walk = walkRolloutsNewestFirst(home, 'sessions', { signal: AbortSignal.abort() })
    await expect(walk.next()).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

test.each([
  [ROLLOUT_NAME, null],
  [`${ROLLOUT_NAME}.zst`, null],
  [`/any/where/${ROLLOUT_NAME.toUpperCase().replace('ROLLOUT', 'rollout').replace('JSONL', 'jsonl')}`, null],
  [`rollout-2026-02-05T10-20-30-${THREAD_ID}_${OTHER_ID}.jsonl`, OTHER_ID],
])('the name %s tells thread and time', (name, rolloutId) => {
  const createdAtMs = Date.parse('2026-02-05T10:20:30Z')
  expect(parseRolloutName(name)).toEqual({ threadId: THREAD_ID, rolloutId, createdAtMs })
})

test.each([
  'rollout-.jsonl',
  `rollout-${THREAD_ID}.jsonl`,
  `rollout-2026-02-30T10-20-30-${THREAD_ID}.jsonl`,
  `rollout-2026-02-05T10-20-30-${THREAD_ID}.json`,
  `rollout-2026-02-05T10-20-30-${THREAD_ID}x.jsonl`,
  `copy of ${ROLLOUT_NAME}`,
])('the name %s tells nothing', (name) => {
  expect(parseRolloutName(name)).toBeNull()
})

test('a watermark is a path below the home, or the whole path', () => {
  expect(watermarkOf('/home/me/.codex', '/home/me/.codex/sessions/a')).toBe('sessions/a')
  expect(watermarkOf('/home/me/.codex', '/home/me/.codex/..a')).toBe('..a')
  expect(watermarkOf('/home/me/.codex', '/srv/a')).toBe('/srv/a')
})

test('watermarks compare like their bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const [hexA, hexB] = [Buffer.from(a).toString('hex'), Buffer.from(b).toString('hex')]
      expect(compareWatermarks(a, b)).toBe(hexA < hexB ? -1 : hexA > hexB ? 1 : 0)
    }),
    { numRuns: 300 },
  )
  expect(compareWatermarks('\u{ff5e}', '\u{1f600}')).toBe(-1)
})
