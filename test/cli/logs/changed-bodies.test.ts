import Database from 'better-sqlite3'
import { beforeAll, test } from 'vitest'
import { openLogStore } from '../../../src/query/logs/store.js'
import { candidatesFor, listDatabases } from '../../../src/schema/files.js'
import { readHomeLogs } from '../../helpers/home-logs.js'
import { createLogHome, T } from '../../helpers/log-layouts.js'
import type { NewLogRow } from '../../helpers/log-rows.js'
import { createRandom, type Random } from '../../helpers/random.js'
import { expectSameKinds, expectSameParsed, expectSameShort } from '../../helpers/two-ways.js'

/** `CHANGED_BODIES=100000` for a longer run, `CHANGED_BODIES_SEED` for another one. */
const COUNT = Number(process.env.CHANGED_BODIES ?? 3000)
const SEED = Number(process.env.CHANGED_BODIES_SEED ?? 20_261_121)
/** Of each home as many rows of one place in its source. */
const ROWS_OF_PLACE = 3
const ROWS_IN_DATABASE = 3000
const LONGEST_BODY = 4000

const PARTS = [
  ...[
    '"',
    '\\',
    '\\"',
    ' ',
    '  ',
    '\n',
    '\r\n',
    '\t',
    '=',
    ' a=',
    '{',
    '}',
    '}:',
    '}: ',
    ': ',
    ':',
    '(',
    ')',
  ],
  ...['[', ']', 'None', 'Some(', ' error=', ' cwd=/tmp/a}: b', 'turn{turn.id=Z}:', 'session_loop{', '`', '/'],
  ...[
    'é',
    '漢',
    '👩‍👩‍👧',
    '\u200d',
    '\u202e',
    '\u2028',
    '\u00a0',
    '\ufeff',
    '\u{e0041}',
    '\x1b[31m',
    '\x85',
    '\x7f',
    '\x01',
  ],
]

type Original = NewLogRow & { body: string }

let originals: Original[]
beforeAll(() => {
  originals = readHomeLogs().flatMap(({ rows }) => {
    const counts = new Map<string, number>()
    return rows.flatMap(({ level, target, body, threadId, file, line }) => {
      const place = `${target}:${file}:${line}`
      const count = (counts.get(place) ?? 0) + 1
      counts.set(place, count)
      if (body === null || count > ROWS_OF_PLACE) return []
      return { level, target, body: body.slice(0, LONGEST_BODY), threadId, file, line: Number(line) }
    })
  })
}, 60_000)

function change(body: string, { below, pick }: Random): string {
  let changed = body
  for (let changes = below(5); changes > 0; changes--) {
    const at = below(changed.length + 1)
    const to = below(3) === 0 ? at + below(40) : at
    const other = pick(originals).body
    const begin = below(other.length)
    const put = below(4) === 0 ? other.slice(begin, begin + below(200)) : below(3) === 0 ? '' : pick(PARTS)
    changed = changed.slice(0, at) + put + changed.slice(to)
  }
  // No half of a character: SQLite would keep another text.
  return (below(8) === 0 ? changed.slice(0, below(changed.length)) : changed).toWellFormed()
}

/** Half of them begin as the row before, as rows of one turn do. */
function changedRows(random: Random, count: number): NewLogRow[] {
  let row = random.pick(originals)
  return Array.from({ length: count }, (_, index) => {
    if (random.below(2) === 0) row = random.pick(originals)
    return { ...row, tsSeconds: T + index, body: change(row.body, random) }
  })
}

function openHome(home: string) {
  return openLogStore(candidatesFor('logs', listDatabases(home)))!
}

test(`${COUNT} bodies of all releases, changed at random, are told of bytes and of values alike`, () => {
  const random = createRandom(SEED)
  for (let left = COUNT; left > 0; left -= ROWS_IN_DATABASE) {
    const rows = changedRows(random, Math.min(left, ROWS_IN_DATABASE))
    const store = openHome(createLogHome(rows).home)
    expectSameShort(store, 'short')
    expectSameParsed(store, 'parsed')
    expectSameKinds(store, 'kinds')
    store.connection.close()
  }
}, 600_000)

test('a text that is no UTF-8, a NUL, a BLOB and a body of a megabyte are told alike as well', () => {
  const random = createRandom(SEED + 2)
  const { home, path } = createLogHome(changedRows(random, 60))
  const database = new Database(path)
  const update = database.prepare('UPDATE logs SET feedback_log_body = CAST(? AS TEXT) WHERE id = ?')
  const ids = database.prepare('SELECT id FROM logs ORDER BY id').pluck().all() as number[]
  const bodies = [
    Buffer.from([0x61, 0xff, 0x62]),
    Buffer.from('a\0b key=1'),
    Buffer.from([0xe2, 0x80]),
    Buffer.from([0xf3, 0xa0, 0x80]),
    Buffer.from(`x ${'y'.repeat(1_000_000)}`),
    Buffer.from(`turn{turn.id=T}: ${'é'.repeat(200_000)} a=1`),
  ]
  for (const [at, body] of bodies.entries()) update.run(body, ids[at * 9]!)
  database.prepare('UPDATE logs SET feedback_log_body = ? WHERE id = ?').run(Buffer.from('a b'), ids[4]!)
  database.prepare('UPDATE logs SET feedback_log_body = NULL WHERE id = ?').run(ids[5]!)
  database.close()
  const store = openHome(home)
  expectSameShort(store, 'short')
  expectSameParsed(store, 'parsed')
  expectSameKinds(store, 'kinds')
  store.connection.close()
})
