import type { ReadConnection } from '../../src/db/connection.js'

/** What a database's schema means, whatever the white space of its SQL; for comparing two of them. */
export function describeSchema(db: Pick<ReadConnection, 'all'>): Record<string, unknown> {
  const objects = db.all<{ type: string; name: string; tbl_name: string; sql: string | null }>(
    `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
  )
  return Object.fromEntries(
    objects.map(({ type, name, tbl_name, sql }) => [
      `${type} ${name}`,
      {
        table: tbl_name,
        sql: normalise(sql ?? ''),
        columns:
          type === 'table'
            ? db.all('SELECT * FROM pragma_table_info(?)', name)
            : db.all('SELECT * FROM pragma_index_xinfo(?)', name),
        foreignKeys: type === 'table' ? db.all('SELECT * FROM pragma_foreign_key_list(?)', name) : [],
      },
    ]),
  )
}

function normalise(sql: string): string {
  return sql.replace(/\s+/g, ' ').replace(/\s*([(),])\s*/g, '$1')
}
