import { basename, relative } from 'node:path'
import { cleanLine } from '../../format/clean.js'
import { formatTime, isPossibleTime } from '../../format/fields.js'
import { linkToFile, supportsHyperlinks } from '../../format/hyperlink.js'
import { paint } from '../../format/paint.js'
import { formatBytes, formatCount, formatPlural, formatRelative } from '../../format/quantity.js'
import { formatHistory, type ThreadDetails } from '../../format/thread-details.js'
import { formatSource, labelOf } from '../../format/thread-fields.js'
import { createZonedTime, localOffset } from '../../format/time.js'
import type { Check } from '../../inspect/why.js'
import { isSamePath } from '../../model/paths.js'
import { shortenId } from '../../model/uuid.js'
import { loadPalette, resolveColor } from '../options.js'
import { askPicker } from './ask-picker.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'

const GAP = '   '

/** A thread as one person tells another of it; every field is for `--json` and `--fields`. */
export async function writeThreadSheet(
  details: ThreadDetails,
  flags: OutputFlags,
  session: Session,
): Promise<void> {
  const { io, nowMs, codexHome } = session
  const palette = await loadPalette(resolveColor(flags.color ?? 'auto', io))
  const { thread, rollout } = details
  // In its own folder, where a person would look for it.
  const { checks, resume } = await askPicker({ id: thread.id, thread }, thread.cwd, session)
  const state = [
    thread.isArchived ? 'archived' : 'active',
    formatSource(thread.source),
    thread.cliVersion && `Codex ${thread.cliVersion}`,
  ]
  const id = supportsHyperlinks(io.env) && rollout.exists ? linkToFile(rollout.path, thread.id) : thread.id
  const shortId = shortenId(thread.id)
  const lines: [name: string, text: string][] = [
    ['folder', join(thread.cwd, describeCommit(details))],
    ['time', describeTimes(thread.createdAtMs, thread.updatedAtMs, nowMs)],
    ['model', describeModel(details)],
    ['rollout', describeRollout(details, codexHome)],
    ['', describeElsewhere(details, codexHome)],
    ...details.rollouts
      .slice(1)
      .map((path): [string, string] => ['', join(`before: ${inHome(path, codexHome)}`)]),
    ['tokens', describeTokens(details)],
    ['history', join(details.history && formatHistory(details.history))],
    ['parent', join(details.parentId)],
    ['forked', join(details.forkedFromId && `from ${details.forkedFromId}`)],
    ...details.children.map((child, index): [string, string] => [
      index === 0 ? 'children' : '',
      join(child.id, child.agent_nickname, child.status, child.title),
    ]),
    ['goal', join(details.goal && `${details.goal.status}: ${details.goal.objective}`)],
    ['memory', join(details.memory && String(details.memory.summary ?? 'codex-state memories show'))],
    ['tools', join(details.dynamicTools.join(', '))],
    ...describePlaces(details).map((text, index): [string, string] => [index === 0 ? 'data' : '', text]),
    ['hidden', describeHiding(checks)],
    ['resume', join(resume)],
    ['see', `codex-state threads turns ${shortId}, codex-state why ${shortId}`],
  ]
  const { wrapWords } = await import('../../format/table.js')
  const columns = io.stdout.columns ?? 100
  for (const line of wrapWords(cleanLine(labelOf(details)), columns)) {
    io.stdout.write(`${paint(palette, 'heading', line)}\n`)
  }
  for (const line of wrapWords(`${id}${GAP}${cleanLine(state.filter((part) => part).join(', '))}`, columns)) {
    io.stdout.write(`${line.trimEnd()}\n`)
  }
  io.stdout.write('\n')
  const filled = lines.filter(([, text]) => text !== '')
  const width = Math.max(...filled.map(([name]) => name.length))
  for (const [name, text] of filled) {
    // What is copied as a command stays on one line.
    const room = name === 'resume' ? Number.POSITIVE_INFINITY : columns - width - 2
    for (const [index, line] of wrapWords(text, room).entries()) {
      const label = (index === 0 ? name : '').padEnd(width)
      io.stdout.write(`${paint(palette, 'faint', label)}  ${line.trimEnd()}\n`)
    }
  }
}

/** Why the resume list of Codex does not show it, the folder it is started in aside. */
function describeHiding(checks: readonly Check[]): string {
  const [reason] = checks.filter(({ name, isPassed }) => !isPassed && name !== 'home')
  if (!reason) return ''
  return join(`yes: ${reason.detail}`)
}

function join(...parts: (string | null | undefined | false)[]): string {
  return parts
    .filter((part) => typeof part === 'string' && part !== '')
    .map((part) => cleanLine(String(part)))
    .join(GAP)
}

function describeCommit({ thread: { gitBranch, gitSha } }: ThreadDetails): string {
  return [gitBranch, gitSha && `@ ${gitSha.slice(0, 7)}`].filter((part) => part).join(' ')
}

function describeTimes(createdMs: number, updatedMs: number, nowMs: number): string {
  if (!isPossibleTime(createdMs) || !isPossibleTime(updatedMs)) return ''
  const local = (ms: number) => formatTime(ms, createZonedTime(localOffset))
  const [from, to] = [local(createdMs), local(updatedMs)]
  const date = from.slice(0, 10)
  const end = to.slice(0, 10) === date ? to.slice(11, 19) : to.slice(0, 19).replace('T', ' ')
  return `${date} ${from.slice(11, 19)} to ${end} (${formatRelative(updatedMs, nowMs)})`
}

/** What its responses cost; where that is not known cheaply, what the row counts. */
function describeTokens({ tokens, thread }: ThreadDetails): string {
  if (!tokens) return `${formatCount(thread.tokensUsed)} by its row`
  const { total, input, cached, output, responses } = tokens
  return `${formatCount(total)} in ${formatPlural(responses, 'response')}: ${formatCount(input)} input, ${formatCount(cached)} of it cached; ${formatCount(output)} output`
}

function describeModel({ thread }: ThreadDetails): string {
  const model = [thread.model, thread.reasoningEffort, `provider ${thread.modelProvider}`]
  return join(
    model.filter((part) => part).join(', '),
    `sandbox ${nameOfPolicy(thread.sandboxPolicy)}, approvals ${thread.approvalMode}`,
  )
}

/** `{"type":"workspace-write",…}` is called by its type. */
function nameOfPolicy(stored: string): string {
  try {
    const { type } = JSON.parse(stored) as { type?: unknown }
    return typeof type === 'string' ? (type === 'disabled' ? 'off' : type) : stored
  } catch {
    return stored
  }
}

function describeRollout({ rollout }: ThreadDetails, codexHome: string): string {
  const path = inHome(rollout.path, codexHome)
  if (rollout.exists === null) return join(path, 'whether it is there cannot be seen')
  if (!rollout.exists) return join(path, 'is missing')
  return join(path, formatBytes(rollout.size_bytes ?? 0), rollout.compressed && 'compressed')
}

function inHome(path: string, codexHome: string): string {
  const below = relative(codexHome, path)
  return below.startsWith('..') ? path : below
}

/** Where the row says that the file is, when that is not where it was found. */
function describeElsewhere({ thread: { rolloutPath }, rollout }: ThreadDetails, codexHome: string): string {
  if (!rollout.exists || isSamePath(rolloutPath, rollout.path)) return ''
  const place = relative(codexHome, rollout.path)
  return rolloutPath.endsWith(place)
    ? join(`the row names it in ${rolloutPath.slice(0, -place.length)}: this home was copied or moved`)
    : join(`the row names ${rolloutPath}`)
}

/** Each database with its tables that have rows of the thread, and how many. */
function describePlaces({ places, logRowCount }: ThreadDetails): string[] {
  const databases = new Map<string, string[]>()
  for (const { place, rows } of places) {
    if (rows === null) continue
    const [file = '', table = ''] = basename(place).split(':')
    const name = file.replace(/\.sqlite$/, '')
    databases.set(name, [...(databases.get(name) ?? []), `${table} ${formatCount(rows)}`])
  }
  const lines = [...databases].map(([name, tables]) => join(`${name}: ${tables.join(', ')}`))
  return logRowCount === 0 ? [...lines, 'no log rows'] : lines
}
