import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import type { FinalFile } from './final-file.js'

/**
 * Types of columns: `timestamp` is a bigint of nanoseconds since 1970, UTC (DuckDB reads an instant to the
 * microsecond); `integer` a bigint or number of 64 bits; `null` is allowed in each.
 */
export const PARQUET_TYPES = ['integer', 'double', 'boolean', 'text', 'timestamp'] as const
export type ParquetType = (typeof PARQUET_TYPES)[number]

export interface ParquetColumn {
  readonly name: string
  readonly type: ParquetType
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

export interface ParquetFile {
  /** One row group: a value for each column, in their order, for each row. */
  writeGroup(rows: readonly (readonly unknown[])[]): void
  /** Writes what stands at the end of the file. */
  finish(): void
}

/** A Parquet file that is written as it comes, Snappy-compressed. */
export function createParquetFile(
  file: Pick<FinalFile, 'write'>,
  columns: readonly ParquetColumn[],
  metadata: Readonly<Record<string, string>> = {},
): ParquetFile {
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
  return {
    writeGroup(rows) {
      writer.write({
        rowGroupSize: rows.length,
        columnData: columns.map(({ name, type }, index) => ({
          name,
          data: rows.map((row) => toStored(row[index], type)),
        })),
      })
    },
    finish() {
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
