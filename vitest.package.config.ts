import { defineConfig } from 'vitest/config'

/** The tests of what is shipped, `npm run test:package`: they build it, and install it from the registry. */
export default defineConfig({
  test: {
    include: ['test/package/*.package.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
})
