import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/setup/longest-first.ts'

/** Their files leave nothing behind in the process, so that one process reads what they import once for all of them. */
const SHARED = [
  'console/src/**/*.test.ts',
  'src/{action,channels,code,flow,policy}/**/*.test.ts',
  'src/entry/{cli,hooks,http-api,model-gateway,prompts,supervisor}/**/*.test.ts',
]
const settings = {
  // What ends a test is what it waits for; these only end one that hangs, also on a machine that is busy.
  testTimeout: 120_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 30_000, interval: 20 } },
  pool: 'forks',
  // One more than processors: many a test waits for a program or a time-out.
  maxWorkers: 3,
  // Half of starting a program from its source is reading it; what the first start read, the next ones find.
  env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
} as const

export default defineConfig({
  test: {
    globalSetup: ['test/setup/launcher.ts', 'test/setup/postgres.ts'],
    maxWorkers: settings.maxWorkers,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...settings,
          name: 'alone',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: SHARED,
        },
      },
      { test: { ...settings, name: 'shared', include: SHARED, isolate: false } },
    ],
  },
})
