/** Actions that put something into a field. */
import { formatConstantSet, formatHex } from '../../engine/lang/constants.ts';
import { formatFieldRef } from '../../engine/lang/fields.ts';
import { type FieldRef, formatAction } from '../../engine/lang/index.ts';
import { say, type TraceNode } from './nodes.ts';
import {
  copyBits,
  isIp,
  isRegister,
  type Packet,
  readBits,
  resolveField,
  slot,
  type WordCopy,
  type WordWrite,
  wordCopies,
  wordWrites,
  writeBits,
} from './packet.ts';
import { type FieldTest, fieldTest, hasField } from './prerequisites.ts';
import type { ActionOf, Step } from './step.ts';
import { valueText } from './values.ts';

/** Puts a result into the field that an action names. */
export function assign(packet: Packet, dst: FieldRef, value: bigint): void {
  const bits = resolveField(dst);
  if (bits) writeBits(packet, bits.where, value, bits.ofs, bits.n);
}

const bitWrites = new WeakMap<FieldRef, { set: readonly WordWrite[]; clear: readonly WordWrite[] }>();

/** Puts 1 or 0 into the field that an action names. */
export function assignBit(packet: Packet, dst: FieldRef, value: boolean): void {
  let writes = bitWrites.get(dst);
  if (!writes) {
    const bits = resolveField(dst);
    const write = (one: bigint) =>
      bits ? wordWrites(bits.where, one << BigInt(bits.ofs), ((1n << BigInt(bits.n)) - 1n) << BigInt(bits.ofs)) : [];
    writes = { set: write(1n), clear: write(0n) };
    bitWrites.set(dst, writes);
  }
  writeWords(packet, value ? writes.set : writes.clear);
}

function writeWords({ words }: Packet, writes: readonly WordWrite[]): void {
  for (let i = 0; i < writes.length; i++) {
    const { at, keep, value } = writes[i] as WordWrite;
    words[at] = ((words[at] as number) & keep) | value;
  }
}

/** What a `load` does. */
export interface Loading {
  /** What to say of it; undefined for a register. */
  said: string | undefined;
  writes: readonly WordWrite[];
  /** Whether a packet has the field; undefined if every packet has. */
  isThere: FieldTest | undefined;
}

/** Works out what a `load` does on a datapath whose ports have these tunnel keys. */
export function loadingOf(
  { dst, imm, ...rest }: ActionOf<'load'>,
  portKey: (name: string) => number | undefined,
): Loading {
  const bits = resolveField(dst);
  if (!bits) {
    // icmp4.frag_mtu and icmp6.frag_mtu, which only the ICMP error in the making has.
    const said = `${dst.symbol.name} = ${imm.kind === 'bits' ? imm.value & 0xffffn : 0}`;
    return { said, writes: [], isThere: undefined };
  }
  const shift = BigInt(bits.ofs);
  const ones = (1n << BigInt(bits.n)) - 1n;
  const value = imm.kind === 'bits' ? imm.value : BigInt(portKey(imm.text) ?? 0);
  const mask = imm.kind === 'bits' ? imm.mask & ones : ones;
  return {
    said: isRegister(bits.where) ? undefined : formatAction({ ...rest, dst, imm }).replace(/;$/, ''),
    writes: wordWrites(bits.where, value << shift, mask << shift),
    isThere: fieldTest(dst.symbol.field),
  };
}

/** `FIELD = CONSTANT` */
export function load(packet: Packet, into: TraceNode[], { said, writes, isThere }: Loading): void {
  if (said !== undefined) say(into, 'modify', said);
  if (isThere && !isThere(packet)) return;
  writeWords(packet, writes);
}

/** What a copy puts into a field, reduced to a constant; nothing is said of registers. */
function sayCopy(packet: Packet, dst: FieldRef, src: FieldRef, into: TraceNode[]): void {
  const to = resolveField(dst);
  const from = resolveField(src);
  if (!to || !from || isRegister(to.where)) return;
  const value = readBits(packet, from.where, from.ofs, from.n);
  const whole = from.ofs === 0 && from.n >= from.where.width;
  say(into, 'modify', `${formatFieldRef(dst)} = ${whole ? valueText(value, from.where.form) : formatHex(value)}`);
}

/** What a `move` does. */
export interface Copying {
  dst: FieldRef;
  src: FieldRef;
  /** Nothing is said of registers. */
  isSaid: boolean;
  /** Word by word, where the bits stand at the same places of words or within one; else bit by bit. */
  words: readonly WordCopy[] | undefined;
  /** Whether a packet has the fields; undefined if every packet has. */
  dstIsThere: FieldTest | undefined;
  srcIsThere: FieldTest | undefined;
}

/** Works out what a `move` does. */
export function copyingOf({ dst, src }: { dst: FieldRef; src: FieldRef }): Copying {
  const to = resolveField(dst);
  const from = resolveField(src);
  return {
    dst,
    src,
    isSaid: to !== undefined && from !== undefined && !isRegister(to.where),
    words: to && from && wordCopies(to, from),
    dstIsThere: fieldTest(dst.symbol.field),
    srcIsThere: fieldTest(src.symbol.field),
  };
}

/** `FIELD = FIELD` */
export function move(packet: Packet, into: TraceNode[], copying: Copying): void {
  const { dst, src, isSaid, words, dstIsThere, srcIsThere } = copying;
  if (isSaid) sayCopy(packet, dst, src, into);
  if ((dstIsThere && !dstIsThere(packet)) || (srcIsThere && !srcIsThere(packet))) return;
  if (words) {
    copyBits(packet, words);
    return;
  }
  const to = resolveField(dst);
  const from = resolveField(src);
  if (to && from) writeBits(packet, to.where, readBits(packet, from.where, from.ofs, from.n), to.ofs, to.n);
}

/** `FIELD <-> FIELD` */
export function exchange({ packet, into }: Step, { dst, src }: { dst: FieldRef; src: FieldRef }): void {
  sayCopy(packet, dst, src, into);
  sayCopy(packet, src, dst, into);
  const a = resolveField(dst);
  const b = resolveField(src);
  if (!a || !b || !hasField(packet, dst.symbol.field) || !hasField(packet, src.symbol.field)) return;
  const value = readBits(packet, a.where, a.ofs, a.n);
  writeBits(packet, a.where, readBits(packet, b.where, b.ofs, b.n), a.ofs, a.n);
  writeBits(packet, b.where, value, b.ofs, b.n);
}

/** `push(FIELD)` */
export function push({ packet, into, stack }: Step, { field }: ActionOf<'push' | 'pop'>): void {
  const bits = resolveField(field);
  if (!bits) return;
  const value = readBits(packet, bits.where, bits.ofs, bits.n);
  stack.push(value);
  say(into, 'modify', `push(${formatFieldRef(field)}) -> ${formatHex(value)}`);
}

/** `pop(FIELD)` */
export function pop({ packet, into, stack }: Step, { field }: ActionOf<'push' | 'pop'>): void {
  const value = stack.pop();
  const said = value === undefined ? '/* empty stack */' : formatHex(value);
  say(into, 'modify', `pop(${formatFieldRef(field)}) <- ${said}`);
  if (value !== undefined) assign(packet, field, value);
}

/** Whether `ip.ttl--` leaves an IP packet no hop. */
export const isSpent = (packet: Packet): boolean => isIp(packet) && (packet.words[slot.nwTtl] as number) <= 1;

/** `ip.ttl--` */
export function decrementTtl({ packet, into }: Step): void {
  const ttl = packet.words[slot.nwTtl] as number;
  if (!isIp(packet)) {
    say(into, 'error', '*** TTL decrement of non-IP packet');
  } else if (ttl === 0) {
    say(into, 'error', '*** TTL underflow');
  } else {
    packet.words[slot.nwTtl] = ttl - 1;
    say(into, 'modify', 'ip.ttl--');
  }
}

/** `R = put_dhcp_opts(...)` and its kin: the request is taken for one that is answered. */
export function putOptions(
  { packet, into }: Step,
  { type, dst, options }: ActionOf<'put_dhcp_opts' | 'put_dhcpv6_opts' | 'put_nd_ra_opts'>,
): void {
  if (type !== 'put_nd_ra_opts') {
    say(into, 'error', '/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */');
  }
  const said = options.map(({ name, values, inCurlies }) => `${name} = ${formatConstantSet({ values, inCurlies })}`);
  say(into, 'modify', `${type}(${said.join(', ')})`);
  const bits = resolveField(dst);
  if (bits && !isRegister(bits.where)) say(into, 'modify', `${formatFieldRef(dst)} = 1`);
  assignBit(packet, dst, true);
}

/** `R = dns_lookup()`, which ovn-trace does not do either. */
export function lookupName({ run, packet, into }: Step, { dst }: { dst: FieldRef }): boolean {
  assignBit(packet, dst, run.isNameKnown === true);
  if (run.isNameKnown) say(into, 'action', '/* We assume that the name is known. */');
  else say(into, 'error', '*** dns_lookup action not implemented');
  return run.isNameKnown === true;
}
