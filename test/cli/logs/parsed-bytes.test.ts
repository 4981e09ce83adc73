import { expect, test } from 'vitest'
import { openLogStore } from '../../../src/query/logs/store.js'
import { candidatesFor, listDatabases } from '../../../src/schema/files.js'
import { visitHomeLogs } from '../../helpers/home-logs.js'
import { createLogHome, THREAD_A } from '../../helpers/log-layouts.js'
import { createRandom } from '../../helpers/random.js'
import { expectSameParsed } from '../../helpers/two-ways.js'

test('of every row of every home the bytes make the record that the row makes, but for a few they make it alone', () => {
  visitHomeLogs((store, name) => expect(expectSameParsed(store, name), name).toBeLessThan(100))
}, 90_000)

const CHAIN = `session_loop{thread_id=${THREAD_A}}:turn{otel.name="a b" turn.id=T1 model=m}: `
const TEXTS = [
  'told key="plain" key=2 key="last" error=None',
  'Submission submission_id=S1 operation="turn_input"',
  'aborting running task sub_id="T9"',
  'dropping turn-scoped item for unknown turn id `T3`',
  'event.name="x" turn_id="T4"',
  'text with "quotes" and \\ and \u0001\b\f\r\n\t\x1e ends',
  'a="x\\ny\\"z\\\\" b="\\u{1f600}" c="it\\\'s" d="\\0"',
  'héllo 👩‍👩‍👧 \u2028',
  '',
]
const PARTS = [
  '"',
  '\\',
  ' ',
  '\n',
  '=',
  'x=',
  '{',
  '}',
  '}: ',
  'turn_id=',
  'turn{turn.id=Z}:',
  '\u0085',
  '\x1e',
  'None',
  '"" ',
]

test('of bodies that were changed at random as well', () => {
  const { below, pick } = createRandom(11)
  const rows = Array.from({ length: 4000 }, () => {
    let body = `${below(10) < 7 ? CHAIN : ''}${pick(TEXTS)}${below(10) < 3 ? ` ${pick(TEXTS)}` : ''}`
    for (let changes = below(4); changes > 0; changes--) {
      const at = below(body.length + 1)
      body = body.slice(0, at) + pick(PARTS) + body.slice(at + below(3))
    }
    return {
      target: pick(['codex_core::session::turn', 'log', 'é "t"', 'feedback_tags']),
      threadId: THREAD_A,
      body: below(50) === 0 ? null : body,
    }
  })
  const { home } = createLogHome(rows)
  const store = openLogStore(candidatesFor('logs', listDatabases(home)))!
  expectSameParsed(store, 'changed')
  store.connection.close()
})
