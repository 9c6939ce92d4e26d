/** States that wait in one table, joined as far as that saves more than it costs (docs/verifier.md, "Following all packets"). */
import { groupBy } from '../../engine/group.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import type { Run } from './run.ts';
import { lineageOf, packetsOf, type Questions, type State, type Trail, type Used } from './state.ts';
import { at, joined, type Store } from './store.ts';
import { isWide, joinedWidely, relaxed } from './widening.ts';

/**
 * States that were looked up together and do not overlap are one, and so are those that look alike.  (To join all that do not
 * overlap makes values of many options with large sets, which costs more than it saves.)
 */
export function joinedStates(run: Run, states: readonly State[]): State[] {
  const wide = states.filter((state) => isWide(run, state));
  if (wide.length === 0) return joinedExactly(run, states);
  const others = states.filter((state) => !wide.includes(state));
  const known = wide.map((state) => relaxed(run, state));
  return [...joinedWidely(run, known, past), ...joinedExactly(run, others)];
}

function joinedExactly(run: Run, states: readonly State[]): State[] {
  if (states.length <= 1) return [...states];
  const byPassage = groupBy(states, ({ passage }) => passage);
  return [...byPassage.values()].flatMap((alike) => {
    const byLineage = groupBy(alike, ({ lineage }) => lineage);
    const families = [...byLineage.values()].flatMap((family) =>
      [...groupBy(family, ({ store }) => kindOf(store)).values()].flatMap((kin) => joinedFamily(run, kin)),
    );
    return mergedAlike(run, families);
  });
}

/**
 * Packets are of one kind that have the same values but for constants: those that differ by where they go. To
 * join others makes values of options that are as large as what they save.
 */
function kindOf(store: Store): string {
  if (store.kind === undefined) {
    store.kind = store.values
      .map((value, place) => (value.constant !== undefined && !kindPlaces.has(place) ? 'c' : value.id))
      .join(',');
  }
  return store.kind;
}

/** Places whose constants matter, too. */
const kindPlaces: ReadonlySet<number> = new Set([
  at.made,
  at.connection,
  at.inexact,
  at.ethType,
  at.ctState,
  at.ctMark,
  at.flags,
]);

/** Those of one lineage: their guards tell them apart. */
function joinedFamily(run: Run, family: readonly State[]): State[] {
  if (family.length === 1) return [...family];
  const { space, stores } = run;
  const alike = [...groupBy(family, ({ store }) => store).values()].map((group) => ({
    ...(group[0] as State),
    guard: space.orAll(group.map(({ guard }) => guard)),
    ...past(group),
  }));
  return grouped(run, alike, ({ guard }) => guard).map(({ set, members }) => ({
    ...(members[0] as State),
    store: joined(stores, members),
    guard: set,
    ...past(members),
  }));
}

/** Those that look alike are one, whether they overlap or not. */
function mergedAlike(run: Run, states: readonly State[]): State[] {
  if (states.length === 1) return [...states];
  return [...groupBy(states, ({ store }) => store).values()].map((group) => {
    const [first] = group as [State];
    if (group.length === 1) return first;
    const packets = run.space.orAll(group.map((state) => packetsOf(run, state)));
    const roots = new Set(group.map(({ lineage }) => lineage.root));
    const from = roots.size === 1 ? first.lineage.root : undefined;
    return { ...first, lineage: lineageOf(packets, from), guard: run.space.all, ...past(group) };
  });
}

/** Each state goes to the first group that none of its packets is in; more than one group is rare. */
function grouped(
  { space }: Run,
  states: readonly State[],
  setOf: (state: State) => PacketSet,
): { set: PacketSet; members: State[] }[] {
  const groups: { set: PacketSet; members: State[] }[] = [];
  for (const state of states) {
    const own = setOf(state);
    const group = groups.find(({ set }) => !space.intersects(set, own));
    if (group) {
      group.set = space.or(group.set, own);
      group.members.push(state);
    } else groups.push({ set: own, members: [state] });
  }
  return groups;
}

/** What is known of the way of packets that are one from now on. */
const past = (group: readonly State[]): Pick<State, 'used' | 'trail'> => ({
  used: group.map(({ used }) => used).reduce(mostUsed),
  trail: group.map(({ trail }) => trail).reduce(joinedTrail),
});

function joinedTrail(a: Trail, b: Trail): Trail {
  if (a === b) return a;
  return {
    all: a.all.filter((place) => b.all.includes(place)),
    some: [...new Set([...a.some, ...b.some])],
    inexactTo: Math.min(a.inexactTo, b.inexactTo),
  };
}

/** The questions of packets that are one from now on: where they asked different ones, neither is known to have been asked. */
function allAsked(a: Questions, b: Questions): Questions {
  if (a === b) return a;
  const [longer, shorter] = a.length < b.length ? [b, a] : [a, b];
  return longer.map((question, n) => (n < shorter.length && shorter[n] !== question ? undefined : question));
}

function mostUsed(a: Used, b: Used): Used {
  if (a === b) return a;
  return {
    neighbors: allAsked(a.neighbors, b.neighbors),
    choices: allAsked(a.choices, b.choices),
    chances: allAsked(a.chances, b.chances),
    copies: Math.max(a.copies, b.copies),
    openers: Math.max(a.openers, b.openers),
    ...((a.wide || b.wide) && { wide: true as const }),
  };
}
