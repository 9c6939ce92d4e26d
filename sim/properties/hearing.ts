/**
 * What the hosts of a planned network hear of each other and of their router: what is for everybody reaches all of
 * them, what is for one of them nobody else, and nobody answers for an address that is not his.
 */
import { firstAddress, formatCidr, formatIpv4, lastAddress } from '../../engine/address.ts';
import { groupBy } from '../../engine/group.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { lookups } from '../symbolic/fields.ts';
import {
  at,
  type Bundle,
  type End,
  fieldIndex,
  inportIn,
  type Looks,
  type NetworkPort,
  packetFields,
  read,
  type Value,
} from '../symbolic/index.ts';
import { receivable } from '../symbolic/security.ts';
import { linkLocal, parseSecuredAddresses } from '../trace/addresses.ts';
import { arrival } from './acl-rows.ts';
import { answersAt, unchanged } from './homecoming.ts';
import { asking, copyFields, field, inport, neighborMacs, orderly, sentBy, soliciting, toGateway } from './honest.ts';
import { wereRouted } from './misrouted.ts';
import { isOpen, type Owed } from './owed.ts';
import { type Judgement, violated } from './property.ts';
import { endText, judgeRefusals, type Refusal, whatText } from './refusal.ts';
import { passingAcls } from './unguarded.ts';
import { missing } from './unsure.ts';
import type { Host, TenantNetwork, View } from './view.ts';
import { macsIn } from './wires.ts';

/** The first of these promises that is surely broken, or else of which that is not known. */
export function misheard(view: View, network: TenantNetwork, owed: Owed): Judgement | undefined {
  let unsure: Judgement | undefined;
  for (const find of [unheard, toStrangers, answeredFalsely, unasked, overheard]) {
    const found = find(view, network, owed);
    if (found?.verdict === 'violated') return found;
    unsure ??= found;
  }
  return unsure;
}

/** All that tells packets apart but who sends them, and which copy each is. */
const allButSenders = packetFields.flatMap((_, field) =>
  field === at.inport || copyFields.includes(field) ? [] : field,
);

/** At any of the hosts. */
const arrivingAt = ({ analysis: { space } }: View, hosts: readonly Host[]): PacketSet =>
  space.oneOf(
    arrival,
    hosts.map(({ port }) => BigInt(port.number)),
  );

/** The packets, each with the hosts at which it surely arrives; `right` gives those of a bundle that look as they should. */
function arrivals(view: View, hosts: readonly Host[], packets: PacketSet, right: (one: Looks) => PacketSet): PacketSet {
  const { space, bundles } = view.analysis;
  const byPort = new Map<NetworkPort, PacketSet>(hosts.map((host) => [host.port, arrivingAt(view, [host])]));
  const arriving = (one: Bundle): PacketSet => {
    if (!one.exact || one.connection !== 'new' || !one.meets(packets)) return space.empty;
    const looks = space.and(packets, right(one));
    if (looks === space.empty) return space.empty;
    const lineages = [...groupBy(one.parts, ({ lineage }) => lineage)];
    return space.orAll(
      lineages.map(([lineage, parts]) => {
        const copies = space.orAll(parts.map(({ guard, port }) => space.and(guard, byPort.get(port) ?? space.empty)));
        const here = space.and(lineage.packets, looks);
        const senders = space.forget(here, allButSenders);
        // Mostly who sends says which copies there are, whatever is sent: that is little to put together.
        return here === space.and(senders, looks)
          ? space.and(looks, space.forget(space.and(senders, copies), copyFields))
          : space.forget(space.and(here, copies), copyFields);
      }),
    );
  };
  return space.forget(space.orAll(bundles.map(arriving)), neighborMacs);
}

/**
 * Packets that do not surely arrive at one of the hosts, though they should at all of them, with that host; `withheld`
 * are those that need not, each with where.
 */
function missed(
  view: View,
  hosts: readonly Host[],
  withheld: PacketSet,
  packets: PacketSet,
  isForSender: boolean,
  right: (one: Looks) => PacketSet,
): { packets: PacketSet; to: readonly NetworkPort[] } | undefined {
  const { space } = view.analysis;
  const itself = isForSender
    ? space.empty
    : space.orAll(hosts.map((host) => space.and(space.cube([inport(host)]), arrivingAt(view, [host]))));
  const wanted = space.diff(space.diff(space.and(packets, arrivingAt(view, hosts)), itself), withheld);
  const lost = space.diff(wanted, arrivals(view, hosts, packets, right));
  const deaf =
    lost === space.empty ? undefined : hosts.find((host) => space.intersects(lost, arrivingAt(view, [host])));
  return deaf && { packets: space.forget(space.and(lost, arrivingAt(view, [deaf])), [arrival]), to: [deaf.port] };
}

const asSent =
  ({ analysis: { space } }: View) =>
  ({ made }: Looks): PacketSet =>
    made === undefined ? space.all : space.empty;

/** The hosts' questions for their own addresses (RFC 5227, section 2.3), if nothing else answers for these. */
function announcements({ analysis: { space } }: View, { hosts, answerable }: Owed): PacketSet {
  const own = hosts.flatMap((host) => host.ip4.map((ip) => space.cube([inport(host), field(at.arpTpa, ip)])));
  return space.diff(space.and(asking(space, hosts), space.orAll(own)), answerable.ip4);
}

/** What a host sends to everybody, which the others do not hear. */
function unheard(view: View, network: TenantNetwork, owed: Owed): Judgement | undefined {
  const { name } = network;
  const { hosts, withheld } = owed;
  const { space, possible } = view.analysis;
  const datagrams = [
    'eth.dst == ff:ff:ff:ff:ff:ff && ip4.dst == 255.255.255.255',
    'eth.dst == 01:00:5e:00:00:fb && ip4.dst == 224.0.0.251',
  ].map((text) => matchSet(space, `${text} && udp.src == 5353 && udp.dst == 5353`));
  const broadcasts = allOf(space, [sentBy(space, hosts, 4), orderly(view.analysis), space.orAll(datagrams), possible]);
  const packets = space.or(broadcasts, space.and(announcements(view, owed), possible));
  const lost = missed(view, hosts, withheld, packets, false, asSent(view));
  if (!lost) return undefined;
  const sentence = `what a host of ${name} sends to everybody does not reach all other hosts`;
  return missing(view, lost.packets, { to: lost.to, sentence });
}

/** A frame for a MAC address that nobody was given and nobody has learned, which a port that may have it does not get. */
function toStrangers(view: View, { name, gateways, datapath }: TenantNetwork, owed: Owed) {
  const { space, possible } = view.analysis;
  const { hosts, strangers: open, withheld } = owed;
  if (open.length === 0) return undefined;
  const macs = [...datapath.ports.flatMap(({ binding }) => macsIn(binding.mac)), ...gateways.map(({ mac }) => mac)];
  const given = [...macs, ...owed.given];
  const unlearned = packetFields.flatMap((one, index) => (/^choice\./.test(one.name) ? [field(index, 0n)] : []));
  const packets = allOf(space, [
    sentBy(space, hosts, 4),
    orderly(view.analysis),
    matchSet(space, 'udp && !eth.dst[40] && udp.src == 5353 && udp.dst == 5353'),
    space.not(space.oneOf(at.ethDst, [0n, ...given])),
    space.cube(unlearned),
    space.diff(possible, passingAcls(view)),
  ]);
  const lost = missed(view, open, withheld, packets, false, asSent(view));
  const sentence = `a frame for a MAC address that nobody was given does not reach all ports of ${name} that may have it`;
  return lost && missing(view, lost.packets, { to: lost.to, sentence });
}

/** A question for the asker's own address that is answered: he takes it for another one's. One for what nobody has. */
function answeredFalsely(view: View, network: TenantNetwork, owed: Owed): Judgement | undefined {
  const { name, gateways, datapath } = network;
  const { hosts, answerable } = owed;
  const { space, possible } = view.analysis;
  const unanswered = space.not(answerable.ip4);
  const known = datapath.ports.flatMap(({ binding }) =>
    binding.mac.flatMap((text) => parseSecuredAddresses(text) ?? []),
  );
  const addresses = [...addressesIn(network, hosts), ...known.flatMap(({ ip4 }) => ip4.map(({ value }) => value))];
  const strangers = space.diff(asking(space, hosts), space.oneOf(at.arpTpa, addresses));
  const solicitations = allOf(space, [
    matchSet(space, 'nd_ns && eth.mcast'),
    space.orAll(hosts.map((host) => space.cube([inport(host), field(at.ethSrc, host.mac ?? 0n)]))),
    space.not(
      space.oneOf(at.ndTarget, [
        ...answerable.ip6,
        ...known.flatMap(({ ip6 }) => ip6.map(({ value }) => value)),
        ...gateways.flatMap(({ mac, addresses }) => [linkLocal(mac), ...addresses.map(({ address }) => address.value)]),
      ]),
    ),
  ]);
  const questions = [
    { packets: announcements(view, owed), what: 'for its own address', reply: 'arp.op == 2' },
    { packets: space.and(strangers, unanswered), what: 'for an address that nobody has', reply: 'arp.op == 2' },
    { packets: solicitations, what: 'for an address that is not its own', reply: 'nd_na' },
  ];
  for (const { packets, what, reply } of questions) {
    const isReply = ({ store }: Looks): PacketSet => matchSet(space, reply, store, 'may');
    const { wrong } = answersAt(view, space.and(packets, possible), () => space.empty, isReply);
    if (!wrong) continue;
    const sentence = `a question of a host of ${name} ${what} is answered by the network`;
    return violated({ kind: 'goes', ...wrong, sentence });
  }
  return undefined;
}

/** The IPv4 addresses of hosts and gateways. */
const addressesIn = ({ gateways }: Pick<TenantNetwork, 'gateways'>, hosts: readonly Host[]): bigint[] => [
  ...hosts.flatMap(({ ip4 }) => ip4),
  ...gateways.flatMap(({ addresses }) =>
    addresses.flatMap(({ address }) => (address.family === 4 ? address.value : [])),
  ),
];

/** A question of the router for an address of the network that it does not know, which not all hosts hear. */
function unasked(view: View, network: TenantNetwork, { hosts, withheld }: Owed): Judgement | undefined {
  const { space, possible } = view.analysis;
  const { plan, name, gateways } = network;
  if (!plan) return undefined;
  const { subnet } = plan;
  const taken = [...addressesIn(network, hosts), BigInt(firstAddress(subnet)), BigInt(lastAddress(subnet))];
  const unknown = Array.from({ length: lookups }, (_, n) => field(fieldIndex(`neighbor.${n}.known`), 0n));
  const packets = allOf(space, [
    sentBy(space, hosts, 4),
    space.orAll(gateways.map((gateway) => toGateway(space, gateway))),
    space.diff(matchSet(space, `udp && ip4.dst == ${formatCidr(subnet)}`), space.oneOf(at.ip4Dst, taken)),
    space.cube([...['vlan.tci', 'ip.frag', 'pkt.mark', 'payload'].map((of) => field(fieldIndex(of), 0n)), ...unknown]),
    space.range(at.ttl, 64n, 255n),
    space.range(at.length, 20n, 1280n),
    possible,
  ]);
  const lost = missed(view, hosts, withheld, packets, true, ({ made, store }) =>
    made === 'arp'
      ? space.and(matchSet(space, 'arp.op == 1', store), unchanged(space, read(store, at.arpTpa), at.ip4Dst))
      : space.empty,
  );
  if (!lost) return undefined;
  const sentence = `what the router asks for an address of ${name} that it does not know, not all hosts hear`;
  return missing(view, lost.packets, { to: lost.to, sentence });
}

/** A question that the network answers itself, as it knows whom it is for, which others hear; or a frame for one host that arrives at another one. */
function overheard(view: View, network: TenantNetwork, owed: Owed): Judgement | undefined {
  const { space, possible } = view.analysis;
  const { name } = network;
  const { hosts, answeredFor, gatewaysAnsweredFor: gateways } = owed;
  const bound = hosts.filter((host) => !isOpen(host));
  const elsewhere = (port: NetworkPort): PacketSet => space.not(inportIn(space, [port]));
  const known = space.and(asking(space, hosts), space.oneOf(at.arpTpa, addressesIn({ gateways }, answeredFor)));
  const senders = bound.map((host) => ({ ...host, ip6: [linkLocal(host.mac ?? 0n)] }));
  const solicitations = gateways.map(({ mac }) => soliciting(space, senders, linkLocal(mac)));
  const questions: Refusal = {
    packets: space.and(
      space.orAll([space.diff(known, space.or(announcements(view, owed), owed.answerable.ip4)), ...solicitations]),
      possible,
    ),
    ports: network.hosts.map(({ port }) => port),
    at: elsewhere,
    bad: ({ made }) => (made === undefined ? space.all : space.empty),
    sentence: (one) =>
      `a question of a host of ${name} that the network knows the answer to arrives at ${endText(view, one)}`,
  };
  const found = judgeRefusals(view, [questions, intruding(view, network, owed)]);
  if (found.verdict === 'violated') return found;
  return misdelivered(view, network, owed);
}

/** What a router sends into the network for an address that is its own, or of another network. */
function intruding(view: View, { name, hosts, gateways }: TenantNetwork, { inside, gatewaysOwned }: Owed): Refusal {
  const { space } = view.analysis;
  const own = gatewaysOwned.flatMap(({ addresses }) =>
    addresses.flatMap(({ address: { family, value } }) => (family === 4 ? formatIpv4(Number(value)) : [])),
  );
  const strange = (of: string, some: readonly string[]): string =>
    ['0', ...(inside ? [`${of} != {${inside.join(', ')}}`] : []), ...some.map((text) => `${of} == ${text}`)].join(
      ' || ',
    );
  const routed = strange('ip4.dst', own);
  // Of several routers one may ask for another one.
  const asked = strange('arp.tpa', gateways.length === 1 ? own : []);
  return {
    packets: space.all,
    ports: hosts.map(({ port }) => port),
    bad: ({ made, connection, store }, certainty) => {
      if (connection !== 'new') return space.empty;
      if (made === undefined) return space.and(wereRouted(view, store), matchSet(space, routed, store, certainty));
      return made === 'arp' ? matchSet(space, asked, store, certainty) : space.empty;
    },
    sentence: (one) =>
      `${whatText(one)} for an address that no host of ${name} can have arrives at ${endText(view, one)}`,
  };
}

/**
 * A frame to one MAC address that comes out of the port of another one, a packet to one IPv4 address that a router
 * has brought to another one's, a frame for a host that leaves by a wire, or anything to one host that port security of the port where it arrives does not allow.
 */
function misdelivered(
  view: View,
  network: TenantNetwork,
  { hosts, inside, strangers, given }: Owed,
): Judgement | undefined {
  const { space, bundles } = view.analysis;
  const bound = hosts.filter((host) => !isOpen(host));
  const byPort = new Map(bound.map((host) => [host.port, { ...host, macs: macsIn(host.port.binding.mac) }] as const));
  const guarded = network.plan ? [] : network.hosts.filter(({ port }) => port.binding.portSecurity.length > 0);
  const concerned = new Set([...bound, ...guarded].map(({ port }) => port));
  const shut = new Set(guarded.map(({ port }) => port));
  // Questions for a router are for everybody, whomever the frame is for: ovn-northd(8), "Destination Lookup".
  const single = network.plan ? space.all : space.not(matchSet(space, 'arp.op == 1 || rarp.op == 3 || nd_ns'));
  const addresses = inside ? bound.flatMap(({ ip4 }) => ip4) : [];
  const wires = new Set(network.plan ? [] : strangers.flatMap(({ port }) => (port.edge === 'outside' ? port : [])));
  for (const wire of wires) concerned.add(wire);
  const near = bound.flatMap(({ mac }) => (mac === undefined || given.includes(mac) ? [] : mac));
  for (const bundle of bundles) {
    if (!bundle.exact || bundle.connection !== 'new' || !bundle.members.some(({ end }) => isAt(concerned, end)))
      continue;
    const macs = fieldValues(view, read(bundle.store, at.ethDst));
    const routed =
      bundle.made === undefined && addresses.length > 0
        ? space.and(wereRouted(view, bundle.store), matchSet(space, 'ip4', bundle.store))
        : space.empty;
    const ips = routed === space.empty ? [] : fieldValues(view, read(bundle.store, at.ip4Dst));
    const unicast = shut.size > 0 ? matchSet(space, '!eth.dst[40]', bundle.store) : space.empty;
    const wrong = (port: NetworkPort): PacketSet => {
      const refused = shut.has(port) ? space.diff(unicast, receivable(space, port, bundle.store, 'may')) : space.empty;
      const host = byPort.get(port);
      if (wires.has(port)) return space.and(single, space.orAll(macs.map((one) => oneOfThese(view, one, near))));
      if (!host) return refused;
      const others = addresses.filter((address) => !host.ip4.includes(address));
      return space.orAll([
        refused,
        space.and(single, space.orAll(macs.map((one) => otherThan(view, one, host.macs)))),
        space.and(routed, space.orAll(ips.map((one) => oneOfThese(view, one, others)))),
      ]);
    };
    // Who may send from any address may get answers to any.
    const strange = (port: NetworkPort): PacketSet =>
      network.plan ? wrong(port) : space.diff(wrong(port), inportIn(space, [port]));
    if (!bundle.reaches(strange)) continue;
    for (const one of bundle.members) {
      if (one.end.kind !== 'port') continue;
      const packets = space.forget(space.and(one.copies, strange(one.end.port)), copyFields);
      if (packets === space.empty) continue;
      const sentence = `${whatText(one)} for another address arrives at ${endText(view, one)}`;
      return violated({ kind: 'goes', class: one, packets, sentence });
    }
  }
  return undefined;
}

const isAt = (ports: ReadonlySet<NetworkPort>, end: End): boolean => end.kind === 'port' && ports.has(end.port);

/** What a value surely is, for some packets: a constant, or all of a field as it was sent. */
type FieldValue = { readonly packets: PacketSet } & ({ readonly constant: bigint } | { readonly field: number });

function fieldValues({ analysis: { space } }: View, value: Value): FieldValue[] {
  return (value.options ?? [{ packets: space.all, value }]).flatMap(({ packets, value: one }): FieldValue[] => {
    if (one.constant !== undefined) return [{ packets, constant: one.constant }];
    const [piece] = one.pieces;
    const isWhole = one.pieces.length === 1 && piece?.kind === 'input' && piece.ofs === 0;
    return isWhole ? [{ packets, field: piece.field }] : [];
  });
}

const group = 1n << 40n;

/** The packets for which it is a MAC address, no group's, and none of those that are given. */
function otherThan({ analysis: { space } }: View, one: FieldValue, own: readonly bigint[]): PacketSet {
  if ('constant' in one) return one.constant & group || own.includes(one.constant) ? space.empty : one.packets;
  const groups = space.cube([{ field: one.field, value: group, mask: group }]);
  return space.diff(one.packets, space.or(groups, space.oneOf(one.field, own)));
}

/** The packets for which it is one of the addresses. */
function oneOfThese({ analysis: { space } }: View, one: FieldValue, addresses: readonly bigint[]): PacketSet {
  if ('constant' in one) return addresses.includes(one.constant) ? one.packets : space.empty;
  return space.and(one.packets, space.oneOf(one.field, addresses));
}
