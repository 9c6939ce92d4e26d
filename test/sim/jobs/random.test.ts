/** Random tenants: what their parts say, put together, is what the whole network says at once. LFLOW_SEED and LFLOW_RUNS (3). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import type { Subject } from '../../../sim/jobs/parts.ts';
import { seedAndRuns } from '../../oracle/seed.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { bothWays } from './both-ways.ts';
import { cheap } from './subjects.ts';

interface Tenant {
  readonly interNetworkAccess: boolean;
  readonly networks: readonly {
    readonly block: number;
    readonly externallyRouted: boolean;
    readonly interfaces: number;
  }[];
  /** On nodes of the same number tenants are together. */
  readonly node: number | undefined;
}

const tenant: fc.Arbitrary<Tenant> = fc.record({
  interNetworkAccess: fc.boolean(),
  networks: fc.uniqueArray(
    fc.record({
      // Blocks of different tenants may be the same.
      block: fc.integer({ min: 0, max: 2 }),
      externallyRouted: fc.boolean(),
      interfaces: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 2, selector: ({ block }) => block },
  ),
  node: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
});

const tenants = fc.array(tenant, { minLength: 2, maxLength: 3 });

function subjectOf(all: readonly Tenant[]): Subject {
  let functions = 0;
  const objects = all.flatMap(({ interNetworkAccess, networks, node: at }, index) => {
    const name = `vpc${index}`;
    return [
      vpc(name, { interNetworkAccess }),
      ...networks.flatMap(({ block, externallyRouted, interfaces }) => {
        const net = `${name}-net${block}`;
        const ports = Array.from({ length: interfaces }, () => vf(net, functions++));
        return [network(net, name, `10.${block}.0.0/24`, { externallyRouted }), ...ports];
      }),
      ...(at === undefined ? [] : [node(`n${at}-${index}`, name)]),
    ];
  });
  const plans = planTopology(resourcesOf(...objects));
  const northbound = northboundOfPlan(plans);
  return { southbound: computeSouthbound(northbound).southbound, northbound, plans };
}

const { seed, runs } = seedAndRuns(3);

test('parts say what the whole says', { timeout: 600_000 }, () => {
  let parted = 0;
  for (const [index, all] of fc.sample(tenants, { seed, numRuns: runs }).entries()) {
    const { plan, parts, together } = bothWays(subjectOf(all), cheap);
    parted += plan.partition.parts.length > 1 ? 1 : 0;
    expect(parts, `tenants ${index} of seed ${seed}`).toEqual(together);
  }
  expect(parted).toBeGreaterThan(0);
});
