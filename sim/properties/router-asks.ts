/**
 * What a router of a database asks of its own: whom it does not know of its network, all of the network hear asked for.
 * RFC 1122, section 2.3.2; ovn-northd(8), "ARP Request".
 */
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { lookups } from '../symbolic/fields.ts';
import { at, type Bundle, fieldIndex, inportIn, type NetworkPort, read } from '../symbolic/index.ts';
import { unchanged } from './homecoming.ts';
import { copyFields, field, opening, sentBy, toGateway } from './honest.ts';
import { type Judgement, unknown } from './property.ts';
import { droppedIn } from './questions.ts';
import type { RouterSide } from './router-sides.ts';
import { missing } from './unsure.ts';
import { doubt, type View } from './view.ts';

/** Whom to ask for, and what is not missed where it is not heard. */
export interface Asking {
  /** The other ports of the router. */
  readonly others: readonly RouterSide[];
  /** Packets from neighbours on the physical network. */
  readonly fromNeighbors: PacketSet;
  /** Packets to addresses of the router's network that nobody has. */
  readonly toNobody: PacketSet;
  /** Stages in which somebody wants packets dropped. */
  readonly meant: RegExp;
}

/** What is found wrong with the questions that a router asks on a switch for what comes from there. */
export function unasked(view: View, side: RouterSide, asking: Asking): Judgement | undefined {
  const { space } = view.analysis;
  const packets = forNobody(view, side, asking);
  if (packets === space.empty) return undefined;
  const questions = view.analysis.bundles.filter(
    (one) => one.made === 'arp' && one.connection === 'new' && one.exact && one.meets(packets),
  );
  const heard = questions.map((one) => ({ one, right: rightly(view, one, packets) }));
  for (const port of listeners(side)) {
    const some = heard.map(({ one, right }) => one.within((each) => (each === port ? right : space.empty), packets));
    const unheard = space.diff(
      packets,
      space.forget(space.or(space.orAll(some), atSender(view, port, packets)), copyFields),
    );
    const lost = unheard === space.empty ? unheard : space.diff(unheard, droppedIn(view, asking.meant, unheard));
    if (lost === space.empty) continue;
    const reason = doubt(view, lost, 'new');
    if (reason !== undefined) return unknown(reason);
    const sentence = `what the router asks for an address of ${side.place.name} that it does not know, ${port.name} does not hear`;
    return missing(view, lost, { to: [port], sentence });
  }
  return undefined;
}

/** The ports at which the whole network is heard. */
const listeners = ({ place, hosts, wires }: RouterSide): NetworkPort[] =>
  place.ports.filter((port) => wires.includes(port) || hosts.some((host) => host.port === port));

/** What is sent to the router for somebody who is on the switch, if he is anywhere: from there, and by hosts elsewhere for whom is outside. */
function forNobody(view: View, side: RouterSide, { others, fromNeighbors, toNobody }: Asking): PacketSet {
  const { space, possible } = view.analysis;
  const senders = side.wires.length > 0 ? [side, ...others] : [side];
  const sent = senders.map(({ hosts, gateway }) => space.and(sentBy(space, hosts, 4), toGateway(space, gateway)));
  const plain = ['vlan.tci', 'ip.frag', 'pkt.mark', 'payload'].map((name) => field(fieldIndex(name), 0n));
  const unknowns = Array.from({ length: lookups }, (_, n) => field(fieldIndex(`neighbor.${n}.known`), 0n));
  return allOf(space, [
    space.or(space.orAll(sent), space.and(fromNeighbors, toGateway(space, side.gateway))),
    toNobody,
    matchSet(space, 'ip4'),
    opening(view.analysis),
    // Those that the switch may answer itself: DHCP and DNS.
    space.not(matchSet(space, 'udp.src == 68 || udp.dst == 53')),
    space.cube([...plain, ...unknowns]),
    space.range(at.ttl, 64n, 255n),
    space.range(at.length, 20n, 1280n),
    possible,
  ]);
}

/** Of the packets those for which a bundle asks rightly. */
const rightly = ({ analysis: { space } }: View, { store }: Pick<Bundle, 'store'>, packets: PacketSet): PacketSet =>
  allOf(space, [
    packets,
    matchSet(space, 'arp.op == 1 && eth.dst == ff:ff:ff:ff:ff:ff', store),
    unchanged(space, read(store, at.arpTpa), at.ip4Dst),
  ]);

/** Those that a port itself has sent, and hears asked for. */
function atSender(view: View, port: NetworkPort, packets: PacketSet): PacketSet {
  const { space } = view.analysis;
  const own = space.and(packets, inportIn(space, [port]));
  return space.orAll(
    view.returning.map((one) =>
      one.made === 'arp' && one.connection === 'new' && one.exact && space.intersects(one.packets, own)
        ? space.and(one.copies, rightly(view, one, own))
        : space.empty,
    ),
  );
}
