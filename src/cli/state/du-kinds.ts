import { cleanLine } from '../../format/clean.js'
import type { Field, RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { formatBytes } from '../../format/quantity.js'
import type { ContentKey, ContentUsage } from '../../inspect/disk-content.js'
import type { FamilyUsage } from '../../inspect/disk-families.js'
import type { PlaceUsage } from '../../inspect/disk-places.js'
import type { FileGroup, Usage } from '../../inspect/disk-usage.js'
import type { MayGo, UsageGroup } from '../../model/inspection.js'
import { loadPalette, resolveColor } from '../options.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'

const SIZE: Field<{ sizeBytes: number }> = {
  name: 'size_bytes',
  kind: 'bytes',
  heading: 'SIZE',
  value: ({ sizeBytes }) => sizeBytes,
}

const FILES: Field<{ fileCount: number }> = {
  name: 'files',
  kind: 'number',
  value: ({ fileCount }) => fileCount,
}

function createFileKind(group: FileGroup): RecordKind<Usage> {
  return {
    noun: 'file',
    fields: [
      { name: group, kind: group === 'project' ? 'path' : 'text', value: ({ key }) => key },
      SIZE,
      FILES,
    ],
    shown: [group, 'size_bytes', 'files'],
    nameOf: ({ key }) => key,
  }
}

const MAY_GO_WORDS: Readonly<Record<MayGo, string>> = {
  no: 'no: ',
  closed: 'with Codex closed: ',
  yours: '',
  unknown: 'not known: ',
}

const PLACE_KIND: RecordKind<PlaceUsage> = {
  noun: 'place',
  fields: [
    { name: 'place', kind: 'text', heading: 'WHAT', value: ({ place }) => place, cell: namePlace },
    { name: 'role', kind: 'text', value: ({ role }) => role },
    SIZE,
    { name: 'wal_bytes', kind: 'bytes', heading: 'WAL', value: ({ walBytes }) => walBytes },
    FILES,
    { name: 'may_go', kind: 'text', value: ({ mayGo }) => mayGo },
    {
      name: 'loss',
      kind: 'text',
      value: ({ loss }) => loss,
    },
  ],
  shown: ['place', 'size_bytes', 'wal_bytes', 'files', 'may_go', 'loss'],
  nameOf: ({ place }) => place,
}

function namePlace({ place, role }: PlaceUsage): string {
  const name = place.replace(/\.sqlite$/, '')
  return role === 'state' ? `${name} (index)` : name
}

/** Nothing is cut of what would be lost: where it does not fit it goes on in the next line. */
export async function writePlaces(
  places: readonly PlaceUsage[],
  color: OutputFlags['color'],
  { io }: Session,
): Promise<void> {
  const { formatTableRow, widthOf, wrapWords } = await import('../../format/table.js')
  const palette = await loadPalette(resolveColor(color ?? 'auto', io))
  const rows = places.map((usage) => [
    cleanLine(namePlace(usage)),
    formatBytes(usage.sizeBytes),
    `${MAY_GO_WORDS[usage.mayGo]}${usage.loss}${usage.walBytes > 0 ? ` (${formatBytes(usage.walBytes)} of it is WAL)` : ''}`,
  ])
  const headings = ['WHAT', 'SIZE', 'MAY IT GO?']
  const widthOfColumn = (index: number) =>
    Math.max(...[headings, ...rows].map((row) => widthOf(row[index] ?? '')))
  const [nameWidth, sizeWidth] = [widthOfColumn(0), widthOfColumn(1)]
  const wordsWidth = Math.max(MIN_WORDS_WIDTH, (io.stdout.columns ?? 100) - nameWidth - sizeWidth - 4)
  const columns = headings.map((heading, index) => ({
    heading,
    isRightAligned: index === 1,
    minWidth: 8,
    cutsStart: false,
  }))
  const widths = [nameWidth, sizeWidth, wordsWidth]
  const write = (cells: readonly string[], paintCell?: (text: string) => string) =>
    io.stdout.write(`${formatTableRow(columns, widths, cells, paintCell)}\n`)
  write(headings, (text) => paint(palette, 'heading', text))
  for (const [name = '', size = '', words = ''] of rows) {
    for (const [index, line] of wrapWords(words, wordsWidth).entries())
      write(index === 0 ? [name, size, line] : ['', '', line])
  }
}

const MIN_WORDS_WIDTH = 24

export interface FamilyRow extends FamilyUsage {
  label: string
}

const FAMILY_KIND: RecordKind<FamilyRow> = {
  noun: 'family',
  fields: [
    { name: 'family', kind: 'id', value: ({ rootId }) => rootId ?? '(no rollout)' },
    SIZE,
    FILES,
    {
      name: 'threads',
      kind: 'number',
      value: ({ threadCount, rootId }) => (rootId === null ? null : threadCount),
    },
    {
      name: 'archived_bytes',
      kind: 'bytes',
      heading: 'ARCHIVED',
      value: ({ archivedBytes }) => archivedBytes,
      cell: ({ archivedBytes, sizeBytes }) =>
        archivedBytes === 0 ? '' : archivedBytes === sizeBytes ? 'all' : formatBytes(archivedBytes),
    },
    { name: 'updated_at', kind: 'time', value: ({ modifiedAtMs }) => modifiedAtMs },
    { name: 'title', kind: 'text', value: ({ label }) => label },
  ],
  shown: ['family', 'size_bytes', 'files', 'threads', 'archived_bytes', 'updated_at', 'title'],
  shownInTable: ['family', 'size_bytes', 'threads', 'archived_bytes', 'updated_at', 'title'],
  nameOf: ({ rootId }) => rootId ?? '(no rollout)',
}

const MEANINGS: Readonly<Record<ContentKey, string>> = {
  talk: 'what users and models said and thought',
  calls: 'what the model had done: commands, patches, searches',
  output: 'what tools answered',
  images: 'pictures and other files as base64, wherever they stand',
  copied: 'lines of another thread that a fork or a sub-agent took over',
  compacted: 'what a compaction put in the place of earlier turns',
  instructions: 'instructions, environment and settings of sessions and turns',
  tokens: 'counts of tokens, and rate limits',
  rest: 'begins and ends of turns, and lines of other kinds',
  '(unreadable)': 'rollouts that cannot be read',
  '(no rollout)': 'all other files of the home: codex-state du',
}

interface ContentRow extends ContentUsage {
  /** From 0 to 1, of all that is counted. */
  share: number
}

const CONTENT_KIND: RecordKind<ContentRow> = {
  noun: 'content',
  fields: [
    { name: 'content', kind: 'text', value: ({ content }) => content },
    SIZE,
    {
      name: 'share',
      kind: 'number',
      value: ({ share }) => share,
      cell: ({ share }) => `${Math.round(share * 100)} %`,
    },
    FILES,
    { name: 'meaning', kind: 'text', value: ({ content }) => MEANINGS[content] },
  ],
  shown: ['content', 'size_bytes', 'share', 'files', 'meaning'],
  nameOf: ({ content }) => content,
}

/** Of one group all rows are of one of these. */
export type UsageRow = Usage | PlaceUsage | FamilyRow | ContentRow

export function arePlaces(rows: readonly UsageRow[]): rows is readonly PlaceUsage[] {
  return rows.every((row) => 'mayGo' in row)
}

export function usageKind(group: UsageGroup): RecordKind<UsageRow> {
  const kinds = { place: PLACE_KIND, family: FAMILY_KIND, content: CONTENT_KIND }
  const kind = group in kinds ? kinds[group as keyof typeof kinds] : createFileKind(group as FileGroup)
  return kind as RecordKind<UsageRow>
}
