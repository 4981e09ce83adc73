import { beforeAll, expect, test } from 'vitest'
import { FAILURES, ROW_RULES } from '../../src/body/failures.js'
import type { Failure } from '../../src/body/find-failures.js'
import { expectedNames, findFailures, isInTheLog, readExpected } from '../helpers/failures.js'
import { type HomeLog, readFixtureLogs } from '../helpers/home-logs.js'
import { fixtureNames } from '../helpers/homes.js'

interface Result {
  home: string
  expected: string[]
  found: Failure[]
  missed: string[]
  wrong: Failure[]
}

let results: Result[]

beforeAll(() => {
  results = fixtureNames('failures').map((home) => {
    const expected = readExpected(home)
    const found = findIn(readFixtureLogs(home))
    const names = expectedNames(expected)
    const missed = [...names]
    const wrong: Failure[] = []
    for (const failure of found) {
      const at = missed.indexOf(failure.entry.name)
      if (at >= 0) missed.splice(at, 1)
      else if (failure.entry.severity !== 'notice') wrong.push(failure)
    }
    return { home, expected: names, found, missed, wrong }
  })
}, 60_000)

function findIn(logs: readonly HomeLog[]): Failure[] {
  return logs.flatMap(({ rows, isMessageOnly }) =>
    findFailures(rows, { isMessageOnly, isAlive: () => false, idleTimeoutMs: 2500 }),
  )
}

test('every failure of every home is found under its name, and no other', () => {
  const table: Record<string, Record<string, string | number>> = {}
  for (const { home, expected, missed, wrong } of results) {
    table[home] = {
      expected: expected.length,
      found: expected.length - missed.length,
      missed: missed.filter((name) => isInTheLog(home, name)).join(' '),
      'not in this log': missed.filter((name) => !isInTheLog(home, name)).join(' '),
      false: wrong.map(({ entry }) => entry.name).join(' '),
    }
  }
  console.table(table)
  const missed = results.flatMap((result) => result.missed.filter((name) => isInTheLog(result.home, name)))
  expect(missed).toEqual([])
  const wrong = results.flatMap((result) => result.wrong.map(({ entry }) => `${result.home} ${entry.name}`))
  expect(wrong).toEqual([])
})

test('the failures that end a turn are those of the turns that failed', () => {
  for (const { home, found } of results) {
    const expected = readExpected(home)
    // Of the turns of a terminal nobody was told how they ended.
    if (expected.group === 'tui') continue
    const failed = expected.turns.filter(({ outcome }) => outcome === 'failed').map(({ turn }) => turn)
    const ended = found.filter(({ endsTurn, entry }) => endsTurn && entry.name !== 'killed')
    expect(ended.length, home).toBe(failed.length)
    // Ids of turns stand in the log since 0.117.
    if (Number(home.split('.')[1]) >= 117) {
      expect(ended.map(({ turnId }) => turnId).sort(), home).toEqual(failed.sort())
    }
  }
})

test('a failure knows its rows, its thread and what it is about', () => {
  const mcp = results.find(({ home }) => home === '0.169.0-mcp')!.found
  expect(
    mcp
      .filter(({ entry }) => entry.severity !== 'notice')
      .map(({ entry, mcpServer, tool, rowIds }) => [entry.name, mcpServer, tool, rowIds.length]),
  ).toEqual([
    ['mcp-start-no-command', 'ghost', undefined, 1],
    ['mcp-start-exited', 'crash', undefined, 1],
    ['mcp-start-timeout', 'mute', undefined, 1],
    ['mcp-tool-timeout', 'notes', 'mcp__notesslow', 1],
    ['mcp-transport-closed', 'notes', 'mcp__notescrash', 1],
    ['mcp-transport-closed', 'notes', 'mcp__noteslookup', 1],
  ])
  const tools = results.find(({ home }) => home === '0.169.0-tools')!.found
  const patch = tools.find(({ entry }) => entry.name === 'patch-failed')!
  expect(patch).toMatchObject({
    tool: 'exec_command',
    callId: expect.stringMatching(/^call_/),
    isGuess: false,
  })
})

test('several rows of one trouble are one failure', () => {
  const [locked] = results.find(({ home }) => home === '0.155.0-locked')!.found.filter(isReal)
  expect(locked!.rowIds.length).toBe(3)
  const server = results.find(({ home }) => home === '0.169.0-model')!.found.find(({ endsTurn }) => endsTurn)!
  // Two retries and the end of the turn.
  expect([server.entry.name, server.rowIds.length]).toEqual(['http-500', 3])
})

test('a stream that was silent for less than Codex waits for was not given up for its silence', () => {
  const names = (idleTimeoutMs: number) =>
    readFixtureLogs('0.99.0-tui')
      .flatMap(({ rows, isMessageOnly }) => findFailures(rows, { isMessageOnly, idleTimeoutMs }))
      .filter(({ entry, endsTurn }) => /stream-cut|idle/.test(entry.name) && !endsTurn)
      .map(({ entry, isGuess }) => [entry.name, isGuess])
  const cut = ['stream-cut', true]
  expect(names(3000)).toEqual([cut, ['idle-timeout', true]])
  expect(names(300_000)).toEqual([cut, cut])
})

function isReal({ entry }: Failure): boolean {
  return entry.severity !== 'notice'
}

test('the catalogue is whole: each name once, a cause for each, a rule for no other', () => {
  const names = FAILURES.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { name, title, cause, step, severity } of FAILURES) {
    expect(name).toMatch(/^[a-z0-9-]+$/)
    expect(title, name).toMatch(/^[A-Za-z].*[^.]$/)
    expect(cause, name).toMatch(/\.$/)
    if (severity === 'failure' && name !== 'tool-rejected-by-user') expect(step, name).toMatch(/\.$/)
  }
  for (const { name } of ROW_RULES) expect(names).toContain(name)
})
