/**
 * `check_in_port_sec` and `check_out_port_sec`: what a port may send and receive,
 * by the entries of its `port_security`: ovn-nb(5), Logical_Switch_Port.
 *
 * An entry's network is held against whole addresses by ovn-trace
 * ("10.0.0.0/16" allows 10.0.0.0 only); ovn-controller allows every address of
 * it.  `networks` chooses, and with it whose rules hold where the two differ:
 * ovn-controller's (controller/lflow.c, `consider_port_sec_flows`) are stricter
 * about the family that an entry has no address of, and let who has no IPv6
 * address yet look for duplicates of it.
 */
import { linkLocal, type Network, type SecuredAddresses } from './addresses.ts';
import { etherType, fields, type Packet, protocol, readBits, type Storage, slot } from './packet.ts';

/** How a network in an entry is understood: as its one address (ovn-trace), or as all that it contains (ovn-controller). */
export type SecuredNetworks = 'as-address' | 'as-network';

/** True if the port may send the packet. */
export function mayEnter(packet: Packet, entries: readonly SecuredAddresses[], networks: SecuredNetworks): boolean {
  if (networks === 'as-network') return entries.length === 0 || mayEnterChassis(packet, entries);
  return decide(packet, entries, networks, ethSrc, (entry) => {
    switch (packet.words[slot.ethType]) {
      case etherType.ip4:
        return mayEnterIp4(packet, entry);
      case etherType.arp:
        return mayEnterArp(packet, entry);
      case etherType.ip6:
        return mayEnterIp6(packet, entry);
      default:
        return true;
    }
  });
}

/** True if the port may receive the packet. */
export function mayLeave(packet: Packet, entries: readonly SecuredAddresses[], networks: SecuredNetworks): boolean {
  const isRestricting = (entry: SecuredAddresses) => isFrom(packet, ethDst.slot, entry.mac) && !unrestricted(entry);
  // In ovn-controller an entry without addresses does not lift what another entry of its MAC address demands.
  const isRestricted = networks === 'as-network' && isIp(packet) && entries.some(isRestricting);
  return decide(packet, isRestricted ? entries.filter(isRestricting) : entries, networks, ethDst, (entry) => {
    switch (packet.words[slot.ethType]) {
      case etherType.ip4:
        return mayLeaveIp4(packet, entry, networks);
      case etherType.ip6:
        return mayLeaveIp6(packet, entry, networks);
      default:
        return true;
    }
  });
}

function field(name: keyof typeof fields & string): Storage {
  return fields[name] as Storage;
}

const ethSrc = field('eth.src');
const ethDst = field('eth.dst');
const ip6Src = field('ip6.src');
const ip6Dst = field('ip6.dst');
const target = field('nd.target');
const sha = field('arp.sha');
const tha = field('arp.tha');

/** The entries with the packet's MAC address decide; in ovn-trace, the first of them. */
function decide(
  packet: Packet,
  entries: readonly SecuredAddresses[],
  networks: SecuredNetworks,
  where: Storage,
  allows: (entry: SecuredAddresses) => boolean,
): boolean {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as SecuredAddresses;
    if (!isFrom(packet, where.slot, entry.mac)) continue;
    if (allows(entry)) return true;
    if (networks === 'as-address') return false;
  }
  return entries.length === 0;
}

/** Whether a MAC address in a packet is this one. */
function isFrom({ words }: Packet, at: number, mac: bigint): boolean {
  return (words[at] as number) * 2 ** 32 + (words[at + 1] as number) === Number(mac);
}

function anyOf(list: readonly Network[], address: bigint, networks: SecuredNetworks): boolean {
  return list.some((network) => {
    const hostBits = BigInt((network.family === 4 ? 32 : 128) - network.prefixLength);
    // An entry with host bits set names one host: ovn-nb(5), port_security.
    const host = network.value & ((1n << hostBits) - 1n);
    if (networks === 'as-address' || host !== 0n) return network.value === address;
    return network.value >> hostBits === address >> hostBits;
  });
}

function word(packet: Packet, at: number): number {
  return packet.words[at] as number;
}

function isIp(packet: Packet): boolean {
  return packet.words[slot.ethType] === etherType.ip4 || packet.words[slot.ethType] === etherType.ip6;
}

function unrestricted(entry: SecuredAddresses): boolean {
  return entry.ip4.length === 0 && entry.ip6.length === 0;
}

/**
 * On a chassis: what is no ARP has a source of some entry, and then advertisements are told by all entries: for a link-local
 * address with its MAC address, whichever of the port's senders says so.
 */
function mayEnterChassis(packet: Packet, entries: readonly SecuredAddresses[]): boolean {
  const own = entries.filter(({ mac }) => isFrom(packet, ethSrc.slot, mac));
  if (packet.words[slot.ethType] === etherType.arp) return own.some((entry) => saysOwnArp(packet, entry));
  if (!own.some((entry) => hasSource(packet, entry))) return false;
  return !isAdvertisement(packet) || entries.some((entry) => mayAdvertise(packet, entry, own.includes(entry)));
}

function saysOwnArp(packet: Packet, { mac, ip4, ip6 }: SecuredAddresses): boolean {
  if (readBits(packet, sha) !== mac) return false;
  return ip4.length === 0 ? ip6.length === 0 : anyOf(ip4, BigInt(word(packet, slot.nwSrc)), 'as-network');
}

/** Where addresses are named, frames that are not IP have none of them. */
function hasSource(packet: Packet, entry: SecuredAddresses): boolean {
  if (unrestricted(entry)) return true;
  switch (packet.words[slot.ethType]) {
    case etherType.ip4: {
      const isOwn = anyOf(entry.ip4, BigInt(word(packet, slot.nwSrc)), 'as-network');
      return entry.ip4.length > 0 && (isOwn || isDhcpRequest(packet));
    }
    case etherType.ip6: {
      const source = readBits(packet, ip6Src);
      const isOwn = source === linkLocal(entry.mac) || anyOf(entry.ip6, source, 'as-network');
      return entry.ip6.length > 0 && (isOwn || (source === 0n && isForDuplicates(packet)));
    }
    default:
      return false;
  }
}

const isAdvertisement = (packet: Packet): boolean =>
  packet.words[slot.ethType] === etherType.ip6 &&
  word(packet, slot.nwProto) === protocol.icmp6 &&
  word(packet, slot.tpSrc) === 136 &&
  word(packet, slot.nwTtl) === 255;

function mayAdvertise(packet: Packet, { mac, ip6 }: SecuredAddresses, isSender: boolean): boolean {
  if (word(packet, slot.tpDst) !== 0 || !isUnsetOr(readBits(packet, tha), mac)) return false;
  const advertised = readBits(packet, target);
  return ip6.length === 0 || advertised === linkLocal(mac) || (isSender && anyOf(ip6, advertised, 'as-network'));
}

function mayEnterArp(packet: Packet, entry: SecuredAddresses): boolean {
  if (readBits(packet, sha) !== entry.mac) return false;
  return entry.ip4.length === 0 || anyOf(entry.ip4, BigInt(word(packet, slot.nwSrc)), 'as-address');
}

function mayEnterIp4(packet: Packet, entry: SecuredAddresses): boolean {
  if (unrestricted(entry) || anyOf(entry.ip4, BigInt(word(packet, slot.nwSrc)), 'as-address')) return true;
  return isDhcpRequest(packet);
}

/** Who has no address yet asks for one from 0.0.0.0. */
function isDhcpRequest(packet: Packet): boolean {
  return (
    word(packet, slot.nwProto) === protocol.udp &&
    word(packet, slot.tpSrc) === 68 &&
    word(packet, slot.tpDst) === 67 &&
    word(packet, slot.nwSrc) === 0 &&
    word(packet, slot.nwDst) === 0xffffffff
  );
}

function mayEnterIp6(packet: Packet, entry: SecuredAddresses): boolean {
  if (unrestricted(entry)) return true;
  const lla = linkLocal(entry.mac);
  const source = readBits(packet, ip6Src);
  if (source !== lla && !anyOf(entry.ip6, source, 'as-address')) return false;
  if (word(packet, slot.nwProto) !== protocol.icmp6) return true;
  const type = word(packet, slot.tpSrc);
  if (type === 135) return isUnsetOr(readBits(packet, sha), entry.mac);
  if (type !== 136) return true;
  if (!isUnsetOr(readBits(packet, tha), entry.mac)) return false;
  const advertised = readBits(packet, target);
  return entry.ip6.length === 0 || advertised === lla || anyOf(entry.ip6, advertised, 'as-address');
}

/** Who has no address yet tells routers of its groups, and asks whether somebody has the address it wants. */
function isForDuplicates(packet: Packet): boolean {
  if (word(packet, slot.nwProto) !== protocol.icmp6 || word(packet, slot.tpDst) !== 0) return false;
  return readBits(packet, ip6Dst) >> 112n === 0xff02n && [131, 135, 143].includes(word(packet, slot.tpSrc));
}

function isUnsetOr(mac: bigint, expected: bigint): boolean {
  return mac === 0n || mac === expected;
}

function mayLeaveIp4(packet: Packet, entry: SecuredAddresses, networks: SecuredNetworks): boolean {
  if (unrestricted(entry)) return true;
  if (entry.ip4.length === 0) return false;
  const destination = word(packet, slot.nwDst);
  const multicast = destination >>> 28 === 0xe;
  if (multicast || destination === 0xffffffff || anyOf(entry.ip4, BigInt(destination), networks)) return true;
  return networks === 'as-network' && entry.ip4.some((network) => broadcastOf(network) === BigInt(destination));
}

/** Where an entry names a host with its network, the host also hears that network's broadcasts. */
function broadcastOf({ value, prefixLength }: Network): bigint {
  return value | ((1n << BigInt(32 - prefixLength)) - 1n);
}

function mayLeaveIp6(packet: Packet, entry: SecuredAddresses, networks: SecuredNetworks): boolean {
  if (unrestricted(entry)) return true;
  if (entry.ip6.length === 0) return false;
  const destination = readBits(packet, ip6Dst);
  const multicast = destination >> 120n === 0xffn;
  return multicast || destination === linkLocal(entry.mac) || anyOf(entry.ip6, destination, networks);
}
