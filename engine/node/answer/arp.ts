/**
 * ARP (RFC 826): what `arp { }` asks, and what a chassis tells the world about
 * the addresses that live on it.
 */
import { setU16, Writer } from './bytes.ts';
import { broadcast, pushVlan } from './compose.ts';
import { ETH_TYPE_ARP, ETH_TYPE_RARP, ethDst, ethSrc, ipDst, ipSrc, readIp } from './headers.ts';

const REQUEST = 1;
/** Reverse request: RFC 903. */
const REVERSE_REQUEST = 3;

const nowhere = new Uint8Array(6);
const unspecified = new Uint8Array(4);

/**
 * `arp { }`: a request for the address that the IPv4 packet goes to, from where
 * the packet comes from.  It keeps the packet's Ethernet addresses and VLAN tag.
 */
export function arpRequest(frame: Uint8Array): Uint8Array | undefined {
  const ip = readIp(frame);
  if (ip?.family !== 4) return undefined;
  const sender = ethSrc(frame);
  const message = { operation: REQUEST, sha: sender, spa: ipSrc(frame, ip), tha: nowhere, tpa: ipDst(frame, ip) };
  return pushVlan(compose(ethDst(frame), sender, message), ip.tci);
}

/** A request for the sender's own IPv4 address, to everybody: RFC 5227 section 3.  Addresses are 6 and 4 bytes. */
export function gratuitousArp(mac: Uint8Array, ip: Uint8Array): Uint8Array {
  return compose(broadcast, mac, { operation: REQUEST, sha: mac, spa: ip, tha: nowhere, tpa: ip });
}

/** What tells switches where a MAC address without an IPv4 address lives: a reverse request. */
export function reverseArp(mac: Uint8Array): Uint8Array {
  const message = { operation: REVERSE_REQUEST, sha: mac, spa: unspecified, tha: mac, tpa: unspecified };
  const frame = compose(broadcast, mac, message);
  setU16(frame, 12, ETH_TYPE_RARP);
  return frame;
}

interface Message {
  operation: number;
  sha: Uint8Array;
  spa: Uint8Array;
  tha: Uint8Array;
  tpa: Uint8Array;
}

function compose(to: Uint8Array, from: Uint8Array, { operation, sha, spa, tha, tpa }: Message): Uint8Array {
  // Ethernet with 6 bytes, IPv4 with 4.
  const frame = new Writer(42).put(to).put(from).u16(ETH_TYPE_ARP).u16(1).u16(0x0800).u8(6).u8(4).u16(operation);
  return frame.put(sha).put(spa).put(tha).put(tpa).done();
}
