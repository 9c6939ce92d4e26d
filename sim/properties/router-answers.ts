/**
 * What the routers of a database answer, and what they keep to themselves, as far as ovn-northd(8) says so of the rows:
 * one check for each port of a router on a switch, one for what a router must not pass on.
 */
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { formatPrefix } from '../policy/prefix.ts';
import { at, inportIn, type NetworkPort } from '../symbolic/index.ts';
import { goesRound } from '../symbolic/neighbors.ts';
import { linkLocal, parseAddress, parseSecuredAddresses } from '../trace/addresses.ts';
import { datagrams } from './expiry.ts';
import { homecomings, homecomingsOf } from './homecoming.ts';
import {
  addressesOf,
  asking,
  type Family,
  families,
  field,
  neighborMacs,
  outsideAddresses,
  plain,
  sentBy,
  soliciting,
  toGateway,
} from './honest.ts';
import { gatewayBehind } from './open-view.ts';
import { type Check, type Judgement, unknown, violated } from './property.ts';
import { publishedIn } from './published.ts';
import { isRejection, judgeQuestions, type Question } from './questions.ts';
import { unasked } from './router-asks.ts';
import { arpRequest, echo, expiry, refusals, solicitation } from './router-questions.ts';
import {
  addressesOfRouter,
  habitsOf,
  isCentral,
  isGatewayPort,
  isWithin,
  type RouterSide,
  routerSides,
} from './router-sides.ts';
import { answersForNobody, natAddresses, takenAddresses } from './taken-addresses.ts';
import { unrouted } from './unrouted.ts';
import type { Host, View } from './view.ts';
import { macsIn, ownMacs } from './wires.ts';

/** Nobody asked for what these promise: rows are taken at their word, and what they mean beyond may be meant. */
const severity = 'warning';

/** The checks of databases' routers, all of them warnings; none of those of manifests. */
export function* routerChecks(view: View): Generator<Check, void> {
  // What one chassis of several sees is not what all of them do.
  if (view.analysis.network.isResident) return;
  const sides = routerSides(view);
  // Where packets go round for ever, that is what is wrong; what routers answer besides is not known.
  if (sides.length === 0 || goesRound(view.analysis.space, view.analysis.classes)) return;
  for (const side of sides) {
    const subject = `${side.place.name}: ${side.gateway.routerPort.name}`;
    const others = sides.filter((other) => other !== side && other.router === side.router);
    yield { subject, source: [], severity, judge: () => judge(view, side, others) };
  }
  for (const place of new Set(sides.map((side) => side.place))) {
    const routers = new Set(sides.flatMap((side) => (side.place === place ? side.router : [])));
    yield unrouted(view, place, [...routers]);
  }
}

function judge(view: View, side: RouterSide, others: readonly RouterSide[]): Judgement {
  const verdict = judgeQuestions(view, questionsAt(view, side));
  return verdict.verdict === 'violated' ? verdict : (forNobody(view, side) ?? unheard(view, side, others) ?? verdict);
}

/** Stages in which somebody wants packets dropped. */
const meant = /^ls_(in|out)_acl|^ls_in_apply_port_sec$|^lr_in_policy$/;

function* questionsAt(view: View, side: RouterSide): Generator<Question, void> {
  const questions = [...byHosts(view, side), ...byWires(view, side)];
  const { space } = view.analysis;
  // What is larger may be refused: ovn-nb(5), `gateway_mtu`.
  const usual = space.and(neighborsApart(view), space.range(at.length, 0n, 1280n));
  for (const question of questions) {
    const packets = space.and(question.packets, usual);
    yield { ...question, packets, meant };
  }
}

const apart = new WeakMap<View, PacketSet>();

/** Packets whose neighbours, if any are asked for, have no router's MAC address. */
function neighborsApart(view: View): PacketSet {
  const { space, network } = view.analysis;
  const routers = (): bigint[] => [...network.ports.values()].flatMap(gatewayBehind).map(({ mac }) => mac);
  const known = apart.get(view) ?? space.not(space.orAll(neighborMacs.map((which) => space.oneOf(which, routers()))));
  apart.set(view, known);
  return known;
}

/** The hosts whose MAC addresses are known, and theirs alone on the switch. */
function ordinary({ place, hosts }: RouterSide): Host[] {
  const isElsewhere = ({ mac, port }: Host): boolean =>
    place.ports.some((other) => other !== port && macsIn(other.binding.mac).includes(mac ?? 0n));
  return hosts.filter((host) => host.mac !== undefined && !isElsewhere(host));
}

function* byHosts(view: View, side: RouterSide): Generator<Question, void> {
  const { gateway, router } = side;
  const { space } = view.analysis;
  const hosts = ordinary(side);
  if (hosts.length === 0 || rejects(view, side)) return;
  yield* byLinkLocal(view, side, hosts);
  for (const family of families) {
    const own = gateway.addresses.filter(({ address }) => address.family === family && !isLinkLocal(address.value));
    const served = hosts.filter((host) =>
      addressesOf(host, family).some((ip) =>
        own.some(({ address, prefixLength }) => isWithin(ip, address.value, family, prefixLength)),
      ),
    );
    if (served.length === 0) continue;
    const sent = unpublished(view, space.and(sentBy(space, served, family), toGateway(space, gateway)));
    const { mac } = gateway;
    if (!isGatewayPort(view, gateway.routerPort)) {
      const addresses = own.map(({ address }) => address.value);
      yield expiry(view, space.and(sent, datagrams(view, 1, family)), { family, addresses, mac });
    }
    if (!isPlain(view, side, family)) continue;
    const addresses = view.northbound
      ? addressesOfRouter(view, router, family)
      : own.map(({ address }) => address.value);
    yield echo(view, sent, { family, addresses, mac });
    yield* refusals(view, sent, { family, addresses, mac });
  }
}

/** A router that does nothing but forward by the destination, on every chassis: it refuses what it does not serve. */
function isPlain(view: View, { router }: RouterSide, family: Family): boolean {
  const { detours, translates } = habitsOf(view, router);
  return !detours.has(family) && !translates && !isCentral(router);
}

const isLinkLocal = (value: bigint): boolean => value >> 118n === 0x3fan;

/** By their link-local addresses, hosts find the router's, and it answers. RFC 4861, section 7.2.4. */
function* byLinkLocal(view: View, side: RouterSide, hosts: readonly Host[]): Generator<Question, void> {
  const { space, possible } = view.analysis;
  const { gateway, router } = side;
  const { mac } = gateway;
  const own = linkLocal(mac);
  // A southbound database does not say whether ports are switched off.
  if (!view.northbound) return;
  const senders = hosts
    .filter(speaksLinkLocal)
    .map((host) => ({ ...host, ip6: host.mac === undefined ? [] : [linkLocal(host.mac)] }));
  if (senders.length === 0) return;
  yield solicitation(view, space.and(soliciting(space, senders, own), possible), own, mac);
  if (habitsOf(view, router).detours.has(6)) return;
  const sent = space.and(sentBy(space, senders, 6), toGateway(space, gateway));
  yield echo(view, sent, { family: 6, addresses: [own], mac });
  if (isPlain(view, side, 6)) yield* refusals(view, sent, { family: 6, addresses: [own], mac });
}

/** Whether port security lets a host use its link-local address: ovn-nb(5), `port_security`. */
function speaksLinkLocal({ mac, port: { binding } }: Host): boolean {
  const entries = binding.portSecurity.flatMap((text) => parseSecuredAddresses(text) ?? []);
  if (binding.portSecurity.length === 0) return true;
  return entries.some((entry) => entry.mac === mac && (entry.ip6.length > 0 || entry.ip4.length === 0));
}

const rejecting = new WeakMap<View, ReadonlySet<string>>();

/** Whether ACLs of the switch answer themselves what they do not let through. */
function rejects(view: View, { place }: RouterSide): boolean {
  const known = rejecting.get(view) ?? new Set(view.southbound.flows.filter(isReject).map(({ datapath }) => datapath));
  rejecting.set(view, known);
  return known.has(place.uuid);
}

const isReject = ({ stage, actions }: LogicalFlow): boolean => /_acl/.test(stage) && /\breject\b/.test(actions);

const published = new WeakMap<View, PacketSet>();

/** Of the packets those that are not for an address that is published: these may be turned to somebody else. */
function unpublished(view: View, packets: PacketSet): PacketSet {
  const { space } = view.analysis;
  const known = published.get(view) ?? space.orAll(publishedIn(view).map(({ sent }) => matchSet(space, sent)));
  published.set(view, known);
  return space.diff(packets, known);
}

/** What somebody on the physical network asks. */
function* byWires(view: View, side: RouterSide): Generator<Question, void> {
  const { space, possible } = view.analysis;
  const { gateway, router, wires } = side;
  const { mac } = gateway;
  if (wires.length === 0 || !view.northbound) return;
  const entering = allOf(space, [fromWires(view, wires), plain(space), possible]);
  const { detours, hidden } = habitsOf(view, router);
  const own = linkLocal(mac);
  const routers = new Set(side.place.ports.flatMap(gatewayBehind).map((one) => linkLocal(one.mac)));
  const local = space.diff(matchSet(space, 'ip6.src == fe80::/64'), space.oneOf(at.ip6Src, [...routers]));
  yield solicitation(view, allOf(space, [entering, local, solicitationsFor(view, own)]), own, mac);
  if (!detours.has(6) && !rejects(view, side)) {
    const sent = allOf(space, [entering, local, toGateway(space, gateway)]);
    yield echo(view, sent, { family: 6, addresses: [own], mac });
  }
  for (const { address, prefixLength } of gateway.addresses) {
    const { family, value } = address;
    if (family !== 4 || prefixLength > 30) continue;
    const beside = (which: number): PacketSet => neighborsOf(view, which, value, prefixLength);
    const requests = allOf(space, [entering, arpRequests(space), beside(at.arpSpa)]);
    yield arpRequest(view, requests, value, mac);
    for (const nat of natAddresses(view, side, value, prefixLength)) {
      yield arpRequest(view, requests, nat.address, nat.mac);
    }
    const isHidden = hidden.some((one) => one.family === 4 && isWithin(value, one.value, 4, one.prefixLength));
    if (isHidden || rejects(view, side)) continue;
    const sent = unpublished(
      view,
      allOf(space, [entering, matchSet(space, 'ip4'), beside(at.ip4Src), toGateway(space, gateway)]),
    );
    if (!detours.has(4)) yield echo(view, sent, { family: 4, addresses: [value], mac });
    if (isGatewayPort(view, gateway.routerPort)) continue;
    const passing = allOf(space, [
      entering,
      toGateway(space, gateway),
      outsideAddresses(view.analysis, 'src'),
      datagrams(view, 1),
    ]);
    const addresses = gateway.addresses.flatMap((one) => (one.address.family === 4 ? one.address.value : []));
    yield expiry(view, unpublished(view, passing), { family: 4, addresses, mac });
  }
}

/** Neighbour solicitations to the group of an address. */
function solicitationsFor({ analysis: { space } }: View, target: bigint): PacketSet {
  const low = target & 0xffffffn;
  return space.and(
    matchSet(space, 'nd_ns'),
    space.cube([
      field(at.ethDst, 0x3333ff000000n | low),
      field(at.ip6Dst, 0xff0200000000000000000001ff000000n | low),
      field(at.ndTarget, target),
    ]),
  );
}

/** From MAC addresses of the world outside, none of which a switch gives to anybody. */
const fromWires = (view: View, wires: readonly NetworkPort[]): PacketSet => {
  const { space } = view.analysis;
  return allOf(space, [
    inportIn(space, wires),
    matchSet(space, '!eth.src[40] && eth.src != 00:00:00:00:00:00'),
    space.not(space.or(ownMacs(view), space.oneOf(at.ethSrc, givenMacs(view)))),
  ]);
};

const given = new WeakMap<View, readonly bigint[]>();

/** The MAC addresses that flows of switches send somewhere: those of forwarding groups and of NAT rules, too. */
function givenMacs(view: View): readonly bigint[] {
  const texts = (): string[] =>
    view.southbound.flows.flatMap(({ stage, match }) => (stage === 'ls_in_l2_lkup' ? match : []));
  const known = given.get(view) ?? [...new Set(macsIn(texts()))];
  given.set(view, known);
  return known;
}

const arpRequests = (space: View['analysis']['space']): PacketSet =>
  space.and(matchSet(space, 'arp.op == 1 && eth.dst == ff:ff:ff:ff:ff:ff'), space.cube([field(at.arpTha, 0n)]));

/** The packets with an address, in a field, of a network that is nobody's whom the database knows. */
function neighborsOf(view: View, which: number, value: bigint, prefixLength: number): PacketSet {
  const { space } = view.analysis;
  const host = BigInt(32 - prefixLength);
  const first = (value >> host) << host;
  const last = first | ((1n << host) - 1n);
  const taken = [...takenAddresses(view)].filter((one) => one >= first && one <= last);
  const free = space.not(space.oneOf(which, [...new Set([first, last, ...taken])]));
  return space.and(space.cube([{ field: which, value: first, mask: 0xffffffffn & ~((1n << host) - 1n) }]), free);
}

/** Packets with an address, in a field, of the router's networks on the switch that nobody has. */
const amongNobody = (view: View, { gateway }: RouterSide, which: number): PacketSet =>
  view.analysis.space.orAll(
    gateway.addresses.flatMap(({ address: { family, value }, prefixLength }) =>
      family === 4 && prefixLength <= 30 ? neighborsOf(view, which, value, prefixLength) : [],
    ),
  );

/** What is found wrong with what a router asks of its own. */
function unheard(view: View, side: RouterSide, others: readonly RouterSide[]): Judgement | undefined {
  const { space } = view.analysis;
  const { router, wires } = side;
  const { detours, routes } = habitsOf(view, router);
  if (!view.northbound || detours.has(4) || [side, ...others].some((one) => rejects(view, one))) return undefined;
  const elsewhere = space.orAll(routes.filter((text) => isInside(side, text)).map((text) => matchSet(space, text)));
  return unasked(view, side, {
    others,
    fromNeighbors: space.and(fromWires(view, wires), amongNobody(view, side, at.ip4Src)),
    toNobody: unpublished(view, space.diff(amongNobody(view, side, at.ip4Dst), elsewhere)),
    meant,
  });
}

/** Whether the destinations of a route are some of a network's, rather than all of it or others. */
function isInside({ gateway }: RouterSide, text: string): boolean {
  const [, ip = '', length] = /== ([\d.]+)(?:\/(\d+))?$/.exec(text) ?? [];
  const prefix = parseAddress(ip);
  return gateway.addresses.some(
    ({ address, prefixLength }) =>
      prefix?.family === address.family &&
      Number(length ?? 32) > prefixLength &&
      isWithin(prefix.value, address.value, address.family, prefixLength),
  );
}

/** Nobody answers for an address that nobody has: what is found wrong with that. */
function forNobody(view: View, side: RouterSide): Judgement | undefined {
  const { space } = view.analysis;
  if (answersForNobody(view, side)) return undefined;
  const entering = space.or(asking(space, ordinary(side)), space.and(fromWires(view, side.wires), arpRequests(space)));
  const packets = allOf(space, [entering, amongNobody(view, side, at.arpTpa), view.analysis.possible]);
  // ARP that is rejected is dropped.
  const some = homecomings(view).filter((one) => !isRejection(one.class) && space.intersects(one.packets, packets));
  if (some.length === 0) return undefined;
  const sentence = `an ARP request for an address of ${textOfNetworks(side)} that nobody has is answered`;
  for (const { class: one, packets: back } of homecomingsOf(view, packets)) {
    const wrong = space.and(back, packets);
    if (one.exact && !isRejection(one) && wrong !== space.empty)
      return violated({ kind: 'goes', class: one, packets: wrong, sentence });
  }
  return unknown(`${sentence}, as far as it was modelled, which is not exact`);
}

const textOfNetworks = ({ gateway }: RouterSide): string =>
  gateway.addresses
    .flatMap(({ address: { family, value }, prefixLength }) => {
      const bits = BigInt(32 - prefixLength);
      return family === 4 ? formatPrefix({ family, value: (value >> bits) << bits, length: prefixLength }) : [];
    })
    .join(', ');
