/** What hosts send back: answers made of the very frame that reached them, so that they fit whatever was translated on the way. */
import {
  type Bytes,
  type Ethernet,
  echo,
  frame,
  icmp,
  ipv4Packet,
  ipv6Packet,
  protocols,
  rawFrame,
  tcp,
  tcpFlags,
  u32,
  udp,
} from './frames.ts';

/** Where the headers of a frame are, as offsets in it, and what they say. */
export interface Headers {
  eth: { src: string; dst: string; tags: number[] };
  /** What follows the tags. */
  type: number;
  l3: number;
  ip?: IpHeader;
  arp?: { op: number; sha: string; spa: string; tpa: string };
}

export interface IpHeader {
  version: 4 | 6;
  src: string;
  dst: string;
  ttl: number;
  protocol: number;
  /** Bits and offset of IPv4, zero in IPv6. */
  fragment: number;
  l4: number;
  /** Where the packet ends, by its own length. */
  end: number;
}

const u16At = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];
const u32At = (bytes: Uint8Array, at: number): number => u16At(bytes, at) * 65536 + u16At(bytes, at + 2);
const hex2 = (byte: number): string => byte.toString(16).padStart(2, '0');

export const macAt = (bytes: Uint8Array, at: number): string => [...bytes.subarray(at, at + 6)].map(hex2).join(':');
export const ip4At = (bytes: Uint8Array, at: number): string => bytes.subarray(at, at + 4).join('.');
/** An IPv6 address with all its groups: `fd00:1:0:0:0:0:0:fe`. */
export const ip6At = (bytes: Uint8Array, at: number): string =>
  Array.from({ length: 8 }, (_, group) => u16At(bytes, at + 2 * group).toString(16)).join(':');

/** Reads the headers of a well-formed frame; undefined of what is too short for its own headers. */
export function headersOf(bytes: Uint8Array): Headers | undefined {
  if (bytes.length < 14) return undefined;
  const tags: number[] = [];
  let at = 12;
  while (tags.length < 2 && (u16At(bytes, at) === 0x8100 || u16At(bytes, at) === 0x88a8) && at + 6 <= bytes.length) {
    tags.push(u16At(bytes, at + 2));
    at += 4;
  }
  const eth = { src: macAt(bytes, 6), dst: macAt(bytes, 0), tags };
  const headers: Headers = { eth, type: u16At(bytes, at), l3: at + 2 };
  const { l3, type } = headers;
  if (type === 0x806 && bytes.length >= l3 + 28) {
    const arp = {
      op: u16At(bytes, l3 + 6),
      sha: macAt(bytes, l3 + 8),
      spa: ip4At(bytes, l3 + 14),
      tpa: ip4At(bytes, l3 + 24),
    };
    return { ...headers, arp };
  }
  const ip = type === 0x800 ? ipv4Of(bytes, l3) : type === 0x86dd ? ipv6Of(bytes, l3) : undefined;
  return ip ? { ...headers, ip } : headers;
}

function ipv4Of(bytes: Uint8Array, l3: number): IpHeader | undefined {
  const header = 4 * (bytes[l3] & 15);
  if (bytes.length < l3 + 20 || header < 20) return undefined;
  return {
    version: 4,
    src: ip4At(bytes, l3 + 12),
    dst: ip4At(bytes, l3 + 16),
    ttl: bytes[l3 + 8],
    protocol: bytes[l3 + 9],
    fragment: u16At(bytes, l3 + 6),
    l4: l3 + header,
    end: Math.min(bytes.length, l3 + u16At(bytes, l3 + 2)),
  };
}

function ipv6Of(bytes: Uint8Array, l3: number): IpHeader | undefined {
  if (bytes.length < l3 + 40) return undefined;
  let protocol = bytes[l3 + 6];
  let l4 = l3 + 40;
  while ([0, 43, 60].includes(protocol) && l4 + 8 <= bytes.length) {
    protocol = bytes[l4];
    l4 += 8 * (bytes[l4 + 1] + 1);
  }
  return {
    version: 6,
    src: ip6At(bytes, l3 + 8),
    dst: ip6At(bytes, l3 + 24),
    ttl: bytes[l3 + 7],
    protocol,
    fragment: 0,
    l4,
    end: Math.min(bytes.length, l3 + 40 + u16At(bytes, l3 + 4)),
  };
}

/** Where in a Geneve or VXLAN packet the frame begins that it carries; undefined of other packets. */
export function carriedAt(bytes: Uint8Array): number | undefined {
  const { ip } = headersOf(bytes) ?? {};
  if (ip?.protocol !== protocols.udp || ip.fragment % 0x2000 !== 0) return undefined;
  const port = portsOf(bytes)?.dst;
  if (port === 6081) return ip.l4 + 16 + 4 * (bytes[ip.l4 + 8] & 0x3f);
  return port === 4789 ? ip.l4 + 16 : undefined;
}

/** By which the fragments of one IP packet are found; undefined of what is no fragment. */
export function fragmentId(bytes: Uint8Array): number | undefined {
  const { ip, l3 } = headersOf(bytes) ?? {};
  if (!ip || l3 === undefined) return undefined;
  if (ip.version === 4) return (ip.fragment & 0x3fff) === 0 ? undefined : u16At(bytes, l3 + 4);
  return ip.protocol === 44 && ip.l4 + 8 <= bytes.length ? u32At(bytes, ip.l4 + 4) : undefined;
}

/** Type and code of an ICMP or ICMPv6 message, if the frame has one. */
export function icmpOf(bytes: Uint8Array): { type: number; code: number } | undefined {
  const ip = headersOf(bytes)?.ip;
  if (!ip || ip.protocol !== (ip.version === 4 ? protocols.icmp : protocols.icmp6)) return undefined;
  return { type: bytes[ip.l4], code: bytes[ip.l4 + 1] };
}

/** The TCP or UDP ports of a frame. */
export function portsOf(bytes: Uint8Array): { src: number; dst: number } | undefined {
  const ip = headersOf(bytes)?.ip;
  if (!ip || (ip.protocol !== protocols.tcp && ip.protocol !== protocols.udp)) return undefined;
  return { src: u16At(bytes, ip.l4), dst: u16At(bytes, ip.l4 + 2) };
}

/** Back to where the frame came from. */
const returning = ({ eth }: Headers): Ethernet => ({ src: eth.dst, dst: eth.src, tags: eth.tags });

const needIp = (bytes: Uint8Array): { headers: Headers; ip: IpHeader } => {
  const headers = headersOf(bytes);
  if (!headers?.ip) throw new Error('only an IP packet can be answered so');
  return { headers, ip: headers.ip };
};

export function echoReply(request: Uint8Array): Uint8Array {
  const { headers, ip } = needIp(request);
  const [identifier, sequence] = [u16At(request, ip.l4 + 4), u16At(request, ip.l4 + 6)];
  return echo(returning(headers), { src: ip.dst, dst: ip.src }, { isReply: true, identifier, sequence });
}

/** The next segment of the connection that `segment` belongs to, from its receiver. */
export function tcpAnswer(segment: Uint8Array, flags: number, data: Bytes = []): Uint8Array {
  const { headers, ip } = needIp(segment);
  const at = ip.l4;
  const theirs = segment[at + 13];
  const length = ip.end - at - 4 * (segment[at + 12] >> 4);
  const counted = length + (theirs & tcpFlags.syn ? 1 : 0) + (theirs & tcpFlags.fin ? 1 : 0);
  const isFirst = (theirs & tcpFlags.ack) === 0;
  const answer = tcp({
    src: u16At(segment, at + 2),
    dst: u16At(segment, at),
    seq: isFirst ? 5000 : u32At(segment, at + 8),
    ack: (u32At(segment, at + 4) + counted) % 2 ** 32,
    flags,
    data,
  });
  return frame(returning(headers), { src: ip.dst, dst: ip.src }, protocols.tcp, answer);
}

export function udpAnswer(datagram: Uint8Array, data: Bytes): Uint8Array {
  const { headers, ip } = needIp(datagram);
  const answer = udp(u16At(datagram, ip.l4 + 2), u16At(datagram, ip.l4), data);
  return frame(returning(headers), { src: ip.dst, dst: ip.src }, protocols.udp, answer);
}

/** The kinds of ICMP errors, by their type and code in IPv4 and IPv6 and what the second word says. */
export const icmpErrors = {
  unreachable: { 4: [3, 1], 6: [1, 3], word: 0 },
  portUnreachable: { 4: [3, 3], 6: [1, 4], word: 0 },
  fragmentationNeeded: { 4: [3, 4], 6: [2, 0], word: 1300 },
  timeExceeded: { 4: [11, 0], 6: [3, 0], word: 0 },
} as const;

/** A router at `from`, or the receiver itself, says what happened to a packet, which it quotes. */
export function icmpError(packet: Uint8Array, kind: keyof typeof icmpErrors, from?: string): Uint8Array {
  const { headers, ip } = needIp(packet);
  const { [ip.version]: numbers, word } = icmpErrors[kind];
  const quote = [...packet.subarray(headers.l3, Math.min(ip.end, headers.l3 + (ip.version === 4 ? 60 : 400)))];
  const protocol = ip.version === 4 ? protocols.icmp : protocols.icmp6;
  const message = icmp(numbers[0], numbers[1], word, quote);
  return frame(returning(headers), { src: from ?? ip.dst, dst: ip.src }, protocol, message);
}

/** Fragments, marked as one packet's by `id`, of a frame with an IP packet; each has at most `size` bytes (a multiple of eight) of it. */
export function fragmentsOf(whole: Uint8Array, size: number, id: number): Uint8Array[] {
  const { headers, ip } = needIp(whole);
  const payload = [...whole.subarray(ip.l4, ip.end)];
  const ethernet = { src: headers.eth.src, dst: headers.eth.dst, tags: headers.eth.tags };
  const count = Math.ceil(payload.length / size);
  return Array.from({ length: count }, (_, index) => {
    const part = payload.slice(index * size, (index + 1) * size);
    const more = index < count - 1;
    const offset = (index * size) / 8;
    if (ip.version === 4) {
      const fragment = (more ? 0x2000 : 0) | offset;
      return fragmentFrame(ethernet, 0x800, ipv4Packet({ ...ip, fragment, id }, ip.protocol, part));
    }
    const field = (offset << 3) | (more ? 1 : 0);
    const bytes = [0, 0, field >> 8, field & 0xff, ...u32(id)];
    return fragmentFrame(
      ethernet,
      0x86dd,
      ipv6Packet({ ...ip, extensions: [{ number: 44, bytes }] }, ip.protocol, part),
    );
  });
}

/** A fragment's transport checksum is that of the whole; only IPv4's own is to be filled in. */
function fragmentFrame(ethernet: Ethernet, type: number, packet: number[]): Uint8Array {
  const bytes = [...packet];
  if (type === 0x800) {
    const header = 4 * (bytes[0] & 15);
    let sum = 0;
    for (let at = 0; at < header; at += 2) sum += bytes[at] * 256 + bytes[at + 1];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    bytes[10] = (~sum >> 8) & 0xff;
    bytes[11] = ~sum & 0xff;
  }
  return rawFrame(ethernet, type, bytes);
}
