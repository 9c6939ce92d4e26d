import { defineConfig } from 'vitest/config';

// `npm test` needs neither root nor OVN; what compares with a real OVN is a project of its own
// (`npm run test:ovn`), and so is what needs the addon that is built against DPDK (`npm run test:dpdk`).
export default defineConfig({
  test: {
    globalSetup: 'scripts/test-setup.js',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/ovn/**', 'test/dpdk/**'],
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: { name: 'dpdk', include: ['test/dpdk/**/*.test.ts'], testTimeout: 120_000 },
      },
      {
        extends: true,
        test: { name: 'ovn', include: ['test/ovn/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 120_000 },
      },
    ],
  },
});
