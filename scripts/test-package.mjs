// `npm run test:package`: builds what is shipped and runs it on bare machines.
import { spawnSync } from 'node:child_process'
import { ensurePackageTools, root } from './package-tools.mjs'
import './test-tools.mjs'

ensurePackageTools()
const { status } = spawnSync(
  process.execPath,
  [
    `${root}node_modules/vitest/vitest.mjs`,
    'run',
    '--config',
    'vitest.package.config.ts',
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
