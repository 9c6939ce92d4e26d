/**
 * What the actions of a rule do to packets.  A rewrite of a header that a packet
 * does not have leaves it as it is, so packets are told apart by that first.
 */
import { parseEthernet, parseIpv4, parseIpv6 } from '../../engine/lang/addresses.ts';
import { type Action, type ActionOf, MODIFIABLE, type ModifiableField } from '../../engine/offload/rules.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { constantOf, inputOf, plus, replaced, sliceOf, unknownOf, type Value } from '../symbolic/value.ts';
import { hardwareField, trackings } from './fields.ts';
import { bytesOfHex, readEncapsulation } from './geneve.ts';
import { NotFollowed } from './match.ts';
import { type Hardware, type HardwareState, hardwarePlace, tags, valueAt } from './state.ts';
import { bitsAre } from './values.ts';

/** Where a rule brings packets. */
export type Next =
  | { readonly kind: 'jump'; readonly group: number }
  /** They leave by the port that the representor of this name stands for. */
  | { readonly kind: 'port'; readonly port: string }
  /** They go to software by this representor. */
  | { readonly kind: 'software'; readonly port: string }
  | { readonly kind: 'drop' }
  /** What the rule does cannot be followed. */
  | { readonly kind: 'not followed'; readonly why: string };

export interface Step {
  readonly state: HardwareState;
  readonly next: Next;
}

/** Runs the actions of a rule on the packets that it takes. */
export function performed(
  hardware: Hardware,
  start: HardwareState,
  actions: readonly Action[],
  shared: ReadonlyMap<number, Action>,
): Step[] {
  let states = [start];
  for (const action of actions) {
    const next = nextOf(action);
    if (next) return states.map((state) => ({ state, next }));
    try {
      states = states.flatMap((state) => changed(hardware, state, action, shared));
    } catch (error) {
      if (!(error instanceof NotFollowed)) throw error;
      return states.map((state) => ({ state, next: { kind: 'not followed', why: error.message } }));
    }
  }
  return states.map((state) => ({
    state,
    next: { kind: 'not followed', why: 'no action ends the way of its packets' },
  }));
}

function nextOf(action: Action): Next | undefined {
  switch (action.type) {
    case 'jump':
      return { kind: 'jump', group: action.group ?? 0 };
    case 'drop':
      return { kind: 'drop' };
    case 'represented_port':
      return portOf(action.ethdev_port_id, 'port');
    case 'port_representor':
      return portOf(action.port_id, 'software');
    default:
      return undefined;
  }
}

function portOf(port: number | string | undefined, kind: 'port' | 'software'): Next {
  if (typeof port === 'string') return { kind, port };
  return { kind: 'not followed', why: 'a port is given by its number, not by its name' };
}

/** The packets after an action that lets them go on. */
function changed(
  hardware: Hardware,
  state: HardwareState,
  action: Action,
  shared: ReadonlyMap<number, Action>,
): HardwareState[] {
  switch (action.type) {
    case 'count':
    case 'age':
      return [state];
    case 'mark':
      return [put(hardware, state, 'mark', action.id ?? 0)];
    case 'set_tag':
      return [masked(hardware, state, tagPlace(action.index ?? 0), action.data ?? 0, action.mask ?? 0)];
    case 'set_meta':
      return [masked(hardware, state, 'meta', action.data ?? 0, action.mask ?? 0)];
    case 'conntrack':
      return [tracked(hardware, state, action, undefined, action.is_orig !== 1)];
    case 'indirect': {
      const id = action.id ?? 0;
      const connection = shared.get(id);
      if (connection?.type !== 'conntrack') throw new NotFollowed(`there is no shared connection ${id}`);
      return [tracked(hardware, state, connection, id, action.reply === 1)];
    }
    case 'raw_decap':
      return [unwrapped(hardware, state)];
    case 'raw_encap':
      return [wrapped(hardware, state, action.data ?? '')];
    case 'meter':
    case 'sample':
    case 'vxlan_encap':
    case 'vxlan_decap':
      throw new NotFollowed(`what ${action.type} does is not compared with logical flows`);
    default:
      if (state.wrapping !== 'none') throw new NotFollowed(`${action.type} is done to the headers of a tunnel`);
      return rewritten(hardware, state, action);
  }
}

const constant = ({ values }: Hardware, width: number, value: number | bigint): Value =>
  constantOf(values, width, BigInt(value));

function written(state: HardwareState, name: string, value: Value): HardwareState {
  return { ...state, values: state.values.with(hardwarePlace(name), value) };
}

const put = (hardware: Hardware, state: HardwareState, name: string, value: number | bigint): HardwareState =>
  written(state, name, constant(hardware, valueAt(state, name).width, value));

function tagPlace(index: number): string {
  if (index >= tags) throw new NotFollowed(`tag ${index} is not followed, only those below ${tags}`);
  return `tag.${index}`;
}

/** The bits of the mask become those of the data. */
function masked(hardware: Hardware, state: HardwareState, name: string, data: number, mask: number): HardwareState {
  let value = valueAt(state, name);
  for (let bit = 0; bit < 32; bit++) {
    if (((mask >>> bit) & 1) === 0) continue;
    value = replaced(hardware.values, hardware.space, value, bit, constant(hardware, 1, (data >>> bit) & 1));
  }
  return written(state, name, value);
}

/** A look at a connection: what it finds, no packet says. */
function tracked(
  hardware: Hardware,
  state: HardwareState,
  connection: ActionOf<'conntrack'>,
  id: number | undefined,
  reply: boolean,
): HardwareState {
  if (connection.enable !== 1) return put(hardware, state, 'conntrack', 8);
  if (state.tracked.length >= trackings) throw new NotFollowed('a packet is looked up in more than four connections');
  const field = hardwareField(`ct.${state.tracked.length}`);
  const found = inputOf(hardware.values, field, 5);
  const value = replaced(hardware.values, hardware.space, constant(hardware, 32, 0), 0, found);
  const next = written(state, 'conntrack', value);
  return { ...next, tracked: [...state.tracked, { ...(id !== undefined && { id }), reply, field }] };
}

function unwrapped(_hardware: Hardware, state: HardwareState): HardwareState {
  if (state.wrapping === 'inside') return { ...state, wrapping: 'none' };
  throw new NotFollowed('raw_decap takes bytes off a packet that came by no tunnel, or not only one');
}

function wrapped(_hardware: Hardware, state: HardwareState, data: string): HardwareState {
  if (state.wrapping !== 'none') throw new NotFollowed('raw_encap puts headers before those of a tunnel');
  const wrapping = readEncapsulation(bytesOfHex(data));
  if (typeof wrapping === 'string')
    throw new NotFollowed(`the headers that raw_encap puts before packets are no tunnel of OVN: ${wrapping}`);
  return { ...state, wrapping };
}

type Header = 'eth' | 'vlan' | 'ip4' | 'ip6' | 'tcp' | 'udp';

/** The packets that have a header. */
function having(hardware: Hardware, state: HardwareState, header: Header): PacketSet {
  const { kinds, space } = hardware;
  switch (header) {
    case 'eth':
      return space.all;
    case 'vlan':
      return bitsAre(space, valueAt(state, 'vlan.tci'), 0x1000n, 0x1000n, space.all);
    case 'ip4':
      return kinds.ip4;
    case 'ip6':
      return kinds.ip6;
    case 'tcp':
      return kinds.tcp;
    case 'udp':
      return kinds.udp;
  }
}

/** Where fields are kept, of which header they are, and where their lowest bit is. */
interface FieldPlace {
  readonly header: Header;
  readonly place: string;
  readonly ofs?: number;
}

const fieldPlaces: Readonly<Partial<Record<ModifiableField, FieldPlace>>> = {
  mac_dst: { header: 'eth', place: 'eth.dst' },
  mac_src: { header: 'eth', place: 'eth.src' },
  vlan_id: { header: 'vlan', place: 'vlan.tci' },
  ipv4_dscp: { header: 'ip4', place: 'ip.dscp' },
  ipv4_ecn: { header: 'ip4', place: 'ip.ecn' },
  ipv4_ttl: { header: 'ip4', place: 'ip.ttl' },
  ipv4_src: { header: 'ip4', place: 'ip4.src' },
  ipv4_dst: { header: 'ip4', place: 'ip4.dst' },
  ipv6_dscp: { header: 'ip6', place: 'ip.dscp' },
  ipv6_ecn: { header: 'ip6', place: 'ip.ecn' },
  ipv6_hoplimit: { header: 'ip6', place: 'ip.ttl' },
  ipv6_src: { header: 'ip6', place: 'ip6.src' },
  ipv6_dst: { header: 'ip6', place: 'ip6.dst' },
  tcp_port_src: { header: 'tcp', place: 'tp.src' },
  tcp_port_dst: { header: 'tcp', place: 'tp.dst' },
  tcp_flags: { header: 'tcp', place: 'tcp.flags' },
  udp_port_src: { header: 'udp', place: 'tp.src' },
  udp_port_dst: { header: 'udp', place: 'tp.dst' },
};

/** A state for the packets that have a header, changed; and one for those that have it not. */
function forHeader(
  hardware: Hardware,
  state: HardwareState,
  header: Header,
  change: (some: HardwareState) => HardwareState,
): HardwareState[] {
  const { space, kinds } = hardware;
  const has = having(hardware, state, header);
  const some = space.and(state.packets, has);
  if (header !== 'eth' && header !== 'vlan' && space.intersects(state.packets, kinds.hidden)) {
    throw new NotFollowed('a header behind a second VLAN tag may be rewritten');
  }
  if (some === space.empty) return [state];
  const rest = space.diff(state.packets, has);
  return [change({ ...state, packets: some }), ...(rest === space.empty ? [] : [{ ...state, packets: rest }])];
}

function rewritten(hardware: Hardware, state: HardwareState, action: Action): HardwareState[] {
  const set = (header: Header, place: string, value: bigint) =>
    forHeader(hardware, state, header, (some) => put(hardware, some, place, value));
  switch (action.type) {
    case 'set_mac_src':
      return set('eth', 'eth.src', parseEthernet(action.mac_addr ?? '') ?? 0n);
    case 'set_mac_dst':
      return set('eth', 'eth.dst', parseEthernet(action.mac_addr ?? '') ?? 0n);
    case 'set_ipv4_src':
      return set('ip4', 'ip4.src', parseIpv4(action.ipv4_addr ?? '') ?? 0n);
    case 'set_ipv4_dst':
      return set('ip4', 'ip4.dst', parseIpv4(action.ipv4_addr ?? '') ?? 0n);
    case 'set_ipv6_src':
      return set('ip6', 'ip6.src', parseIpv6(action.ipv6_addr ?? '') ?? 0n);
    case 'set_ipv6_dst':
      return set('ip6', 'ip6.dst', parseIpv6(action.ipv6_addr ?? '') ?? 0n);
    case 'set_ipv4_dscp':
      return set('ip4', 'ip.dscp', BigInt(action.dscp_value ?? 0));
    case 'set_ipv6_dscp':
      return set('ip6', 'ip.dscp', BigInt(action.dscp_value ?? 0));
    case 'set_tp_src':
    case 'set_tp_dst': {
      const place = action.type === 'set_tp_src' ? 'tp.src' : 'tp.dst';
      const change = (header: Header) => (some: HardwareState) =>
        forHeader(hardware, some, header, (one) => put(hardware, one, place, action.port ?? 0));
      return change('tcp')(state).flatMap(change('udp'));
    }
    case 'set_ttl':
      return everyTtl(hardware, state, (some) => put(hardware, some, 'ip.ttl', action.ttl_value ?? 0));
    case 'dec_ttl':
      return everyTtl(hardware, state, (some) => added(hardware, some, 'ip.ttl', -1));
    case 'of_push_vlan':
      return pushed(hardware, state, action.ethertype ?? 0);
    case 'of_pop_vlan':
      return forHeader(hardware, state, 'vlan', (some) => popped(hardware, some));
    case 'of_set_vlan_vid':
      return forHeader(hardware, state, 'vlan', (some) =>
        bitsWritten(hardware, some, 'vlan.tci', 0, constant(hardware, 12, action.vlan_vid ?? 0)),
      );
    case 'of_set_vlan_pcp':
      return forHeader(hardware, state, 'vlan', (some) =>
        bitsWritten(hardware, some, 'vlan.tci', 13, constant(hardware, 3, action.vlan_pcp ?? 0)),
      );
    case 'modify_field':
      return modified(hardware, state, action);
    default:
      throw new NotFollowed(`what ${action.type} does is not followed`);
  }
}

function everyTtl(
  hardware: Hardware,
  state: HardwareState,
  change: (some: HardwareState) => HardwareState,
): HardwareState[] {
  return forHeader(hardware, state, 'ip4', change).flatMap((one) =>
    hardware.space.intersects(one.packets, hardware.kinds.ip4) ? [one] : forHeader(hardware, one, 'ip6', change),
  );
}

/** A sum, with the amount as logical flows would have it: to add 255 is to take 1. */
function added(hardware: Hardware, state: HardwareState, name: string, amount: number): HardwareState {
  const value = valueAt(state, name);
  const modulus = 2 ** value.width;
  const least = ((amount % modulus) + modulus) % modulus;
  const near = least > modulus / 2 ? least - modulus : least;
  return written(state, name, plus(hardware.values, hardware.space, value, near));
}

function bitsWritten(
  { values, space }: Hardware,
  state: HardwareState,
  name: string,
  ofs: number,
  bits: Value,
): HardwareState {
  return written(state, name, replaced(values, space, valueAt(state, name), ofs, bits));
}

function pushed(hardware: Hardware, state: HardwareState, ethertype: number): HardwareState[] {
  const { space } = hardware;
  const isTagged = having(hardware, state, 'vlan');
  if (space.intersects(state.packets, isTagged)) throw new NotFollowed('a second VLAN tag may be put on a packet');
  return [put(hardware, put(hardware, state, 'vlan.tci', 0x1000), 'tpid', ethertype)];
}

function popped(hardware: Hardware, state: HardwareState): HardwareState {
  if (hardware.space.intersects(state.packets, hardware.kinds.hidden)) {
    throw new NotFollowed('one of several VLAN tags may be taken off a packet');
  }
  return put(hardware, put(hardware, state, 'vlan.tci', 0), 'tpid', 0);
}

/** Bits of a field become those of a value, of another field, or a sum. */
function modified(hardware: Hardware, state: HardwareState, action: ActionOf<'modify_field'>): HardwareState[] {
  const { dst_type: dst = 'mac_dst', dst_level = 0, dst_offset = 0, width = 0 } = action;
  const target = placeOf(dst, dst_level);
  return forHeader(hardware, state, target.header, (some) => {
    const operand = operandOf(hardware, some, action);
    if (operand === undefined) return some;
    const before = sliceOf(hardware.values, hardware.space, valueAt(some, target.place), dst_offset, width);
    const made = action.op === 'add' || action.op === 'sub' ? summed(hardware, before, operand, action.op) : operand;
    return bitsWritten(hardware, some, target.place, dst_offset, made);
  });
}

function placeOf(field: ModifiableField, level: number): FieldPlace {
  if (field === 'tag') return { header: 'eth', place: tagPlace(level) };
  if (field === 'meta' || field === 'mark') return { header: 'eth', place: field };
  const place = fieldPlaces[field];
  if (!place || level > 1)
    throw new NotFollowed(`what modify_field does to ${field} at level ${level} is not followed`);
  return place;
}

/** What is written; undefined where the packets have no such field. */
function operandOf(hardware: Hardware, state: HardwareState, action: ActionOf<'modify_field'>): Value | undefined {
  const { values, space } = hardware;
  const { dst_type: dst = 'mac_dst', dst_offset = 0, width = 0, src_type = 'value' } = action;
  if (src_type === 'value') {
    const bytes = Math.ceil(MODIFIABLE[dst] / 8);
    const digits = (action.src_value ?? '').padEnd(2 * bytes, '0').slice(0, 2 * bytes);
    const bits = (BigInt(`0x${digits}`) >> BigInt(dst_offset)) & ((1n << BigInt(width)) - 1n);
    return constantOf(values, width, bits);
  }
  const source = placeOf(src_type, action.src_level ?? 0);
  const has = having(hardware, state, source.header);
  if (!space.intersects(state.packets, has)) return undefined;
  if (!space.isSubset(state.packets, has)) {
    throw new NotFollowed(`${src_type} is copied of packets that may have it or not`);
  }
  return sliceOf(values, space, valueAt(state, source.place), action.src_offset ?? 0, width);
}

function summed({ values, space }: Hardware, before: Value, operand: Value, op: 'add' | 'sub'): Value {
  if (operand.constant === undefined || before.width > 16) return unknownOf(values, before.width);
  const modulus = 2 ** before.width;
  const amount = (op === 'add' ? Number(operand.constant) : -Number(operand.constant)) % modulus;
  const least = (amount + modulus) % modulus;
  return plus(values, space, before, least > modulus / 2 ? least - modulus : least);
}

/** The packets for which a look at a connection found that they belong to it. */
export const foundValid = (hardware: Hardware, field: number): PacketSet =>
  hardware.space.cube([{ field, value: 1n, mask: 1n }]);

/** What a look can find: a connection that goes on or changes, a packet that does not fit, or is none of it. */
export function possibleFindings(hardware: Hardware): PacketSet {
  const { space } = hardware;
  return Array.from({ length: trackings }, (_, n) => hardwareField(`ct.${n}`)).reduce(
    (all, field) => space.and(all, space.oneOf(field, [1n, 3n, 4n, 8n, 16n])),
    space.all,
  );
}
