import { defineConfig } from 'vitest/config';

// Packages resolve to their TypeScript sources, in the test process and in every worker it starts.
const conditions = ['@hatchery/source'];
const source = {
  resolve: { conditions },
  ssr: { resolve: { conditions: [...conditions, 'module', 'node', 'development|production'] } },
};
// Sources are stripped of their types by WebAssembly, in every worker thread anew. V8 of Node 24.21 crashes now and then when a
// thread ends while its WebAssembly is compiled a second time, optimised: "Check failed: end > addr" (ThreadIsolation).
const execArgv = ['--conditions=@hatchery/source', '--liftoff-only'];
// What is waited for comes at once on a machine of one's own; on a busy one a second is no bound.
const expectations = { poll: { timeout: 10_000 } };
const kernelTests = ['{packages,apps,examples}/*/test/**/*.kernel.test.ts', 'tests/**/*.test.ts'];

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
          expect: expectations,
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
          // Ends what hangs. Programs that are started one after the other take this long only where much else runs.
          testTimeout: 90_000,
          hookTimeout: 90_000,
          execArgv,
          expect: expectations,
          // After the unit tests, alone on the machine.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
