/**
 * What a planned network's gateways are asked besides ARP and echo requests of its hosts: for their link-local address,
 * by the world outside for their external one, and for services that they do not have, which they refuse.
 */
import { formatIpv4 } from '../../engine/address.ts';
import { parseEthernet } from '../../engine/lang/addresses.ts';
import { localnetPort } from '../../engine/vpc/names.ts';
import type { GatewayPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { at, inportIn } from '../symbolic/index.ts';
import { linkLocal } from '../trace/addresses.ts';
import { field, plain, sentBy, soliciting, toGateway } from './honest.ts';
import type { Question } from './questions.ts';
import { arpRequest, refusals, solicitation } from './router-questions.ts';
import type { Gateway, TenantNetwork, View } from './view.ts';
import { ownMacs } from './wires.ts';

/** The questions, with what of a class is the right answer; none of a database. */
export function askedOf(view: View, network: TenantNetwork): Question[] {
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

/** RFC 4861, section 7.2.4. */
function neighborOf(view: View, { hosts }: TenantNetwork, { mac }: Gateway): Question {
  const { space, possible } = view.analysis;
  const own = linkLocal(mac);
  const senders = hosts.map((host) => ({ ...host, ip6: host.mac === undefined ? [] : [linkLocal(host.mac)] }));
  return solicitation(view, space.and(soliciting(space, senders, own), possible), own, mac);
}

function refused(view: View, { hosts }: TenantNetwork, gateway: Gateway, address: bigint): Question[] {
  const { space } = view.analysis;
  const sent = space.and(sentBy(space, hosts, 4), toGateway(space, gateway));
  return refusals(view, sent, { family: 4, addresses: [address], mac: gateway.mac });
}

/** Who is on the wire with a gateway finds it. */
function fromWorld(view: View, { vpc, parameters }: VpcPlan, gateway: GatewayPlan): Question[] {
  const { space, possible, network } = view.analysis;
  const port = network.ports.get(localnetPort(vpc, gateway.node));
  const hop = formatIpv4(parameters.externalGateway);
  const entering = allOf(space, [
    inportIn(space, port ? [port] : []),
    matchSet(space, '!eth.src[40]'),
    space.not(ownMacs(view)),
    plain(space),
    possible,
  ]);
  const mac = parseEthernet(gateway.externalMac) ?? 0n;
  const requests = allOf(space, [
    entering,
    matchSet(space, `eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.spa == ${hop}`),
    space.cube([field(at.arpTha, 0n)]),
  ]);
  const who = 'an ARP request of the next hop outside';
  const request = arpRequest(view, requests, BigInt(gateway.externalAddress), mac, who);
  const own = linkLocal(mac);
  const low = own & 0xffffffn;
  const solicitations = allOf(space, [
    entering,
    space.cube([
      field(at.ethDst, 0x3333ff000000n | low),
      field(at.ip6Dst, 0xff0200000000000000000001ff000000n | low),
      field(at.ndTarget, own),
    ]),
    matchSet(space, 'nd_ns && ip6.src == fe80::/10'),
  ]);
  return [request, solicitation(view, solicitations, own, mac)];
}
