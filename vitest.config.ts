import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/helpers/programs.ts'],
    globalSetup: ['test/helpers/global-setup.ts'],
    // By itself vitest leaves a core idle, which of two is half.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // What tests print is for whoever looks at one.
    silent: 'passed-only',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Local times in expected output are written for this zone.
    env: { TZ: 'Europe/Berlin' },
  },
})
