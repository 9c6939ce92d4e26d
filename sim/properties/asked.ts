/**
 * What a planned network's gateways are asked besides ARP and echo requests of its hosts: for their link-local address,
 * by the world outside for their external one, and for services that they do not have, which they refuse.
 */
import { formatIpv4 } from '../../engine/address.ts';
import { formatEthernet, parseEthernet } from '../../engine/lang/addresses.ts';
import { formatIpv6 } from '../../engine/lang/index.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { localnetPort } from '../../engine/vpc/names.ts';
import type { GatewayPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { at, inportIn, type Looks, read } from '../symbolic/index.ts';
import { linkLocal } from '../trace/addresses.ts';
import type { Expiring } from './expiry.ts';
import { unchanged } from './homecoming.ts';
import { field, orderly, plain, sentBy, soliciting, toGateway } from './honest.ts';
import type { Gateway, TenantNetwork, View } from './view.ts';
import { ownMacs } from './wires.ts';

/** The questions, with what of a class is the right answer; none of a database. */
export function askedOf(view: View, network: TenantNetwork): Expiring[] {
  const { plan } = network.tenant;
  if (!plan) return [];
  const near = network.gateways.flatMap((gateway) => [
    neighborOf(view, network, gateway),
    ...gateway.addresses.flatMap(({ address: { family, value } }) =>
      family === 4 ? refused(view, network, gateway, value) : [],
    ),
  ]);
  if (!network.plan?.network.externallyRouted) return near;
  return [...near, ...plan.gateways.flatMap((gateway) => fromWorld(view, plan, gateway))];
}

const likeIn =
  ({ analysis: { space } }: View, text: string) =>
  ({ store }: Looks): PacketSet =>
    matchSet(space, text, store);

const mayIn =
  ({ analysis: { space } }: View, text: string) =>
  ({ store }: Looks): PacketSet =>
    matchSet(space, text, store, 'may');

/** RFC 4861, section 7.2.4. */
function neighborOf(view: View, { hosts }: TenantNetwork, { mac }: Gateway): Expiring {
  const { space, possible } = view.analysis;
  const own = linkLocal(mac);
  const senders = hosts.map((host) => ({ ...host, ip6: host.mac === undefined ? [] : [linkLocal(host.mac)] }));
  return advertised(view, formatIpv6(own), mac, space.and(soliciting(space, senders, own), possible));
}

function advertised(view: View, address: string, mac: bigint, packets: PacketSet): Expiring {
  return {
    what: `a neighbour solicitation for ${address}`,
    packets,
    isRight: likeIn(view, `nd_na && nd.target == ${address} && nd.tll == ${formatEthernet(mac)}`),
    isAnswer: mayIn(view, `nd_na && nd.target == ${address}`),
  };
}

/** RFC 1122, sections 3.2.2.1 and 4.2.2.13; RFC 9260, section 8.4. */
function refused(view: View, { hosts }: TenantNetwork, gateway: Gateway, address: bigint): Expiring[] {
  const { analysis } = view;
  const { space } = analysis;
  const text = formatIpv4(Number(address));
  const sent = allOf(space, [
    sentBy(space, hosts, 4),
    toGateway(space, gateway),
    space.cube([field(at.ip4Dst, address)]),
    orderly(analysis),
    analysis.possible,
  ]);
  const question = (what: string, traffic: string, made: Looks['made'], answer: string): Expiring => {
    const isAnswer = (one: Looks): PacketSet => (one.made === made ? mayIn(view, answer)(one) : space.empty);
    return {
      what: `${what} for ${text}`,
      packets: space.and(sent, matchSet(space, traffic)),
      isAnswer,
      isRight: (one) =>
        one.made !== made
          ? space.empty
          : allOf(space, [
              likeIn(view, `${answer} && ip4.src == ${text} && eth.src == ${formatEthernet(gateway.mac)}`)(one),
              unchanged(space, read(one.store, at.ip4Dst), at.ip4Src),
              unchanged(space, read(one.store, at.ethDst), at.ethSrc),
            ]),
    };
  };
  return [
    question('a TCP segment that opens a connection', 'tcp.flags == 2', 'tcp_reset', 'tcp'),
    question('an SCTP packet', 'sctp', 'sctp_abort', 'sctp'),
    question('a UDP datagram', 'udp && udp.dst == 33434', 'icmp4', 'icmp4.type == 3 && icmp4.code == 3'),
    question('a packet of another protocol', 'ip.proto == 47', 'icmp4', 'icmp4.type == 3 && icmp4.code == 2'),
  ];
}

/** Who is on the wire with a gateway finds it. */
function fromWorld(view: View, { vpc, parameters }: VpcPlan, gateway: GatewayPlan): Expiring[] {
  const { space, possible, network } = view.analysis;
  const port = network.ports.get(localnetPort(vpc, gateway.node));
  const external = formatIpv4(gateway.externalAddress);
  const hop = formatIpv4(parameters.externalGateway);
  const entering = allOf(space, [
    inportIn(space, port ? [port] : []),
    matchSet(space, '!eth.src[40]'),
    space.not(ownMacs(view)),
    plain(space),
    possible,
  ]);
  const mac = parseEthernet(gateway.externalMac) ?? 0n;
  const request: Expiring = {
    what: `an ARP request of the next hop outside for ${external}`,
    packets: allOf(space, [
      entering,
      matchSet(space, `eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.spa == ${hop} && arp.tpa == ${external}`),
      space.cube([field(at.arpTha, 0n)]),
    ]),
    isRight: likeIn(view, `arp.op == 2 && arp.spa == ${external} && arp.sha == ${gateway.externalMac}`),
    isAnswer: mayIn(view, `arp.op == 2 && arp.spa == ${external}`),
  };
  const own = linkLocal(mac);
  const low = own & 0xffffffn;
  const solicitation = allOf(space, [
    entering,
    space.cube([
      field(at.ethDst, 0x3333ff000000n | low),
      field(at.ip6Dst, 0xff0200000000000000000001ff000000n | low),
      field(at.ndTarget, own),
    ]),
    matchSet(space, 'nd_ns && ip6.src == fe80::/10'),
  ]);
  return [request, advertised(view, formatIpv6(own), mac, solicitation)];
}
