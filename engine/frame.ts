/**
 * Ethernet frames as OVN sees them: the bytes of a frame, and OVN's fields.
 * The parser itself is WebAssembly (`asm/frame.ts`); this is its face.
 */
import { instantiateSync } from '@assemblyscript/loader';
import { wasm } from '#asm';
import * as layout from '../asm/layout.ts';
import { InputError } from './origin.ts';

export interface ParsedFrame {
  /**
   * The fields that the frame has, by OVN's names (`eth.src`, `ip4.dst`,
   * `tcp.flags`, ...; ovn-sb(5), Logical_Flow).  A field that is not here is
   * zero, as Open vSwitch's flow extraction has it: a broken header gives no
   * fields, and what is behind it neither.
   */
  fields: Record<string, bigint>;
  /** What is wrong with the frame, a sentence each; a frame with a wrong checksum has all its fields. */
  problems: string[];
}

export interface FrameOptions {
  /** How many VLAN tags are taken off (0 to 2): `vlan-limit` in ovs-vswitchd.conf.db(5), 1 unless set. */
  vlanLimit?: 0 | 1 | 2;
}

/** Parses a frame, which begins with its destination address and has no checksum (FCS) at its end.  Takes any bytes. */
export function parseFrame(frame: Uint8Array, options: FrameOptions = {}): ParsedFrame {
  const { asm, memory } = load(frame);
  asm.parseFrame(layout.FRAME_AT, length(frame), layout.PARSED_AT, options.vlanLimit ?? 1);
  return { fields: readFields(memory), problems: readProblems(memory, frame) };
}

/**
 * A copy of the frame with the right checksums of IPv4, TCP, UDP, ICMP and
 * ICMPv6 in it.  A fragment, or a packet that a router on the way will change
 * the destination of, keeps that of its transport header.
 */
export function withChecksums(frame: Uint8Array, options: FrameOptions = {}): Uint8Array {
  const { asm } = load(frame);
  asm.fillChecksums(layout.FRAME_AT, length(frame), layout.PARSED_AT, options.vlanLimit ?? 1);
  const filled = frame.slice();
  filled.set(new Uint8Array(asm.memory.buffer, layout.FRAME_AT, length(frame)));
  return filled;
}

/**
 * Reads a frame that was written in hexadecimal, two digits a byte, with or
 * without spaces, colons, `0x` and line breaks between, and with the offsets
 * that `tcpdump -xx` prints at the beginning of a line.  `file` is what an
 * `InputError` names as the place.
 */
export function parseHex(text: string, file = '--frame'): Uint8Array {
  const bytes: number[] = [];
  for (const [row, line] of text.split('\n').entries()) {
    const offset = /^\s*0x[0-9a-f]{4,}:\s/i.exec(line)?.[0].length ?? 0;
    for (const found of line.slice(offset).matchAll(/[^\s:]+/g)) {
      const place = { file, line: row + 1, column: offset + found.index + 1 };
      bytes.push(...parseDigits(found[0], place));
    }
  }
  if (bytes.length === 0)
    throw wrong({ file, line: 1, column: 1 }, 'there is no frame', 'give its bytes in hexadecimal');
  if (bytes.length > layout.FRAME_MAX) {
    throw wrong({ file, line: 1, column: 1 }, `${bytes.length} bytes are no frame`, 'no packet is longer than 65 575');
  }
  return Uint8Array.from(bytes);
}

interface Place {
  file: string;
  line: number;
  column: number;
}

function parseDigits(token: string, place: Place): number[] {
  const prefix = /^0x/i.test(token) ? 2 : 0;
  const digits = token.slice(prefix);
  const odd = /[^0-9a-f]/i.exec(digits);
  if (odd) {
    const column = place.column + prefix + odd.index;
    throw wrong({ ...place, column }, `'${odd[0]}' is no hexadecimal digit`, 'write each byte with two of 0-9, a-f');
  }
  if (digits.length % 2 !== 0 || digits === '') {
    throw wrong(place, `'${shorten(token)}' is not a whole number of bytes`, 'write each byte with two digits');
  }
  return Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

function shorten(token: string): string {
  return token.length > 20 ? `${token.slice(0, 17)}...` : token;
}

function wrong(place: Place, message: string, hint: string): InputError {
  return new InputError([{ ...place, severity: 'error', id: 'frame-hex', path: '', message, hint }]);
}

type Exports = {
  memory: { buffer: ArrayBuffer };
  parseFrame(frame: number, length: number, out: number, tags: number): void;
  fillChecksums(frame: number, length: number, out: number, tags: number): void;
};

let instance: Exports | undefined;

/** Puts a frame where the module looks for it. */
function load(frame: Uint8Array): { asm: Exports; memory: DataView } {
  instance ??= instantiateSync<Exports>(wasm).exports;
  const { buffer } = instance.memory;
  new Uint8Array(buffer).set(frame.subarray(0, layout.FRAME_MAX), layout.FRAME_AT);
  return { asm: instance, memory: new DataView(buffer, layout.PARSED_AT, layout.PARSED_SIZE) };
}

function length(frame: Uint8Array): number {
  return Math.min(frame.length, layout.FRAME_MAX);
}

function readFields(parsed: DataView): Record<string, bigint> {
  const layers = parsed.getUint32(layout.LAYERS, true);
  const has = (layer: number) => (layers & layer) !== 0;
  const u8 = (at: number) => BigInt(parsed.getUint8(at));
  const u16 = (at: number) => BigInt(parsed.getUint16(at, true));
  const mac = (at: number) => bytes(parsed, at, 6);
  const ip4 = (at: number) => bytes(parsed, at, 4);
  const ip6 = (at: number) => bytes(parsed, at, 16);
  const type = u16(layout.ETH_TYPE);
  if (type === 0n) return {};
  const ports = (protocol: string) => ({
    [`${protocol}.src`]: u16(layout.L4_SRC),
    [`${protocol}.dst`]: u16(layout.L4_DST),
  });
  const icmp = (protocol: string) => ({
    [`${protocol}.type`]: u16(layout.L4_SRC),
    [`${protocol}.code`]: u16(layout.L4_DST),
  });
  return {
    'eth.src': mac(layout.ETH_SRC),
    'eth.dst': mac(layout.ETH_DST),
    'eth.type': type,
    ...(has(layout.LAYER_VLAN) && { 'vlan.tci': u16(layout.VLAN_TCI) }),
    // RARP has the same form, but OVN has no fields for it.
    ...(has(layout.LAYER_ARP) &&
      type === 0x806n && {
        'arp.op': u16(layout.ARP_OP),
        'arp.spa': ip4(layout.SRC),
        'arp.tpa': ip4(layout.DST),
        'arp.sha': mac(layout.SHA),
        'arp.tha': mac(layout.THA),
      }),
    ...(has(layout.LAYER_IP4) && { 'ip4.src': ip4(layout.SRC), 'ip4.dst': ip4(layout.DST) }),
    ...(has(layout.LAYER_IP6) && {
      'ip6.src': ip6(layout.SRC),
      'ip6.dst': ip6(layout.DST),
      'ip6.label': BigInt(parsed.getUint32(layout.IP6_LABEL, true)),
    }),
    ...(has(layout.LAYER_IP) && {
      'ip.proto': u8(layout.PROTO),
      'ip.ttl': u8(layout.TTL),
      'ip.dscp': u8(layout.TOS) >> 2n,
      'ip.ecn': u8(layout.TOS) & 3n,
      'ip.frag': u8(layout.FRAG),
    }),
    ...(has(layout.LAYER_TCP) && { ...ports('tcp'), 'tcp.flags': u16(layout.TCP_FLAGS) }),
    ...(has(layout.LAYER_UDP) && ports('udp')),
    ...(has(layout.LAYER_SCTP) && ports('sctp')),
    ...(has(layout.LAYER_ICMP4) && icmp('icmp4')),
    ...(has(layout.LAYER_ICMP6) && icmp('icmp6')),
    ...(has(layout.LAYER_ND) && { 'nd.target': ip6(layout.ND_TARGET) }),
    ...(has(layout.LAYER_ND_SLL) && { 'nd.sll': mac(layout.SHA) }),
    ...(has(layout.LAYER_ND_TLL) && { 'nd.tll': mac(layout.THA) }),
  };
}

function bytes(parsed: DataView, at: number, size: number): bigint {
  let value = 0n;
  for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(parsed.getUint8(at + i));
  return value;
}

const sentences: readonly [number, string][] = [
  [layout.PROBLEM_ETHERNET_SHORT, 'the frame is shorter than an Ethernet header (14 bytes)'],
  [layout.PROBLEM_VLAN_SHORT, 'the VLAN tag is cut off'],
  [layout.PROBLEM_VLAN_MORE, 'there are more VLAN tags than the switch takes off: what follows them is not looked at'],
  [layout.PROBLEM_ARP_SHORT, 'the ARP message is cut off (28 bytes are needed)'],
  [layout.PROBLEM_ARP_OTHER, 'the ARP message is not about IPv4 on Ethernet'],
  [layout.PROBLEM_ARP_OPERATION, 'the ARP operation is above 255, which no flow can match'],
  [layout.PROBLEM_IP4_SHORT, 'the IPv4 header is cut off (20 bytes are needed)'],
  [layout.PROBLEM_IP4_HEADER_LENGTH, 'the IPv4 header length is below 20 bytes or above the total length'],
  [layout.PROBLEM_IP_VERSION, 'the IP version is not the one that the Ethernet type says'],
  [layout.PROBLEM_IP_TRUNCATED, 'the packet is shorter than its IP header says'],
  [layout.PROBLEM_IP4_CHECKSUM, 'the checksum of the IPv4 header is wrong'],
  [layout.PROBLEM_IP6_SHORT, 'the IPv6 header is cut off (40 bytes are needed)'],
  [layout.PROBLEM_IP6_EXTENSION, 'an IPv6 extension header is cut off'],
  [layout.PROBLEM_L4_SHORT, 'the transport header is cut off'],
  [layout.PROBLEM_TCP_OFFSET, 'the TCP data offset is below 20 bytes or points behind the packet'],
  [layout.PROBLEM_UDP_LENGTH, "the UDP length is below 8 bytes or above the packet's"],
  [layout.PROBLEM_L4_CHECKSUM, 'the checksum of the transport header is wrong'],
  [layout.PROBLEM_UDP6_NO_CHECKSUM, 'UDP over IPv6 has no checksum'],
  [layout.PROBLEM_ND_SHORT, 'the neighbour discovery message is cut off before its target'],
  [layout.PROBLEM_ND_OPTION, 'a neighbour discovery option has length zero, is cut off, or says the same twice'],
];

function readProblems(parsed: DataView, frame: Uint8Array): string[] {
  const bits = parsed.getUint32(layout.PROBLEMS, true);
  const problems = sentences.filter(([bit]) => bits & bit).map(([, sentence]) => sentence);
  if (frame.length > layout.FRAME_MAX) problems.push(`only the first ${layout.FRAME_MAX} bytes of the frame were read`);
  return problems;
}
