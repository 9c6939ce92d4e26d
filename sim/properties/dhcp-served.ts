/** DHCP gives a host the address that it was given, the right gateway, and an MTU; without DHCP nobody answers. */
import { formatIpv4, parseIpv4 } from '../../engine/lang/addresses.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { at, type Bundle, inportIn, type Looks } from '../symbolic/index.ts';
import { answersAt } from './homecoming.ts';
import { field, inport, plain } from './honest.ts';
import { networksOf } from './outside.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { isEnabled } from './router-sides.ts';
import { doubt, endingAt, endsElsewhere, type Host, portsOf, type TenantNetwork, type View } from './view.ts';

export const dhcpServed: Property = {
  id: 'dhcp-served',
  severity: 'error',
  promise: 'DHCP gives a host its own address, the right gateway and an MTU',
  *checks(view) {
    for (const network of networksOf(view)) {
      const served = network.hosts.filter((host) => isPromised(view, network, host));
      yield checkOf(view, network, served);
      yield* omissions(view, network, served);
    }
  },
};

function checkOf(view: View, network: TenantNetwork, served: readonly Host[]): Check {
  const { name: subject, source, hosts, plan } = network;
  if (hosts.length === 0) return { subject, source, vacuous: 'the network has no interface', judge: () => holds };
  if (plan && !plan.network.dhcp) return { subject, source, judge: () => judgeSilence(view, network) };
  if (served.length > 0) return { subject, source, judge: () => judge(view, network, served) };
  return { subject, source, vacuous: 'no port of the network has dhcpv4_options', judge: () => holds };
}

/**
 * What may have been forgotten in a database, as warnings: a port without options where others of its switch have some, and
 * an MTU, without which hosts take Ethernet's.
 */
function* omissions(view: View, network: TenantNetwork, served: readonly Host[]): Generator<Check, void> {
  const { northbound } = view;
  if (!northbound || network.plan || served.length === 0) return;
  const { name, source } = network;
  const warning = (subject: string, sentence: string, rows: readonly string[]): Check => ({
    subject,
    source,
    severity: 'warning',
    judge: () => violated({ kind: 'written', sentence, rows }),
  });
  const others = network.hosts.filter(
    (host) => host.port.binding.type === '' && host.ip4.length > 0 && isEnabled(view, host.port),
  );
  const rows = new Map([...northbound.Logical_Switch_Port.values()].map((row) => [row.name, row]));
  const forgotten = others.filter(({ port }) => rows.get(port.name)?.dhcpv4_options === undefined);
  const names = forgotten.map(({ port }) => port.name);
  if (names.length > 0) {
    const sentence = `${names[0]} has no dhcpv4_options, which ${served[0]?.port.name}, on the same switch, has`;
    yield warning(
      `${name}: ${names.join(', ')}`,
      sentence,
      names.map((port) => `Logical_Switch_Port ${port}`),
    );
  }
  const options = new Set(served.flatMap(({ port }) => rows.get(port.name)?.dhcpv4_options ?? []));
  for (const uuid of options) {
    const row = northbound.DHCP_Options.get(uuid);
    if (!row || row.options.mtu !== undefined) continue;
    const sentence = 'hosts are offered addresses without an MTU: they take 1500 bytes, which tunnels may not carry';
    yield warning(`${name}: ${row.cidr}`, sentence, [`DHCP_Options ${row.cidr}`]);
  }
}

/** Whether a host is promised an address: where manifests or rows say so, or, in a southbound database, flows. */
function isPromised({ northbound, southbound }: View, { plan, datapath }: TenantNetwork, { port, ip4 }: Host): boolean {
  if (plan) return plan.network.dhcp && ip4.length > 0;
  if (!northbound) return servingFlows(southbound.flows, datapath.uuid, port.name).length > 0;
  for (const row of northbound.Logical_Switch_Port.values()) {
    if (row.name === port.name)
      return row.dhcpv4_options !== undefined && northbound.DHCP_Options.has(row.dhcpv4_options);
  }
  return false;
}

const servingFlows = (flows: readonly LogicalFlow[], datapath: string, port: string): LogicalFlow[] =>
  flows.filter(
    (flow) =>
      flow.datapath === datapath &&
      flow.actions.includes('put_dhcp_opts(') &&
      flow.match.includes(`inport == "${port}"`),
  );

/** What a flow offers: the arguments of its `put_dhcp_opts`. */
function offerOf({ actions }: LogicalFlow): Map<string, string> {
  const inside = /put_dhcp_opts\((.*?)\); next;/.exec(actions)?.[1] ?? '';
  return new Map(
    [...inside.matchAll(/([a-z_0-9]+) = (\{[^}]*\}|[^,]+)/g)].map(([, name = '', value = '']) => [name, value.trim()]),
  );
}

function judge(view: View, network: TenantNetwork, served: readonly Host[]): Judgement {
  const { space } = view.analysis;
  const flows = new Map(
    served.map((host) => [host, servingFlows(view.southbound.flows, network.datapath.uuid, host.port.name)]),
  );
  for (const [host, serving] of flows) {
    const wrong = serving
      .map((flow) => ({ flow, fault: faultIn(network, host, offerOf(flow)) }))
      .find(({ fault }) => fault);
    if (wrong?.fault)
      return violated({ kind: 'written', flows: [wrong.flow], sentence: `${host.port.name} is ${wrong.fault}` });
  }
  const requests = space.orAll([...flows].map(([host, serving]) => requestsOf(space, host, serving)));
  const isAnswer = ({ made }: Looks): PacketSet => (made === 'dhcp' ? space.all : space.empty);
  const { right, twice } = answersAt(view, requests, isAnswer, isAnswer);
  if (twice)
    return violated({ kind: 'goes', ...twice, sentence: `a DHCP request in ${network.name} is answered twice` });
  const heard = overheard(view, network, requests);
  if (heard) return heard;
  const reason = doubt(view, requests, 'new');
  const lost = space.diff(requests, right);
  if (lost !== space.empty && reason === undefined) {
    const fate = view.analysis.classes.find((one) => one.connection === 'new' && space.intersects(one.packets, lost));
    if (fate) {
      const sentence = `a DHCP request of a host in ${network.name} gets no answer`;
      return violated({ kind: 'goes', class: fate, packets: space.and(fate.packets, lost), sentence });
    }
  }
  return reason === undefined && lost === space.empty
    ? holds
    : unknown(reason ?? 'what becomes of DHCP requests is not known');
}

/** What is wrong with an offer; undefined if nothing is. */
function faultIn(
  { gateways, plan }: TenantNetwork,
  host: Host,
  offer: ReadonlyMap<string, string>,
): string | undefined {
  const offered = offer.get('offerip');
  const gatewayAddresses = gateways.flatMap(({ addresses }) =>
    addresses.flatMap(({ address: { family, value } }) => (family === 4 ? formatIpv4(value) : [])),
  );
  if (!host.ip4.some((ip) => formatIpv4(ip) === offered)) return `offered ${offered}, which is not its address`;
  if (offered !== undefined && gatewayAddresses.includes(offered)) return `offered ${offered}, which is its gateway's`;
  const router = offer.get('router');
  if (
    gatewayAddresses.length > 0 &&
    (router === undefined || !gatewayAddresses.includes(router.replace(/[{}\s]/g, '').split(',')[0] ?? ''))
  ) {
    return `told that ${router ?? 'nobody'} is its gateway, where ${gatewayAddresses.join(', ')} is`;
  }
  for (const name of ['lease_time', 'server_id']) if (!offer.has(name)) return `offered an address without ${name}`;
  if (plan && !offer.has('mtu')) return 'offered an address without an MTU';
  return undefined;
}

const broadcast = 0xffffffffffffn;

/** DISCOVER and REQUEST: to everybody, and to the server whose address the offer names; RFC 2131, section 4.3.2. */
function requestsOf(space: Space, host: Host, serving: readonly LogicalFlow[]): PacketSet {
  const { mac } = host;
  if (mac === undefined) return space.empty;
  const base = [
    inport(host),
    field(at.ethSrc, mac),
    field(at.ethType, 0x800n),
    field(at.ipProto, 17n),
    field(at.tpSrc, 68n),
    field(at.tpDst, 67n),
    field(at.payload, 1n),
  ];
  const toAll = [field(at.ethDst, broadcast), field(at.ip4Dst, 0xffffffffn)];
  const renewals = serving.flatMap((flow) => {
    const server = offerOf(flow).get('server_id');
    const value = server === undefined ? undefined : parseIpv4(server);
    if (value === undefined) return [];
    const to = [field(at.ip4Dst, value)];
    return host.ip4.map((ip) => space.cube([...base, field(at.ip4Src, ip), ...to]));
  });
  return allOf(space, [
    plain(space),
    space.orAll([space.cube([...base, field(at.ip4Src, 0n), ...toAll]), ...renewals]),
  ]);
}

/** A request that another host gets to hear. */
function overheard(view: View, network: TenantNetwork, requests: PacketSet): Judgement | undefined {
  const { space } = view.analysis;
  const ports = portsOf([network]);
  const concerned = (bundle: Bundle): boolean =>
    bundle.connection === 'new' && bundle.exact && endsElsewhere(view, bundle, ports, requests);
  for (const one of endingAt(view, ports, concerned)) {
    if (one.end.kind !== 'port') continue;
    const { port } = one.end;
    const others = space.diff(requests, inportIn(space, [port]));
    if (!space.intersects(one.packets, others)) continue;
    const sentence = `a DHCP request of another host arrives at ${port.name}`;
    return violated({ kind: 'goes', class: one, packets: space.and(one.packets, others), sentence });
  }
  return undefined;
}

/** Without DHCP nobody answers. */
function judgeSilence(view: View, network: TenantNetwork): Judgement {
  const { space } = view.analysis;
  const requests = allOf(space, [
    inportIn(space, portsOf([network])),
    matchSet(space, 'udp.src == 68 && udp.dst == 67'),
    view.analysis.possible,
  ]);
  const one = view.analysis.classes.find(({ made, packets }) => made === 'dhcp' && space.intersects(packets, requests));
  if (one) {
    const sentence = `a DHCP request is answered in ${network.name}, which has no DHCP`;
    return violated({ kind: 'goes', class: one, packets: space.and(one.packets, requests), sentence });
  }
  const reason = doubt(view, requests, 'new');
  return reason === undefined ? holds : unknown(reason);
}
