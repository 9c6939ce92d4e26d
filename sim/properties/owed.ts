/**
 * What the hosts of a network are promised of each other.  With manifests that is everything.  Of a northbound database
 * it is what a switch does by itself (ovn-northd(8), "Logical Switch Datapaths"), less all that any of its rows may say
 * otherwise: where it is not clear what they say, nothing is promised.
 */
import { formatCidr, formatIpv4 } from '../../engine/address.ts';
import { parseEthernet } from '../../engine/lang/index.ts';
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { at, matching, type NetworkDatapath, type NetworkPort } from '../symbolic/index.ts';
import { linkLocal, type Network, parseAddress, parseSecuredAddresses } from '../trace/addresses.ts';
import { type Acl, aclsOn, arrival, denies, lookOf, testIn } from './acl-rows.ts';
import { field } from './honest.ts';
import { gatewayBehind } from './open-view.ts';
import { type Gateway, type Host, rowUuidOf, type TenantNetwork, type View } from './view.ts';

type Port = NorthboundRow<'Logical_Switch_Port'>;

export interface Owed {
  /** Those to whom something is promised, with the addresses of theirs that are promised to be reached. */
  readonly hosts: readonly Host[];
  /** Those of them whose ARP requests are, and what they ask for is known and answered by the switch itself. */
  readonly askers: readonly Host[];
  readonly answeredFor: readonly Host[];
  readonly gatewaysAnsweredFor: readonly Gateway[];
  /** Who gets frames for addresses that nobody was given: hosts, and of a database physical networks on the switch. */
  readonly strangers: readonly Host[];
  /** Packets as hosts send them, each with the port where it would arrive (`arrival`), that rows may take away. */
  readonly withheld: PacketSet;
  /** What somebody may answer for whose port does not have that address: ARP requests, and targets of solicitations. */
  readonly answerable: { readonly ip4: PacketSet; readonly ip6: readonly bigint[] };
  /** MAC addresses that are given to somebody, other than by a port's `addresses`. */
  readonly given: readonly bigint[];
  /** The IPv4 networks to whose addresses alone routers send something by the switch; undefined where that is not known. */
  readonly inside?: readonly string[];
  /** The gateways that keep what is for their own addresses to themselves: nobody's address is translated to these. */
  readonly gatewaysOwned: readonly Gateway[];
  /** Whether the switch tracks connections: then only what opens one is promised to arrive. */
  readonly isStateful: boolean;
  /** Whether what arrives is remembered, so that its answers come back whatever ACLs say. */
  readonly areAnswered: boolean;
}

/** What hosts are promised, or why nothing is: a sentence. */
export function owedIn(view: View, network: TenantNetwork): Owed | string {
  const { space } = view.analysis;
  const { plan, gateways } = network;
  const known = network.hosts.filter(({ mac, ip4, ip6 }) => mac !== undefined && ip4.length + ip6.length > 0);
  if (plan)
    return { ...unlimited(space, gateways), ...everybody(known, network.hosts), inside: [formatCidr(plan.subnet)] };
  const { northbound } = view;
  if (!northbound) return 'a southbound database does not say that the hosts of a network are to reach each other';
  const row = rowOf(view, northbound, network.datapath);
  if (!row) return 'the northbound database has no such switch';
  if (row.forwarding_groups.length > 0) return 'forwarding groups decide who gets what';
  if (network.datapath.ports.some(isAstray)) return 'a port of a router there is joined with another router as well';
  const settings = [...northbound.NB_Global.values()].map(({ options }) => options);
  if (settings.some(({ default_acl_drop: drops }) => drops === 'true')) {
    return 'options:default_acl_drop of NB_Global drops what no ACL allows';
  }
  const rows = new Map([...northbound.Logical_Switch_Port.values()].map((port) => [port.name, port]));
  const isShared = sharedOn(network);
  const hosts = known.flatMap((host) => ordinary(rows.get(host.port.name), host, isShared) ?? []);
  const acls = aclsOn(view, northbound, network.datapath);
  const has = (action: string): boolean => acls.some((acl) => acl.action === action);
  const arriving = deniedOn(view, network.datapath, acls, 'to-lport');
  const isDeaf = deafTo(space, space.and(arriving, matchSet(space, 'arp')));
  const answers = row.other_config['vlan-passthru'] !== 'true';
  const needsUp = settings.some(({ ignore_lsp_down: ignores }) => ignores === 'false');
  const isUp = ({ port }: Host): boolean => !needsUp || rows.get(port.name)?.up === true;
  return {
    hosts,
    askers: hosts.filter((host) => !isDeaf(host)),
    answeredFor: hosts.filter((host) => answers && isUp(host) && !isOpen(host)),
    strangers: [...hosts.filter(isOpen), ...wiresOn(network, rows)],
    gatewaysAnsweredFor: gateways.filter(({ switchPort }) => answers && isAnswered(rows.get(switchPort.name))),
    withheld: space.orAll([
      arriving,
      deniedOn(view, network.datapath, acls, 'from-lport'),
      taken(space, northbound),
      snooped(space, row),
    ]),
    ...insideOf(view, northbound, network),
    gatewaysOwned: gateways.filter((gateway) => isUntranslated(routerOf(view, northbound, gateway))),
    areAnswered: has('allow-related') && !has('allow-stateless'),
    isStateful: northbound.Load_Balancer.size > 0 || has('allow-related'),
    ...writtenIn(view, northbound),
  };
}

/** Whether a port leads to a router's port that leads elsewhere. */
const isAstray = (port: NetworkPort): boolean =>
  port.binding.options.peer !== undefined && gatewayBehind(port).every(({ routerPort }) => routerPort.peer !== port);

type Router = NorthboundRow<'Logical_Router'>;

const routerOf = (view: View, northbound: Northbound, { routerPort }: Gateway): Router | undefined =>
  northbound.Logical_Router.get(rowUuidOf(view, routerPort.datapath) ?? '');

const isUntranslated = (row: Router | undefined): boolean =>
  row !== undefined && row.nat.length + row.load_balancer.length + row.load_balancer_group.length === 0;

/** The networks of the one router on a switch, if that has neither routes nor policies that may lead there. */
function insideOf(view: View, northbound: Northbound, { gateways }: TenantNetwork): Pick<Owed, 'inside'> {
  const [gateway, another] = gateways;
  if (!gateway || another) return {};
  const row = routerOf(view, northbound, gateway);
  if (!row || row.static_routes.length + row.policies.length > 0 || row.options.mcast_relay === 'true') return {};
  const networks = gateway.addresses.flatMap(({ address: { family, value }, prefixLength }) =>
    family === 4 ? [`${formatIpv4(Number(value))}/${prefixLength}`] : [],
  );
  return networks.length > 0 ? { inside: networks } : {};
}

/** Whether a port may have any MAC address: ovn-nb(5), `unknown`. */
export const isOpen = ({ port }: Host): boolean => port.binding.mac.includes('unknown');

const unlimited = ({ empty }: Space, gateways: readonly Gateway[]) => ({
  gatewaysAnsweredFor: gateways,
  gatewaysOwned: gateways,
  isStateful: false,
  areAnswered: false,
  withheld: empty,
  answerable: { ip4: empty, ip6: [] },
  given: [],
});

const everybody = (hosts: readonly Host[], all: readonly Host[]) => ({
  strangers: all.filter(isOpen),
  hosts,
  askers: hosts,
  answeredFor: hosts.filter((host) => !isOpen(host)),
});

const rowOf = (view: View, northbound: Northbound, datapath: NetworkDatapath) =>
  northbound.Logical_Switch.get(rowUuidOf(view, datapath) ?? '');

/** The physical networks on a switch, as if they were hosts without addresses. */
const wiresOn = (network: TenantNetwork, rows: ReadonlyMap<string, Port>): Host[] =>
  network.datapath.ports.flatMap((port) => {
    const row = rows.get(port.name);
    const isWire = port.edge === 'outside' && row?.type === 'localnet' && row.enabled !== false;
    return isWire && row.addresses.includes('unknown') ? [{ port, network, ip4: [], ip6: [], source: [] }] : [];
  });

/** Which MAC and IP addresses of a switch more than one of its ports have, or a router's and another one. */
function sharedOn({ datapath, gateways }: TenantNetwork): (address: bigint) => boolean {
  const seen = new Map<bigint, number>();
  const entries = datapath.ports.map(({ binding }) => binding.mac.flatMap((text) => parseSecuredAddresses(text) ?? []));
  const ofPorts = entries.map((list) => list.flatMap(({ mac, ip4, ip6 }) => [mac, ...[...ip4, ...ip6].map(ipOf)]));
  const ofRouters = gateways.map(({ mac, addresses }) => [mac, ...addresses.map(({ address }) => address.value)]);
  for (const list of [...ofPorts, ...ofRouters]) {
    for (const address of new Set(list)) seen.set(address, (seen.get(address) ?? 0) + 1);
  }
  return (address) => (seen.get(address) ?? 0) > 1;
}

const ipOf = ({ value }: Network): bigint => value;

/** The host behind an ordinary port, with the addresses that nobody else has and that port security allows. */
function ordinary(row: Port | undefined, host: Host, isShared: (address: bigint) => boolean): Host | undefined {
  const { port, mac } = host;
  if (!row || mac === undefined || (mac >> 40n) & 1n || isShared(mac)) return undefined;
  const { type, enabled, parent_name, tag, tag_request } = row;
  if (type !== '' || enabled === false || parent_name !== undefined || tag !== undefined || tag_request !== undefined) {
    return undefined;
  }
  const allowed = allowedAt(host, mac);
  if (!allowed) return undefined;
  // Of several entries the first is the host's: its addresses go with its MAC address.
  const [own] = port.binding.mac.flatMap((text) => parseSecuredAddresses(text) ?? []);
  const usable = (list: readonly Network[] = []): bigint[] =>
    list.filter((one) => !isShared(one.value) && allowed(one)).map(ipOf);
  const ip4 = usable(own?.ip4);
  const ip6 = usable(own?.ip6);
  return ip4.length + ip6.length > 0 ? { ...host, ip4, ip6 } : undefined;
}

/** Which addresses port security lets a host have with its MAC address; undefined if it may not use that. */
function allowedAt({ port: { binding } }: Host, mac: bigint): ((address: Network) => boolean) | undefined {
  const entries = binding.portSecurity.flatMap((text) => parseSecuredAddresses(text) ?? []);
  const own = entries.filter((entry) => entry.mac === mac);
  if (own.length === 0) return entries.length === 0 ? () => true : undefined;
  const listed = own.flatMap(({ ip4, ip6 }) => [...ip4, ...ip6]);
  return (address) => listed.length === 0 || listed.some((one) => isWithin(address, one));
}

/** An entry with host bits set names one host: ovn-nb(5), port_security. */
function isWithin({ family, value }: Network, entry: Network): boolean {
  if (entry.family !== family) return false;
  const host = BigInt((family === 4 ? 32 : 128) - entry.prefixLength);
  const isNetwork = (entry.value >> host) << host === entry.value;
  return entry.value === value || (isNetwork && entry.value >> host === value >> host);
}

/** What ACLs of a switch may drop or reject, each packet with the port where it would arrive. */
function deniedOn(view: View, datapath: NetworkDatapath, acls: readonly Acl[], direction: string): PacketSet {
  const { space } = view.analysis;
  const matches = ({ match }: Acl, certainty: 'may' | 'must'): PacketSet => {
    const test = isOfPacket(match) ? testIn(view, datapath, match) : 'it depends on connections';
    if (typeof test === 'string') return certainty === 'may' ? space.all : space.empty;
    return matching(space, lookOf(view, direction), test, certainty);
  };
  const asked = acls.filter((acl) => acl.direction === direction);
  return space.orAll(
    asked.filter(denies).map((acl) => {
      const above = asked.filter((other) => !denies(other) && outranks(other, acl));
      return space.diff(matches(acl, 'may'), space.orAll(above.map((other) => matches(other, 'must'))));
    }),
  );
}

/** Whether a match asks for nothing but what a packet says by itself, and its ports. */
const isOfPacket = (match: string): boolean => !/\b(ct[._]|x*reg\d|flags\b|tun_)/.test(match);

/** Whether an ACL is asked before another one of its direction, in the same table: ovn-nb(5), `apply-after-lb`. */
const outranks = (one: Acl, other: Acl): boolean =>
  one.priority > other.priority &&
  (one.options['apply-after-lb'] === 'true') === (other.options['apply-after-lb'] === 'true');

/** Which hosts may be kept from hearing some of the packets. */
const deafTo =
  (space: Space, withheld: PacketSet) =>
  ({ port }: Host): boolean =>
    space.intersects(withheld, space.cube([field(arrival, BigInt(port.number))]));

/** What load balancers, DHCP, DNS and neighbour discovery may take, whoever sends it. */
function taken(space: Space, { Load_Balancer, DNS }: Northbound): PacketSet {
  const texts = [
    'udp.src == {67, 68} && udp.dst == {67, 68}',
    'udp.src == {546, 547} && udp.dst == {546, 547}',
    'icmp6.type == {130, 131, 132, 133, 134, 135, 136, 137, 143}',
  ];
  if (DNS.size > 0) texts.push('udp.dst == 53');
  const sets = texts.map((text) => matchSet(space, text));
  for (const { vips } of Load_Balancer.values()) {
    for (const vip of Object.keys(vips)) {
      const address = addressOfVip(vip);
      if (!address) sets.push(matchSet(space, 'ip'));
      else sets.push(space.cube([field(address.family === 4 ? at.ip4Dst : at.ip6Dst, address.value)]));
    }
  }
  return space.orAll(sets);
}

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1` or `[fd00::1]:80`. */
const addressOfVip = (vip: string) =>
  parseAddress(/^\[([^\]]+)\](?::\d+)?$/.exec(vip)?.[1] ?? vip.replace(/^([\d.]+):\d+$/, '$1'));

/** What goes to those alone who have asked for a group, and asking for one. */
const snooped = (space: Space, { other_config }: NorthboundRow<'Logical_Switch'>): PacketSet =>
  other_config.mcast_snoop === 'true'
    ? matchSet(space, '(ip && eth.mcast && !eth.bcast) || ip.proto == 2')
    : space.empty;

/** Whether a switch answers for all addresses of the router behind a port. */
const isAnswered = (row: Port | undefined): boolean =>
  row !== undefined && row.type === 'router' && row.enabled !== false && row.addresses.join(' ') === 'router';

type Written = Pick<Owed, 'answerable' | 'given'>;

const written = new WeakMap<View, Written>();

/** All addresses that are in rows because of which somebody may answer for them. */
function writtenIn(view: View, northbound: Northbound): Written {
  const before = written.get(view);
  if (before) return before;
  const { space } = view.analysis;
  const { NAT, Load_Balancer, Logical_Switch_Port, Logical_Router_Port } = northbound;
  const routers = [...Logical_Router_Port.values()];
  const texts = [
    ...[...NAT.values()].map(({ external_ip }) => external_ip),
    ...[...Load_Balancer.values()].map(({ vips }) => JSON.stringify(vips)),
    // Who asks after backends' health has an address of his own: PORT:SOURCE_IP.
    ...[...Load_Balancer.values()].flatMap(({ ip_port_mappings }) =>
      Object.values(ip_port_mappings).map((text) => text.replace(/^[^:]*:/, '')),
    ),
    ...[...Logical_Switch_Port.values()].map(({ options }) => JSON.stringify(options)),
    ...routers.flatMap(({ networks }) => networks.map((text) => text.replace(/\/.*/, ''))),
  ];
  const networks = texts.flatMap((text) =>
    (text.match(/[0-9a-f:.]*[:.][0-9a-f:.]+(\/\d+)?/gi) ?? []).flatMap(networkIn),
  );
  const own = routers.flatMap(({ mac }) => parseEthernet(mac) ?? []).map(linkLocal);
  const found = {
    answerable: {
      ip4: space.orAll(networks.filter(({ family }) => family === 4).map((one) => space.cube([inNetwork(one)]))),
      ip6: [...own, ...networks.filter(({ family }) => family === 6).map(ipOf)],
    },
    given: [...NAT.values()].flatMap(({ external_mac: mac }) => (mac === undefined ? [] : (parseEthernet(mac) ?? []))),
  };
  written.set(view, found);
  return found;
}

/** An address with its prefix, or with a port behind it. */
function networkIn(word: string): Network[] {
  const [text = '', length] = (/^[\d.]+(?=:\d)/.exec(word)?.[0] ?? word).split('/');
  const address = parseAddress(text);
  if (!address) return [];
  const bits = address.family === 4 ? 32 : 128;
  return [{ ...address, prefixLength: Math.min(Number(length ?? bits), bits) }];
}

function inNetwork({ value, prefixLength }: Network): Literal {
  const mask = (0xffffffffn << BigInt(32 - prefixLength)) & 0xffffffffn;
  return { field: at.arpTpa, value: value & mask, mask };
}
