import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import type { FinalFile } from './final-file.js'

/**
 * Types of columns: `timestamp` is a bigint of nanoseconds since 1970, UTC (DuckDB reads an instant to the
 * microsecond); `integer` a bigint or number of 64 bits; `null` is allowed in each.
 */
export const PARQUET_TYPES = ['integer', 'double', 'boolean', 'text', 'timestamp'] as const
export type ParquetType = (typeof PARQUET_TYPES)[number]

export interface ParquetColumn<Row> {
  readonly name: string
  readonly type: ParquetType
  readonly of: (row: Row) => unknown
  /** Every row has a value of its own: a list of distinct values would be as long as the column. */
  readonly isUnique?: boolean
  /** Texts of any length: the least and the greatest of each row group would be in memory to the end of the file. */
  readonly isLong?: boolean
}

const ELEMENTS: Record<ParquetType, Omit<SchemaElement, 'name'>> = {
  integer: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  timestamp: {
    type: 'INT64',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' },
  },
}

/** Rows of a row group: as small as still compresses, since a group is in memory as a whole, several times over. */
export const ROW_GROUP_SIZE = 5000
/** Where texts are long, a row group ends before. */
const ROW_GROUP_CHARACTERS = 8 * 1024 * 1024

export interface ParquetFile<Row> {
  add(row: Row): void
  /** Writes the rest, and what stands at the end of the file. */
  finish(): void
}

export interface ParquetOptions {
  readonly metadata?: Readonly<Record<string, string>>
  /** Told how many rows are written, after each row group. */
  readonly onGroup?: (rowCount: number) => void
  readonly rowGroupSize?: number
}

/** A Parquet file that is written as it comes, Snappy-compressed. */
export function createParquetFile<Row>(
  file: Pick<FinalFile, 'write'>,
  columns: readonly ParquetColumn<Row>[],
  { metadata = {}, onGroup, rowGroupSize = ROW_GROUP_SIZE }: ParquetOptions = {},
): ParquetFile<Row> {
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, type }) => ({ name, repetition_type: 'OPTIONAL' as const, ...ELEMENTS[type] })),
  ]
  const writer = new ParquetWriter({
    writer: createWriter(file),
    schema,
    createdBy: 'codex-state',
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  })
  let values: unknown[][] = columns.map(() => [])
  let groupRows = 0
  let groupCharacters = 0
  let rowCount = 0

  function writeGroup(): void {
    if (groupRows === 0) return
    writer.write({
      rowGroupSize: groupRows,
      columnData: columns.map(({ name, isUnique, isLong }, index) => ({
        name,
        data: values[index]!,
        ...(isUnique && { encoding: 'PLAIN' as const }),
        ...(isLong && { statistics: false }),
      })),
    })
    values = columns.map(() => [])
    rowCount += groupRows
    groupRows = 0
    groupCharacters = 0
    onGroup?.(rowCount)
  }

  return {
    add(row) {
      for (let index = 0; index < columns.length; index++) {
        const { type, of } = columns[index]!
        const value = toStored(of(row), type)
        values[index]!.push(value)
        if (typeof value === 'string') groupCharacters += value.length
      }
      groupRows += 1
      if (groupRows === rowGroupSize || groupCharacters >= ROW_GROUP_CHARACTERS) writeGroup()
    },
    finish() {
      writeGroup()
      writer.finish()
    },
  }
}

function toStored(value: unknown, type: ParquetType): unknown {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'integer':
    case 'timestamp':
      return typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)))
    case 'double':
      return Number(value)
    case 'boolean':
      return Boolean(value)
    case 'text':
      return typeof value === 'string' ? value : String(value)
    default:
      return type satisfies never
  }
}

/** Hands on what was encoded after each row group, so that only one is in memory. */
function createWriter(file: Pick<FinalFile, 'write'>): ByteWriter & { flush: () => void } {
  const writer = new ByteWriter()
  const flush = (): void => {
    file.write(new Uint8Array(writer.buffer, 0, writer.index))
    writer.index = 0
  }
  return Object.assign(writer, { flush, finish: flush })
}
