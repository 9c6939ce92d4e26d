/**
 * The router pipeline beside the real ovn-northd.  With LFLOW_RECORD=1 its
 * answers become the recordings that `npm test` compares with.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { routerDifferences, routerFlowsOnly } from '../northd/router/flows.ts';
import { northboundOf, randomRouters } from '../northd/router/random.ts';
import { formatRecording, recordingUrl } from '../northd/router/recording.ts';
import { topologies } from '../northd/router/topologies.ts';
import type { Flow } from '../oracle/compare.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

async function realFlows(nb: Northbound): Promise<Flow[]> {
  await central.load(nbctlScript(nb));
  return central.flows();
}

describe('written topologies', () => {
  for (const [name, make] of Object.entries(topologies)) {
    test(name, async () => {
      const real = await realFlows(make());
      if (process.env.LFLOW_RECORD === '1') {
        await mkdir(new URL('.', recordingUrl(name)), { recursive: true });
        await writeFile(recordingUrl(name), formatRecording(routerFlowsOnly(real)));
      }
      expect(routerDifferences(make(), real)).toBe('');
    });
  }
});

test('random topologies', async () => {
  const { seed, runs } = seedAndRuns(100);
  await fc.assert(
    fc.asyncProperty(randomRouters, async (made) => {
      const nb = northboundOf(made);
      expect(routerDifferences(nb, await realFlows(nb))).toBe('');
    }),
    { seed, numRuns: runs, interruptAfterTimeLimit: 500_000 },
  );
});
