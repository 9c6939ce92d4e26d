/**
 * Rules on all packets at once: which packets each rule takes, and where they
 * leave hardware, looking how.
 *
 *     for (const { packets, end, state, rule } of execute(hardware, ruleSet, [entering(...)]).outcomes) ...
 *
 * Packets begin in group 0.  In a group the rule with the lowest priority number
 * takes them; of several rules of one priority any may, so each is followed.
 * What no rule takes goes to software.
 */
import type { Action, Rule, RuleSet } from '../../engine/offload/rules.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { matched, NotFollowed } from './match.ts';
import { performed } from './rewrite.ts';
import { type Hardware, type HardwareState, stateKey } from './state.ts';

/** Groups that a packet may come through: one that goes in a circle never gets anywhere. */
export const mostJumps = 256;

/** Where packets leave hardware. */
export type HardwareEnd =
  | { readonly kind: 'port'; readonly port: string }
  /** By a rule that says so, by this representor. */
  | { readonly kind: 'software'; readonly port: string }
  /** No rule of the group takes them. */
  | { readonly kind: 'miss'; readonly group: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'circle' }
  | { readonly kind: 'not followed'; readonly why: string };

/** Packets that leave hardware in one way. */
export interface Outcome {
  readonly packets: PacketSet;
  readonly end: HardwareEnd;
  readonly state: HardwareState;
  /** Index of the rule that decided; undefined where none did. */
  readonly rule?: number;
  /** Rules of the same priority in its group that may take some of these packets in its place. */
  readonly rivals: readonly number[];
}

export interface Execution {
  readonly outcomes: readonly Outcome[];
  /** Indices of the rules that take no packet at all. */
  readonly unmet: readonly number[];
}

interface Numbered {
  readonly index: number;
  readonly rule: Rule;
}

/** Runs a set of rules on packets; those of different states may be the same. */
export function execute(hardware: Hardware, ruleSet: RuleSet, entered: readonly HardwareState[]): Execution {
  const groups = sorted(ruleSet.rules);
  const shared = new Map((ruleSet.indirect ?? []).map(({ id, action }) => [id, action]));
  const outcomes: Outcome[] = [];
  const met = new Set<number>();
  let waiting = new Map([[0, [...entered]]]);
  for (let jumps = 0; waiting.size > 0; jumps++) {
    const next = new Map<number, HardwareState[]>();
    for (const [group, states] of waiting) {
      for (const state of together(hardware, states)) {
        if (jumps >= mostJumps) outcomes.push({ packets: state.packets, end: { kind: 'circle' }, state, rivals: [] });
        else pass(hardware, { group, priorities: groups.get(group) ?? [], shared, met, next, outcomes }, state);
      }
    }
    waiting = next;
  }
  return { outcomes, unmet: ruleSet.rules.flatMap((_, index) => (met.has(index) ? [] : [index])) };
}

/** Rules by group, and in it by rising priority. */
function sorted(rules: readonly Rule[]): Map<number, Numbered[][]> {
  const groups = new Map<number, Map<number, Numbered[]>>();
  for (const [index, rule] of rules.entries()) {
    if (rule.domain !== undefined && rule.domain !== 'transfer') continue;
    const group = groups.get(rule.group) ?? new Map<number, Numbered[]>();
    groups.set(rule.group, group);
    const alike = group.get(rule.priority);
    if (alike) alike.push({ index, rule });
    else group.set(rule.priority, [{ index, rule }]);
  }
  return new Map(
    [...groups].map(([number, group]) => [number, [...group].sort(([a], [b]) => a - b).map(([, alike]) => alike)]),
  );
}

/** States that look alike are one. */
function together({ space }: Hardware, states: readonly HardwareState[]): HardwareState[] {
  if (states.length === 1) return [...states];
  const byKey = new Map<string, HardwareState[]>();
  for (const state of states) {
    const key = stateKey(state);
    const known = byKey.get(key);
    if (known) known.push(state);
    else byKey.set(key, [state]);
  }
  return [...byKey.values()].map((alike) => ({
    ...(alike[0] as HardwareState),
    packets: space.orAll(alike.map(({ packets }) => packets)),
  }));
}

interface Passing {
  readonly group: number;
  readonly priorities: readonly Numbered[][];
  readonly shared: ReadonlyMap<number, Action>;
  readonly met: Set<number>;
  readonly next: Map<number, HardwareState[]>;
  readonly outcomes: Outcome[];
}

/** Packets pass a group. */
function pass(hardware: Hardware, passing: Passing, state: HardwareState): void {
  const { space } = hardware;
  let rest = state.packets;
  for (const alike of passing.priorities) {
    if (rest === space.empty) return;
    const hits = alike.flatMap((numbered) => hit(hardware, passing, state, rest, numbered));
    for (const { numbered, packets } of hits) {
      const rivals = hits.filter((other) => other.numbered !== numbered && space.intersects(other.packets, packets));
      const names = rivals.map((other) => other.numbered.index);
      take(hardware, passing, { ...state, packets }, numbered, names);
    }
    if (hits.length > 0) rest = space.diff(rest, space.orAll(hits.map(({ must }) => must)));
  }
  if (rest === space.empty) return;
  const left = { ...state, packets: rest };
  passing.outcomes.push({ packets: rest, end: { kind: 'miss', group: passing.group }, state: left, rivals: [] });
}

interface Hit {
  readonly numbered: Numbered;
  readonly packets: PacketSet;
  readonly must: PacketSet;
}

function hit(
  hardware: Hardware,
  { outcomes }: Passing,
  state: HardwareState,
  rest: PacketSet,
  numbered: Numbered,
): Hit[] {
  const { space } = hardware;
  try {
    const { must, may } = matched(hardware, state, numbered.rule.pattern);
    const packets = space.and(rest, may);
    return packets === space.empty ? [] : [{ numbered, packets, must }];
  } catch (error) {
    if (!(error instanceof NotFollowed)) throw error;
    const end: HardwareEnd = { kind: 'not followed', why: error.message };
    outcomes.push({ packets: rest, end, state: { ...state, packets: rest }, rule: numbered.index, rivals: [] });
    return [];
  }
}

function take(
  hardware: Hardware,
  { shared, met, next, outcomes }: Passing,
  state: HardwareState,
  { index, rule }: Numbered,
  rivals: readonly number[],
): void {
  met.add(index);
  for (const step of performed(hardware, state, rule.actions, shared)) {
    if (step.next.kind !== 'jump') {
      outcomes.push({ packets: step.state.packets, end: step.next, state: step.state, rule: index, rivals });
      continue;
    }
    const waiting = next.get(step.next.group);
    if (waiting) waiting.push(step.state);
    else next.set(step.next.group, [step.state]);
  }
}
