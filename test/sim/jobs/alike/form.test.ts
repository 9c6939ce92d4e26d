import { expect, test } from 'vitest';
import { computeSouthbound } from '../../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../../engine/vpc/index.ts';
import { createFormMaker, looksTheSame } from '../../../../sim/jobs/alike/form.ts';
import type { Part } from '../../../../sim/jobs/parts.ts';
import { planOf } from '../../../../sim/jobs/plan.ts';
import { network, node, resourcesOf, vf, vpc } from '../../../topology.ts';

/** The parts of two VPCs, of which the first has so many interfaces; what it has is written down above the other. */
function partsOf(interfaces: number, spec: Record<string, unknown> = {}): readonly Part[] {
  const plans = planTopology(
    resourcesOf(
      vpc('blue', spec),
      node('n0', 'blue'),
      ...Array.from({ length: interfaces }, (_, id) => vf('bluenet', id)),
      network('bluenet', 'blue', '10.0.0.0/24'),
      vpc('red'),
      node('n1', 'red'),
      network('rednet', 'red', '10.0.0.0/24'),
      vf('rednet', 0),
    ),
  );
  const northbound = northboundOfPlan(plans);
  const { southbound } = computeSouthbound(northbound);
  return planOf({ southbound, northbound, plans }, { properties: [], today: '2026-01-01' }).partition.parts;
}

test('a part that is only written down elsewhere looks the same, and has the same form', () => {
  const maker = createFormMaker();
  const [[blue, red], [grown, moved]] = [partsOf(1), partsOf(2)] as [Part[], Part[]];
  if (!blue || !red || !grown || !moved) throw new Error('there are no two parts');
  expect(moved.southbound.origins).not.toEqual(red.southbound.origins);
  expect(looksTheSame(red, moved)).toBe(true);
  expect(maker.formOf(red)).toBeDefined();
  expect(maker.formOf(moved)).toEqual(maker.formOf(red));
  expect(looksTheSame(blue, grown)).toBe(false);
});

test('what a form is made of makes a part look different', () => {
  const [blue] = partsOf(1);
  const [apart] = partsOf(1, { interNetworkAccess: false });
  if (!blue || !apart) throw new Error('there is no part');
  expect(looksTheSame(blue, apart)).toBe(false);
  const [first, ...flows] = blue.southbound.flows;
  if (!first) throw new Error('there is no flow');
  const other = { ...first, priority: first.priority + 1 };
  expect(looksTheSame(blue, { ...blue, southbound: { ...blue.southbound, flows: [other, ...flows] } })).toBe(false);
});
