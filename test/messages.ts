/**
 * Frames for tests, written down field by field: nothing here is the code that
 * is tested.  Checksums come from the frame parser (`engine/frame.ts`).
 */
import { parseFrame, withChecksums } from '../engine/frame.ts';
import { parseFlowActions } from '../engine/lang/index.ts';
import type { OptionValue } from '../engine/lang/ir.ts';

/** Bytes of hexadecimal digits, with or without spaces. */
export function bytes(...hex: string[]): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex'));
}

export const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

export const mac = (text: string): Uint8Array => bytes(text.replaceAll(':', ''));

export const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

export const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value);
export const be32 = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);

export const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, 'utf8'));

export const zeros = (count: number): Uint8Array => new Uint8Array(count);

/** `10.0.0.1`, or IPv6 with every group written or one `::`. */
export function ip(address: string): Uint8Array {
  if (!address.includes(':')) return Uint8Array.from(address.split('.'), Number);
  const [head = '', tail] = address.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const [left, right] = [groups(head), groups(tail)];
  const middle = Array<string>(8 - left.length - right.length).fill('0');
  return concat(...[...left, ...middle, ...right].map((group) => be16(Number.parseInt(group, 16))));
}

/** Ends of a packet, in text. */
export interface Ends {
  ethSrc: string;
  ethDst: string;
  src: string;
  dst: string;
}

export interface IpOptions {
  ttl?: number;
  /** TOS, or IPv6's traffic class. */
  tos?: number;
  id?: number;
  /** Flags and offset of the fragment. */
  fragment?: number;
  /** What stands between the IPv6 header and the payload, whose first next header is `nextHeader`. */
  extensions?: Uint8Array;
  nextHeader?: number;
  /** 802.1Q tags, the outer one first. */
  tags?: number[];
  /** Bytes behind the packet. */
  padding?: Uint8Array;
}

/** A packet with its checksums right; which IP it is, the addresses say. */
export function packet(ends: Ends, proto: number, payload: Uint8Array, options: IpOptions = {}): Uint8Array {
  const { ttl = 64, tos = 0, id = 0x1234, fragment = 0, extensions = zeros(0), tags = [] } = options;
  const tagged = tags.map((tag) => concat(be16(0x8100), be16(tag)));
  const ethernet = concat(mac(ends.ethDst), mac(ends.ethSrc), ...tagged);
  const [src, dst] = [ip(ends.src), ip(ends.dst)];
  const four = () => [
    bytes('0800 45'),
    Uint8Array.of(tos),
    be16(20 + payload.length),
    be16(id),
    be16(fragment),
    Uint8Array.of(ttl, proto, 0, 0),
  ];
  const six = () => [
    bytes('86dd'),
    be32(0x60000000 + tos * 0x100000),
    be16(extensions.length + payload.length),
    Uint8Array.of(options.nextHeader ?? proto, ttl),
  ];
  const header = src.length === 4 ? four() : six();
  const frame = concat(ethernet, ...header, src, dst, src.length === 4 ? zeros(0) : extensions, payload);
  return concat(withChecksums(frame, { vlanLimit: 2 }), options.padding ?? zeros(0));
}

export const udp = (from: number, to: number, data: Uint8Array = zeros(0)): Uint8Array =>
  concat(be16(from), be16(to), be16(8 + data.length), zeros(2), data);

export function tcp(
  from: number,
  to: number,
  { flags = 2, seq = 1000, ack = 0 }: { flags?: number; seq?: number; ack?: number } = {},
  data: Uint8Array = zeros(0),
): Uint8Array {
  const numbers = concat(be32(seq), be32(ack));
  return concat(be16(from), be16(to), numbers, Uint8Array.of(0x50, flags, 0x20, 0, 0, 0, 0, 0), data);
}

export const sctp = (from: number, to: number, tag: number, chunk: Uint8Array): Uint8Array =>
  concat(be16(from), be16(to), be32(tag), zeros(4), chunk);

/** Type, code and what follows the checksum. */
export const icmp = (type: number, code: number, rest: Uint8Array = zeros(4)): Uint8Array =>
  concat(Uint8Array.of(type, code, 0, 0), rest);

export const proto = { icmp: 1, igmp: 2, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;

/** Changes in an untagged frame without IP options and extensions. */
export interface Changes {
  ethSrc?: string;
  ethDst?: string;
  src?: string;
  dst?: string;
  ttl?: number;
  /** The first two numbers of the transport header, or ICMP's type and code. */
  srcPort?: number;
  dstPort?: number;
  type?: number;
  code?: number;
  /** UDP over IPv4 that had no checksum has none afterwards. */
  keepsNoChecksum?: boolean;
}

/** What a flow's assignments make of a frame. */
export function rewritten(frame: Uint8Array, changes: Changes): Uint8Array {
  const out = frame.slice();
  const isV4 = out[12] === 8;
  const put = (at: number, data: Uint8Array | undefined) => data && out.set(data, at);
  put(0, changes.ethDst === undefined ? undefined : mac(changes.ethDst));
  put(6, changes.ethSrc === undefined ? undefined : mac(changes.ethSrc));
  put(isV4 ? 26 : 22, changes.src === undefined ? undefined : ip(changes.src));
  put(isV4 ? 30 : 38, changes.dst === undefined ? undefined : ip(changes.dst));
  if (changes.ttl !== undefined) out[isV4 ? 22 : 21] = changes.ttl;
  const l4 = isV4 ? 34 : 54;
  put(l4, changes.srcPort === undefined ? undefined : be16(changes.srcPort));
  put(l4 + 2, changes.dstPort === undefined ? undefined : be16(changes.dstPort));
  if (changes.type !== undefined) out[l4] = changes.type;
  if (changes.code !== undefined) out[l4 + 1] = changes.code;
  const filled = withChecksums(out);
  if (changes.keepsNoChecksum) filled.set([0, 0], l4 + 6);
  return filled;
}

/** Fails if a frame's checksums or lengths are wrong. */
export function problemsOf(frame: Uint8Array): string[] {
  return parseFrame(frame, { vlanLimit: 2 }).problems;
}

/** The options of an action such as `put_dhcp_opts(offerip = 10.0.0.4)`. */
export function optionsOf(action: string): readonly OptionValue[] {
  const parsed = parseFlowActions(`reg0[0] = ${action}; next;`, { pipeline: 'ingress', table: 20 });
  const [first] = parsed.actions;
  if (!first || !('options' in first)) throw new Error(`${action} has no options`);
  return first.options;
}
