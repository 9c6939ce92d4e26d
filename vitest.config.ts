import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// `npm test` needs neither root nor OVN; what compares with a real OVN is a project of its own
// (`npm run test:ovn`), and so is what needs the addon that is built against DPDK (`npm run test:dpdk`).
//
// Random tests follow LFLOW_SEED (test/oracle/setup.ts).  Without one in the environment each run has its own.
const seed = process.env.LFLOW_SEED || String(Math.floor(Math.random() * 2 ** 31));

// Needs both OVN and the addon.
const beside = 'test/ovn/offload-plane.test.ts';

export default defineConfig({
  test: {
    globalSetup: 'scripts/test-setup.js',
    setupFiles: 'test/oracle/setup.ts',
    env: { LFLOW_SEED: seed },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/ovn/**', 'test/dpdk/**', 'test/offload-agreement/**'],
          testTimeout: 60_000,
          maxWorkers: availableParallelism(),
        },
      },
      {
        extends: true,
        test: {
          name: 'dpdk',
          include: ['test/dpdk/**/*.test.ts', 'test/offload-agreement/**/*.test.ts', beside],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'ovn',
          include: ['test/ovn/**/*.test.ts'],
          exclude: [beside],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          // Half of the time these wait for daemons, so there are more of them than processors.
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
