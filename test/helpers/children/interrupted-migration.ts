import { writeSync } from 'node:fs'
import { migrate } from '../../../src/db/migrate.js'
import { loadMigrations } from '../../../src/db/migration-files.js'
import { openReadWrite } from '../../../src/db/open-write.js'

/** Migrates the database at argv[2], and stands still after the SQL of version argv[3], before its commit. */
const [path, version] = [process.argv[2]!, Number(process.argv[3])]
const db = openReadWrite(path, { create: true })
const stopAt = loadMigrations('state').find((migration) => migration.version === version)!
migrate(
  {
    ...db,
    exec(sql) {
      db.exec(sql)
      if (sql !== stopAt.sql) return
      writeSync(1, 'in the transaction\n')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    },
  },
  loadMigrations('state'),
)
