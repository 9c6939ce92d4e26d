/**
 * How a planned network leaves besides by its hosts' own addresses to the world: an address that nobody was given
 * leaves by the first node's gateway, a next hop that is not known is asked for, and who is on the wire is reached there.
 */
import { firstAddress, formatCidr, formatIpv4, lastAddress } from '../../engine/address.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { localnetPort, vpcExternalSet } from '../../engine/vpc/names.ts';
import type { GatewayPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import { forgotten } from '../policy/honest.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { lookups } from '../symbolic/fields.ts';
import { at, fieldIndex, read, type TrafficClass } from '../symbolic/index.ts';
import { unchanged } from './homecoming.ts';
import { copyFields, field, inport, orderly, outsideAddresses, sentBy, toGateway } from './honest.ts';
import { holds, type Judgement, unknown, violated } from './property.ts';
import { doubt, type Host, type TenantNetwork, type View } from './view.ts';

/** Judges whether all of it is so for the hosts of a planned network. */
export function judgeLeaving(view: View, network: TenantNetwork, plan: VpcPlan): Judgement {
  const [first] = plan.gateways;
  const addresses = network.hosts.flatMap(({ ip4 }) => ip4);
  const unassigned = first ? [leavingUnassigned(view, network, plan, first, addresses)] : [];
  const asking = plan.gateways.map((gateway) => askingOutside(view, network, plan, gateway));
  const beside = plan.gateways.map((gateway) => reachingWire(view, network, plan, gateway));
  for (const judgement of [...unassigned, ...asking, ...beside]) if (judgement.verdict !== 'holds') return judgement;
  return holds;
}

/** What hosts send to the world by their gateway, from whatever address. */
function toWorld(view: View, network: TenantNetwork, hosts: readonly Host[]): PacketSet {
  const { analysis } = view;
  const { space } = analysis;
  const own = hosts.flatMap((host) =>
    host.mac === undefined ? [] : space.cube([inport(host), field(at.ethSrc, host.mac)]),
  );
  const texts = ['ip4', '!ip.is_frag', '!vlan.present', 'icmp4.type == 8 && icmp4.code == 0'];
  return allOf(space, [
    space.orAll(own),
    space.orAll(network.gateways.map((gateway) => toGateway(space, gateway))),
    outsideAddresses(analysis, 'dst'),
    ...texts.map((text) => matchSet(space, text)),
    analysis.possible,
  ]);
}

function leavingUnassigned(
  view: View,
  network: TenantNetwork,
  plan: VpcPlan,
  gateway: GatewayPlan,
  assigned: readonly bigint[],
): Judgement {
  const { space } = view.analysis;
  const { subnet } = network.plan ?? {};
  if (!subnet) return holds;
  const size = 2 ** (32 - subnet.prefixLength);
  const [low, high] = [firstAddress(subnet), lastAddress(subnet)].map(BigInt) as [bigint, bigint];
  const reserved = [low, low + 1n, ...(size > 2 ? [high] : [])];
  const sources = space.diff(space.range(at.ip4Src, low, high), space.oneOf(at.ip4Src, [...assigned, ...reserved]));
  const sent = allOf(space, [toWorld(view, network, network.hosts), sources, orderly(view.analysis)]);
  const left = arrivingAt(view, plan, gateway, ({ made }) => made === undefined);
  const what = `what a host of ${network.name} sends from an address that nobody was given`;
  return judgeLost(view, space.diff(sent, space.forget(left, forgotten)), plan, gateway, `${what} does not leave`);
}

/** Where the next hop outside is not known, an ARP request for it leaves. */
function askingOutside(view: View, network: TenantNetwork, plan: VpcPlan, gateway: GatewayPlan): Judgement {
  const { space } = view.analysis;
  const hosts = network.hosts.filter(({ node }) => node === gateway.node.name);
  const known = Array.from({ length: lookups }, (_, n) => field(fieldIndex(`neighbor.${n}.known`), 0n));
  const sent = allOf(space, [
    toWorld(view, network, hosts),
    sentBy(space, hosts, 4),
    space.range(at.ttl, 64n, 255n),
    space.cube([...known, field(fieldIndex('pkt.mark'), 0n)]),
    space.range(at.length, 20n, 1280n),
  ]);
  const request = `arp.op == 1 && arp.tpa == ${formatIpv4(plan.parameters.externalGateway)}`;
  const asked = arrivingAt(view, plan, gateway, ({ made }) => made === 'arp', request);
  const what = `an ARP request of ${network.tenant.name}'s gateway on ${gateway.node.name} for its next hop`;
  return judgeLost(view, space.diff(sent, space.forget(asked, forgotten)), plan, gateway, `${what} does not leave`);
}

/** What is for an address of the network outside leaves to it, and where that is not known, an ARP request for it does. */
function reachingWire(view: View, network: TenantNetwork, plan: VpcPlan, gateway: GatewayPlan): Judgement {
  const { space, possible } = view.analysis;
  const { external } = plan.parameters;
  const hosts = network.hosts.filter(({ node }) => node === gateway.node.name);
  const taken = [
    formatIpv4(firstAddress(external)),
    formatIpv4(lastAddress(external)),
    ...(view.southbound.addressSets.get(vpcExternalSet) ?? []),
  ];
  const sent = allOf(space, [
    sentBy(space, hosts, 4),
    space.orAll(network.gateways.map((one) => toGateway(space, one))),
    space.diff(
      matchSet(space, `icmp4.type == 8 && icmp4.code == 0 && ip4.dst == ${formatCidr(external)}`),
      matchSet(space, `ip4.dst == {${taken.join(', ')}}`),
    ),
    plainBut(view),
    possible,
  ]);
  const known = space.and(sent, orderly(view.analysis));
  const left = arrivingAt(view, plan, gateway, ({ made }) => made === undefined);
  const strange = Array.from({ length: lookups }, (_, n) => field(fieldIndex(`neighbor.${n}.known`), 0n));
  const unknownOnes = space.and(sent, space.cube(strange));
  const asked = arrivingAt(view, plan, gateway, ({ made }) => made === 'arp', 'arp.op == 1', at.ip4Dst);
  const lost = space.or(
    space.diff(known, space.forget(left, forgotten)),
    space.diff(unknownOnes, space.forget(asked, forgotten)),
  );
  const what = `what a host of ${network.name} sends to an address of the network outside does not leave for it`;
  return judgeLost(view, lost, plan, gateway, what);
}

const plainBut = ({ analysis: { space } }: View): PacketSet =>
  allOf(space, [
    space.cube(['vlan.tci', 'ip.frag', 'payload', 'pkt.mark'].map((name) => field(fieldIndex(name), 0n))),
    space.range(at.ttl, 64n, 255n),
    space.range(at.length, 20n, 1280n),
  ]);

/** The packets of new connections that surely leave by a gateway, those that then look so. */
function arrivingAt(
  view: View,
  plan: VpcPlan,
  { node }: GatewayPlan,
  matters: (one: TrafficClass) => boolean,
  text = '1',
  askedFor?: number,
): PacketSet {
  const { space, network } = view.analysis;
  const port = network.ports.get(localnetPort(plan.vpc, node));
  const classes = (port && view.arrivals.get(port)) ?? [];
  return space.orAll(
    classes
      .filter((one) => one.exact && one.connection === 'new' && matters(one))
      .map((one) => {
        const right = askedFor === undefined ? space.all : unchanged(space, read(one.store, at.arpTpa), askedFor);
        return space.forget(allOf(space, [one.copies, matchSet(space, text, one.store), right]), copyFields);
      }),
  );
}

function judgeLost(view: View, lost: PacketSet, { vpc }: VpcPlan, { node }: GatewayPlan, sentence: string): Judgement {
  const { space, network } = view.analysis;
  if (lost === space.empty) return holds;
  const reason = doubt(view, lost, 'new');
  if (reason !== undefined) return unknown(reason);
  const port = network.ports.get(localnetPort(vpc, node));
  return violated({ kind: 'missing', packets: lost, to: port ? [port] : [], sentence });
}
