import type { StoredLogRow } from '../model/log.js'
import type { McpEvent, McpServerNow, McpState } from '../model/mcp.js'
import { rowMs } from '../model/row-time.js'
import { readCallText } from './classify-failure.js'
import { readField, readMeaning } from './meanings.js'
import type { ParsedBody } from './parse.js'

export interface McpFollower {
  /** Takes the next row in the order of time. */
  add(row: StoredLogRow, parsed: ParsedBody): void
  /** By server and process, in the order in which each was first seen. */
  servers(): McpServerNow[]
}

export interface McpFollowerOptions {
  /** Program by server, of those that are configured as one; `undefined` for one that is reached over the network. */
  programs: ReadonlyMap<string, string | undefined>
}

/** Targets of the rows that a follower has a use for: parts of them, in any case. */
export const MCP_TARGETS: readonly string[] = [
  'mcp',
  'codex_core::stream_events_utils',
  'codex_core::tools::parallel',
  'codex_otel.log_only',
  'codex_app_server::message_processor',
  'codex_core::codex',
  'codex_core::session',
]

const STDERR = /^MCP server stderr \((.*?)\): ([\s\S]*)$/
const STARTS_THREAD = /^app-server (?:typed )?request: thread\/(?:start|resume|fork)\b/
/** What the server's program printed so long before its start failed is likely why. */
const STDERR_BEFORE_MS = 1000
/** Texts of events are told up to here. */
const LONGEST_TEXT = 400
/** Events of one server that are kept, at most; older ones give way. */
const MOST_EVENTS = 200

interface Server extends McpServerNow {
  failedCalls: Set<string>
}

interface ProcessState {
  servers: Map<string, Server>
  /** When a thread was last started in it. */
  threadMs: number | undefined
  /** Lines of stderr by program, newest last. */
  printed: Map<string, { ms: number; text: string }[]>
  /** Servers that said they are ready under a name of their own (to 0.144). */
  peers: { ms: number; name: string; threadMs: number | undefined }[]
}

/** A server of which no row tells anything. */
export function unknownServer(server: string): McpServerNow {
  return {
    server,
    processUuid: null,
    state: 'not known',
    stateMs: undefined,
    why: '',
    startedAfterMs: undefined,
    callCount: 0,
    failedCallCount: 0,
    timedOutCallCount: 0,
    toolCount: undefined,
    missingCount: 0,
    stderrCount: undefined,
    sharesStderrWith: [],
    firstMs: Number.NEGATIVE_INFINITY,
    lastMs: Number.NEGATIVE_INFINITY,
    events: [],
  }
}

/** Follows what rows tell of MCP servers, whichever release wrote them: each release tells another part. */
export function createMcpFollower({ programs }: McpFollowerOptions): McpFollower {
  const processes = new Map<string | null, ProcessState>()

  function processOf(processUuid: string | null): ProcessState {
    const known = processes.get(processUuid)
    if (known) return known
    const process: ProcessState = { servers: new Map(), threadMs: undefined, printed: new Map(), peers: [] }
    processes.set(processUuid, process)
    return process
  }

  function serverOf(process: ProcessState, name: string, row: StoredLogRow, ms: number): Server {
    const known = process.servers.get(name)
    if (known) {
      known.lastMs = Math.max(known.lastMs, ms)
      return known
    }
    const server: Server = {
      ...unknownServer(name),
      processUuid: row.processUuid,
      firstMs: ms,
      lastMs: ms,
      failedCalls: new Set(),
    }
    process.servers.set(name, server)
    return server
  }

  function note(server: Server, event: McpEvent): void {
    server.events.push({ ...event, text: event.text.slice(0, LONGEST_TEXT) })
    if (server.events.length > MOST_EVENTS) server.events.shift()
  }

  function setState(server: Server, state: McpState, ms: number, why = ''): void {
    server.state = state
    server.stateMs = ms
    server.why = why
  }

  function add(row: StoredLogRow, parsed: ParsedBody): void {
    const message = parsed.message ?? ''
    const ms = rowMs(row)
    const { target } = row
    if (STARTS_THREAD.test(message) || message.startsWith('Configuring session')) {
      processOf(row.processUuid).threadMs = ms
    } else if (message.startsWith('MCP server stderr (')) {
      addStderr(row, message, ms)
    } else if (message === 'MCP server startup failed') {
      addFailedStart(row, parsed, ms)
    } else if (message.startsWith('Service initialized as client')) {
      addReady(row, parsed, ms)
    } else if (message.startsWith('serve finished')) {
      addEnd(row, parsed, ms)
    } else if (message.startsWith('MCP tool call error: ')) {
      addFailedCall(row, parsed, message, ms)
    } else if (message.startsWith('ToolCall: mcp__')) {
      addCall(row, parsed, message, ms)
    } else if (target === 'codex_otel.log_only') {
      addResult(row, parsed, ms)
    } else if (target.startsWith('codex_mcp::connection_manager')) {
      addListing(row, parsed, message, ms)
    }
  }

  function addStderr(row: StoredLogRow, message: string, ms: number): void {
    const [, program = '', text = ''] = STDERR.exec(message) ?? []
    const { printed } = processOf(row.processUuid)
    const lines = printed.get(program) ?? []
    lines.push({ ms, text: text.slice(0, LONGEST_TEXT) })
    printed.set(program, lines)
  }

  function addFailedStart(row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const name = readField(parsed, 'server_name')
    if (name === undefined) return
    const process = processOf(row.processUuid)
    const server = serverOf(process, name, row, ms)
    const why = readField(parsed, 'error') ?? ''
    setState(server, 'failed', ms, why)
    server.startedAfterMs = since(process.threadMs, ms)
    note(server, { ms, kind: 'start failed', text: why })
  }

  function addReady(row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const process = processOf(row.processUuid)
    const name = spanServer(parsed)
    const { threadMs } = process
    if (name !== undefined) {
      markReady(serverOf(process, name, row, ms), ms, threadMs)
      return
    }
    const info = readField(parsed, 'peer_info') ?? ''
    const peer = /server_info: (?:Some\()?Implementation \{ name: "((?:[^"\\]|\\.)*)"/.exec(info)?.[1] ?? ''
    process.peers.push({ ms, name: peer, threadMs })
  }

  function markReady(server: Server, ms: number, threadMs: number | undefined): void {
    setState(server, 'ready', ms)
    server.startedAfterMs = since(threadMs, ms)
    note(server, { ms, kind: 'ready', text: '' })
  }

  function addEnd(row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const name = spanServer(parsed)
    if (name === undefined) return
    const server = serverOf(processOf(row.processUuid), name, row, ms)
    const reason = readField(parsed, 'quit_reason') ?? ''
    // Else it was ended by Codex.
    if (reason === 'Closed') setState(server, 'dead', ms, 'it closed the connection')
    else setState(server, 'ended', ms, reason)
    note(server, { ms, kind: reason === 'Closed' ? 'died' : 'ended', text: reason })
  }

  function addFailedCall(row: StoredLogRow, parsed: ParsedBody, message: string, ms: number): void {
    const name = readMeaning(parsed, 'mcp_server')
    if (name === undefined) return
    const server = serverOf(processOf(row.processUuid), name, row, ms)
    const cause = /Caused by:(?:\\n|\s)+(?:0: )?(.*?)(?:\\n|"?$)/s.exec(message)?.[1]?.trim() ?? message
    const text = `${shortName(readMeaning(parsed, 'tool') ?? '', name)}: ${cause}`
    countFailure(server, readMeaning(parsed, 'call_id'))
    const failure = readCallText(message)
    if (failure === 'mcp-tool-timeout') {
      server.timedOutCallCount++
      note(server, { ms, kind: 'call timed out', text })
    } else {
      if (failure === 'mcp-transport-closed') setState(server, 'dead', ms, 'it closed the connection')
      note(server, { ms, kind: 'call failed', text })
    }
  }

  function countFailure(server: Server, callId: string | undefined): boolean {
    if (callId !== undefined) {
      if (server.failedCalls.has(callId)) return false
      server.failedCalls.add(callId)
    }
    server.failedCallCount++
    return true
  }

  function addCall(row: StoredLogRow, parsed: ParsedBody, message: string, ms: number): void {
    const whole = /^ToolCall: mcp__(\S+)/.exec(message)?.[1] ?? ''
    const { server: name, tool } = splitName(whole, spanTool(parsed))
    const server = serverOf(processOf(row.processUuid), name, row, ms)
    server.callCount++
    note(server, { ms, kind: 'call', text: tool })
  }

  /** To 0.134 with `__` between them; later glued together, and only the tool stands in a span. */
  function splitName(whole: string, tool: string | undefined): { server: string; tool: string } {
    const [before, ...after] = whole.split('__')
    if (after.length > 0) return { server: before!, tool: after.join('__') }
    if (tool && whole.endsWith(tool) && whole.length > tool.length) {
      return { server: whole.slice(0, -tool.length), tool }
    }
    const known = [...programs.keys()]
      .filter((name) => whole.startsWith(name))
      .sort((a, b) => b.length - a.length)[0]
    return known ? { server: known, tool: whole.slice(known.length) } : { server: whole, tool: '' }
  }

  /** What 0.117 to 0.141 log of the result of a call. */
  function addResult(row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const name = readField(parsed, 'mcp_server')
    if (!name || readField(parsed, 'event.name') !== 'codex.tool_result') return
    const server = serverOf(processOf(row.processUuid), name, row, ms)
    const tool = shortName(readField(parsed, 'tool_name') ?? '', name)
    if (readField(parsed, 'success') !== 'false') {
      if (server.state !== 'dead') setState(server, 'ready', ms)
      note(server, {
        ms,
        kind: 'call ended',
        text: `${tool} (${readField(parsed, 'duration_ms') ?? '?'} ms)`,
      })
    } else if (countFailure(server, readField(parsed, 'call_id'))) {
      note(server, { ms, kind: 'call failed', text: `${tool}: ${readField(parsed, 'output') ?? ''}` })
    }
  }

  /** What a request finds when it asks for tools: 0.135 to 0.146, and from 0.148. */
  function addListing(row: StoredLogRow, parsed: ParsedBody, message: string, ms: number): void {
    const name = readField(parsed, 'server_name')
    if (name === undefined) return
    const server = serverOf(processOf(row.processUuid), name, row, ms)
    if (message.startsWith('listed MCP server tools')) {
      server.toolCount = Number(readField(parsed, 'tool_count') ?? Number.NaN)
      if (server.state !== 'dead') setState(server, 'ready', ms)
    } else if (message.startsWith('waiting for MCP server tools')) {
      // Tools that are listed come in a row of their own, directly after.
      const isStarting = readField(parsed, 'startup_complete') === 'false'
      if (server.state === 'ready' || server.state === 'dead') return
      setState(
        server,
        isStarting ? 'starting' : 'missing',
        ms,
        isStarting ? '' : 'a request found no tools of it',
      )
    } else if (message.startsWith('omitting ')) {
      server.missingCount++
      if (server.state === 'failed' || server.state === 'dead') return
      const isPending = message.startsWith('omitting pending')
      setState(server, isPending ? 'starting' : 'missing', ms, 'requests went without its tools')
    }
  }

  /** What a line of a program's stderr belongs to is known where only one server has that program. */
  function addPrograms(process: ProcessState, processUuid: string | null): void {
    for (const [program, lines] of process.printed) {
      const owners = [...programs].filter(([, own]) => own === program).map(([name]) => name)
      for (const name of owners) {
        const first = lines[0]!
        const row = { processUuid } as StoredLogRow
        const server = serverOf(process, name, row, first.ms)
        server.sharesStderrWith = owners.filter((other) => other !== name)
        if (owners.length === 1) {
          server.stderrCount = lines.length
          for (const { ms, text } of lines) note(server, { ms, kind: 'stderr', text })
        } else if (server.state === 'failed' && /connection closed/.test(server.why)) {
          const near = lines.filter(
            ({ ms }) => ms <= server.stateMs! && server.stateMs! - ms <= STDERR_BEFORE_MS,
          )
          const last = near.at(-1)
          if (last) server.why += `; just before, a program ${program} printed: ${last.text}`
        }
        server.events.sort((a, b) => a.ms - b.ms)
      }
    }
  }

  /** A server that is ready under its own name is the one that was called, or the only one there is. */
  function addPeers(process: ProcessState, processUuid: string | null): void {
    const open = process.peers
    if (open.length === 0) return
    const called = [...process.servers.values()].filter(
      ({ callCount, stateMs, state }) => callCount > 0 && (stateMs === undefined || state !== 'failed'),
    )
    const only =
      called.length === 1 ? called[0]!.server : programs.size === 1 ? [...programs.keys()][0] : undefined
    for (const { ms, name, threadMs } of open) {
      const row = { processUuid } as StoredLogRow
      const server = serverOf(process, only ?? `(${name || 'unnamed'})`, row, ms)
      server.firstMs = Math.min(server.firstMs, ms)
      server.startedAfterMs ??= since(threadMs, ms)
      note(server, { ms, kind: 'ready', text: name && `it calls itself ${name}` })
      if (server.state === 'not known') setState(server, 'ready', ms)
      server.events.sort((a, b) => a.ms - b.ms)
    }
    process.peers = []
  }

  return {
    add,
    servers() {
      return [...processes].flatMap(([processUuid, process]) => {
        addPeers(process, processUuid)
        addPrograms(process, processUuid)
        return [...process.servers.values()].map(({ failedCalls: _, ...server }) => {
          // It answered, or was asked: it was up then.
          const wasCalled = server.state === 'not known' && server.callCount > server.failedCallCount
          return wasCalled ? { ...server, state: 'called' as const } : server
        })
      })
    },
  }
}

/** A tool's name without that of its server before it. */
function shortName(tool: string, server: string): string {
  const prefix = ['mcp__', server].join('')
  return tool.startsWith(prefix) ? tool.slice(prefix.length).replace(/^__/, '') : tool
}

function since(fromMs: number | undefined, ms: number): number | undefined {
  return fromMs === undefined || ms < fromMs ? undefined : ms - fromMs
}

/** From 0.145. */
function spanServer(parsed: ParsedBody): string | undefined {
  const { spans } = parsed
  for (const span of ['start_server_task', 'new']) {
    const found = spans.findLast(({ name }) => name === span)?.fields.find(({ key }) => key === 'server_name')
    if (found) return found.value.replace(/^"(.*)"$/, '$1')
  }
  return undefined
}

function spanTool({ spans }: ParsedBody): string | undefined {
  const value = spans
    .findLast(({ name }) => name === 'handle_responses')
    ?.fields.find(({ key }) => key === 'tool_name')
  return value?.value.replace(/^"(.*)"$/, '$1')
}
