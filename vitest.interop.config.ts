import { defineConfig } from 'vitest/config'

/** `npm run test:interop`: our runtime and real Codex releases on the same files. Needs the npm registry. */
export default defineConfig({
  test: {
    include: ['test/interop/*.interop.ts'],
    // Each release is several hundred megabytes: one at a time.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
})
