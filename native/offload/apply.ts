/**
 * One set of rules in the place of another, in one step:
 *
 *     group 0      eth -> jump 1                     the root: one rule decides which generation packets see
 *     group 1 ...  the rules of one generation       its groups 0, 1, ... moved behind the root
 *     group k ...  the rules of the next generation  made while nothing leads to them
 *
 * All rules are validated, then created in groups that no packet reaches, then the root is exchanged by the creation or
 * the destruction of a single rule, then the old ones go.  So packets meet the old rules or the new ones and never some of
 * both.  What fails before the exchange takes back what was made.
 *
 * Everything that has to be known stands in the device: the root with the lowest priority number is the one that packets
 * see, and what belongs to another generation was left by somebody who ended too early, and is removed first.
 */
import type { Action, Rule, RuleSet } from '../../engine/offload/rules.ts';
import type { OffloadDevice } from './device.ts';
import { jumpsOf, rootCookie, type State, stateOf } from './generations.ts';
import type { InstalledRule } from './protocol.ts';

/** Milliseconds that somebody else may take. */
const PATIENCE = 2000;

/** What was done. */
export interface Applied {
  /** Counts the sets that the device was given. */
  readonly generation: number;
  /** The group that stands for group 0 of the rule set. */
  readonly base: number;
  readonly created: number;
  /** Rules of the generation before. */
  readonly removed: number;
  /** Rules that nobody had cleared away. */
  readonly leftovers: number;
}

/** The device did not take the rules; it is as it was, unless `remains` tells what could not be taken back. */
export class ApplyError extends Error {
  /** One sentence for each rule that was refused. */
  readonly refusals: readonly string[];
  readonly remains: readonly string[];
  constructor(refusals: readonly string[], remains: readonly string[] = []) {
    const [first = 'the device refuses the rules'] = refusals;
    const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
    super(`${first}${more}${remains.length > 0 ? `; not taken back: ${remains[0]}` : ''}`);
    this.name = 'ApplyError';
    this.refusals = refusals;
    this.remains = remains;
  }
}

/** What is going to happen: the generation that is to come in the place of the one that packets see. */
export interface Intent {
  readonly generation: number;
  /** 0 where packets meet no rule. */
  readonly before: number;
}

/**
 * Applies a set of rules; `batch` rules are sent at once.  `intend` is told what is going to happen while nobody else
 * changes rules and before anything is done; where it rejects, nothing is.  Refused where somebody else is changing
 * rules for long.
 */
export async function applyRules(
  device: OffloadDevice,
  rules: RuleSet,
  batch = 1000,
  intend?: (intent: Intent) => Promise<void>,
): Promise<Applied> {
  await claim(device);
  try {
    return await exchangeRules(device, rules, batch, intend);
  } finally {
    await device.release().catch(() => undefined);
  }
}

/** Who was killed while he had the device has it until that is noticed. */
async function claim(device: OffloadDevice): Promise<void> {
  const until = performance.now() + PATIENCE;
  for (;;) {
    try {
      await device.claim();
      return;
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function exchangeRules(
  device: OffloadDevice,
  rules: RuleSet,
  batch: number,
  intend?: (intent: Intent) => Promise<void>,
): Promise<Applied> {
  const state = stateOf(await device.list());
  const generation = state.generation + 1;
  await intend?.({ generation, before: state.generation });
  await remove(device, state.leftovers, batch);
  await removeShared(device, state.live);
  const groups = 1 + rules.rules.reduce((most, rule) => Math.max(most, rule.group, ...jumpsOf(rule)), 0);
  const base = freeBase(state, groups);
  const undo: (() => Promise<void>)[] = [];
  try {
    const moved = await share(device, rules, base, undo);
    await validate(device, moved, rules, batch);
    await create(device, moved, rules, batch, undo);
    await exchange(device, state.root, base, generation, undo);
  } catch (error) {
    const remains = await takeBack(undo);
    if (error instanceof ApplyError) throw new ApplyError(error.refusals, remains);
    throw error;
  }
  const old = state.root ? state.live.filter(({ id }) => id !== state.root?.id) : [];
  await remove(device, old, batch);
  await removeShared(device, await device.list());
  return { generation, base, created: rules.rules.length, removed: old.length, leftovers: state.leftovers.length };
}

/** So many groups that the live generation has none of. */
function freeBase({ root, base, live }: State, groups: number): number {
  if (!root || base > groups) return 1;
  return 1 + live.reduce((most, { rule }) => Math.max(most, rule.group, ...jumpsOf(rule)), base);
}

/** Makes what rules share under numbers that are free; gives the rules as they stand in the device. */
async function share(
  device: OffloadDevice,
  rules: RuleSet,
  base: number,
  undo: (() => Promise<void>)[],
): Promise<readonly Rule[]> {
  const taken = await device.shared();
  const ids = new Map<number, number>();
  const meterIds = new Map<number, number>();
  let free = 1 + Math.max(-1, ...taken.indirect.map(({ id }) => id));
  for (const { id, action } of rules.indirect ?? []) {
    const mine = free++;
    await refused(`indirect action ${id}`, device.createIndirect(mine, action));
    undo.push(() => device.destroyIndirect(mine));
    ids.set(id, mine);
  }
  free = 1 + Math.max(-1, ...taken.meters.map(({ mtr_id }) => mtr_id));
  for (const meter of rules.meters ?? []) {
    const mine = free++;
    await refused(`meter ${meter.mtr_id}`, device.createMeter({ ...meter, mtr_id: mine }));
    undo.push(() => device.destroyMeter(mine));
    meterIds.set(meter.mtr_id, mine);
  }
  const missing: string[] = [];
  const numberOf = (numbers: ReadonlyMap<number, number>, id: number, complaint: () => string): number => {
    const found = numbers.get(id);
    if (found === undefined) missing.push(`${complaint()} ${id}`);
    return found ?? 0;
  };
  const move = (action: Action, place: () => string): Action => {
    if (action.type === 'jump') return { ...action, group: (action.group ?? 0) + base };
    if (action.type === 'indirect') {
      return {
        ...action,
        id: numberOf(ids, action.id ?? 0, () => `${place()}.id: the rule set has no indirect action`),
      };
    }
    if (action.type !== 'meter') return action;
    return {
      ...action,
      mtr_id: numberOf(meterIds, action.mtr_id ?? 0, () => `${place()}.mtr_id: the rule set has no meter`),
    };
  };
  const moved = rules.rules.map((rule, index) => ({
    ...rule,
    group: rule.group + base,
    actions: rule.actions.map((action, at) => move(action, () => refusal(rules, index, `actions[${at}]`))),
  }));
  if (missing.length > 0) throw new ApplyError(missing);
  return moved;
}

async function refused(what: string, done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    throw new ApplyError([`${what}: ${error instanceof Error ? error.message : error}`]);
  }
}

/** `rule 3 (COOKIE): why`: by its place in the rule set. */
function refusal(rules: RuleSet, index: number, error: string): string {
  const cookie = rules.rules[index]?.cookie;
  return `rule ${index}${cookie === undefined ? '' : ` (${cookie})`}: ${error}`;
}

async function validate(device: OffloadDevice, moved: readonly Rule[], rules: RuleSet, batch: number): Promise<void> {
  const refusals: string[] = [];
  for (let i = 0; i < moved.length; i += batch) {
    for (const [at, { error }] of (await device.validate(moved.slice(i, i + batch))).entries()) {
      if (error !== undefined) refusals.push(refusal(rules, i + at, error));
    }
  }
  if (refusals.length > 0) throw new ApplyError(refusals);
}

async function create(
  device: OffloadDevice,
  moved: readonly Rule[],
  rules: RuleSet,
  batch: number,
  undo: (() => Promise<void>)[],
): Promise<void> {
  for (let i = 0; i < moved.length; i += batch) {
    const outcomes = await device.create(moved.slice(i, i + batch));
    const ids = outcomes.flatMap(({ id }) => (id === undefined ? [] : [id]));
    undo.push(() => destroy(device, ids));
    const at = outcomes.findIndex(({ error }) => error !== undefined);
    if (at >= 0) throw new ApplyError([refusal(rules, i + at, outcomes[at]?.error ?? '')]);
  }
}

/** The step: the new root is created before the old one, or behind it, and then the old one goes. */
async function exchange(
  device: OffloadDevice,
  old: InstalledRule | undefined,
  base: number,
  generation: number,
  undo: (() => Promise<void>)[],
): Promise<void> {
  const priority = old?.rule.priority === 0 ? 1 : 0;
  const root: Rule = {
    group: 0,
    priority,
    pattern: [{ type: 'eth' }],
    actions: [{ type: 'jump', group: base }],
    cookie: rootCookie(generation),
  };
  const [outcome] = await device.create([root]);
  if (outcome?.id === undefined)
    throw new ApplyError([`the root rule: ${outcome?.error ?? 'the device says nothing'}`]);
  const { id } = outcome;
  undo.push(() => destroy(device, [id]));
  if (old) await destroy(device, [old.id]);
}

async function destroy(device: OffloadDevice, ids: readonly number[]): Promise<void> {
  for (const { error } of await device.destroy(ids)) if (error !== undefined) throw new ApplyError([error]);
}

/** Backwards; what cannot be taken back is told. */
async function takeBack(undo: readonly (() => Promise<void>)[]): Promise<string[]> {
  const remains: string[] = [];
  for (const step of undo.toReversed()) {
    try {
      await step();
    } catch (error) {
      remains.push(error instanceof Error ? error.message : String(error));
    }
  }
  return remains;
}

/**
 * Removes rules: roots first, and in a group the ones that are looked at last before those that are looked at first, so
 * that a packet on its way through meets its rule or none, and not one that its rule stood before.
 */
async function remove(device: OffloadDevice, rules: readonly InstalledRule[], batch: number): Promise<void> {
  const order = (rule: Rule) => (rule.group === 0 ? Number.POSITIVE_INFINITY : rule.priority);
  const ids = rules.toSorted((a, b) => order(b.rule) - order(a.rule)).map(({ id }) => id);
  for (let i = 0; i < ids.length; i += batch) await destroy(device, ids.slice(i, i + batch));
}

/** Removes shared actions and meters that none of these rules uses. */
async function removeShared(device: OffloadDevice, users: readonly InstalledRule[]): Promise<void> {
  const actions = users.flatMap(({ rule }) => rule.actions);
  const ids = new Set(actions.flatMap((action) => (action.type === 'indirect' ? [action.id] : [])));
  const meterIds = new Set(actions.flatMap((action) => (action.type === 'meter' ? [action.mtr_id] : [])));
  const { indirect, meters } = await device.shared();
  for (const { id } of indirect) if (!ids.has(id)) await device.destroyIndirect(id);
  for (const { mtr_id } of meters) if (!meterIds.has(mtr_id)) await device.destroyMeter(mtr_id);
}
