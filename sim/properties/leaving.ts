/**
 * How a planned network leaves besides by its hosts' own addresses: an address that nobody was given leaves by the
 * first node's gateway, and a next hop that is not known is asked for.
 */
import { firstAddress, formatIpv4, lastAddress } from '../../engine/address.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { localnetPort } from '../../engine/vpc/names.ts';
import type { GatewayPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import { forgotten } from '../policy/honest.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { lookups } from '../symbolic/fields.ts';
import { at, fieldIndex, type TrafficClass } from '../symbolic/index.ts';
import { copyFields, field, inport, orderly, outsideAddresses, sentBy, toGateway } from './honest.ts';
import { holds, type Judgement, unknown, violated } from './property.ts';
import { doubt, type Host, type TenantNetwork, type View } from './view.ts';

/** Judges whether both is so for the hosts of a planned network. */
export function judgeLeaving(view: View, network: TenantNetwork, plan: VpcPlan): Judgement {
  const [first] = plan.gateways;
  const addresses = network.hosts.flatMap(({ ip4 }) => ip4);
  const unassigned = first ? [leavingUnassigned(view, network, plan, first, addresses)] : [];
  const asking = plan.gateways.map((gateway) => askingOutside(view, network, plan, gateway));
  for (const judgement of [...unassigned, ...asking]) if (judgement.verdict !== 'holds') return judgement;
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

/** The packets of new connections that surely leave by a gateway, those that then look so. */
function arrivingAt(
  view: View,
  plan: VpcPlan,
  { node }: GatewayPlan,
  matters: (one: TrafficClass) => boolean,
  text = '1',
): PacketSet {
  const { space, network } = view.analysis;
  const port = network.ports.get(localnetPort(plan.vpc, node));
  const classes = (port && view.arrivals.get(port)) ?? [];
  return space.orAll(
    classes
      .filter((one) => one.exact && one.connection === 'new' && matters(one))
      .map((one) => space.forget(space.and(one.copies, matchSet(space, text, one.store)), copyFields)),
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
