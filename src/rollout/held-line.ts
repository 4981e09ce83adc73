import { findTextField, parseLineBytes } from './line-bytes.js'
import type { RolloutEnvelope } from './parse.js'
import type { TokenLine } from './token-scan.js'
import { textOrNull } from './values.js'

/** The newest line of a kind, of which something is read only when it is asked for, and copied only if it must be. */
export function createHeldLine() {
  let bytes: Buffer | undefined
  let start = 0
  let end = 0
  let isKept = true
  let parsed: RolloutEnvelope | undefined
  const fields = new Map<string, string | undefined>()
  const own = () => bytes!.subarray(start, end)
  const parse = (): RolloutEnvelope | undefined => (parsed ??= bytes && parseLineBytes(own()))

  return {
    set(line: TokenLine): void {
      bytes = line.bytes
      start = line.start
      end = line.end
      isKept = false
      parsed = undefined
      if (fields.size > 0) fields.clear()
    },
    keep(): void {
      if (isKept || bytes === undefined) return
      bytes = Buffer.from(own())
      start = 0
      end = bytes.length
      isKept = true
    },
    parse,
    /** A text of the payload. */
    field(key: Buffer, name: string): string | undefined {
      if (bytes === undefined) return undefined
      if (!fields.has(name))
        fields.set(name, findTextField(own(), key) ?? textOrNull(parse()?.payload[name]) ?? undefined)
      return fields.get(name)
    },
  }
}
