/** Actions that put something into a field. */
import { formatConstantSet, formatHex } from '../../engine/lang/constants.ts';
import { formatFieldRef } from '../../engine/lang/fields.ts';
import { type FieldRef, formatAction } from '../../engine/lang/index.ts';
import { append, type TraceNode } from './nodes.ts';
import {
  isIp,
  isRegister,
  type Packet,
  readBits,
  resolveField,
  slot,
  type WordWrite,
  wordWrites,
  writeBits,
} from './packet.ts';
import { hasField } from './prerequisites.ts';
import type { ActionOf, Step } from './step.ts';
import { portKey } from './topology.ts';
import { valueText } from './values.ts';

/** Puts a result into the field that an action names. */
export function assign(packet: Packet, dst: FieldRef, value: bigint): void {
  const bits = resolveField(dst);
  if (bits) writeBits(packet, bits.where, value, bits.ofs, bits.n);
}

/** What a `load` does, worked out when it first runs. */
interface Loading {
  /** What to say of it; undefined for a register. */
  said?: string;
  /** Empty for a port's name, which has another number on each datapath. */
  writes: WordWrite[];
}

const loadings = new WeakMap<ActionOf<'load'>, Loading>();

function loadingOf(action: ActionOf<'load'>): Loading {
  const { dst, imm } = action;
  const bits = resolveField(dst);
  if (!bits) {
    // icmp4.frag_mtu and icmp6.frag_mtu, which only the ICMP error in the making has.
    return { said: `${dst.symbol.name} = ${imm.kind === 'bits' ? imm.value & 0xffffn : 0}`, writes: [] };
  }
  const shift = BigInt(bits.ofs);
  const mask = imm.kind === 'bits' ? imm.mask & ((1n << BigInt(bits.n)) - 1n) : 0n;
  const writes = imm.kind === 'bits' ? wordWrites(bits.where, imm.value << shift, mask << shift) : [];
  return isRegister(bits.where) ? { writes } : { said: formatAction(action).replace(/;$/, ''), writes };
}

/** `FIELD = CONSTANT` */
export function load({ run, place, packet, into }: Step, action: ActionOf<'load'>): void {
  const loading = loadings.get(action) ?? loadingOf(action);
  loadings.set(action, loading);
  const { dst, imm } = action;
  if (loading.said !== undefined) append(into, 'modify', loading.said);
  if (!hasField(packet, dst.symbol.field)) return;
  if (imm.kind === 'string') assign(packet, dst, BigInt(portKey(run.topology, place.datapath, imm.text) ?? 0));
  const { words } = packet;
  for (const { at, keep, value } of loading.writes) words[at] = ((words[at] as number) & keep) | value;
}

/** What a copy puts into a field, reduced to a constant; nothing is said of registers. */
function sayCopy(packet: Packet, dst: FieldRef, src: FieldRef, into: TraceNode[]): void {
  const to = resolveField(dst);
  const from = resolveField(src);
  if (!to || !from || isRegister(to.where)) return;
  const value = readBits(packet, from.where, from.ofs, from.n);
  const whole = from.ofs === 0 && from.n >= from.where.width;
  append(into, 'modify', `${formatFieldRef(dst)} = ${whole ? valueText(value, from.where.form) : formatHex(value)}`);
}

/** `FIELD = FIELD` */
export function move({ packet, into }: Step, { dst, src }: ActionOf<'move' | 'exchange'>): void {
  sayCopy(packet, dst, src, into);
  const to = resolveField(dst);
  const from = resolveField(src);
  if (!to || !from || !hasField(packet, dst.symbol.field) || !hasField(packet, src.symbol.field)) return;
  writeBits(packet, to.where, readBits(packet, from.where, from.ofs, from.n), to.ofs, to.n);
}

/** `FIELD <-> FIELD` */
export function exchange({ packet, into }: Step, { dst, src }: ActionOf<'move' | 'exchange'>): void {
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
  append(into, 'modify', `push(${formatFieldRef(field)}) -> ${formatHex(value)}`);
}

/** `pop(FIELD)` */
export function pop({ packet, into, stack }: Step, { field }: ActionOf<'push' | 'pop'>): void {
  const value = stack.pop();
  const said = value === undefined ? '/* empty stack */' : formatHex(value);
  append(into, 'modify', `pop(${formatFieldRef(field)}) <- ${said}`);
  if (value !== undefined) assign(packet, field, value);
}

/** `ip.ttl--` */
export function decrementTtl({ packet, into }: Step): void {
  const ttl = packet.words[slot.nwTtl] as number;
  if (!isIp(packet)) {
    append(into, 'error', '*** TTL decrement of non-IP packet');
  } else if (ttl === 0) {
    append(into, 'error', '*** TTL underflow');
  } else {
    packet.words[slot.nwTtl] = ttl - 1;
    append(into, 'modify', 'ip.ttl--');
  }
}

/** `R = put_dhcp_opts(...)` and its kin: the request is taken for one that is answered. */
export function putOptions(
  { packet, into }: Step,
  { type, dst, options }: ActionOf<'put_dhcp_opts' | 'put_dhcpv6_opts' | 'put_nd_ra_opts'>,
): void {
  if (type !== 'put_nd_ra_opts') {
    append(into, 'error', '/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */');
  }
  const said = options.map(({ name, values, inCurlies }) => `${name} = ${formatConstantSet({ values, inCurlies })}`);
  append(into, 'modify', `${type}(${said.join(', ')})`);
  const bits = resolveField(dst);
  if (bits && !isRegister(bits.where)) append(into, 'modify', `${formatFieldRef(dst)} = 1`);
  assign(packet, dst, 1n);
}

/** `R = dns_lookup()`, which ovn-trace does not do either. */
export function lookupName({ packet, into }: Step, { dst }: { dst: FieldRef }): void {
  assign(packet, dst, 0n);
  append(into, 'error', '*** dns_lookup action not implemented');
}
