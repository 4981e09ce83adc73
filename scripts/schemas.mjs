// `npm run schemas`: writes schemas/*.schema.json out of the tables of fields that --json prints from.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { loadSource, root } from './build.mjs'

const { createSchemas } = await loadSource('src/cli/schemas.ts')
rmSync(`${root}schemas`, { recursive: true, force: true })
mkdirSync(`${root}schemas`)
for (const [name, schema] of Object.entries(await createSchemas())) {
  writeFileSync(`${root}schemas/${name}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`)
}
