/** Kinds of packets as sets, and choices that are not the packet's. */
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex, lookups } from './fields.ts';
import { matching } from './matching.ts';
import { inexactly, type Run } from './run.ts';
import { answeredBy, limited, type State } from './state.ts';
import { at, type Store } from './store.ts';
import { unknownOnce } from './unknown.ts';
import { inputOf, type Value } from './value.ts';

/** A set that is worked out once. */
export function setOnce({ memory }: Run, name: string, make: () => PacketSet): PacketSet {
  let set = memory.sets.get(name);
  if (set === undefined) {
    set = make();
    memory.sets.set(name, set);
  }
  return set;
}

const literal = (field: number, value: number, mask: number): Literal => ({
  field,
  value: BigInt(value),
  mask: BigInt(mask),
});

const ethType = (value: number): Literal => literal(at.ethType, value, 0xffff);
const proto = (value: number): Literal => literal(at.ipProto, value, 0xff);

/** Bits of tcp.flags. */
const tcp = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

/** What conntrack calls invalid of packets that belong to no connection, and what is not IP at all. */
export function invalid(run: Run): PacketSet {
  const { space } = run;
  return setOnce(run, 'invalid', () => {
    const ip = space.or(space.cube([ethType(0x800)]), space.cube([ethType(0x86dd)]));
    const icmp = (type: number, number: number, requests: readonly number[]) =>
      space.diff(space.cube([ethType(type), proto(number)]), space.oneOf(at.icmpType, requests.map(BigInt)));
    const flags = (set: number, of: number) => space.cube([literal(at.tcpFlags, set, of)]);
    const opening = space.orAll([
      flags(tcp.syn, tcp.syn | tcp.ack | tcp.rst | tcp.fin | tcp.psh | tcp.urg),
      flags(tcp.ack, tcp.syn | tcp.ack),
      flags(tcp.rst, tcp.syn | tcp.ack | tcp.rst | tcp.fin | tcp.psh | tcp.urg),
    ]);
    const strange = space.diff(space.and(ip, space.cube([proto(6)])), opening);
    return space.orAll([
      space.not(ip),
      icmp(0x800, 1, [8, 13, 15]),
      icmp(0x800, 58, []),
      icmp(0x86dd, 58, [128]),
      icmp(0x86dd, 1, []),
      strange,
    ]);
  });
}

const icmpTest = {
  type: 'or',
  terms: [1n, 58n].map((value) => ({ type: 'bits', place: at.ipProto, value, mask: 0xffn, equal: true }) as const),
} as const;

/** The packets that are ICMP or ICMPv6 by now. */
export const ofIcmp = (space: Space, store: Store): PacketSet => matching(space, store, icmpTest, 'may');

/**
 * One of `n` is taken, and nothing in the packet says which: the packets of each, undefined where there are none.
 * The same question (a text) is answered alike whenever it is asked again. A packet that is told more often than there are
 * fields for may go any way.
 */
export function choose(run: Run, state: State, n: number, question: string): (State | undefined)[] {
  if (n === 1) return [state];
  const { n: choice, asked: choices } = answeredBy(state.used.choices, question);
  if (choice >= lookups || n > 256) {
    const vague = { ...state, store: inexactly(run, state.store) };
    return Array.from({ length: n }, () => vague);
  }
  const next = { ...state, used: { ...state.used, choices } };
  return divided(run, next, fieldIndex(`choice.${choice}`), n, 255n);
}

/** By the value of a field, the last one for all that are greater. */
function divided(run: Run, state: State, field: number, n: number, most: bigint): (State | undefined)[] {
  return Array.from({ length: n }, (_, index) => {
    const high = index === n - 1 ? most : BigInt(index);
    return limited(run, state, run.space.range(field, BigInt(index), high));
  });
}

/** A copy for each of `n` receivers: as packets that a field of their own tells apart, as long as there are such fields. */
export function copies(run: Run, state: State, n: number): (State | undefined)[] {
  const { copies: used } = state.used;
  if (n === 1 || used >= lookups) return Array.from({ length: n }, () => state);
  const next = { ...state, used: { ...state.used, copies: used + 1 } };
  return divided(run, next, fieldIndex(`copy.${used}`), n, 0xffffn);
}

/** A bit that nothing in the packet decides; the same question (a text) is answered alike again. */
export function chance(run: Run, state: State, question: string): { state: State; value: Value } {
  const { stores } = run;
  const { n, asked: chances } = answeredBy(state.used.chances, question);
  if (n >= 16) {
    return {
      state: { ...state, store: inexactly(run, state.store) },
      value: unknownOnce(run, `chance ${question}`, 1),
    };
  }
  const used = { ...state.used, chances };
  return { state: { ...state, used }, value: inputOf(stores.values, fieldIndex('chance'), 1, n) };
}

/** The packets that there are: what one field says, another does not deny. */
export function possiblePackets(space: Space): PacketSet {
  const ip = space.or(space.cube([ethType(0x800)]), space.cube([ethType(0x86dd)]));
  // A fragment is a first or a later one; what is not IP has none.
  const frag = space.or(
    space.cube([literal(at.ipFrag, 0, 3)]),
    space.and(ip, space.or(space.cube([literal(at.ipFrag, 1, 3)]), space.cube([literal(at.ipFrag, 3, 3)]))),
  );
  // 0x5ff is what Open vSwitch calls frames that have their length where others have a type: ovs-fields(7), eth_type.
  const typed = space.range(at.ethType, 0x5ffn, 0xffffn);
  const vlan = fieldIndex('vlan.tci');
  const tagged = space.or(space.cube([literal(vlan, 0, 0xffff)]), space.cube([literal(vlan, 0x1000, 0x1000)]));
  return [frag, typed, tagged].reduce((all, set) => space.and(all, set), space.all);
}
