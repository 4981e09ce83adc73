import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { copyHome, expectedPath, HOMES, type HomeName } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

interface ListedByCodex {
  params: {
    sortKey?: string
    archived?: boolean
    modelProviders?: string[]
    cwd?: string
    searchTerm?: string
  }
  data: Record<string, unknown>[]
}

/** Codex's fields that rows can yield, and ours. Times of Codex are whole seconds. */
const FIELDS: Readonly<Record<string, string>> = {
  id: 'id',
  preview: 'preview',
  modelProvider: 'model_provider',
  path: 'rollout_path',
  cwd: 'cwd',
  cliVersion: 'cli_version',
  name: 'name',
  model: 'model',
  reasoningEffort: 'reasoning_effort',
  agentNickname: 'agent_nickname',
  agentRole: 'agent_role',
  originator: 'originator',
  historyMode: 'history_mode',
  projectId: 'project_id',
  daybreakEnabled: 'daybreak_enabled',
  attachedToThreadId: 'attached_thread_parent_id',
}

const TIMES: Readonly<Record<string, string>> = {
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  recencyAt: 'recency_at',
}

/** An entry of Codex's list in our form, the fields that its release has. */
function toOurs(entry: Record<string, unknown>): Record<string, unknown> {
  const ours: Record<string, unknown> = {}
  for (const [theirs, name] of Object.entries(FIELDS)) if (theirs in entry) ours[name] = entry[theirs]
  for (const [theirs, name] of Object.entries(TIMES)) if (theirs in entry) ours[name] = entry[theirs]
  const git = entry.gitInfo as { sha: string; branch: string; originUrl: string } | null
  ours.git = [git?.sha ?? null, git?.branch ?? null, git?.originUrl ?? null]
  // 0.99 and 0.100 could not read back a source that is no plain word; in the database it is as ever.
  if (entry.source !== 'unknown') ours.source = spellSource(entry.source)
  if ('section' in entry) ours.thread_section_id = (entry.section as { id: string } | null)?.id ?? null
  return ours
}

/** The API writes `subAgent`, the database `subagent`. */
function spellSource(source: unknown): unknown {
  return JSON.parse(JSON.stringify(source).replaceAll('subAgent', 'subagent'))
}

function toComparable(item: Record<string, unknown>, like: Record<string, unknown>): Record<string, unknown> {
  const comparable: Record<string, unknown> = {}
  for (const name of Object.keys(like)) {
    if (name === 'git') comparable.git = [item.git_sha, item.git_branch, item.git_origin_url]
    else if (Object.values(TIMES).includes(name))
      comparable[name] = Math.floor(Date.parse(String(item[name])) / 1000)
    else comparable[name] = item[name]
  }
  return comparable
}

function listsOf(name: HomeName): { file: string; list: ListedByCodex }[] {
  return (
    readdirSync(expectedPath(name))
      .filter((file) => file.startsWith('thread-list.'))
      .map((file) => ({ file, list: JSON.parse(readFileSync(join(expectedPath(name), file), 'utf8')) }))
      // Which folders are the same can be told on their machine alone.
      .filter(({ list }) => list.params.cwd === undefined)
  )
}

/** Was lost to its client between two pages, whose cursor is a whole second. */
const LOST_BETWEEN_PAGES = '01a21362-1635-7620-a5bb-5328dd0aa476'

/** A link that only the machine of these homes has: some lists name what it leads to. */
const LINK = '/home/demo/shop-link'

describe.each(HOMES)('%s', (name) => {
  const home = copyHome(name)

  test.each(listsOf(name))('lists what its Codex lists: $file', async ({ list }) => {
    const flags =
      list.params.modelProviders === undefined
        ? ['--codex-picker']
        : [
            '--codex-view',
            '--sort',
            String(list.params.sortKey).replace('_at', ''),
            ...(list.params.archived ? ['--archived'] : []),
            // Releases before 0.105 do not search.
            ...(list.params.searchTerm && name !== 'codex-0.95.0'
              ? ['--search', list.params.searchTerm]
              : []),
          ]
    const items: Record<string, unknown>[] = []
    for (let cursor: string[] = []; ; ) {
      const { stdout, stderr } = await runState(
        ['threads', 'list', '--json', '--limit', '5', '--codex-home', home, ...flags, ...cursor],
        {},
      )
      const page = JSON.parse(stdout) as Record<string, unknown>[]
      expect(stderr).toBe('')
      items.push(...page)
      if (page.length < 5) break
      cursor = ['--cursor', String(page.at(-1)?.cursor)]
    }
    const expected = list.data.map(toOurs)
    const listed = items.filter(
      ({ id }) => id !== LOST_BETWEEN_PAGES || expected.some((entry) => entry.id === id),
    )
    for (const [index, entry] of expected.entries()) {
      if (listed[index]?.cwd === LINK) delete entry.cwd
      // 0.125 takes the title that a rename wrote for the name.
      if (entry.name === listed[index]?.title) delete entry.name
    }
    expect(listed.map((item, index) => toComparable(item, expected[index] ?? {}))).toEqual(expected)
  })
})
