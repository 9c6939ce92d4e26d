/** A packet with a forged source dies at its port, and so does a frame with a tag or from a group. */
import { formatIpv4 } from '../../engine/address.ts';
import type { Literal, PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { at, fieldIndex, type NetworkPort, read, type Store, type Value } from '../symbolic/index.ts';
import { parseSecuredAddresses, type SecuredAddresses } from '../trace/addresses.ts';
import { misrouted, wereRouted } from './misrouted.ts';
import { networksOf, outsideOfNetwork } from './outside.ts';
import type { Check, Property } from './property.ts';
import { endText, judgeRefusals, type Refusal, whatText } from './refusal.ts';
import { portsMeant, settingsIn } from './told.ts';
import { from, type Host, isOfChassis, portsOf, type TenantNetwork, type View } from './view.ts';

export const sourceGuarded: Property = {
  id: 'source-guarded',
  severity: 'error',
  promise: 'a packet with a forged source dies at its port',
  *checks(view) {
    const trusted = new Set((settingsIn(view)?.trusted ?? []).flatMap((selector) => portsMeant(view, selector)));
    for (const network of networksOf(view)) {
      const isTrusted = ({ port }: Host): boolean => trusted.has(port) || isOfChassis(port);
      const hosts = network.hosts.filter((host) => !isTrusted(host) && !isFree(network, host));
      const guarded = hosts.filter(({ port }) => network.plan || port.binding.portSecurity.length > 0);
      const open = hosts.filter((host) => !guarded.includes(host));
      if (guarded.length > 0 || open.length === 0) yield check(view, network, guarded);
      if (open.length > 0) yield { ...check(view, network, open), severity: 'warning' };
    }
  },
};

/** Ports of manifests that may have any MAC address. */
const isFree = ({ plan }: TenantNetwork, { port }: Host): boolean =>
  plan?.ports.some(({ name, unknownMac }) => name === port.name && unknownMac) ?? false;

function check(view: View, network: TenantNetwork, hosts: readonly Host[]): Check {
  const vacuous =
    network.hosts.length === 0
      ? 'it has no interface'
      : hosts.length === 0
        ? 'all of its ports may send from any address'
        : undefined;
  return {
    subject: network.name,
    source: network.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () =>
      judgeRefusals(view, [
        ...(network.plan ? planned(view, network, hosts) : [found(view, network, hosts)]),
        ...strange(view, network, hosts),
        ...(network.plan ? misrouted(view, sendersOf(view, network, hosts), portsNear(view, network)) : []),
      ]),
  };
}

/** The MAC address is bound; what leaves the network is from its subnet. */
function planned(view: View, network: TenantNetwork, hosts: readonly Host[]): Refusal[] {
  const { space } = view.analysis;
  const ports = hosts.map(({ port }) => port);
  const bound = hosts.map((host) => ({ host, entries: [{ mac: host.mac ?? 0n, ip4: [], ip6: [] }] }));
  const refusals = [refusal(view, network, ports, forged(view, bound, false))];
  const subnet = network.plan?.subnet;
  if (!subnet) return refusals;
  const outside = `ip4 && ip4.src != ${formatIpv4(subnet.address)}/${subnet.prefixLength}`;
  const others = portsNear(view, network).filter(({ datapath }) => datapath !== network.datapath);
  return [
    ...refusals,
    {
      packets: space.and(from(view, ports), matchSet(space, outside)),
      ports: others,
      // What a router makes of a packet, or answers, is from the router's address.
      bad: ({ made, store }) => (made === undefined ? withOwnSource(view, store) : space.empty),
      sentence: (one) =>
        `a packet of ${network.name} with a source address of another network arrives at ${endText(view, one)}`,
    },
    {
      packets: space.and(from(view, ports), matchSet(space, outside)),
      ports: portsOf([network]),
      bad: ({ made, store }) =>
        made === undefined ? space.and(withOwnSource(view, store), wereRouted(view, store)) : space.empty,
      sentence: (one) =>
        `a packet of ${network.name} with a source address of another network is routed to ${endText(view, one)}`,
    },
  ];
}

const sendersOf = (view: View, network: TenantNetwork, hosts: readonly Host[]): NetworkPort[] => [
  ...hosts.map(({ port }) => port),
  ...outsideOfNetwork(view, network),
];

/** No frame is delivered with a VLAN's tag where VLANs are not passed through, nor with a group for a sender (IEEE 802.3, 3.2.3). */
function strange(view: View, network: TenantNetwork, hosts: readonly Host[]): Refusal[] {
  const { space } = view.analysis;
  const ports = portsNear(view, network);
  const senders = from(view, sendersOf(view, network, hosts));
  const own = portsOf([network]);
  const group: Refusal = {
    ...(network.plan ? { packets: senders, ports } : { packets: from(view, own), ports: own }),
    orBack: true,
    bad: ({ store }, certainty) => matchSet(space, 'eth.src[40]', store, certainty),
    sentence: (one) => `${whatText(one)} arrives at ${endText(view, one)} with a group address as its source`,
  };
  const groups = network.plan || !answersBroadcasts(view) ? [group] : [];
  if (passesTags(view, network)) return groups;
  const tagged: Refusal = {
    packets: space.and(senders, matchSet(space, 'vlan.present')),
    ports,
    orBack: true,
    sentence: (one) => `${whatText(one)} that has a VLAN's tag arrives at ${endText(view, one)}`,
  };
  return [...groups, tagged];
}

/** Whether ACLs or load balancers of a database may reject broadcasts: OVN sends the answer from the address that was asked. */
const answersBroadcasts = ({ northbound }: View): boolean =>
  !northbound ||
  northbound.Load_Balancer.size > 0 ||
  [...northbound.ACL.values()].some(({ action }) => action === 'reject');

/** Whether a switch that is joined with the network lets tags pass, as far as that is known: ovn-nb(5), `vlan-passthru`. */
function passesTags({ northbound, analysis }: View, { datapath }: TenantNetwork): boolean {
  if (!northbound) return true;
  const names = new Set(analysis.network.components[datapath.component]?.map(({ name }) => name));
  return [...northbound.Logical_Switch.values()].some(
    (row) => names.has(row.name) && row.other_config['vlan-passthru'] === 'true',
  );
}

/** The packets that still have the source that they entered with. */
function withOwnSource({ analysis: { space } }: View, store: Store): PacketSet {
  const value = read(store, at.ip4Src);
  const options = value.options ?? [{ packets: space.all, value }];
  const isOwn = ({ pieces: [piece] }: Value): boolean => piece?.kind === 'input' && piece.field === at.ip4Src;
  return space.orAll(options.filter((option) => isOwn(option.value)).map(({ packets }) => packets));
}

/** Nothing is sent but from the addresses of port security, or of the port where there are none. */
function found(view: View, network: TenantNetwork, hosts: readonly Host[]): Refusal {
  const known = hosts.map((host) => ({ host, entries: entriesOf(host) }));
  return refusal(
    view,
    network,
    hosts.map(({ port }) => port),
    forged(view, known),
  );
}

function entriesOf({ port: { binding } }: Host): SecuredAddresses[] {
  const texts = binding.portSecurity.length > 0 ? binding.portSecurity : binding.mac;
  return texts.flatMap((text) => parseSecuredAddresses(text) ?? []);
}

function refusal(view: View, network: TenantNetwork, ports: readonly NetworkPort[], packets: PacketSet): Refusal {
  const { space } = view.analysis;
  return {
    packets: space.and(packets, from(view, ports)),
    ports: portsNear(view, network),
    // Back at the sender it harms nobody else.
    at: (port) => space.not(from(view, [port])),
    sentence: (one) => `a packet of ${network.name} with a forged source arrives at ${endText(view, one)}`,
  };
}

/** Everywhere that packets of the network may get without leaving. */
const portsNear = (view: View, network: TenantNetwork): NetworkPort[] => [
  ...portsOf(networksOf(view).filter(({ datapath }) => datapath.component === network.datapath.component)),
  ...outsideOfNetwork(view, network),
];

interface Bound {
  readonly host: Host;
  readonly entries: readonly SecuredAddresses[];
}

const field = (name: string, width: number, value: bigint): Literal => ({
  field: fieldIndex(name),
  value,
  mask: (1n << BigInt(width)) - 1n,
});

/**
 * What hosts may not send: by Ethernet's addresses, ARP's, neighbour discovery's, IPv4's or IPv6's.  OVN 23.03 lets
 * solicitations pass whatever they say of their sender: `solicits` tells whether that counts.
 */
function forged(view: View, bound: readonly Bound[], solicits = true): PacketSet {
  const { space } = view.analysis;
  /** Packets of each port with one of these values in a field. */
  const own = (values: (entry: SecuredAddresses) => readonly (readonly Literal[])[]): PacketSet =>
    space.orAll(
      bound.flatMap(({ host, entries }) =>
        entries.flatMap((entry) =>
          values(entry).map((literals) => space.cube([field('inport', 20, BigInt(host.port.number)), ...literals])),
        ),
      ),
    );
  const unless = (text: string, allowed: PacketSet): PacketSet => space.diff(matchSet(space, text), allowed);
  const mac = (name: string) => own((entry) => [[field(name, 48, entry.mac)]]);
  const macOrNone = (name: string) => own((entry) => [[field(name, 48, entry.mac)], [field(name, 48, 0n)]]);
  const addresses = (family: 4 | 6, name: string, none: readonly bigint[]) =>
    own((entry) => {
      const list = family === 4 ? entry.ip4 : entry.ip6;
      const width = family === 4 ? 32 : 128;
      if (entry.ip4.length + entry.ip6.length === 0) return [[]];
      return [
        ...list.map(({ value, prefixLength }) => [inNetwork(name, width, value, prefixLength)]),
        ...none.map((value) => [field(name, width, value)]),
      ];
    });
  const linkLocal: PacketSet = own((entry) => [[inNetwork('ip6.src', 128, linkLocalOf(entry.mac), 128)]]);
  return space.orAll([
    unless('1', mac('eth.src')),
    unless('arp', space.and(mac('arp.sha'), addresses(4, 'arp.spa', [0n]))),
    solicits ? unless('nd_ns', macOrNone('nd.sll')) : space.empty,
    unless('nd_na', macOrNone('nd.tll')),
    unless('ip4', addresses(4, 'ip4.src', [0n])),
    unless('ip6', space.or(addresses(6, 'ip6.src', [0n]), linkLocal)),
  ]);
}

/** An entry with host bits set names one host: ovn-nb(5), port_security. */
function inNetwork(name: string, width: number, value: bigint, length: number): Literal {
  const all = (1n << BigInt(width)) - 1n;
  const mask = all & ~((1n << BigInt(width - length)) - 1n);
  const exact = (value & mask) === value ? mask : all;
  return { field: name === 'ip6.src' ? at.ip6Src : fieldIndex(name), value: value & exact, mask: exact };
}

/** RFC 4291, appendix A: the interface's identifier is made of the MAC address. */
function linkLocalOf(mac: bigint): bigint {
  const flipped = mac ^ (0x02n << 40n);
  return (0xfe80n << 112n) | ((flipped >> 24n) << 40n) | (0xfffen << 24n) | (flipped & 0xffffffn);
}
