import { StateError } from '../errors.js'
import { BYTE_KINDS, type ByteKind, measureBytes } from '../rollout/byte-kinds.js'
import { createHomeIndex } from '../rollout/home-index.js'
import { parseRolloutName } from '../rollout/list.js'
import { type CountedFile, listUsage, type UsagePlaces } from './disk-usage.js'

/** What bytes are; of rollouts that cannot be read, and of all other files of the home, that is all that is told. */
export const CONTENT_KEYS = [...BYTE_KINDS, '(unreadable)', '(no rollout)'] as const

export type ContentKey = (typeof CONTENT_KEYS)[number]

export interface ContentUsage {
  content: ContentKey
  sizeBytes: number
  /** Files that have some of it. */
  fileCount: number
}

/**
 * What the bytes of all rollouts are, largest first. Of a compressed rollout each kind has its share of the bytes on
 * disk, as if all were packed alike.
 *
 * @throws {StateError} `DB_UNREADABLE` when there are files, and not one can be looked at
 */
export async function measureContent(
  places: UsagePlaces,
  options: {
    onUnreadable: (reason: string) => void
    /** Told after each file how many bytes of how many are done. */
    onProgress?: (doneBytes: number, allBytes: number) => void
  },
): Promise<ContentUsage[]> {
  const sums = new Map<ContentKey, ContentUsage>()
  const add = (content: ContentKey, sizeBytes: number) => {
    if (sizeBytes === 0) return
    const sum = sums.get(content) ?? { content, sizeBytes: 0, fileCount: 0 }
    sum.sizeBytes += sizeBytes
    sum.fileCount += 1
    sums.set(content, sum)
  }
  const rollouts: CountedFile[] = []
  let allBytes = 0
  for (const file of listUsage(places, options.onUnreadable)) {
    const isRollout = parseRolloutName(file.path) && (file.kind === 'sessions' || file.kind === 'archived')
    if (isRollout) {
      rollouts.push(file)
      allBytes += file.sizeBytes
    } else add('(no rollout)', file.sizeBytes)
  }
  const findRollout = createHomeIndex(places.codexHome)
  let doneBytes = 0
  for (const file of rollouts) {
    try {
      const { bytes } = await measureBytes(file, { findRollout })
      for (const [kind, sizeBytes] of shareOut(bytes, file)) add(kind, sizeBytes)
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'ROLLOUT_UNREADABLE') throw error
      add('(unreadable)', file.sizeBytes)
      options.onUnreadable(error.message)
    }
    doneBytes += file.sizeBytes
    options.onProgress?.(doneBytes, allBytes)
  }
  return [...sums.values()].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.content < b.content ? -1 : 1))
}

/** Bytes on disk by kind: those that were read, or of a compressed file the shares of what it takes. */
function shareOut(
  bytes: Readonly<Record<ByteKind, number>>,
  { path, sizeBytes }: CountedFile,
): [ByteKind, number][] {
  if (!path.endsWith('.zst')) return BYTE_KINDS.map((kind) => [kind, bytes[kind]])
  const whole = BYTE_KINDS.reduce((sum, kind) => sum + bytes[kind], 0)
  if (whole === 0) return [['rest', sizeBytes]]
  let before = 0
  let given = 0
  return BYTE_KINDS.map((kind) => {
    before += bytes[kind]
    // Rounded so that the shares add up to the file.
    const upTo = Math.round((before / whole) * sizeBytes)
    const share = upTo - given
    given = upTo
    return [kind, share]
  })
}
