/** The hosts of one network find each other, by ARP or by what OVN answers in their place, and reach each other both ways. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { at, type Looks, type NetworkPort, read, type Value } from '../symbolic/index.ts';
import { arrival } from './acl-rows.ts';
import { misheard } from './hearing.ts';
import { homecomings } from './homecoming.ts';
import {
  addressesOf,
  asking,
  copyFields,
  type Family,
  families,
  field,
  ofFamily,
  opening,
  orderly,
  sentBy,
  toNeighbors,
} from './honest.ts';
import { networksOf } from './outside.ts';
import { type Owed, owedIn } from './owed.ts';
import { type Check, holds, type Judgement, type Property, unknown } from './property.ts';
import { judgeAnswers } from './reaching.ts';
import { missing } from './unsure.ts';
import { doubt, type Host, type TenantNetwork, type View } from './view.ts';

export const networkReachability: Property = {
  id: 'network-reachability',
  severity: 'error',
  promise: 'hosts of one network find and reach each other',
  *checks(view) {
    for (const network of networksOf(view)) yield checkOf(view, network);
  },
};

function checkOf(view: View, network: TenantNetwork): Check {
  const { name: subject, source } = network;
  const owed = owedIn(view, network);
  const vacuous = typeof owed === 'string' ? owed : fewness(network, owed);
  const judged = (): Judgement => (typeof owed === 'string' ? holds : judge(view, network, owed));
  return { subject, source, ...(vacuous !== undefined && { vacuous }), judge: judged };
}

/** Of a database, one host has a router to hear and to be answered for. */
function fewness({ plan }: TenantNetwork, { hosts }: Owed): string | undefined {
  if (plan) return hosts.length < 2 ? 'the network has fewer than two hosts with addresses' : undefined;
  return hosts.length === 0 ? 'no ordinary port of the switch has addresses of its own' : undefined;
}

function judge(view: View, network: TenantNetwork, owed: Owed): Judgement {
  const { space, possible } = view.analysis;
  const { hosts } = owed;
  const requests = space.and(asked(view, owed), possible);
  const unfound = space.diff(requests, found(view, hosts, requests));
  const packets = space.orAll(families.map((family) => promised(view, hosts, family)));
  const meant = owed.isStateful ? space.and(packets, opening(view.analysis)) : packets;
  const sent = space.diff(space.and(meant, possible), withheldFrom(view, owed));
  const unreached = space.diff(sent, reaching(view, hosts, sent));
  const reason = doubt(view, space.or(requests, sent), 'new');
  const ports = hosts.map(({ port }) => port);
  if (unfound !== space.empty && reason === undefined) {
    const sentence = `an ARP request of a host of ${network.name} for another one is neither answered nor heard`;
    return missing(view, unfound, { to: ports, sentence });
  }
  if (unreached !== space.empty && reason === undefined) {
    const sentence = `a packet of a host of ${network.name} does not arrive at another one`;
    return missing(view, unreached, { to: ports, sentence });
  }
  const broken = misheard(view, network, owed);
  if (broken) return broken;
  if (reason !== undefined) return unknown(reason);
  return owed.areAnswered ? answeredAll(view, network, owed, sent) : holds;
}

/** Whether the answers to what arrives come back: connections that were let through are remembered. */
function answeredAll(view: View, { name }: TenantNetwork, { hosts }: Owed, sent: PacketSet): Judgement {
  const { space } = view.analysis;
  const own = ownPackets(view, hosts);
  const side = { name, ports: hosts.map(({ port }) => port) };
  const sure = view.analysis.bundles.flatMap((one) => {
    if (!isItself(one) || !one.meets(sent)) return [];
    const packets = space.forget(
      one.within((port) => own.get(port) ?? space.empty, sent),
      copyFields,
    );
    return packets === space.empty ? [] : [{ one, packets }];
  });
  const single = () =>
    hosts.flatMap(({ port }) =>
      (view.arrivals.get(port) ?? []).filter(isItself).map((one) => ({
        one,
        packets: allOf(space, [one.packets, own.get(port) ?? space.empty, sent]),
      })),
    );
  return judgeAnswers(view, side, side, sure, single);
}

/** By port the packets of either family that are addressed to the host there. */
function ownPackets({ analysis: { space } }: View, hosts: readonly Host[]): ReadonlyMap<NetworkPort, PacketSet> {
  const ofHost = (host: Host): PacketSet =>
    space.orAll(
      families.map((family) => {
        const { type, dst } = ofFamily[family];
        return space.and(space.cube([type]), space.oneOf(dst, addressesOf(host, family)));
      }),
    );
  return new Map(hosts.map((host) => [host.port, ofHost(host)]));
}

/** The ARP requests of hosts for each other that are to be answered or heard. */
function asked(view: View, { hosts, askers, withheld, answerable }: Owed): PacketSet {
  const { space } = view.analysis;
  const own = ({ port, ip4 }: Host, of: number): PacketSet =>
    space.and(space.cube([field(of, BigInt(port.number))]), space.oneOf(at.arpTpa, ip4));
  const requests = space.and(
    asking(space, askers),
    space.oneOf(
      at.arpTpa,
      hosts.flatMap(({ ip4 }) => ip4),
    ),
  );
  const others = space.or(answerable.ip4, space.orAll(askers.map((host) => own(host, at.inport))));
  if (withheld === space.empty) return space.diff(requests, others);
  const there = space.orAll(hosts.map((host) => own(host, arrival)));
  const taken = space.forget(allOf(space, [withheld, there, requests]), [arrival]);
  return space.diff(space.diff(requests, others), taken);
}

/** The packets from host to host that rows may take away. */
function withheldFrom(view: View, { hosts, withheld }: Owed): PacketSet {
  const { space } = view.analysis;
  if (withheld === space.empty) return withheld;
  const there = hosts.map(({ port, mac }) =>
    space.cube([field(arrival, BigInt(port.number)), field(at.ethDst, mac ?? 0n)]),
  );
  return space.forget(space.and(withheld, space.orAll(there)), [arrival]);
}

/** All IP packets between two of the hosts, answers as well as questions. */
const promised = (view: View, hosts: readonly Host[], family: Family): PacketSet => {
  const { space } = view.analysis;
  return allOf(space, [sentBy(space, hosts, family), toNeighbors(space, hosts, family), orderly(view.analysis)]);
};

const isItself = ({ exact, connection, made }: Looks): boolean => exact && connection === 'new' && made === undefined;

/** What surely arrives at ports as it was sent, of the packets that are given for each, and of these alone. */
function atHosts(
  { analysis: { space, bundles } }: View,
  wanted: ReadonlyMap<NetworkPort, PacketSet>,
  packets: PacketSet,
) {
  return bundles
    .filter((one) => isItself(one) && one.meets(packets))
    .map(({ store, within }) => ({ store, copies: within((port) => wanted.get(port) ?? space.empty, packets) }));
}

/** Of the packets, those that surely arrive at the host that they are addressed to. */
function reaching(view: View, hosts: readonly Host[], sent: PacketSet): PacketSet {
  const { space } = view.analysis;
  return space.forget(
    space.orAll(atHosts(view, ownPackets(view, hosts), sent).map(({ copies }) => copies)),
    copyFields,
  );
}

/** The ARP requests that are answered with the right MAC address, or that the host hears which they ask for. */
function found(view: View, hosts: readonly Host[], requests: PacketSet): PacketSet {
  const { space } = view.analysis;
  const own = new Map(hosts.map(({ port, ip4 }) => [port, space.oneOf(at.arpTpa, ip4)]));
  const heard = atHosts(view, own, requests).map(({ copies, store }) =>
    space.forget(space.and(copies, matchSet(space, 'arp.op == 1', store)), copyFields),
  );
  const addressesOfMac = new Map<bigint, bigint[]>();
  for (const { mac, ip4 } of hosts) {
    if (mac !== undefined) addressesOfMac.set(mac, [...(addressesOfMac.get(mac) ?? []), ...ip4]);
  }
  const answered = homecomings(view).flatMap(({ class: one, copies }) => {
    if (!one.exact || one.connection !== 'new' || !space.intersects(copies, requests)) return [];
    const isReply = matchSet(space, 'arp.op == 2', one.store);
    const told = tellsRight(space, read(one.store, at.arpSha), addressesOfMac);
    return [space.forget(allOf(space, [copies, isReply, told]), copyFields)];
  });
  return space.orAll([...heard, ...answered]);
}

/** The requests for an address of which a value is the MAC address. */
function tellsRight(
  space: Space,
  { options, constant }: Value,
  addresses: ReadonlyMap<bigint, readonly bigint[]>,
): PacketSet {
  if (options) {
    return space.orAll(options.map(({ packets, value }) => space.and(packets, tellsRight(space, value, addresses))));
  }
  return constant === undefined ? space.empty : space.oneOf(at.arpTpa, addresses.get(constant) ?? []);
}
