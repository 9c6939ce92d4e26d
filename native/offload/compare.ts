/**
 * The rules that a device has beside those that it should have: what is missing, what somebody else made, what is not as
 * it was.  Both are compared as the device's structures say them, groups and shared actions counted as in the rule set.
 */
import type { Action, Rule, RuleSet } from '../../engine/offload/rules.ts';
import type { OffloadDevice } from './device.ts';
import { type State, stateOf } from './generations.ts';
import { canonical } from './journal.ts';
import type { InstalledRule } from './protocol.ts';

/** A rule that is there in another form. */
export interface Changed {
  readonly wanted: Rule;
  /** Its groups counted as those of the rule set. */
  readonly found: InstalledRule;
  readonly parts: readonly ('pattern' | 'actions' | 'place' | 'cookie')[];
}

export interface Difference {
  /** 0 where the device has no rules of ours. */
  readonly generation: number;
  /** Rules that are as they should be. */
  readonly same: number;
  readonly missing: readonly Rule[];
  readonly changed: readonly Changed[];
  /** Rules of the generation that the rule set has not; their groups are counted as those of the rule set. */
  readonly foreign: readonly InstalledRule[];
  /** Rules that belong to no generation in force: somebody else's, or left by who was killed; as the device has them. */
  readonly outside: readonly InstalledRule[];
  /** Sentences on connections and meters that rules share. */
  readonly shared: readonly string[];
}

/** Whether the device has the rules and no others. */
export function isSame({ missing, changed, foreign, outside, shared, generation }: Difference): boolean {
  return generation > 0 && [missing, changed, foreign, outside, shared].every(({ length }) => length === 0);
}

/** Compares; changes nothing. */
export async function compareRules(device: OffloadDevice, wanted: RuleSet): Promise<Difference> {
  const state = stateOf(await device.list());
  const { root, base, generation } = state;
  if (generation === 0) {
    const outside = [...state.live, ...state.leftovers];
    return { generation, same: 0, missing: wanted.rules, changed: [], foreign: [], outside, shared: [] };
  }
  // Where a rule is gone that led to others, those are still rules of the generation.
  const last = base + wanted.rules.reduce((most, { group }) => Math.max(most, group), 0);
  const isOurs = ({ rule }: InstalledRule) => rule.group >= base && rule.group <= last;
  const live = [...state.live.filter(({ id }) => id !== root?.id), ...state.leftovers.filter(isOurs)];
  const numbers = await numbersOf(device, wanted, live);
  const moved = await asInstalled(device, wanted.rules, numbers, base);
  const pairs = pair(moved, live);
  const back = (found: InstalledRule): InstalledRule => ({ ...found, rule: moveBy(found.rule, -base) });
  return {
    generation,
    same: pairs.same,
    missing: pairs.missing.flatMap((index) => wanted.rules[index] ?? []),
    changed: pairs.changed.flatMap(({ index, found, parts }) => {
      const rule = wanted.rules[index];
      return rule ? [{ wanted: rule, found: back(found), parts }] : [];
    }),
    foreign: pairs.foreign.map(back),
    outside: state.leftovers.filter((one) => !isOurs(one)),
    shared: [...(await sharedDifferences(device, wanted, numbers)), ...rootDifferences(state)],
  };
}

/** The root has to let every packet in. */
function rootDifferences({ root, base, generation }: State): string[] {
  const whole = canonical([{ type: 'eth' }]);
  if (!root || canonical(root.rule.pattern) === whole) return [];
  return [`the root of generation ${generation} leads only some packets to group ${base}`];
}

/** Which number in the device stands for a shared action, or a meter, of the rule set. */
interface Numbers {
  readonly indirect: ReadonlyMap<number, number>;
  readonly meters: ReadonlyMap<number, number>;
}

/** They are made in the order of the rule set under ascending numbers, and those that no rule uses are destroyed. */
async function numbersOf(device: OffloadDevice, wanted: RuleSet, live: readonly InstalledRule[]): Promise<Numbers> {
  const { indirect, meters } = await device.shared();
  const rules = live.map(({ rule }) => rule);
  return {
    indirect: paired(
      wanted.indirect ?? [],
      indirect,
      ({ id }) => id,
      usedBy(wanted.rules, 'indirect'),
      usedBy(rules, 'indirect'),
    ),
    meters: paired(
      wanted.meters ?? [],
      meters,
      ({ mtr_id }) => mtr_id,
      usedBy(wanted.rules, 'meter'),
      usedBy(rules, 'meter'),
    ),
  };
}

function usedBy(rules: readonly Rule[], type: 'indirect' | 'meter'): ReadonlySet<number> {
  const idOf = (action: Action): number[] => {
    if (action.type === 'indirect' && type === 'indirect') return [action.id ?? 0];
    return action.type === 'meter' && type === 'meter' ? [action.mtr_id ?? 0] : [];
  };
  return new Set(rules.flatMap(({ actions }) => actions.flatMap(idOf)));
}

function paired<T>(
  wanted: readonly T[],
  found: readonly T[],
  idOf: (one: T) => number,
  usedWanted: ReadonlySet<number>,
  usedFound: ReadonlySet<number>,
): Map<number, number> {
  const mine = wanted.map(idOf).filter((id) => usedWanted.has(id));
  const theirs = found
    .map(idOf)
    .filter((id) => usedFound.has(id))
    .sort((a, b) => a - b);
  return new Map(mine.flatMap((id, index) => (theirs[index] === undefined ? [] : [[id, theirs[index]] as const])));
}

async function sharedDifferences(device: OffloadDevice, wanted: RuleSet, numbers: Numbers): Promise<string[]> {
  const { indirect, meters } = await device.shared();
  const found: string[] = [];
  for (const { id, action } of wanted.indirect ?? []) {
    const there = indirect.find((one) => one.id === numbers.indirect.get(id));
    if (!there) continue;
    const [mine, theirs] = await device.convert([ruleOf(action), ruleOf(there.action)]);
    if (canonical(mine?.rule?.actions) !== canonical(theirs?.rule?.actions)) {
      found.push(`the shared action ${id} of the rule set, ${there.id} in the device, is another there`);
    }
  }
  for (const meter of wanted.meters ?? []) {
    const there = meters.find((one) => one.mtr_id === numbers.meters.get(meter.mtr_id));
    if (there && (there.cir !== meter.cir || there.cbs !== meter.cbs)) {
      found.push(
        `the meter ${meter.mtr_id} of the rule set, ${there.mtr_id} in the device, passes ${there.cir} bytes a second (burst ${there.cbs}) and not ${meter.cir} (burst ${meter.cbs})`,
      );
    }
  }
  return found;
}

const ruleOf = (action: Action): Rule => ({ group: 1, priority: 0, pattern: [{ type: 'eth' }], actions: [action] });

/** So many rules are asked for at once. */
const batch = 1000;

/** The wanted rules in the device's own words; those that it has no words for stay as they are. */
async function asInstalled(
  device: OffloadDevice,
  rules: readonly Rule[],
  numbers: Numbers,
  base: number,
): Promise<readonly Rule[]> {
  const moved = rules.map((rule) => moveBy(rule, base, numbers));
  const made: Rule[] = [];
  for (let i = 0; i < moved.length; i += batch) {
    const part = moved.slice(i, i + batch);
    const outcomes = await device.convert(part);
    for (const [index, rule] of part.entries()) made.push(outcomes[index]?.rule ?? rule);
  }
  return made;
}

function moveBy(rule: Rule, groups: number, numbers?: Numbers): Rule {
  const move = (action: Action): Action => {
    if (action.type === 'jump') return { ...action, group: (action.group ?? 0) + groups };
    // -1 is the number of nothing, and so the rule is not there.
    if (action.type === 'indirect' && numbers) return { ...action, id: numbers.indirect.get(action.id ?? 0) ?? -1 };
    if (action.type === 'meter' && numbers) return { ...action, mtr_id: numbers.meters.get(action.mtr_id ?? 0) ?? -1 };
    return action;
  };
  return { ...rule, group: rule.group + groups, actions: rule.actions.map(move) };
}

interface Pairs {
  same: number;
  missing: number[];
  changed: { index: number; found: InstalledRule; parts: Changed['parts'] }[];
  foreign: InstalledRule[];
}

/** Equal rules first, then those of one place and pattern, then those of one cookie. */
function pair(wanted: readonly Rule[], found: readonly InstalledRule[]): Pairs {
  const left = new Map(wanted.entries());
  let rest = [...found];
  const changed: Pairs['changed'] = [];
  let same = 0;
  for (const keyOf of [whole, place, cookie]) {
    const byKey = new Map<string, number[]>();
    for (const [index, rule] of left) {
      const key = keyOf(rule);
      if (key !== undefined) byKey.set(key, [...(byKey.get(key) ?? []), index]);
    }
    const unpaired: InstalledRule[] = [];
    for (const one of rest) {
      const index = byKey.get(keyOf(one.rule) ?? '')?.shift();
      const rule = index === undefined ? undefined : left.get(index);
      if (index === undefined || !rule) {
        unpaired.push(one);
        continue;
      }
      left.delete(index);
      if (keyOf === whole) same++;
      else changed.push({ index, found: one, parts: partsOf(rule, one.rule) });
    }
    rest = unpaired;
  }
  return { same, missing: [...left.keys()], changed, foreign: rest };
}

const whole = ({ domain = 'transfer', group, priority, pattern, actions, cookie = '' }: Rule): string =>
  canonical([domain, group, priority, pattern, actions, cookie]);
const place = ({ domain = 'transfer', group, priority, pattern }: Rule): string =>
  canonical([domain, group, priority, pattern]);
const cookie = (rule: Rule): string | undefined => (rule.cookie ? `cookie ${rule.cookie}` : undefined);

function partsOf(wanted: Rule, found: Rule): Changed['parts'] {
  const differs = (of: (rule: Rule) => unknown) => canonical(of(wanted) ?? null) !== canonical(of(found) ?? null);
  return [
    ...(differs(({ group, priority }) => [group, priority]) ? (['place'] as const) : []),
    ...(differs(({ pattern }) => pattern) ? (['pattern'] as const) : []),
    ...(differs(({ actions }) => actions) ? (['actions'] as const) : []),
    ...(differs((rule) => rule.cookie) ? (['cookie'] as const) : []),
  ];
}
