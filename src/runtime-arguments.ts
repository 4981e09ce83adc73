import { StateError } from './errors.js'
import { LOG_LEVELS, type LogRowQuery, type NewLogRow } from './model/log.js'
import { MEMORY_PIPELINES, MEMORY_STATES, type MemoryListQuery } from './model/memory.js'
import type { DynamicTool, ThreadMetadata } from './model/thread.js'
import { THREAD_SORT_KEYS, type ThreadPageQuery } from './model/thread-page.js'

/**
 * What types forbid and JavaScript lets through: without a look, a wrong argument would be a row that nobody can
 * read, an empty answer, or an error of SQLite's that names no argument.
 */

function invalid(name: string, expected: string, value: unknown): StateError {
  return new StateError('INVALID', `${name} must be ${expected}, not ${describe(value)}`)
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}

export function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') throw invalid(name, 'a text', value)
}

/** What becomes the name of something: an id, a path. */
export function checkName(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw invalid(name, 'a text that is not empty', value)
}

function checkTextOrNull(name: string, value: unknown): void {
  if (value !== null && typeof value !== 'string') throw invalid(name, 'a text or null', value)
}

export function checkWhole(name: string, value: unknown): void {
  if (!Number.isSafeInteger(value)) throw invalid(name, 'a whole number', value)
}

export function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(name, 'true or false', value)
}

export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(name, 'an object', value)
}

export function checkArray(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalid(name, 'an array', value)
}

function checkTexts(name: string, value: unknown): void {
  if (value === undefined) return
  checkArray(name, value)
  for (const each of value as unknown[]) checkText(`each of ${name}`, each)
}

function checkOneOf(name: string, values: readonly string[], value: unknown): void {
  if (!values.includes(value as string)) throw invalid(name, `one of ${values.join(', ')}`, value)
}

export function checkMemoryListQuery(query: MemoryListQuery): void {
  checkObject('the query', query)
  const { threadId, cwds, pipelines, states, isUsed } = query
  if (threadId !== undefined) checkText('threadId', threadId)
  checkTexts('cwds', cwds)
  if (pipelines !== undefined) checkOneOf('pipelines', ['inUse', 'all', ...MEMORY_PIPELINES], pipelines)
  if (states !== undefined) {
    checkArray('states', states)
    for (const state of states) checkOneOf('each of states', [...MEMORY_STATES, 'archived'], state)
  }
  checkFlag('isUsed', isUsed)
}

export function checkThreadPageQuery(query: ThreadPageQuery): void {
  checkObject('the query', query)
  const { pageSize, sortKey, anchor, allowedSources, modelProviders, archivedOnly, searchTerm } = query
  if (!Number.isSafeInteger(pageSize) || pageSize < 1)
    throw invalid('pageSize', 'a whole number from 1 on', pageSize)
  if (sortKey !== undefined) checkOneOf('sortKey', THREAD_SORT_KEYS, sortKey)
  if (anchor !== undefined) {
    checkObject('anchor', anchor)
    checkWhole('anchor.timestampMs', anchor.timestampMs)
    checkText('anchor.id', anchor.id)
  }
  checkTexts('allowedSources', allowedSources)
  checkTexts('modelProviders', modelProviders)
  checkFlag('archivedOnly', archivedOnly)
  if (searchTerm !== undefined) checkText('searchTerm', searchTerm)
}

export function checkLogQuery(query: LogRowQuery): void {
  checkObject('the query', query)
  if (query.level !== undefined) checkLevel(query.level)
  for (const name of ['fromSeconds', 'toSeconds', 'afterId', 'limit'] as const) {
    if (query[name] !== undefined) checkWhole(name, query[name])
  }
  if (query.limit !== undefined && query.limit < 0)
    throw invalid('limit', 'a whole number from 0 on', query.limit)
  for (const name of ['moduleLike', 'fileLike', 'threadIds'] as const) checkTexts(name, query[name])
  checkFlag('includeThreadless', query.includeThreadless)
  checkFlag('descending', query.descending)
  if (query.search !== undefined) checkText('search', query.search)
}

/** Letter case does not matter: Codex compares levels without it. */
function checkLevel(value: unknown): void {
  checkText('level', value)
  checkOneOf('level', LOG_LEVELS, (value as string).toUpperCase())
}

export function checkLogRow(row: NewLogRow): void {
  checkObject('a log row', row)
  checkWhole('tsSeconds', row.tsSeconds)
  if (!Number.isSafeInteger(row.tsNanos) || row.tsNanos < 0 || row.tsNanos > 999_999_999)
    throw invalid('tsNanos', 'a whole number from 0 to 999999999', row.tsNanos)
  checkLevel(row.level)
  checkText('target', row.target)
  for (const name of ['body', 'threadId', 'processUuid', 'modulePath', 'file'] as const)
    checkTextOrNull(name, row[name])
  if (row.line !== null) checkWhole('line', row.line)
}

const REQUIRED_TEXTS = [
  'source',
  'modelProvider',
  'cwd',
  'title',
  'sandboxPolicy',
  'approvalMode',
  'cliVersion',
] as const satisfies readonly (keyof ThreadMetadata)[]

const OPTIONAL_TEXTS = [
  'firstUserMessage',
  'preview',
  'gitSha',
  'gitBranch',
  'gitOriginUrl',
  'agentNickname',
  'agentRole',
  'agentPath',
  'model',
  'reasoningEffort',
  'threadSource',
  'originator',
  'creatorUserId',
  'creatorAccountId',
  'memoryMode',
] as const satisfies readonly (keyof ThreadMetadata)[]

export function checkThreadMetadata(metadata: ThreadMetadata): void {
  checkObject('the metadata', metadata)
  checkName('id', metadata.id)
  checkName('rolloutPath', metadata.rolloutPath)
  for (const name of REQUIRED_TEXTS) checkText(name, metadata[name])
  for (const name of OPTIONAL_TEXTS) checkTextOrNull(name, metadata[name])
  for (const name of ['createdAtMs', 'updatedAtMs', 'tokensUsed'] as const) checkWhole(name, metadata[name])
  if (metadata.archivedAtSeconds !== null) checkWhole('archivedAtSeconds', metadata.archivedAtSeconds)
  if (typeof metadata.hasUserEvent !== 'boolean')
    throw invalid('hasUserEvent', 'true or false', metadata.hasUserEvent)
}

export function checkDynamicTools(tools: readonly DynamicTool[]): void {
  checkArray('the tools', tools)
  for (const tool of tools) {
    checkObject('a tool', tool)
    checkWhole('position', tool.position)
    for (const name of ['name', 'description', 'inputSchema'] as const) checkText(name, tool[name])
    checkTextOrNull('namespace', tool.namespace)
  }
}
