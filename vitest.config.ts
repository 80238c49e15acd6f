import { defineConfig } from 'vitest/config';

// Packages resolve to their TypeScript sources, in the test process and in every worker it starts.
const conditions = ['@hatchery/source'];
const source = {
  resolve: { conditions },
  ssr: { resolve: { conditions: [...conditions, 'module', 'node', 'development|production'] } },
};
const execArgv = ['--conditions=@hatchery/source'];
const kernelTests = ['{packages,apps}/*/test/**/*.kernel.test.ts', 'tests/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: ['{packages,apps}/*/test/**/*.test.ts', 'tools/test/**/*.test.ts'],
          exclude: ['**/*.kernel.test.ts'],
          pool: 'forks',
          execArgv,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...source,
        test: {
          name: 'kernel',
          include: kernelTests,
          pool: 'forks',
          // These tests count mounts, cgroups and processes: two at a time would count each other's.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          execArgv,
          // After the unit tests, alone on the machine.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
