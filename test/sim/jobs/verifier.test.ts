import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import type { Subject } from '../../../sim/jobs/parts.ts';
import { plainOf } from '../../../sim/jobs/plain.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import { openVerifier, type Runner, verifyNetwork, verifyPart } from '../../../sim/verifier.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { bothWays } from './both-ways.ts';

/** Two VPCs with a way outside, each on a node of its own; the second one has so many interfaces. */
function twoVpcs(interfaces = 1): Subject {
  const resources = resourcesOf(
    vpc('red'),
    vpc('blue'),
    network('rednet', 'red', '10.0.0.0/24'),
    network('bluenet', 'blue', '10.0.0.0/24'),
    vf('rednet', 0),
    ...Array.from({ length: interfaces }, (_, index) => vf('bluenet', index)),
    node('n0', 'red'),
    node('n1', 'blue'),
  );
  const plans = planTopology(resources);
  const northbound = northboundOfPlan(plans);
  return { southbound: computeSouthbound(northbound).southbound, northbound, plans };
}

const some = (...ids: string[]) => builtInProperties.filter(({ id }) => ids.includes(id));
const cheap = some('tenant-isolation', 'no-transit', 'nat-unique', 'address-unique');

const said = ({ elapsedMs: _, ...rest }: ReturnType<typeof verifyNetwork>) => rest;

test('VPCs that have nothing to do with each other are verified without the whole network', () => {
  const { plan, asked, parts, together } = bothWays(twoVpcs(), cheap);
  expect(plan.partition.parts.map(({ name }) => name)).toHaveLength(2);
  expect(asked).toEqual([]);
  expect(parts).toEqual(together);
  expect(parts.verdict).toBe('holds');
});

describe('a verifier', () => {
  test('does what changed, and says the same as one that knows nothing', () => {
    const verifier = openVerifier({ properties: cheap });
    verifier.verify(twoVpcs());
    expect(verifier.last).toEqual({ parts: 2, verified: 2 });
    verifier.verify(twoVpcs());
    expect(verifier.last).toEqual({ parts: 2, verified: 0 });
    const after = verifier.verify(twoVpcs(2));
    expect(verifier.last).toEqual({ parts: 2, verified: 1 });
    expect(said(after)).toEqual(said(verifyNetwork(twoVpcs(2), { properties: cheap })));
  });

  test('has its parts verified by others, who are given plain data', async () => {
    const runner: Runner = async (parts, common) =>
      parts.map((part) =>
        structuredClone(verifyPart(structuredClone(plainOf(part)), structuredClone(plainOf(common)))),
      );
    const verifier = openVerifier({ properties: cheap });
    const there = await verifier.verifyBy(runner, twoVpcs());
    expect(said(there)).toEqual(said(verifyNetwork(twoVpcs(), { properties: cheap })));
  });
});
