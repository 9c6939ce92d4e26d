/**
 * A router that asks for IPv6 prefixes (RFC 8415 section 18): what it sends,
 * and what `handle_dhcpv6_reply` reads.
 */
import { setU16, u16, u32, Writer } from './bytes.ts';
import { composeIp, fillTransportChecksum, pushVlan, UDP_CHECKSUM, UDP_NEVER } from './compose.ts';
import {
  ADVERTISE,
  CLIENT_ID,
  DUID_LL,
  ETHERNET,
  INFINITY,
  optionsIn,
  REBIND,
  RENEW,
  REPLY,
  REQUEST,
  SERVER_ID,
  SOLICIT,
} from './dhcpv6.ts';
import { ethDst, ethSrc, ipDst, ipSrc, PROTO_UDP, readIp, udpPayload } from './headers.ts';

const CLIENT_PORT = 546;
const SERVER_PORT = 547;

/** Options: RFC 8415 sections 21.13, 21.21 and 21.22. */
const STATUS = 13;
const IA_PD = 25;
const IA_PREFIX = 26;

/** ff02::1:2, all servers and relays, and its Ethernet address. */
const allServers = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2);
const allServersEthernet = Uint8Array.of(0x33, 0x33, 0, 1, 0, 2);

export interface PrefixClient {
  /** The router port's addresses: 6 and 16 bytes. */
  readonly mac: Uint8Array;
  readonly ip: Uint8Array;
  /** The MAC address that identifies the client: that of the port whose prefix it is. */
  readonly clientMac: Uint8Array;
  /** IAID. */
  readonly association: number;
  /** The server that gave the prefix; without it everybody is asked. */
  readonly server?: { readonly mac: Uint8Array; readonly ip: Uint8Array; readonly duid: Uint8Array };
  /** The prefix that the router has, or wants again. */
  readonly prefix?: { readonly ip: Uint8Array; readonly length: number };
}

/** A SOLICIT, RENEW or REBIND. */
export function prefixRequest(message: 'solicit' | 'renew' | 'rebind', client: PrefixClient): Uint8Array {
  const { server, prefix } = client;
  const type = { solicit: SOLICIT, renew: RENEW, rebind: REBIND }[message];
  const dhcp = new Writer(128).u8(type).zeros(3);
  dhcp.u16(CLIENT_ID).u16(10).u16(DUID_LL).u16(ETHERNET).put(client.clientMac);
  if (server) dhcp.u16(SERVER_ID).u16(server.duid.length).put(server.duid);
  dhcp
    .u16(IA_PD)
    .u16(12 + (prefix ? 29 : 0))
    .u32(client.association)
    .u32(INFINITY)
    .u32(INFINITY);
  if (prefix) dhcp.u16(IA_PREFIX).u16(25).u32(INFINITY).u32(INFINITY).u8(prefix.length).put(prefix.ip);
  const to = server ?? { mac: allServersEthernet, ip: allServers };
  return compose({ ethDst: to.mac, ethSrc: client.mac, src: client.ip, dst: to.ip }, dhcp.done());
}

type Way = Parameters<typeof composeIp>[0];

function compose(way: Way, dhcp: Uint8Array): Uint8Array {
  const length = 8 + dhcp.length;
  const payload = new Writer(length).u16(CLIENT_PORT).u16(SERVER_PORT).u16(length).u16(0).put(dhcp).done();
  fillTransportChecksum(way, PROTO_UDP, payload, UDP_CHECKSUM, UDP_NEVER);
  return composeIp(way, PROTO_UDP, 255, payload);
}

/** A prefix that a server delegates; times in seconds. */
export interface DelegatedPrefix {
  readonly association: number;
  readonly ip: Uint8Array;
  readonly length: number;
  readonly t1: number;
  readonly t2: number;
  readonly preferred: number;
  readonly valid: number;
  readonly server: { readonly mac: Uint8Array; readonly ip: Uint8Array; readonly duid: Uint8Array };
}

export type PrefixAnswer =
  /** A server advertises prefixes: `request` is what asks it for them, for the port that has the association. */
  | { readonly kind: 'advertise'; readonly association: number; readonly request: Uint8Array }
  | { readonly kind: 'reply'; readonly prefix: DelegatedPrefix };

/** Reads what a server says; undefined if that is neither, has an error status, or contradicts itself. */
export function readPrefixAnswer(frame: Uint8Array): PrefixAnswer | undefined {
  const ip = readIp(frame);
  const payload = ip?.family === 6 ? udpPayload(frame, ip) : undefined;
  if (!ip || !payload || payload.at + 4 > payload.end) return undefined;
  const from = { mac: ethSrc(frame), ip: ipSrc(frame, ip) };
  const options = { bytes: frame, from: payload.at + 4, end: payload.end };
  if (frame[payload.at] === ADVERTISE) {
    const taken = readAdvertised(options);
    if (!taken) return undefined;
    const way = { ethDst: from.mac, ethSrc: ethDst(frame), src: ipDst(frame, ip), dst: from.ip };
    const dhcp = new Writer(4 + taken.options.length).u8(REQUEST).zeros(3).put(taken.options).done();
    return { kind: 'advertise', association: taken.association, request: pushVlan(compose(way, dhcp), ip.tci) };
  }
  if (frame[payload.at] !== REPLY) return undefined;
  const prefix = readDelegated(options, from);
  return prefix && { kind: 'reply', prefix };
}

interface Options {
  bytes: Uint8Array;
  from: number;
  end: number;
}

/** The options that a REQUEST repeats: both identifiers and the association with its prefixes alone. */
function readAdvertised({ bytes, from, end }: Options): { association: number; options: Uint8Array } | undefined {
  const kept = new Writer(end - from);
  let association = 0;
  for (const { code, at, next } of optionsIn(bytes, from, end)) {
    if (code === SERVER_ID || code === CLIENT_ID) kept.put(bytes.subarray(at, next));
    if (code !== IA_PD || at + 16 > next) continue;
    if (isLater(u32(bytes, at + 8), u32(bytes, at + 12))) return undefined;
    association = u32(bytes, at + 4);
    const option = new Writer(next - at).put(bytes.subarray(at, at + 16));
    for (const inner of optionsIn(bytes, at + 16, next)) {
      if (inner.code === STATUS && inner.at + 6 <= inner.next && u16(bytes, inner.at + 4) !== 0) return undefined;
      if (inner.code !== IA_PREFIX || inner.at + 29 > inner.next) continue;
      if (u32(bytes, inner.at + 4) > u32(bytes, inner.at + 8)) return undefined;
      option.put(bytes.subarray(inner.at, inner.next));
    }
    const whole = option.done();
    setU16(whole, 2, whole.length - 4);
    kept.put(whole);
  }
  return { association, options: kept.done() };
}

/** T1 must not come after T2, where there is one. */
const isLater = (t1: number, t2: number): boolean => t1 > t2 && t2 > 0;

function readDelegated(
  { bytes, from, end }: Options,
  sender: { mac: Uint8Array; ip: Uint8Array },
): DelegatedPrefix | undefined {
  let duid = new Uint8Array(0);
  let found: Omit<DelegatedPrefix, 'server'> | undefined;
  for (const { code, at, next } of optionsIn(bytes, from, end)) {
    if (code === SERVER_ID) duid = bytes.slice(at + 4, next);
    if (code !== IA_PD || at + 16 > next) continue;
    const [association, t1, t2] = [u32(bytes, at + 4), u32(bytes, at + 8), u32(bytes, at + 12)];
    if (isLater(t1, t2)) continue;
    for (const inner of optionsIn(bytes, at + 16, next)) {
      if (inner.code === STATUS && inner.at + 6 <= inner.next && u16(bytes, inner.at + 4) !== 0) found = undefined;
      if (inner.code !== IA_PREFIX || inner.at + 29 > inner.next) continue;
      const [preferred, valid] = [u32(bytes, inner.at + 4), u32(bytes, inner.at + 8)];
      if (preferred > valid) break;
      const ip = bytes.slice(inner.at + 13, inner.at + 29);
      found = { association, ip, length: bytes[inner.at + 12], t1, t2, preferred, valid };
    }
  }
  return found && { ...found, server: { ...sender, duid } };
}
