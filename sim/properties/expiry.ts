/**
 * Who sends packets that run out of hops is told so, by the router where they do (RFC 792, "Time Exceeded"; RFC 1812,
 * section 5.3.1): with manifests, hosts by their gateway and by that of their node, and the world outside.
 */
import { parseEthernet } from '../../engine/lang/addresses.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { localnetPort } from '../../engine/vpc/names.ts';
import type { GatewayPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { at, inportIn } from '../symbolic/index.ts';
import { type Family, field, outsideAddresses, plain, sentBy, toGateway } from './honest.ts';
import type { Question } from './questions.ts';
import { expiry } from './router-questions.ts';
import type { Gateway, Host, TenantNetwork, View } from './view.ts';
import { ownMacs } from './wires.ts';

/** Those of a planned network; none of a database, which does not say who is to be told what. */
export function expiringOf(view: View, network: TenantNetwork): Question[] {
  const { plan } = network.tenant;
  if (!plan) return [];
  const near = network.gateways.flatMap((gateway) =>
    gateway.addresses.flatMap(({ address: { family, value } }) =>
      family === 4 ? [ofHosts(view, network.hosts, gateway, 1, value)] : [],
    ),
  );
  if (!network.plan?.network.externallyRouted) return near;
  const far = plan.gateways.flatMap((own) => {
    const hosts = network.hosts.filter(({ node }) => node === own.node.name);
    return network.gateways.map((gateway) => ofHosts(view, hosts, gateway, 2, BigInt(own.joinAddress)));
  });
  return [...near, ...far, ...plan.gateways.map((own) => ofWorld(view, plan, own))];
}

/** What hosts send to the world, so that it expires at the router with the address. */
function ofHosts(view: View, hosts: readonly Host[], gateway: Gateway, hops: number, address: bigint): Question {
  const { space } = view.analysis;
  const sent = allOf(space, [sentBy(space, hosts, 4), toGateway(space, gateway), datagrams(view, hops)]);
  return expiry(view, sent, { family: 4, addresses: [address], mac: gateway.mac });
}

/** What comes in from the world with its last hop. */
function ofWorld(view: View, { vpc }: VpcPlan, { node, externalAddress, externalMac }: GatewayPlan): Question {
  const { space, network } = view.analysis;
  const port = network.ports.get(localnetPort(vpc, node));
  const sent = allOf(space, [
    inportIn(space, port ? [port] : []),
    outsideAddresses(view.analysis, 'src'),
    matchSet(space, `!eth.src[40] && eth.dst == ${externalMac}`),
    space.not(ownMacs(view)),
    datagrams(view, 1),
  ]);
  const mac = parseEthernet(externalMac) ?? 0n;
  return expiry(view, sent, { family: 4, addresses: [BigInt(externalAddress)], mac });
}

/** Plain UDP datagrams to addresses outside. */
export const datagrams = (view: View, hops: number, family: Family = 4): PacketSet => {
  const { space, possible } = view.analysis;
  const kind = matchSet(space, `ip${family} && udp`);
  const payload = field(at.payload, 0n);
  return allOf(space, [
    plain(space),
    kind,
    space.cube([payload, field(at.ttl, BigInt(hops))]),
    space.range(at.length, 20n, 1280n),
    outsideAddresses(view.analysis, 'dst'),
    possible,
  ]);
};
