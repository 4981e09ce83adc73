import { closeSync, openSync, readSync } from 'node:fs'
import type { ReadConnection } from '../db/connection.js'
import { hasProjection, type ProjectionEnd, readProjectionEnds } from '../query/history.js'
import type { RolloutFile } from '../rollout/list.js'
import { type ProjectedEnd, readProjectedEnd, readQuickHead } from '../rollout/quick-look.js'

export interface QuickLook {
  /**
   * `end`: as far as the end of the rollout tells, everything is projected; `legacy`: there is nothing to project;
   * `unsure`: only the whole rollout tells.
   */
  judge(file: RolloutFile): 'end' | 'legacy' | 'unsure'
}

/** First lines of today have some 22 KB; a rollout with a longer one is read whole. */
const HEAD_BYTES = 32 * 1024
const TAIL_BYTES = 4 * 1024

/**
 * Tells of most rollouts without reading them that their projection has reached the end: the cursor stands where the
 * file ends and expects the ordinal behind its last line, and the turn that ended last has its row and its outcome.
 * The rows before are not counted.
 *
 * @param find the file of a rollout of this home
 */
export function createQuickLook(
  connection: ReadConnection | undefined,
  find: (rolloutId: string) => RolloutFile | undefined,
): QuickLook {
  const ends: ReadonlyMap<string, ProjectionEnd> =
    connection && hasProjection(connection) ? readProjectionEnds(connection) : new Map()
  const judged = new Map<string, 'end' | 'legacy' | 'unsure'>()
  const head = Buffer.allocUnsafeSlow(HEAD_BYTES)
  const tail = Buffer.allocUnsafeSlow(TAIL_BYTES + 1)

  function judge({ path, name }: RolloutFile): 'end' | 'legacy' | 'unsure' {
    if (name === null || path.endsWith('.zst')) return 'unsure'
    const row = ends.get(name.rolloutId ?? name.threadId)
    if (row && hasNoBase(row)) return look(path, (fd) => (isAtEnd(fd, row) ? 'end' : 'unsure'))
    const known = judged.get(path)
    if (known) return known
    // A chain that leads back to itself is for who reads it whole.
    judged.set(path, 'unsure')
    const verdict = look(path, (fd) => judgeByHead(fd, row))
    judged.set(path, verdict)
    return verdict
  }

  function judgeByHead(fd: number, row: ProjectionEnd | undefined): 'end' | 'legacy' | 'unsure' {
    const found = readQuickHead(head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0)))
    if (found === undefined) return 'unsure'
    if (!found.isPaginated) return 'legacy'
    if (row === undefined || !isAtEnd(fd, row)) return 'unsure'
    if (found.baseId === null) return 'end'
    const base = find(found.baseId)
    return base !== undefined && judge(base) === 'end' ? 'end' : 'unsure'
  }

  function look<Verdict>(path: string, judgeOpen: (fd: number) => Verdict): Verdict | 'unsure' {
    let fd: number
    try {
      fd = openSync(path, 'r')
    } catch {
      // Who reads it whole says why it cannot be read.
      return 'unsure'
    }
    try {
      return judgeOpen(fd)
    } catch {
      return 'unsure'
    } finally {
      closeSync(fd)
    }
  }

  /** Whether the file ends at the cursor, and its last lines are those that were projected last. */
  function isAtEnd(fd: number, row: ProjectionEnd): boolean {
    const from = Math.max(0, row.offset - TAIL_BYTES)
    // One byte more is asked for, and not there.
    const length = readSync(fd, tail, 0, row.offset - from + 1, from)
    if (from + length !== row.offset) return false
    const end = readProjectedEnd(tail, length, from === 0)
    return end !== undefined && fits(row, end)
  }

  return { judge }
}

function fits(row: ProjectionEnd, end: ProjectedEnd): boolean {
  return row.ordinal === end.ordinal + 1 && row.turnId === end.turnId && row.status === end.status
}

/**
 * A rollout that continues another one counts on behind its lines, and has a first line of its own before the first
 * turn: a first turn at ordinal 1 has nothing before it. The first line, most of which are instructions, need not be
 * read for that.
 */
function hasNoBase({ firstOrdinal }: ProjectionEnd): boolean {
  return firstOrdinal === 1
}
