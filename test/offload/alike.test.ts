/** Ports of other nodes that are alike: one stands for many, and the rules are those that there are without that. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { resourcesOf } from '../../bench/topology.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { DevicePorts } from '../../engine/offload/actions.ts';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import { planRules } from '../../engine/offload/planner.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { portsHere, viewOf } from '../../engine/program/chassis.ts';
import { type Placement, placementOf } from '../../engine/program/placement.ts';
import { northboundOfPlan, planTopology } from '../../engine/vpc/index.ts';
import { alikeIn } from '../../sim/offload/alike.ts';
import { followNode } from '../../sim/offload/classes.ts';
import { proveRules } from '../../sim/offload/prove.ts';

vi.setConfig({ testTimeout: 300_000 });

const chassis = 'node-0-0';
const nodes = [chassis, 'node-0-1', 'node-0-2'];
const peers = nodes.slice(1);
let southbound: Southbound;
let placement: Placement;
let device: DevicePorts;

beforeAll(() => {
  const northbound = northboundOfPlan(planTopology(resourcesOf({ vpcs: 1, networks: 2, nodes: 3, interfaces: 4 })));
  southbound = computeSouthbound(northbound).southbound;
  placement = placementOf(northbound);
  const local = portsHere(southbound, chassis, placement);
  device = {
    ports: new Map(local.map((name, index) => [name, `pf0vf${index}`])),
    uplink: 'p0',
    tunnels: new Map(nodes.map((name, index) => [name, { ip: `20.20.0.${index + 1}`, mac: '02:00:00:00:00:01' }])),
  };
});

function alike(changed: Southbound = southbound) {
  const ports = new Map(portsHere(changed, chassis, placement).map((name, number) => [name, number]));
  const tunnels = new Map(
    peers.map((peer, number) => [peer, { number, port: ports.size + number, type: 'geneve' as const }]),
  );
  return alikeIn(changed, viewOf({ southbound: changed, placement, chassis, ports, tunnels }));
}

/** So many ports of each network are on other nodes. */
const away = 8;

/** How many ports each of the followed ones stands for, itself counted. */
const sizes = (changed?: Southbound): number[] =>
  [...(alike(changed)?.kinds.values() ?? [])].map(({ others }) => others.length + 1).sort((a, b) => a - b);

/** The database with a flow more in the first table of a stage. */
function withFlow(stage: string, match: string, actions = 'drop;'): Southbound {
  const like = southbound.flows.find((flow) => flow.stage === stage);
  if (!like) throw new Error(`no flow of ${stage}`);
  return { ...southbound, flows: [...southbound.flows, { ...like, uuid: 'more', match, actions }] };
}

const member = () => {
  const [kind] = alike()?.kinds.values() ?? [];
  const [twin] = kind?.others ?? [];
  if (!kind || !twin) throw new Error('no port is like another');
  return twin;
};

test('all ports of one network that are on other nodes are alike, and two of them are followed', () => {
  expect(sizes()).toEqual([away - 1, away - 1]);
  const found = alike();
  expect(southbound.ports.length - (found?.southbound.ports.length ?? 0)).toBe(2 * (away - 2));
  expect(found?.southbound.flows.length).toBeLessThan(southbound.flows.length);
});

describe('a port is set apart', () => {
  test('by a flow that asks for its address as a destination', () => {
    expect(sizes(withFlow('ls_in_acl', `ip4.dst == ${member().ip}`))).toContain(away - 2);
    expect(sizes(withFlow('ls_in_acl', `ip4.dst == {192.0.2.1, ${member().ip}} && tcp`))).toContain(away - 2);
    expect(sizes(withFlow('ls_in_acl', `eth.dst == ${member().mac} && tcp`))).toContain(away - 2);
  });

  test('by a flow that writes its address', () => {
    expect(sizes(withFlow('ls_in_acl', 'tcp', `ip4.dst = ${member().ip}; next;`))).toContain(away - 2);
  });

  test('by a flow of the egress pipeline that asks where packets come from', () => {
    const name = JSON.stringify(member().binding.logicalPort);
    expect(sizes(withFlow('ls_out_acl', `inport == ${name} && tcp`))).toContain(away - 2);
  });

  test('by a mask, a set of addresses or a group of ports that has it and others not', () => {
    const { ip, binding } = member();
    expect(sizes(withFlow('ls_in_acl', `ip4.dst == ${ip}/31`)).length).toBeGreaterThan(0);
    expect(sizes(withFlow('ls_in_acl', `ip4.dst == ${ip}/31`))).not.toEqual(sizes());
    const addressSets = new Map([...southbound.addressSets, ['some', [ip]]]);
    expect(sizes({ ...southbound, addressSets })).toContain(away - 2);
    const portGroups = new Map([...southbound.portGroups, ['some', [binding.logicalPort]]]);
    expect(sizes({ ...southbound, portGroups })).toContain(away - 2);
  });

  test('not by a flow that asks for it as a sender', () => {
    expect(sizes(withFlow('ls_in_acl', `ip4.src == {${member().ip}, 192.0.2.1}`))).toEqual(sizes());
  });
});

test('where flows ask for more or less than an address, no port is like another', () => {
  expect(alike(withFlow('ls_in_acl', `ip4.dst < ${member().ip}`))).toBeUndefined();
});

describe('rules', () => {
  const capabilities = capabilitiesOf('bluefield-3-doca-hws');
  const planned = (each: boolean) => {
    if (!capabilities) throw new Error('no such device');
    return planRules(followNode({ southbound, placement, chassis, peers, each }).traffic, { capabilities, device });
  };
  /** Rules without their order and names. */
  const told = ({ ruleSet }: ReturnType<typeof planned>): string[] =>
    ruleSet.rules.map(({ pattern, actions }) => JSON.stringify([pattern, actions])).sort();

  test('are those that there are where each port is followed, and do what the flows do', () => {
    const one = planned(false);
    expect(told(one)).toEqual(told(planned(true)));
    const proof = proveRules({ southbound, placement }, { name: chassis, ...device }, one.ruleSet);
    expect(proof.verdict).toBe('holds');
  });

  test('what stands for many is damaged in one place, and refuted', () => {
    const { ruleSet } = planned(false);
    const { mac } = member();
    const wrong = ruleSet.rules.map((rule) => {
      const isFor = rule.pattern.some((item) => item.type === 'eth' && item.spec?.dst === mac);
      const ends = rule.actions.some(({ type }) => type === 'raw_encap');
      return isFor && ends
        ? { ...rule, pattern: rule.pattern.map((item) => itemFor(item, '02:00:00:00:00:77')) }
        : rule;
    });
    expect(wrong).not.toEqual(ruleSet.rules);
    const proof = proveRules({ southbound, placement }, { name: chassis, ...device }, { ...ruleSet, rules: wrong });
    expect(proof.verdict).toBe('violated');
  });
});

const itemFor = <T extends { readonly type: string }>(item: T, dst: string): T =>
  item.type === 'eth' ? { ...item, spec: { ...Reflect.get(item, 'spec'), dst } } : item;
