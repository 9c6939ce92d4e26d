/** What parts have to do with each other over wires: sums that are made up, and those of networks. */
import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { type Rewrite, SpaceFull } from '../../../engine/sets/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { subjectOf } from '../../../sim/jobs/parts.ts';
import { planOf } from '../../../sim/jobs/plan.ts';
import { guarded, outsideOf, summaryOf, type WireSummary } from '../../../sim/jobs/wires.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import { beforeForwarding, forwarded } from '../../../sim/properties/wires.ts';
import { analyse, fieldIndex, networkOf, packetSpace } from '../../../sim/symbolic/index.ts';
import { resourcesOf } from '../../topology.ts';
import { twoVpcManifests } from './subjects.ts';

const space = packetSpace();
const set = (match: string): number => (match === '' ? space.empty : matchSet(space, match));

interface Given {
  readonly wire?: string;
  readonly vlan?: number;
  /** Matches. */
  readonly sends?: string;
  readonly takes?: string;
  readonly reactions?: readonly { to: string; rewrites: readonly Rewrite[] }[];
}

/** A part with one wire. */
function part({ wire = 'w', vlan = 0, sends = '', takes = '', reactions = [] }: Given): WireSummary {
  const [sent, here] = [set(sends), set(takes)];
  const sets = [space.or(sent, forwarded(space, sent)), here, space.or(here, beforeForwarding(space, here))];
  return {
    wires: [{ name: `${wire} ${vlan}`, physical: wire, vlan }],
    reactions: reactions.map(({ rewrites }) => ({ from: 0, to: 0, rewrites })),
    sets: space.save([...sets, ...reactions.map(({ to }) => set(to))]),
  };
}

const to = (field: string, width: number, value: bigint): Rewrite => ({
  field: fieldIndex(field),
  ofs: 0,
  n: width,
  kind: 'constant',
  value,
});
/** An answer goes to the address. */
const answer = (address: bigint) => [to('ip4.dst', 32, address), to('eth.dst', 48, 2n)];

const entangled = (...given: (Given | undefined)[]): boolean[] => {
  const sums = given.map((one) => one && part(one));
  const outside = outsideOf(packetSpace(), sums);
  return sums.map((_, index) => outside.isEntangled(index));
};

const untagged = '!vlan.present';
const a = `ip4.dst == 10.0.0.1 && ${untagged}`;
const b = `ip4.dst == 10.0.0.2 && ${untagged}`;

describe('parts that share a wire', () => {
  test('have nothing to do with each other where neither takes what the other sends', () => {
    expect(entangled({ sends: a, takes: b }, { sends: a, takes: b })).toEqual([false, false]);
    expect(entangled({ sends: a }, undefined)).toEqual([false, false]);
  });

  test('concern each other where one takes what the other sends', () => {
    expect(entangled({ sends: a }, { takes: a })).toEqual([true, false]);
    expect(entangled({ sends: a, takes: b }, { sends: b, takes: a })).toEqual([true, true]);
  });

  test('may have packets of others forwarded to them', () => {
    expect(entangled({ sends: `${a} && ip.ttl == 9` }, { takes: `${a} && ip.ttl == 3` })).toEqual([true, false]);
    expect(entangled({ sends: `${a} && ip.ttl == 3` }, { takes: `${a} && ip.ttl == 9` })).toEqual([false, false]);
    const arp = `arp.op == 1 && ${untagged}`;
    const other = 'eth.src == 02:00:00:00:00:02';
    expect(entangled({ sends: `${arp} && eth.src == 02:00:00:00:00:01` }, { takes: `${arp} && ${other}` })).toEqual([
      false,
      false,
    ]);
  });

  test('take what they send themselves as their own affair', () => {
    expect(entangled({ sends: a, takes: a }, { sends: b })).toEqual([false, false]);
  });

  test('get what routers answer to others', () => {
    const router = { reactions: [{ to: a, rewrites: answer(0x0a000002n) }] };
    expect(entangled({ sends: a }, router, { takes: b })).toEqual([true, false, false]);
    expect(entangled({ sends: a }, router, { takes: `ip4.dst == 10.0.0.3 && ${untagged}` })).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('get what routers make of what routers made', () => {
    const first = { reactions: [{ to: a, rewrites: answer(0x0a000002n) }] };
    const second = { reactions: [{ to: b, rewrites: answer(0x0a000003n) }] };
    const third = `ip4.dst == 10.0.0.3 && ${untagged}`;
    expect(entangled({ sends: a }, first, second, { takes: third })).toEqual([true, false, false, false]);
    expect(entangled({ sends: a }, second, { takes: third })).toEqual([false, false, false]);
  });

  test('concern each other where packets cross wires too often to be followed', () => {
    // Each router sends on to the next one; nobody takes anything but what the last one, far away, sends.
    const chain = Array.from({ length: 12 }, (_, n) => ({
      reactions: [
        {
          to: `ip4.dst == 10.0.1.${n} && ip.ttl == ${200 - n} && ${untagged}`,
          rewrites: [to('ip4.dst', 32, BigInt(0x0a000101 + n)), to('ip.ttl', 8, BigInt(199 - n))],
        },
      ],
    }));
    const first = { sends: `ip4.dst == 10.0.1.0 && ip.ttl == 200 && ${untagged}` };
    const last = { takes: `ip4.dst == 10.0.1.12 && ${untagged}` };
    expect(entangled(first, ...chain.slice(0, 3), { takes: `ip4.dst == 10.0.9.9 && ${untagged}` })[0]).toBe(false);
    expect(entangled(first, ...chain, last)[0]).toBe(true);
  });

  test('are told apart by wires and VLANs', () => {
    expect(entangled({ sends: a }, { wire: 'v', takes: a })).toEqual([false, false]);
    expect(entangled({ vlan: 5, sends: a }, { vlan: 6, takes: a })).toEqual([false, false]);
    // A port that takes frames as they are sees those of a VLAN with its tag.
    const seen = 'ip4.dst == 10.0.0.1 && vlan.vid == 5 && vlan.present';
    expect(entangled({ vlan: 5, sends: a }, { takes: seen })).toEqual([true, false]);
    expect(entangled({ sends: seen }, { vlan: 5, takes: a })).toEqual([true, false]);
    expect(entangled({ sends: seen }, { vlan: 6, takes: a })).toEqual([false, false]);
  });

  test('cannot be told apart in less memory than it takes', () => {
    const full = () => {
      throw new SpaceFull('more memory than there is');
    };
    const outside = guarded({ isEntangled: full, isAnsweredBesides: full });
    expect([outside.isEntangled(0), outside.isAnsweredBesides(0, '10.0.0.1')]).toEqual([true, true]);
    const told = guarded({ isEntangled: (part) => part === 1, isAnsweredBesides: () => false });
    expect([told.isEntangled(0), told.isEntangled(1), told.isAnsweredBesides(0, '10.0.0.1')]).toEqual([
      false,
      true,
      false,
    ]);
    const broken = () => {
      throw new TypeError('a mistake');
    };
    expect(() => guarded({ isEntangled: broken, isAnsweredBesides: broken }).isEntangled(0)).toThrow(TypeError);
  });

  test('cannot be told apart in fewer steps than it takes', () => {
    const sums = [part({ sends: a, takes: b }), part({ takes: b, reactions: [{ to: a, rewrites: answer(7n) }] })];
    expect(outsideOf(packetSpace(), sums).isEntangled(0)).toBe(false);
    expect(outsideOf(packetSpace(), sums, 0).isEntangled(0)).toBe(true);
  });
});

test('who else answers for an address is told', () => {
  const asks = (address: string) => `arp.op == 1 && arp.tpa == ${address} && ${untagged}`;
  const outside = outsideOf(packetSpace(), [
    part({ reactions: [{ to: asks('10.0.0.1'), rewrites: [] }] }),
    part({ takes: asks('10.0.0.2') }),
  ]);
  expect([0, 1].map((index) => outside.isAnsweredBesides(index, '10.0.0.1'))).toEqual([false, true]);
  expect([0, 1].map((index) => outside.isAnsweredBesides(index, '10.0.0.2'))).toEqual([true, false]);
  expect(outside.isAnsweredBesides(0, '10.0.0.3')).toBe(false);
});

/** Two VPCs; without policies their routers send packets for each other's addresses outside, and take what comes. */
function subjectWith(policies: boolean) {
  const plans = planTopology(resourcesOf(...twoVpcManifests()));
  const northbound = northboundOfPlan(plans);
  if (!policies) for (const router of northbound.Logical_Router.values()) router.policies = [];
  return { southbound: computeSouthbound(northbound).southbound, northbound, plans };
}

/** The sums of the parts, each in so many steps. */
function sumsOf(policies: boolean, steps?: number) {
  const plan = planOf(subjectWith(policies), { properties: [], today: '2026-01-01' });
  return plan.partition.parts.map((one) => {
    const { southbound, strangers, plans, northbound } = subjectOf(one, plan.common.elsewhere);
    const network = networkOf(southbound);
    const own = network.components.flatMap(([first], index) => (first && !strangers.has(first.uuid) ? [index] : []));
    return summaryOf(openView(analyse(network, { components: own }), plans, northbound, undefined), steps);
  });
}

describe('two VPCs on one wire', { timeout: 120_000 }, () => {
  test.each([true, false])('with routing policies: %s', (policies) => {
    const sums = sumsOf(policies);
    expect(sums).not.toContain(undefined);
    const outside = outsideOf(packetSpace(), sums);
    expect(sums.map((_, index) => outside.isEntangled(index))).toEqual([!policies, !policies]);
  });

  test('are not summed up in more steps than are given', () => {
    expect(sumsOf(true, 1000)).toEqual([undefined, undefined]);
  });
});
