/** What the rules of a device are to each other: one generation that packets see, and what is left of others. */
import type { Rule } from '../../engine/offload/rules.ts';
import type { InstalledRule } from './protocol.ts';

export interface State {
  /** The root that packets see; absent where the device has none, then no packet meets a rule. */
  readonly root: InstalledRule | undefined;
  /** The number of the root's generation; 0 without root. */
  readonly generation: number;
  /** The group that stands for group 0 of the rule set; 0 without root. */
  readonly base: number;
  /** The root and what it leads to. */
  readonly live: readonly InstalledRule[];
  /** What packets do not meet. */
  readonly leftovers: readonly InstalledRule[];
}

/**
 * Finds the generation among all rules of a device: its root is the rule of group 0 with the lowest priority number among
 * those that applyRules made.  Only where it made none it is that of somebody else.
 */
export function stateOf(rules: readonly InstalledRule[]): State {
  const roots = rules.filter(({ rule }) => rule.group === 0).sort((a, b) => a.rule.priority - b.rule.priority);
  const root = roots.find(({ rule }) => generationOf(rule) > 0) ?? roots[0];
  if (!root) return { root, generation: 0, base: 0, live: [], leftovers: rules };
  const base = jumpsOf(root.rule)[0] ?? 0;
  // A generation is what can be reached from its base.
  const jumps = new Map<number, Set<number>>();
  for (const { rule } of rules) {
    const known = jumps.get(rule.group) ?? new Set();
    for (const next of jumpsOf(rule)) known.add(next);
    jumps.set(rule.group, known);
  }
  const reached = new Set([base]);
  for (const group of reached) for (const next of jumps.get(group) ?? []) reached.add(next);
  const [low, high] = [base, Math.max(...reached)];
  const isLive = ({ id, rule }: InstalledRule) => id === root.id || (rule.group >= low && rule.group <= high);
  return {
    root,
    generation: generationOf(root.rule),
    base,
    live: rules.filter(isLive),
    leftovers: rules.filter((rule) => !isLive(rule)),
  };
}

/** The groups that a rule leads to. */
export function jumpsOf(rule: Rule): number[] {
  return rule.actions.flatMap((action) => (action.type === 'jump' ? [action.group ?? 0] : []));
}

/** What the root of a generation is known by. */
export const rootCookie = (generation: number): string => `generation ${generation}`;

function generationOf(root: Rule): number {
  const found = /^generation (\d+)$/.exec(root.cookie ?? '');
  return found ? Number(found[1]) : 0;
}
