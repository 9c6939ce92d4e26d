import { describe, expect, it } from 'vitest';
import type { Northbound, NorthboundRow } from '../../../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { deadFlows } from '../../../sim/properties/dead-flows.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { verdicts, viewOf } from './views.ts';

/** A VPC, and an ACL of a group without ports. */
function waiting(): Northbound {
  const resources = resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), node('n0', 'red'));
  const northbound = northboundOfPlan(planTopology(resources));
  const [like] = [...northbound.ACL.values()] as [NorthboundRow<'ACL'>];
  const acl = { ...like, _uuid: '00000000-0000-4000-8000-000000000001', match: 'ip4 && ip6', priority: 77 };
  northbound.ACL.set(acl._uuid, acl);
  const _uuid = '00000000-0000-4000-8000-000000000002';
  northbound.Port_Group.set(_uuid, { _uuid, name: 'later', ports: [], acls: [acl._uuid], external_ids: {} });
  return northbound;
}

const rule = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith('ACL 77 ip4 && ip6'));

describe('an ACL of a port group without a port', () => {
  it('waits for one', () => {
    expect(rule(verdicts(deadFlows, viewOf(waiting())))).toEqual(['ACL 77 ip4 && ip6: vacuous']);
  }, 120_000);

  it('is dead where a policy counts it', () => {
    const view = viewOf(waiting(), 'lflow: 1\nbuiltin:\n  dead-flows: { ports: "any" }\n');
    expect(rule(verdicts(deadFlows, view))).toEqual(['ACL 77 ip4 && ip6: violated']);
  }, 120_000);

  it('is dead beside a switch that has it and lets nothing meet it', () => {
    const northbound = waiting();
    const [own] = [...northbound.Logical_Switch.values()] as [NorthboundRow<'Logical_Switch'>];
    const acl = '00000000-0000-4000-8000-000000000001';
    northbound.Logical_Switch.set(own._uuid, { ...own, acls: [...own.acls, acl] });
    expect(rule(verdicts(deadFlows, viewOf(northbound)))).toEqual(['ACL 77 ip4 && ip6: violated']);
  }, 120_000);
});

it('nobody knows what is dead where packets were not followed to their end', () => {
  const view = viewOf(waiting());
  const [flow] = view.southbound.flows;
  const gap = {
    datapath: [...view.analysis.network.datapaths.values()][0],
    flow,
    reason: 'it was too cold',
    packets: 1,
  };
  const analysis = { ...view.analysis, met: new Set<never>(), gaps: [gap] } as typeof view.analysis;
  const found = verdicts(deadFlows, { ...view, analysis }).filter((line) => line.startsWith('NAT '));
  expect(found).toEqual(['NAT 30.30.0.2 10.1.0.0/24: unknown']);
}, 120_000);
