import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { explainUnknownServer, readMcp, readMcpServers } from '../../src/inspect/mcp.js'
import type { McpServerNow } from '../../src/model/mcp.js'
import { openLogStore } from '../../src/query/logs/store.js'
import { listDatabases } from '../../src/schema/files.js'
import { readConfigTable } from '../../src/schema/home.js'
import { copyFixtureHome, fixtureNames, fixturePath } from '../helpers/homes.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { runLogs } from '../helpers/run.js'

interface Expected {
  group: string
  mcpStartup: { at: string; server?: string; status?: string; error?: string | null }[]
  turns: { tools: { name: string | null; status: string; error?: string | null }[] | null }[]
}

interface Home {
  name: string
  release: number
  expected: Expected
  found: Map<string, McpServerNow>
}

let homes: Home[]

beforeAll(() => {
  homes = fixtureNames('failures')
    .filter((name) => /-(mcp|mix)$/.test(name))
    .map((name) => {
      const home = copyFixtureHome('failures', name)
      const store = openLogStore(listDatabases(home))!
      try {
        const configured = readMcpServers(readConfigTable(home, () => {})!)
        const found = new Map(readMcp(store, {}, configured).map((server) => [server.server, server]))
        const expected = JSON.parse(
          readFileSync(join(fixturePath('failures', name), 'expected.json'), 'utf8'),
        )
        return { name, release: Number(name.split('.')[1]), expected, found }
      } finally {
        store.connection.close()
        rmSync(home, { recursive: true })
      }
    })
}, 60_000)

/** What the client was told of a server's start last: in some releases the status is JSON itself. */
function toldOf({ mcpStartup }: Expected): Map<string, { state: string; ms: number; error: string }> {
  const told = new Map<string, { state: string; ms: number; error: string }>()
  for (const { at, server, status, error } of mcpStartup) {
    if (server === undefined || status === undefined) continue
    const parsed = status.startsWith('{') ? JSON.parse(status) : { state: status, error }
    told.set(server, { state: parsed.state, ms: Date.parse(at), error: parsed.error ?? '' })
  }
  return told
}

/** Servers that went away after they were ready are told by their calls. */
function callsOf({ turns }: Expected) {
  return turns.flatMap(({ tools }) => tools ?? []).filter(({ name }) => name?.startsWith('notes/'))
}

describe('in every release', () => {
  test('calls, failed ones and time-outs are those that the client was told of', () => {
    for (const { name, release, expected, found } of homes) {
      const calls = callsOf(expected)
      const failed = calls.filter(({ status }) => status === 'failed')
      // An answer that says itself that it is an error is logged from 0.118 to 0.141.
      const isLogged = (error: string | null | undefined) =>
        /Caused by/.test(error ?? '') || (release >= 118 && release <= 141)
      const notes = found.get('notes')
      expect({
        name,
        calls: notes?.callCount,
        failed: notes?.failedCallCount,
        timedOut: notes?.timedOutCallCount,
      }).toEqual({
        name,
        calls: calls.length,
        failed: failed.filter(({ error }) => isLogged(error)).length,
        timedOut: failed.filter(({ error }) => /timed out/.test(error ?? '')).length,
      })
    }
  })

  test('a server that died is dead, and one that was up is not said to have failed', () => {
    for (const { name, expected, found } of homes) {
      const hasDied = callsOf(expected).some(({ error }) => /Transport closed/.test(error ?? ''))
      const state = found.get('notes')!.state
      expect({
        name,
        isRight: hasDied ? state === 'dead' : ['ready', 'called', 'ended'].includes(state),
      }).toEqual({
        name,
        isRight: true,
      })
    }
  })

  test('no server that did not start is said to be ready', () => {
    const failed = homes.flatMap(({ name, expected, found }) =>
      [...toldOf(expected)]
        .filter(([, { state }]) => state === 'failed')
        .map(([server]) => ({ name, server, told: found.get(server)?.state })),
    )
    expect(failed.length).toBeGreaterThan(5)
    expect(failed.filter(({ told }) => told === 'ready')).toEqual([])
  })
})

test('from 0.155 why a server did not start is told in the words of the client, and after how long', () => {
  const seen: string[] = []
  for (const { name, release, expected, found } of homes.filter((home) => home.release >= 155)) {
    for (const [server, { state, error }] of toldOf(expected)) {
      if (state !== 'failed') continue
      const now = found.get(server)
      expect({ name, server, state: now?.state }).toEqual({ name, server, state: 'failed' })
      const reason = /No such file|connection closed|timed out/.exec(error)![0]
      expect(now!.why).toContain(reason)
      if (reason === 'timed out') expect(Math.abs(now!.startedAfterMs! - 3000)).toBeLessThan(500)
      seen.push(`${release} ${server}`)
    }
  }
  expect(seen.length).toBeGreaterThan(5)
})

test('from 0.148 servers that requests went without are named', () => {
  for (const { found } of homes.filter(({ release }) => release >= 148)) {
    expect(['ghost', 'crash', 'mute'].filter((server) => !found.get(server)?.missingCount)).toEqual([])
  }
})

test('what a server printed just before it failed is told beside it, as the program that printed it', () => {
  const { found } = homes.find(({ name }) => name === '0.169.0-mcp')!
  expect(found.get('crash')!.why).toMatch(/; just before, a program node printed: notes-server: giving up$/)
  expect(found.get('crash')).toMatchObject({ sharesStderrWith: ['notes', 'mute'], stderrCount: undefined })
})

test('lines of a program that one server alone has are that server’s', () => {
  const line = { target: 'codex_rmcp_client::stdio_server_launcher', processUuid: 'pid:7:x' }
  const { home } = createLogHome([
    { ...line, body: 'MCP server stderr (notes-server): cannot: read}:' },
    { ...line, body: 'MCP server stderr (other): mine' },
  ])
  const store = openLogStore(listDatabases(home))!
  const configured = readMcpServers({
    mcp_servers: { notes: { command: '/opt/bin/notes-server' }, web: { url: 'https://x' } },
  })
  const found = readMcp(store, {}, configured)
  store.connection.close()
  expect(found).toMatchObject([
    { server: 'notes', stderrCount: 1, events: [{ kind: 'stderr', text: 'cannot: read}:' }] },
  ])
})

test.each([
  ['0.98.0', 'no row of MCP servers'],
  ['0.140.0', 'pruned within seconds'],
  ['0.150.1', 'before 0.155'],
  ['0.169.0', 'no row of its start is left'],
  [undefined, 'no row mentions it'],
])('of %s the reason why nothing is known is that %s', (version, says) => {
  expect(explainUnknownServer(version)).toContain(says)
})

describe('codex-logs mcp', () => {
  const home = copyFixtureHome('failures', '0.169.0-mcp')
  const run = (...argv: string[]) =>
    runLogs(['mcp', ...argv, '--codex-home', home], {
      isTerminal: true,
      columns: 120,
      env: { NO_COLOR: '1' },
    })

  test('of one server shows what happened to it, in time', async () => {
    const { stdout, exitCode } = await run('notes', '--no-pager')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^notes +dead /m)
    expect(
      [...stdout.matchAll(/^ {2}2026-\S+ \S+ {2}(.*\S)$/gm)].map(([, event]) =>
        event!.replace(/ {2,}/, ': '),
      ),
    ).toEqual([
      'ready',
      'call: lookup',
      'call: broken',
      'call: slow',
      'call timed out: slow: timed out awaiting tools/call after 2s',
      'call: crash',
      'died: Closed',
      'call failed: crash: Transport closed',
      'call: lookup',
      'call failed: lookup: Transport closed',
    ])
  })

  test('knows no server of another name', async () => {
    const { stderr, exitCode } = await run('nobody')
    expect(stderr).toContain('There are: ')
    expect(exitCode).toBe(1)
  })

  test('tells of servers that are configured though no row is left, and of those that are switched off', async () => {
    const { home: empty } = createLogHome([])
    const config = '[mcp_servers.a]\ncommand = "x"\n[mcp_servers.b]\ncommand = "y"\nenabled = false\n'
    writeFileSync(join(empty, 'config.toml'), config)
    const { stdout, exitCode } = await runLogs([
      'mcp',
      '--json=server,configured,state',
      '--codex-home',
      empty,
    ])
    expect(JSON.parse(stdout)).toEqual([
      { server: 'a', configured: true, state: 'not known' },
      { server: 'b', configured: true, state: 'disabled' },
    ])
    expect(exitCode).toBe(0)
  })
})

test('a server is dead or slow when Codex says so, not when an answer of it has the words', async () => {
  const call = (cause: string) => ({
    level: 'WARN',
    target: 'codex_core::mcp_tool_call',
    body: `handle_responses{tool_name="sql"}:dispatch_tool_call_with_code_mode_result{tool_name=mcp__db__sql}: MCP tool call error: "tool call error: tool call failed for \`db/sql\`\\n\\nCaused by:\\n    ${cause}"`,
  })
  const read = async (...causes: string[]) => {
    const { home } = createLogHome(causes.map(call))
    const { stdout } = await runLogs(['mcp', '--json', '--codex-home', home])
    const [server] = JSON.parse(stdout)
    return [server.state, server.failed_calls, server.timed_out_calls]
  }
  const own = 'Mcp error: -32603: upstream: Transport closed, timed out awaiting tools/call elsewhere'
  expect(await read(own)).toEqual(['not known', 1, 0])
  expect(await read(own, '0: timed out awaiting tools/call after 2s\\n    1: deadline has elapsed')).toEqual([
    'not known',
    2,
    1,
  ])
  expect(await read(own, 'Transport closed')).toEqual(['dead', 2, 0])
})
