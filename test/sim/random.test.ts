/** Whatever manifests ask for, what engine/vpc makes of it keeps its promises. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOfPlan, planTopology } from '../../engine/vpc/index.ts';
import { verify } from '../../sim/verify.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { randomManifests } from '../ovn/random-topologies.ts';

const { seed, runs } = seedAndRuns(8);

test('random topologies keep every promise', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(randomManifests, (text) => {
      const { resources, problems } = readManifests([{ file: 'random.yaml', text }]);
      expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
      const plans = planTopology(resources);
      const { southbound } = computeSouthbound(northboundOfPlan(plans));
      const { properties } = verify(southbound, plans);
      const broken = properties.filter(({ verdict }) => verdict === 'violated' || verdict === 'unknown');
      expect(
        broken.map(({ id, subject, reason, counterexample }) => ({ id, subject, reason, counterexample })),
      ).toEqual([]);
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
});
