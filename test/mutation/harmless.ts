/**
 * Changes that matter to nobody: nothing newly gets to anybody but its sender, and nothing is lost that an honest host
 * sends.  What a frame to a group with the address of one host comes to, say, or an answer to who claims a router's MAC
 * address.
 */
import { formatEthernet, parseEthernet } from '../../engine/lang/addresses.ts';
import { formatIpv4 } from '../../engine/lang/index.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../../sim/policy/packets.ts';
import { neighborMacs } from '../../sim/properties/honest.ts';
import { gatewayBehind } from '../../sim/properties/open-view.ts';
import type { Gateway, Host, View } from '../../sim/properties/view.ts';
import { ownMacs } from '../../sim/properties/wires.ts';
import { type Analysis, inportIn } from '../../sim/symbolic/index.ts';
import type { Change } from './fate.ts';

/** Packets of a network, by whom they come from. */
export interface Senders {
  /** Of anybody, where neighbours are hosts of their own: none has the MAC address of a group or of a router. */
  readonly believable: PacketSet;
  /** Of these, what honest hosts send, inside and outside. */
  readonly honest: PacketSet;
}

/** Whether somebody other than the sender gets packets newly, or an honest sender loses them. */
export function matters({ space }: Analysis, { believable, honest }: Senders, { how, fate, packets }: Change): boolean {
  switch (how) {
    case 'gained':
      if (fate.place === 'sender') return false;
      // A router's own question tells nobody what was sent.
      if (fate.made === 'arp' || fate.made === 'nd_ns') return false;
      return fate.place !== 'port' || space.intersects(packets, believable);
    case 'lost':
    case 'surely lost':
      return (fate.place === 'port' || fate.place === 'sender') && space.intersects(packets, honest);
    case 'surely gained':
      return false;
  }
}

/** Who sends what in a network. */
export function sendersIn(view: View): Senders {
  const { space, network, possible } = view.analysis;
  const gateways = [...network.ports.values()].flatMap(gatewayBehind);
  const monitor = (network.southbound.addressSets.get('svc_monitor_mac') ?? []).flatMap(
    (text) => parseEthernet(text) ?? [],
  );
  const taken = [0n, ...monitor, ...gateways.map(({ mac }) => mac)];
  const group = 1n << 40n;
  const believable = allOf(
    space,
    neighborMacs.flatMap((field) => [
      space.cube([{ field, value: 0n, mask: group }]),
      space.not(space.oneOf(field, taken)),
    ]),
  );
  const inside = space.orAll([...view.hostOf.values()].map((host) => fromHost(view, host)));
  const outside = space.orAll(view.wires.flatMap(({ ports }) => ports.map((port) => fromWire(view, port, gateways))));
  // RFC 1122, section 3.3.6: in a frame to a group there is a packet to a group.
  const toGroup = 'ip4.dst == {224.0.0.0/4, 255.255.255.255}';
  const honest = allOf(space, [
    possible,
    believable,
    space.or(inside, outside),
    matchSet(space, '!vlan.present'),
    space.not(space.diff(matchSet(space, 'ip4 && eth.dst[40]'), matchSet(space, toGroup))),
    ...monitor.map((mac) => space.not(matchSet(space, `eth.dst == ${formatEthernet(mac)}`))),
  ]);
  return { believable, honest };
}

/** Packets of a kind that are in a set, and all of other kinds. */
const where = (space: Space, kind: string, set: PacketSet): PacketSet =>
  space.or(space.not(matchSet(space, kind)), set);

/** From the port's own MAC address, and as far as that says who sends it the port's own IPv4 address. */
function fromHost({ analysis: { space } }: View, { port, mac, ip4 }: Host): PacketSet {
  if (mac === undefined) return space.empty;
  const own = formatEthernet(mac);
  const addresses = `{${['0.0.0.0', ...ip4.map((ip) => formatIpv4(ip))].join(', ')}}`;
  return allOf(space, [
    inportIn(space, [port]),
    matchSet(space, `eth.src == ${own}`),
    where(space, 'ip4', matchSet(space, `ip4.src == ${addresses}`)),
    where(space, 'arp', matchSet(space, `arp.sha == ${own} && arp.spa == ${addresses}`)),
  ]);
}

/**
 * From a MAC address that is not the network's, and an IPv4 address outside of it; ARP from the network of the router
 * that is asked; to a router's MAC address there, or to a group.
 */
function fromWire(view: View, port: Host['port'], gateways: readonly Gateway[]): PacketSet {
  const { space } = view.analysis;
  const beside = port.datapath.ports.flatMap(gatewayBehind);
  const prefixes = (of: readonly Gateway[]): string[] =>
    of.flatMap(({ addresses }) =>
      addresses.flatMap(({ address: { family, value }, prefixLength }) =>
        family === 4
          ? [`${formatIpv4((value >> BigInt(32 - prefixLength)) << BigInt(32 - prefixLength))}/${prefixLength}`]
          : [],
      ),
    );
  const own = gateways.flatMap(({ addresses }) =>
    addresses.flatMap(({ address: { family, value } }) => (family === 4 ? [formatIpv4(value)] : [])),
  );
  const near = prefixes(beside);
  const far = prefixes(gateways).filter((text) => !near.includes(text));
  const nobody = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3', ...own, ...far];
  const macs = beside.map(({ mac }) => formatEthernet(mac));
  if (near.length === 0 || macs.length === 0) return space.empty;
  return allOf(space, [
    inportIn(space, [port]),
    space.not(ownMacs(view)),
    matchSet(space, `!eth.src[40] && (eth.dst[40] || eth.dst == {${macs.join(', ')}})`),
    where(space, 'ip4', space.not(matchSet(space, `ip4.src == {${nobody.join(', ')}}`))),
    where(
      space,
      'arp',
      space.diff(matchSet(space, `arp.spa == {${near.join(', ')}}`), matchSet(space, `arp.spa == {${own.join(', ')}}`)),
    ),
  ]);
}
