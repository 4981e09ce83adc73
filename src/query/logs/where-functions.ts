import { classifyFailure } from '../../body/classify-failure.js'
import { failureEntry } from '../../body/failures.js'
import { placesBefore, readBodyField } from '../../body/meanings.js'
import { type ParsedBody, parseBody } from '../../body/parse.js'
import type { SqlValue } from '../../db/connection.js'
import { isAt } from '../../model/bytes.js'
import type { FieldOperator, LogFilter, LogRow } from '../../model/log.js'
import {
  type BodyCondition,
  COLUMN_MATCHES_FUNCTION,
  HOLDS_FUNCTION,
  isOfColumn,
  textsHeld,
} from './where.js'

/** The functions that `compileWhere` calls, for the connection to register. */
export function whereFunctions({
  where = [],
  onlyFailures = false,
}: LogFilter): Record<string, (...values: SqlValue[]) => SqlValue> {
  const conditions = where.filter((condition): condition is BodyCondition => !isOfColumn(condition))
  const tests = conditions.map(createTest)
  const glances = conditions.map(createGlance).filter((glance) => glance !== undefined)
  return {
    [HOLDS_FUNCTION]: (body, target, level, isMessageOnly) => {
      if (body instanceof Uint8Array) {
        const bytes = viewOf(body)
        if (isMessageOnly !== 1 && !glances.every((mayHold) => mayHold(bytes))) return 0
      }
      const text = textOf(body)
      const parsed = parseBody(text, { target: textOf(target) ?? '', isMessageOnly: isMessageOnly === 1 })
      const row = { target: textOf(target) ?? '', level: textOf(level) ?? '' }
      if (onlyFailures && !tellsOfFailure(row, parsed)) return 0
      return tests.every((test) => test(parsed)) ? 1 : 0
    },
    [COLUMN_MATCHES_FUNCTION]: (index, value) =>
      where[Number(index)]?.regExp?.test(textOf(value) ?? '') ? 1 : 0,
  }
}

/** What is only worth knowing, and harmless or wanted, is no failure. */
function tellsOfFailure(row: Pick<LogRow, 'level' | 'target'>, parsed: ParsedBody): boolean {
  const failure = classifyFailure(row, parsed)
  return failure !== undefined && failureEntry(failure.name).severity !== 'notice'
}

/**
 * Whether a body may hold the value where the field's places are: right after one of the texts that stand before it. Far
 * quicker than to read the body. `undefined`: all may.
 */
function createGlance({ field, operator, anyOf }: BodyCondition): ((bytes: Buffer) => boolean) | undefined {
  const texts = textsHeld({ field, operator, anyOf })
  const before = placesBefore(field)
  // A value with escapes is written in another way.
  if (texts.length === 0 || !before || anyOf.some((value, index) => value !== texts[index])) return undefined
  const values = texts.map((text) => Buffer.from(text))
  const signs = before.map((text) => Buffer.from(text))
  return (bytes) => {
    for (const value of values) {
      for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at + 1)) {
        for (const sign of signs) {
          if (at >= sign.length && isAt(bytes, sign, at - sign.length)) return true
        }
      }
    }
    return false
  }
}

function createTest({ field, operator, anyOf, regExp }: BodyCondition): (parsed: ParsedBody) => boolean {
  const compare = createComparison(operator, anyOf, regExp)
  return (parsed) => {
    const value = readBodyField(parsed, field)
    return compare(value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value))
  }
}

function createComparison(
  operator: FieldOperator,
  anyOf: readonly string[],
  regExp: RegExp | undefined,
): (value: string) => boolean {
  const wanted = new Set(anyOf)
  const bound = readNumber(anyOf[0] ?? '')
  switch (operator) {
    case '=':
      return (value) => wanted.has(value)
    case '!=':
      return (value) => !wanted.has(value)
    case '~':
      return (value) => regExp?.test(value) === true
    case '^=':
      return (value) => anyOf.some((start) => value.startsWith(start))
    case '>':
    case '<':
      return (value) => {
        const number = readNumber(value)
        if (!number || !bound || number.isTime !== bound.isTime) return false
        return operator === '>' ? number.amount > bound.amount : number.amount < bound.amount
      }
    default:
      return operator satisfies never
  }
}

/** In nanoseconds. */
const TIME_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  µs: 1e3,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
}

const NUMBER = /^(?:Some\()?([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(ns|µs|us|ms|s|m|h)?\)?$/

/** A number as fields hold it: `5672`, `Some(3)`, or a time as Rust writes it (`46.2ms`). */
export function readNumber(text: string): { amount: number; isTime: boolean } | undefined {
  const [, digits, unit] = NUMBER.exec(text.trim()) ?? []
  if (digits === undefined) return undefined
  return { amount: Number(digits) * (unit ? TIME_UNITS[unit]! : 1), isTime: unit !== undefined }
}

function textOf(value: SqlValue | undefined): string | null {
  if (value === null || value === undefined) return null
  return value instanceof Uint8Array ? viewOf(value).toString() : String(value)
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
