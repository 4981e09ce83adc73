import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { ReadConnection } from '../db/connection.js'
import { hasProjection, type ProjectionEnd, readProjectionEnds } from '../query/history.js'
import { rolloutIdOf } from '../rollout/lineage.js'
import { type ProjectedEnd, readProjectedEnd, readQuickHead } from '../rollout/quick-look.js'

export interface QuickLook {
  /**
   * `end`: as far as the end of the rollout tells, everything is projected; `legacy`: there is nothing to project;
   * `unsure`: only the whole rollout tells.
   */
  judge(path: string): 'end' | 'legacy' | 'unsure'
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
  find: (rolloutId: string) => string | undefined,
): QuickLook {
  const ends: ReadonlyMap<string, ProjectionEnd> =
    connection && hasProjection(connection) ? readProjectionEnds(connection) : new Map()
  const judged = new Map<string, 'end' | 'legacy' | 'unsure'>()
  const head = Buffer.allocUnsafeSlow(HEAD_BYTES)
  const tail = Buffer.allocUnsafeSlow(TAIL_BYTES)

  function judge(path: string): 'end' | 'legacy' | 'unsure' {
    const known = judged.get(path)
    if (known) return known
    // A chain that leads back to itself is for who reads it whole.
    judged.set(path, 'unsure')
    const verdict = look(path)
    judged.set(path, verdict)
    return verdict
  }

  function look(path: string): 'end' | 'legacy' | 'unsure' {
    const id = rolloutIdOf(path)
    if (id === undefined || path.endsWith('.zst')) return 'unsure'
    let fd: number
    try {
      fd = openSync(path, 'r')
    } catch {
      // Who reads it whole says why it cannot be read.
      return 'unsure'
    }
    try {
      const found = readQuickHead(head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0)))
      if (found === undefined) return 'unsure'
      if (!found.isPaginated) return 'legacy'
      const row = ends.get(id)
      const size = fstatSync(fd).size
      if (row === undefined || size !== row.offset) return 'unsure'
      const from = Math.max(0, size - TAIL_BYTES)
      const end = readProjectedEnd(tail.subarray(0, readSync(fd, tail, 0, TAIL_BYTES, from)), from === 0)
      if (!end || !fits(row, end)) return 'unsure'
      if (found.baseId === null) return 'end'
      const base = find(found.baseId)
      return base !== undefined && judge(base) === 'end' ? 'end' : 'unsure'
    } catch {
      return 'unsure'
    } finally {
      closeSync(fd)
    }
  }

  return { judge }
}

function fits(row: ProjectionEnd, end: ProjectedEnd): boolean {
  return row.ordinal === end.ordinal + 1 && row.turnId === end.turnId && row.status === end.status
}
