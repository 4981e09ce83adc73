import { StateError } from '../../errors.js'
import type { FieldValue, RecordKind } from '../../format/fields.js'
import { formatPlural } from '../../format/quantity.js'
import { type Difference, diffHome } from '../../inspect/diff.js'
import { hasRolloutFolder } from '../../rollout/roots.js'
import { readConfiguredProvider } from '../../schema/home.js'
import { THREAD_COLUMNS } from '../../schema/threads.js'
import { holdNursery } from '../nursery.js'
import { defineListCommand } from '../records.js'
import type { Session } from './session.js'

const DIFFERENCE_KIND: RecordKind<Difference> = {
  noun: 'difference',
  fields: [
    { name: 'difference', kind: 'text', value: ({ kind }) => kind },
    { name: 'id', kind: 'id', value: ({ id }) => id },
    { name: 'field', kind: 'text', value: (found) => (found.kind === 'field' ? columnOf(found) : null) },
    { name: 'row', kind: 'text', value: (found) => (found.kind === 'field' ? sideOf(found, 'row') : null) },
    {
      name: 'rollout',
      kind: 'text',
      value(found) {
        if (found.kind === 'field') return sideOf(found, 'rollout')
        if (found.kind === 'other thread') return found.owner
        if (found.kind === 'newer files')
          return `${found.count} files are newer than their rows; the home was copied`
        return found.kind === 'unreadable' ? found.reason : null
      },
    },
    { name: 'path', kind: 'path', value: ({ path }) => path },
  ],
  shown: ['difference', 'id', 'field', 'row', 'rollout', 'path'],
  nameOf: ({ id, path }) => id ?? path,
}

type FieldDifference = Extract<Difference, { kind: 'field' }>

/** The column's name, as everywhere in the output; its last spelling is the one without a unit. */
function columnOf({ field }: FieldDifference): string {
  return THREAD_COLUMNS[field].at(-1) ?? field
}

function sideOf(found: FieldDifference, side: 'row' | 'rollout'): FieldValue {
  const value = found[side] as FieldValue
  if (typeof value !== 'number') return value
  const isTime = found.field.endsWith('AtMs') || found.field.endsWith('AtSeconds')
  if (!isTime) return value
  const date = new Date(found.field.endsWith('AtSeconds') ? value * 1000 : value)
  return Number.isNaN(date.getTime()) ? value : date.toISOString()
}

const TABLE_ROWS = 100

/**
 * What threads send is garbage when it was compared: in a nursery that grows on it would be most of the memory. By so many
 * rollouts those of the threads, which are bounded, are as large as they need.
 */
const GROWN_FILES = 4000

export const command = defineListCommand({
  examples: ['diff --json'],
  kind: DIFFERENCE_KIND,
  tables: ['threads'],
  exitsWith1: 'there is a difference',
  emptyText: 'no difference found between rollouts and rows',
  read(session, flags) {
    const { codexHome, io, notice } = session
    if (flags.db !== undefined && !hasRolloutFolder(codexHome)) {
      throw new StateError(
        'DB_NOT_FOUND',
        `there are no sessions beside ${session.home.databases[0]?.path}`,
        {
          hint: 'Name the home whose rollouts its rows are to be held against with --codex-home.',
        },
      )
    }
    const progress = createProgress(session)
    let differenceCount = 0
    async function* pages(): AsyncGenerator<Difference[]> {
      const found = diffHome(session.openThreads(), {
        codexHome,
        names: session.names(),
        areNamesWhole: session.areNamesWhole(),
        defaultProvider: readConfiguredProvider(codexHome, notice),
        nowMs: session.nowMs,
        onProgress(done, total) {
          if (done >= GROWN_FILES) holdNursery()
          progress.show(done, total)
        },
        onNotice: (text) => {
          progress.clear()
          notice(text)
        },
      })
      // Columns of a table are fitted to its first rows, so there some are gathered; elsewhere each is printed at once.
      const isTable = io.stdout.isTerminal && flags.json === undefined
      let page: Difference[] = []
      for await (const difference of found) {
        differenceCount += 1
        session.fail()
        page.push(difference)
        if (isTable && page.length < TABLE_ROWS) continue
        progress.clear()
        yield page
        page = []
      }
      progress.clear()
      yield page
      if (differenceCount > 0 && io.stdout.isTerminal) notice(formatPlural(differenceCount, 'difference'))
    }
    return pages()
  },
})

/** A line on stderr that is written over, where somebody looks at it. */
function createProgress({ io }: Session): { show: (done: number, total: number) => void; clear: () => void } {
  let isShown = false
  let lastMs = 0
  return {
    show(done, total) {
      io.stdout.check?.()
      if (!io.stderr.isTerminal || io.stdout.isPaged || io.now() - lastMs < 100) return
      lastMs = io.now()
      isShown = true
      io.stderr.write(`\r${done} of ${total} rollouts`)
    },
    clear() {
      if (isShown) io.stderr.write('\r\x1b[K')
      isShown = false
    },
  }
}
