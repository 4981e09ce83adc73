import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { noteRow } from '../../src/body/failure-notes.js'
import { createFailureFinder, type Failure, type FailureFinderOptions } from '../../src/body/find-failures.js'
import type { StoredLogRow } from '../../src/model/log.js'
import { compareTimes } from '../../src/model/row-time.js'
import { fixturePath } from './homes.js'

/** All failures of rows in any order, in the order of time. */
export function findFailures(
  rows: readonly StoredLogRow[],
  { isMessageOnly, ...options }: FailureFinderOptions & { isMessageOnly: boolean },
): Failure[] {
  const finder = createFailureFinder(options)
  const notes = rows.map((row) => noteRow(row, { isMessageOnly })).filter((note) => note !== undefined)
  const failures = notes.sort(compareTimes).flatMap((note) => finder.add(note))
  return [...failures, ...finder.end()].sort((a, b) => a.firstMs - b.firstMs)
}

/** What a client of Codex was told in a home of failures. */
export interface Expected {
  release: string
  group: string
  failuresInOrder: { kind: string; prompt?: string }[]
  mcpStartup?: { server?: string; status?: string; error?: string | null }[]
  turns: {
    thread: string
    turn: string
    start: string
    end: string | null
    outcome: string
    prompt?: string
    tools?: { type: string; call_id: string; status: string; durationMs: number | null }[]
  }[]
}

/** What no row of a release says; beyond that, everything is to be found. */
const NOT_IN_THE_LOG: Record<string, (release: number) => boolean> = {
  // A status stands only in the output of a tool, which 0.117 to 0.141 log.
  'tool-exit-status': (release) => release < 117 || release > 141,
  'tool-killed': (release) => release < 117 || release > 141,
  'mcp-tool-error-result': (release) => release < 118 || release > 141,
  'mcp-start-no-command': (release) => release < 155,
  'mcp-start-exited': (release) => release < 155,
  'mcp-start-timeout': (release) => release < 155,
  'http-503-once': (release) => release < 117,
  'patch-failed': (release) => release < 117,
  'unknown-tool': (release) => release < 117,
  'bad-arguments': (release) => release < 117,
  'tool-rejected-by-user': (release) => release < 117,
  'tool-outlives-wait': (release) => release < 113,
  // No row is written until the process ends.
  'disk-full': (release) => release === 140,
}

export function readExpected(home: string): Expected {
  return JSON.parse(readFileSync(join(fixturePath('failures', home), 'expected.json'), 'utf8'))
}

/** What really happened; where only the client was told of a server that did not start, its words say why. */
export function expectedNames({ failuresInOrder, mcpStartup = [], group }: Expected): string[] {
  const names = failuresInOrder.map(({ kind }) => kind)
  if (group === 'mcp') return names
  for (const { status, error } of mcpStartup) {
    if (status !== 'failed') continue
    if (/No such file/.test(error ?? '')) names.push('mcp-start-no-command')
    else names.push(/timed out/.test(error ?? '') ? 'mcp-start-timeout' : 'mcp-start-exited')
  }
  return names
}

export function isInTheLog(home: string, name: string): boolean {
  const release = Number(home.split('.')[1])
  return !NOT_IN_THE_LOG[name]?.(release)
}
