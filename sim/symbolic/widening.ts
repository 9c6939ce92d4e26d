/**
 * Packets that go too many ways to be followed exactly: states that differ little
 * are one, in which what differs is unknown.  That is more than what can be, so
 * that nothing is lost, and its classes are inexact; it comes to an end, for what is
 * unknown does not become known again.
 */
import { groupBy } from '../../engine/group.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { openers, packetFields } from './fields.ts';
import { changed } from './passage.ts';
import type { Run } from './run.ts';
import type { State, Used } from './state.ts';
import { at, places, read, type Store, write } from './store.ts';
import { unknownOnce } from './unknown.ts';
import { constantOf, mapped, replaced, sliceOf, type Value } from './value.ts';

/**
 * Whether a state is followed widely: once it is; in the second pass if it is inexact. ARP never is: it does not go far, and what
 * routers learn of it is to be known.
 */
export function isWide(run: Run, { store, used }: State): boolean {
  if (run.chassis || isArp(store)) return false;
  if (used.wide || !isSecond(run)) return used.wide === true;
  return read(store, at.inexact).constant === 1n;
}

/** Whether the run follows packets of connections, all of which the first pass and runs like it have found. */
export const isSecond = ({ connections }: Run): boolean => connections.kind === 'any' && connections.isSecond === true;

/** Whether it is remembered which connections packets belong to: more states, of which less goes round that cannot be. */
export const isCareful = ({ connections }: Run): boolean =>
  connections.kind === 'any' && connections.isCareful === true;

export const isArp = (store: Store): boolean => read(store, at.ethType).constant === 0x806n;

const nobody = (n: number): undefined[] => Array.from({ length: n }, () => undefined);

/** Whatever is asked from now on, no field of the packets answers it. */
const everything: Used = {
  neighbors: nobody(4),
  choices: nobody(4),
  chances: nobody(16),
  copies: 4,
  openers,
  wide: true,
};

/**
 * The state as it is followed widely: inexact, with any time to live. In the second pass connections of its own are
 * forgotten, for they are among those that are known there, and one unknown is like another.
 */
export function relaxed(run: Run, state: State): State {
  const { stores, passages } = run;
  const inexact = write(stores, state.store, at.inexact, constantOf(stores.values, 1, 1n));
  const timeless = write(stores, inexact, at.ttl, constantOf(stores.values, 8, 0n));
  const forgetful = isSecond(run);
  const plain = forgetful ? alikeUnknown(run, timeless) : timeless;
  const store = write(stores, plain, at.ttl, unknownAt(run, at.ttl));
  const passage = changed(passages, state.passage, {
    tracked: undefined,
    ...(forgetful && { commits: [], joined: [] }),
  });
  return { ...state, store, passage, used: everything };
}

/** The fields that answer what was asked on the way, but for whether neighbours are known and tell of themselves. */
const answers: readonly number[] = packetFields.flatMap(({ name }, field) =>
  /^(neighbor\.\d\.mac|choice|chance|copy|opener)/.test(name) ? [field] : [],
);

/** Sets of more nodes than this are too large to go on with as they are. */
const large = 4096;

/** The packets, and all that differ from them by what was answered on their way: more packets, which are a smaller set. */
export const whateverAnswered = ({ space }: Pick<Run, 'space'>, packets: PacketSet): PacketSet =>
  space.forget(packets, answers);

/**
 * A state that is followed widely, without what was answered on the way if its packets are a large set: round after round the
 * answers would be told apart by one another. Those are more packets, as where states become one.
 */
export function slim(run: Run, state: State): State {
  const { space } = run;
  const packets = space.and(state.lineage.packets, state.guard);
  if (space.size(packets) <= large) return state;
  return { ...state, lineage: { packets: whateverAnswered(run, packets), asked: new Map() }, guard: space.all };
}

const unknownAt = (run: Run, place: number) => unknownOnce(run, `wide ${place}`, places[place]?.width ?? 0);

/** What is unknown is the same unknown for all packets, place by place. */
const alikeUnknown = (run: Run, store: Store): Store =>
  store.values.reduce(
    (one, value, place) => (value.vague ? write(run.stores, one, place, alikePart(run, place, value)) : one),
    store,
  );

function alikePart(run: Run, place: number, value: Value): Value {
  const { space, stores } = run;
  const alike = (part: Value, unknown: Value): Value =>
    mapped(stores.values, space, part, (plain) => (plain.vague ? unknown : plain));
  if (!registers.has(place)) return alike(value, unknownAt(run, place));
  return slices.reduce((one, ofs) => {
    const part = sliceOf(stores.values, space, value, ofs, sliceBits);
    return part.vague ? replaced(stores.values, space, one, ofs, alike(part, unknownSlice(run, place, ofs))) : one;
  }, value);
}

const registers: ReadonlySet<number> = new Set([at.xxreg0, at.xxreg1]);

/** reg0 to reg3 are the bits of xxreg0 from the top: a router's own address stays known, whatever the next hop is. */
const slices = [0, 32, 64, 96];
const sliceBits = 32;

const unknownSlice = (run: Run, place: number, ofs: number): Value =>
  unknownOnce(run, `wide ${place} ${ofs}`, sliceBits);

/** Two stores as one: what differs is unknown; of registers, those of 32 bits that differ. */
export function widened(run: Run, a: Store, b: Store): Store {
  return a.values.reduce((one, value, place) => {
    const other = read(b, place);
    if (value === other) return one;
    const wide = registers.has(place) ? widenedParts(run, place, value, other) : unknownAt(run, place);
    return write(run.stores, one, place, wide);
  }, a);
}

function widenedParts(run: Run, place: number, a: Value, b: Value): Value {
  const { space, stores } = run;
  return slices.reduce((one, ofs) => {
    const [part, other] = [a, b].map((value) => sliceOf(stores.values, space, value, ofs, sliceBits));
    return part === other ? one : replaced(stores.values, space, one, ofs, unknownSlice(run, place, ofs));
  }, a);
}

/**
 * Places by what is given up first where states are too many: always, then Ethernet addresses, what conntrack says,
 * sources, destinations, registers. Ports, types and flags are never given up.
 */
const givenUp: readonly (readonly number[])[] = [
  [
    ...[at.ethSrc, at.arpSpa, at.arpTpa, at.arpSha, at.arpTha, at.ndTarget, at.ndSll, at.ndTll, at.tpSrc, at.tpDst],
    ...[at.tcpFlags, at.ttl, at.dscp, at.ecn, at.length, at.payload, at.ipFrag, at.icmpCode],
    ...[at.ctNwDst, at.ctIp6Dst, at.ctTpDst, at.ctLabel],
  ],
  [at.ethDst],
  [at.ctState, at.ctMark],
  [at.ip4Src, at.ip6Src],
  [at.ip4Dst, at.ip6Dst],
  [at.xxreg0],
];

const levels: readonly ReadonlySet<number>[] = givenUp.map((_, n) => new Set(givenUp.slice(0, n + 1).flat()));

/** States are one that have the same passage and the same values but for those that are given up. */
export function likeness({ store, passage }: State, level = 0): string {
  const open = levels[level];
  return `${passage.id} ${store.values.map((value, place) => (open?.has(place) ? '' : value.id)).join()}`;
}

/** In so many states at most, as far as there are values to give up, the packets of a table are followed widely. */
const most = 64;

/** States of one table that are followed widely: those that are alike are one; `past` says what is known of their way then. */
export function joinedWidely(
  run: Run,
  states: readonly State[],
  past: (group: readonly State[]) => Pick<State, 'used' | 'trail'>,
): State[] {
  const { space } = run;
  let groups: (readonly State[])[] = [];
  for (let level = 0; level < levels.length; level++) {
    groups = [...groupBy(states, (state) => likeness(state, level)).values()];
    if (groups.length <= most) break;
  }
  return groups.map((group) => {
    const [first] = group as readonly [State];
    if (group.length === 1) return first;
    const packets = space.orAll(group.map(({ lineage, guard }) => space.and(lineage.packets, guard)));
    const store = group.map((one) => one.store).reduce((a, b) => widened(run, a, b));
    return { ...first, store, lineage: { packets, asked: new Map() }, guard: space.all, ...past(group) };
  });
}
