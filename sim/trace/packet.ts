/**
 * One packet with its metadata, as the logical pipeline sees it.
 *
 * The layout is that of Open vSwitch's `struct flow`, because that is what
 * ovn-trace executes on and what it shows: fields of protocols that cannot
 * occur together share their storage.  `arp.op` is `ip.proto`, `arp.spa` is
 * `ip4.src`, an ICMP type is a source port, `nd.sll` is `arp.sha`.  A packet
 * that becomes another protocol's (`arp {...}`, `icmp4 {...}`) keeps what the
 * new protocol does not overwrite.
 *
 * Storage is an array of 32-bit words; a wider field is stored most significant
 * word first, its bits right-aligned.
 */
import type { FieldRef } from '../../engine/lang/ir.ts';

/** A packet.  `inner` is the packet that an ICMP error quotes, where that is known. */
export interface Packet {
  words: Uint32Array;
  inner?: Packet;
}

/** Where each field starts, in words. */
export const slot = {
  /** Registers 0 to 15; OVN's xxreg0 is registers 0 to 3, xxreg1 4 to 7, xreg4 8 and 9. */
  reg0: 0,
  flags: 10,
  inport: 14,
  outport: 15,
  ctState: 16,
  ctMark: 17,
  ctLabel: 18,
  pktMark: 22,
  ethDst: 23,
  ethSrc: 25,
  ethType: 27,
  vlanTci: 28,
  nwSrc: 29,
  nwDst: 30,
  ip6Src: 31,
  ip6Dst: 35,
  ip6Label: 39,
  nwFrag: 40,
  nwTos: 41,
  nwTtl: 42,
  nwProto: 43,
  ndTarget: 44,
  arpSha: 48,
  arpTha: 50,
  tcpFlags: 52,
  tpSrc: 53,
  tpDst: 54,
  /** What the packet was sent to before a load balancer changed it. */
  ctNwDst: 55,
  ctIp6Dst: 56,
  ctTpDst: 60,
} as const;

const wordCount = 61;

/** How Open vSwitch writes a field's value (`mf_format`). */
export type ValueForm = 'decimal' | 'hex' | 'ethernet' | 'ipv4' | 'ipv6' | 'frag' | 'tcpFlags' | 'ctState';

/**
 * Storage of a field: `width` bits, whose lowest stands at bit `shift` of the
 * last of its words.  A write leaves only the bits `kept` in its first word:
 * the 16 bits of `arp.op` are stored in the 8 of `ip.proto`, and an ICMP type
 * clears the upper half of the source port that it replaces.
 */
export interface Storage {
  readonly slot: number;
  readonly width: number;
  readonly shift: number;
  readonly form: ValueForm;
  readonly kept: number;
}

function storage(slot: number, width: number, form: ValueForm, shift = 0, kept = ownBits(width)): Storage {
  return { slot, width, shift, form, kept };
}

/** The bits of a field's first word that are the field's. */
function ownBits(width: number): number {
  const bits = width % 32;
  return bits === 0 ? 0xffffffff : 2 ** bits - 1;
}

const port = storage(slot.tpSrc, 16, 'decimal');
const destinationPort = storage(slot.tpDst, 16, 'decimal');
const type = storage(slot.tpSrc, 8, 'decimal');
const code = storage(slot.tpDst, 8, 'decimal');

/** The storage of every field that the match language names (`LangSymbol.field`). */
export const fields: Readonly<Record<string, Storage>> = {
  xxreg0: storage(slot.reg0, 128, 'hex'),
  xxreg1: storage(slot.reg0 + 4, 128, 'hex'),
  xreg4: storage(slot.reg0 + 8, 64, 'hex'),
  flags: storage(slot.flags, 32, 'hex'),
  inport: storage(slot.inport, 32, 'hex'),
  outport: storage(slot.outport, 32, 'hex'),
  ct_state: storage(slot.ctState, 32, 'ctState'),
  ct_mark: storage(slot.ctMark, 32, 'hex'),
  ct_label: storage(slot.ctLabel, 128, 'hex'),
  'pkt.mark': storage(slot.pktMark, 32, 'hex'),
  'eth.dst': storage(slot.ethDst, 48, 'ethernet'),
  'eth.src': storage(slot.ethSrc, 48, 'ethernet'),
  'eth.type': storage(slot.ethType, 16, 'hex'),
  'vlan.tci': storage(slot.vlanTci, 16, 'hex'),
  'ip4.src': storage(slot.nwSrc, 32, 'ipv4'),
  'ip4.dst': storage(slot.nwDst, 32, 'ipv4'),
  'ip6.src': storage(slot.ip6Src, 128, 'ipv6'),
  'ip6.dst': storage(slot.ip6Dst, 128, 'ipv6'),
  'ip6.label': storage(slot.ip6Label, 20, 'hex'),
  'ip.frag': storage(slot.nwFrag, 2, 'frag'),
  'ip.dscp': storage(slot.nwTos, 6, 'decimal', 2, 0xff),
  'ip.ecn': storage(slot.nwTos, 2, 'decimal', 0, 0xff),
  'ip.ttl': storage(slot.nwTtl, 8, 'decimal'),
  'ip.proto': storage(slot.nwProto, 8, 'decimal'),
  'arp.op': storage(slot.nwProto, 16, 'decimal', 0, 0xff),
  'arp.spa': storage(slot.nwSrc, 32, 'ipv4'),
  'arp.tpa': storage(slot.nwDst, 32, 'ipv4'),
  'arp.sha': storage(slot.arpSha, 48, 'ethernet'),
  'arp.tha': storage(slot.arpTha, 48, 'ethernet'),
  'nd.target': storage(slot.ndTarget, 128, 'ipv6'),
  'nd.sll': storage(slot.arpSha, 48, 'ethernet'),
  'nd.tll': storage(slot.arpTha, 48, 'ethernet'),
  'tcp.flags': storage(slot.tcpFlags, 12, 'tcpFlags'),
  'tcp.src': port,
  'tcp.dst': destinationPort,
  'udp.src': port,
  'udp.dst': destinationPort,
  'sctp.src': port,
  'sctp.dst': destinationPort,
  'icmp4.type': type,
  'icmp4.code': code,
  'icmp6.type': type,
  'icmp6.code': code,
};

/** Packets are cut from pieces of memory of so many: one at a time takes several times as long. */
const packetsInPiece = 32;
let piece = new Uint32Array(packetsInPiece * wordCount);
let used = 0;

/** Words that nobody else has, all zero. */
function newWords(): Uint32Array {
  if (used === piece.length) {
    piece = new Uint32Array(packetsInPiece * wordCount);
    used = 0;
  }
  used += wordCount;
  return new Uint32Array(piece.buffer, (used - wordCount) * 4, wordCount);
}

/** A packet all of whose fields are zero. */
export function emptyPacket(): Packet {
  return { words: newWords() };
}

/** A copy that shares nothing that changes. */
export function clonePacket({ words, inner }: Packet): Packet {
  const copy: Packet = emptyPacket();
  copy.words.set(words);
  if (inner) copy.inner = inner;
  return copy;
}

const protocol = { tcp: 6, udp: 17, sctp: 132, icmp: 1, igmp: 2, icmp6: 58 } as const;
const etherType = { ip4: 0x800, arp: 0x806, rarp: 0x8035, ip6: 0x86dd } as const;

export { etherType, protocol };

/** Bits of `ct_state`. */
export const ctState = { new: 1, est: 2, rel: 4, rpl: 8, inv: 0x10, trk: 0x20, snat: 0x40, dnat: 0x80 } as const;

/** Reads bits `ofs` to `ofs + n - 1` of a field. */
export function readBits(packet: Packet, where: Storage, ofs = 0, n = where.width): bigint {
  const { words } = packet;
  const low = ofs + where.shift;
  if (where.width + where.shift <= 32) {
    return (BigInt(words[where.slot] as number) >> BigInt(low)) & ((1n << BigInt(n)) - 1n);
  }
  let value = 0n;
  for (let i = 0; i < wordsOf(where); i++) value = (value << 32n) | BigInt(words[where.slot + i] as number);
  return (value >> BigInt(low)) & ((1n << BigInt(n)) - 1n);
}

/** Writes the bits of `mask` (at the field's own positions); the rest stays. */
export function writeMasked(packet: Packet, where: Storage, value: bigint, mask: bigint): void {
  const { words } = packet;
  let v = value << BigInt(where.shift);
  let m = mask << BigInt(where.shift);
  for (let i = wordsOf(where) - 1; i >= 0; i--) {
    const word = Number(m & 0xffffffffn);
    if (word) {
      const at = where.slot + i;
      words[at] = ((words[at] as number) & ~word) | (Number(v & 0xffffffffn) & word);
    }
    v >>= 32n;
    m >>= 32n;
  }
  words[where.slot] = (words[where.slot] as number) & where.kept;
}

/** A constant assignment to a field, word by word. */
export interface WordWrite {
  at: number;
  /** The bits of the word that stay. */
  keep: number;
  value: number;
}

/** What `writeMasked` does with a constant, worked out once. */
export function wordWrites(where: Storage, value: bigint, mask: bigint): WordWrite[] {
  const ones: Packet = { words: emptyPacket().words.fill(0xffffffff) };
  const zeros = emptyPacket();
  writeMasked(ones, where, value, mask);
  writeMasked(zeros, where, value, mask);
  return Array.from({ length: wordsOf(where) }, (_, i) => {
    const set = zeros.words[where.slot + i] as number;
    return { at: where.slot + i, keep: (ones.words[where.slot + i] as number) ^ set, value: set };
  });
}

/** Bits copied from one word to another: `mask` is of the bits shifted right. */
export interface WordCopy {
  from: number;
  to: number;
  mask: number;
  /** By how many bits the source is shifted right, then left. */
  right: number;
  left: number;
  /** The bits of the target that stay, and those of the result that its field keeps. */
  keep: number;
  kept: number;
}

/** A copy of bits, word by word; undefined where they stand at different places in several words. */
export function wordCopies(to: Bits, from: Bits): readonly WordCopy[] | undefined {
  const [low, source] = [to.ofs + to.where.shift, from.ofs + from.where.shift];
  const n = Math.min(to.n, from.n);
  const within = (bit: number) => (bit & 31) + n <= 32;
  if (to.n !== from.n || ((low & 31) !== (source & 31) && !(within(low) && within(source)))) return undefined;
  // A word that was written is not read again.
  if (to.where.slot === from.where.slot && n > 32) return undefined;
  const copies: WordCopy[] = [];
  for (let done = 0; done < n; ) {
    const [at, bit] = [wordAt(to.where, low + done), wordAt(from.where, source + done)];
    const left = (low + done) & 31;
    const right = (source + done) & 31;
    const count = Math.min(n - done, 32 - Math.max(left, right));
    const ones = count === 32 ? -1 : (1 << count) - 1;
    const kept = at === to.where.slot ? to.where.kept : -1;
    copies.push({ from: bit, to: at, mask: ones, right, left, keep: ~(ones << left), kept });
    done += count;
  }
  return copies;
}

/** The word that holds a bit of a field, counted from the lowest of its last word. */
function wordAt(where: Storage, bit: number): number {
  return where.slot + wordsOf(where) - 1 - (bit >> 5);
}

/** Does what `wordCopies` worked out. */
export function copyBits({ words }: Packet, copies: readonly WordCopy[]): void {
  for (let i = 0; i < copies.length; i++) {
    const { from, to, mask, right, left, keep, kept } = copies[i] as WordCopy;
    const bits = ((words[from] as number) >>> right) & mask;
    words[to] = (((words[to] as number) & keep) | (bits << left)) & kept;
  }
}

/** Writes bits `ofs` to `ofs + n - 1` of a field. */
export function writeBits(packet: Packet, where: Storage, value: bigint, ofs = 0, n = where.width): void {
  const mask = ((1n << BigInt(n)) - 1n) << BigInt(ofs);
  writeMasked(packet, where, value << BigInt(ofs), mask);
}

/** How many words a field takes. */
export function wordsOf(where: Storage): number {
  return Math.ceil((where.width + where.shift) / 32);
}

/** A reference to a field with its storage: bits `ofs` to `ofs + n - 1` of it. */
export interface Bits {
  readonly where: Storage;
  readonly ofs: number;
  readonly n: number;
}

/**
 * The bits that a field reference of the language stands for; undefined if the
 * field has no storage in a packet (`icmp4.frag_mtu`).
 */
export function resolveField(ref: FieldRef): Bits | undefined {
  const where = fields[ref.symbol.field];
  if (!where) return undefined;
  return { where, ofs: ref.symbol.ofs + ref.ofs, n: ref.symbol.width === 0 ? where.width : ref.n };
}

/** True for registers and other metadata that never leaves the logical network. */
export function isRegister(where: Storage): boolean {
  return where.slot < slot.ctState;
}

/** Copies the words of one field over those of another. */
export function copyWords(packet: Packet, to: number, from: Packet, at: number, count: number): void {
  for (let i = 0; i < count; i++) packet.words[to + i] = from.words[at + i] as number;
}

/** True if two fields hold the same words. */
export function sameWords(a: Packet, at: number, b: Packet, from: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (a.words[at + i] !== b.words[from + i]) return false;
  return true;
}

/** True if the packet is IPv4 or IPv6. */
export function isIp(packet: Packet): boolean {
  const type = packet.words[slot.ethType];
  return type === etherType.ip4 || type === etherType.ip6;
}

/** Forgets what conntrack found. */
export function clearConntrack({ words }: Packet): void {
  words[slot.ctState] = 0;
  words[slot.ctMark] = 0;
  words.fill(0, slot.ctLabel, slot.ctLabel + 4);
  words.fill(0, slot.ctNwDst, slot.ctTpDst + 1);
}
