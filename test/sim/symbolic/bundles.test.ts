/** Bundles say of many classes at once what each of them says of itself. */
import { describe, expect, test } from 'vitest';
import { groupBy } from '../../../engine/group.ts';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { PacketSet } from '../../../engine/sets/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { orderly } from '../../../sim/policy/honest.ts';
import { matchSet } from '../../../sim/policy/packets.ts';
import {
  analyse,
  type Bundle,
  inportIn,
  type NetworkPort,
  packetsIn,
  type TrafficClass,
} from '../../../sim/symbolic/index.ts';
import { copyFields } from '../../../sim/symbolic/parts.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { networkOf } from './traced.ts';

const plans = planTopology(
  resourcesOf(
    vpc('red'),
    network('red-a', 'red', '10.1.0.0/24'),
    network('red-b', 'red', '10.2.0.0/24'),
    ...[2, 3, 4].map((id) => vf('red-a', id)),
    ...[5, 6].map((id) => vf('red-b', id)),
    node('n0', 'red'),
    node('n1', 'red'),
  ),
);
const { southbound } = computeSouthbound(northboundOfPlan(plans));
const analysis = analyse(networkOf(southbound));
const { space, bundles, classes } = analysis;

const portOf = ({ end }: TrafficClass): NetworkPort => {
  if (end.kind !== 'port') throw new Error('the class does not end at a port');
  return end.port;
};

describe('bundles', () => {
  test('have each class that ends at a port once, those together that are alike', () => {
    const ended = classes.filter(({ end }) => end.kind === 'port');
    const members = bundles.flatMap((bundle) => bundle.members);
    expect(new Set(members)).toEqual(new Set(ended));
    expect(members).toHaveLength(ended.length);
    expect(bundles.length).toBeLessThan(ended.length / 2);
    for (const { members: alike, store, connection, made, exact, commits } of bundles) {
      for (const one of alike) {
        expect([one.store, one.connection, one.made, one.exact, one.commits]).toEqual([
          store,
          connection,
          made,
          exact,
          commits,
        ]);
      }
      expect(new Set(alike.map(portOf)).size).toBe(alike.length);
    }
  });

  test('have the packets of their members', () => {
    for (const { members, packets, copies } of bundles) {
      expect(packets).toBe(space.orAll(members.map((one) => one.packets)));
      expect(copies).toBe(space.orAll(members.map((one) => one.copies)));
    }
  });

  test('tell what ends where, of packets that are given for each port', () => {
    const some = matchSet(space, 'ip4 && ip.ttl == 64');
    const own = (port: NetworkPort): PacketSet => inportIn(space, [port]);
    const others = (port: NetworkPort): PacketSet => (port.number % 2 === 0 ? space.not(own(port)) : space.empty);
    let told = 0;
    for (const { members, within } of bundles) {
      for (const setAt of [own, others]) {
        const single = space.orAll(members.map((one) => space.and(one.copies, setAt(portOf(one)))));
        expect(within(setAt)).toBe(single);
        expect(within(setAt, some)).toBe(space.and(single, some));
        if (single !== space.empty) told++;
      }
    }
    expect(told).toBeGreaterThan(10);
  });

  test('meet what their members meet, wherever those came from', () => {
    const ports = [...analysis.network.ports.values()].filter(({ edge }) => edge !== undefined);
    const sets = [
      ...ports.map((port) => inportIn(space, [port])),
      ...['arp', 'eth.src[40]', 'ip4.src == 10.1.0.3', 'ip4.dst == 10.2.0.0/24 && udp'].map((text) =>
        matchSet(space, text),
      ),
    ];
    const met = new Set<boolean>();
    for (const one of bundles) {
      for (const set of sets) {
        const meets = one.members.some(({ packets }) => space.intersects(packets, set));
        expect(one.meets(set)).toBe(meets);
        met.add(meets);
        expect(packetsIn(space, one, set)).toBe(space.and(one.packets, set));
      }
    }
    expect(met.size).toBe(2);
  });

  test('are answered as their members are', { timeout: 120_000 }, () => {
    const honest = space.and(matchSet(space, 'tcp.flags[0..5] == 2 || icmp4.type == 8'), orderly(analysis));
    const homeOf = (answers: readonly TrafficClass[]) => {
      const kinds = groupBy(answers, ({ made, connection, exact }) => `${made} ${connection} ${exact}`);
      return [...kinds]
        .map(([kind, list]) => {
          const home = list.flatMap((one) =>
            one.end.kind === 'port' ? [space.and(one.packets, inportIn(space, [one.end.port]))] : [],
          );
          return `${kind} ${space.forget(space.orAll(home), copyFields)}`;
        })
        .sort();
    };
    let asked = 0;
    const isAsked = (one: Bundle): boolean =>
      one.connection === 'new' && one.made === undefined && space.intersects(one.packets, honest);
    for (const one of bundles.filter(isAsked)) {
      const whole = analysis.answers([{ one, packets: space.and(one.packets, honest) }]);
      const single = one.members.flatMap((member) => {
        const packets = space.and(member.packets, honest);
        return packets === space.empty ? [] : analysis.answers([{ one: member, packets }]);
      });
      expect(homeOf(whole)).toEqual(homeOf(single));
      asked++;
    }
    expect(asked).toBeGreaterThan(3);
  });
});
