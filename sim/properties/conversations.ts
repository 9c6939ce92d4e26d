/** Answers to what was translated: they come to who asked, from the address that was asked. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { at, type Bundle, bundlesOf, inportIn, type Looks, read, type TrafficClass } from '../symbolic/index.ts';
import { parseAddress } from '../trace/addresses.ts';
import { unchanged } from './homecoming.ts';
import { copyFields, families, neighborMacs, opening, orderly, outsideAddresses, sentBy } from './honest.ts';
import { gatewayBehind } from './open-view.ts';
import { translationRules } from './translations.ts';
import type { View } from './view.ts';

/** What hosts answer to: `Analysis.answers`. */
const answerable = 'tcp || udp || sctp || icmp4.type == 8 || icmp6.type == 128';

const known = new WeakMap<View, PacketSet>();

/** New connections of hosts with their own addresses, and of the world outside with addresses of its own: in frames to single hosts. */
export function honestOpeners(view: View): PacketSet {
  const set = known.get(view) ?? openersIn(view);
  known.set(view, set);
  return set;
}

function openersIn(view: View): PacketSet {
  const { analysis } = view;
  const { space } = analysis;
  const hosts = [...view.hostOf.values()];
  const own = space.orAll(families.map((family) => sentBy(space, hosts, family)));
  const wires = view.wires.flatMap(({ ports }) => ports);
  const world = space.diff(space.and(inportIn(space, wires), outsideAddresses(analysis, 'src')), asPublished(view));
  return allOf(space, [
    space.or(own, world),
    opening(analysis),
    orderly(analysis),
    matchSet(space, `(${answerable}) && !eth.mcast`),
    analysis.possible,
  ]);
}

/** The packets from addresses that routers translate to and from: nobody outside has them. */
function asPublished(view: View): PacketSet {
  const { space } = view.analysis;
  const addresses = translationRules(view).flatMap(({ external }) => parseAddress(external) ?? []);
  const ofFamily = (family: 4 | 6) => addresses.flatMap((one) => (one.family === family ? one.value : []));
  return space.or(
    space.and(matchSet(space, 'ip4'), space.oneOf(at.ip4Src, ofFamily(4))),
    space.and(matchSet(space, 'ip6'), space.oneOf(at.ip6Src, ofFamily(6))),
  );
}

/** The packets to addresses that nobody outside answers from: of routers, of whole networks, and reserved ones. */
export function toNobody({ analysis: { space, network } }: View): PacketSet {
  const taken = { 4: [] as bigint[], 6: [] as bigint[] };
  for (const { addresses } of [...network.ports.values()].flatMap(gatewayBehind)) {
    for (const { address, prefixLength } of addresses) {
      const rest = (1n << BigInt((address.family === 4 ? 32 : 128) - prefixLength)) - 1n;
      taken[address.family].push(address.value, address.value & ~rest, address.value | rest);
    }
  }
  return space.orAll([
    matchSet(space, 'ip4.dst == {0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3}'),
    matchSet(space, 'ip6 && ip6.dst != 2000::/3'),
    space.and(matchSet(space, 'ip4'), space.oneOf(at.ip4Dst, taken[4])),
    space.and(matchSet(space, 'ip6'), space.oneOf(at.ip6Dst, taken[6])),
  ]);
}

/** Of the packets, those of which the answer comes back with exactly the addresses and ports exchanged that were sent. */
export function answeredRight(
  view: View,
  one: TrafficClass | Bundle,
  packets: PacketSet,
): { right: PacketSet; exact: boolean } {
  const { space } = view.analysis;
  let exact = true;
  const sets: PacketSet[] = [];
  for (const answer of bundlesOf(space, view.analysis.answers([{ one, packets }]))) {
    if (answer.made !== undefined) continue;
    const home = answer.within((port) => inportIn(space, [port]), mirrored(view, answer));
    if (home === space.empty) continue;
    if (answer.exact) sets.push(space.forget(home, copyFields));
    else exact = false;
  }
  return { right: space.forget(space.orAll(sets), neighborMacs), exact };
}

/** The packets of which the answer has their addresses and ports, exchanged. */
function mirrored({ analysis: { space } }: View, { store }: Looks): PacketSet {
  const pair = (a: number, b: number) =>
    space.and(unchanged(space, read(store, a), b), unchanged(space, read(store, b), a));
  const v4 = space.and(matchSet(space, 'ip4'), pair(at.ip4Src, at.ip4Dst));
  const v6 = space.and(matchSet(space, 'ip6'), pair(at.ip6Src, at.ip6Dst));
  const ports = space.or(matchSet(space, 'icmp4 || icmp6'), pair(at.tpSrc, at.tpDst));
  return space.and(space.or(v4, v6), ports);
}
