/** What a policy speaks of, for parts that are to be told of each other: addresses alone have the same meaning for all. */
import type { Policy, Selector, Settings } from '../../policy/policy.ts';
import { maskOf } from '../../policy/prefix.ts';
import type { Range } from './constants.ts';

/**
 * The ranges of addresses that a policy tells built-in properties; undefined if it names ports, networks or labels, or
 * packets by what an expression says. Rules are not asked about: what has any is verified as a whole.  So is what rows
 * alone decide.
 */
export function rangesSpokenOf(policy: Policy): readonly Range[] | undefined {
  const { outside, infrastructure, outsideOnly, reachable, ranges, ...rest } = policy.builtIn.settings;
  const isQuiet = saysNothing(rest) && reachable.every(({ traffic }) => traffic === undefined);
  if (!isQuiet) return undefined;
  const selectors = [
    ...(outside ? [outside] : []),
    ...infrastructure,
    ...(outsideOnly ? [outsideOnly] : []),
    ...reachable.map(({ cidr }) => cidr),
    ...ranges,
  ];
  const found = selectors.map(({ value }) => rangesIn(value, policy, new Set()));
  return found.every((one) => one !== undefined) ? found.flat() : undefined;
}

type Naming = Omit<Settings, 'outside' | 'infrastructure' | 'outsideOnly' | 'reachable' | 'ranges'>;

/** Whether settings by which ports and networks may be named are not used. */
function saysNothing(settings: Naming): boolean {
  const { tenants = [], separate, joined, internal, open, transit, routed, trusted, lost, ...ofRows } = settings;
  // Rows alone are judged by these; a setting that is new has to be put in one place or the other.
  ofRows satisfies Pick<Settings, 'equalPaths' | 'underlay' | 'deadPorts' | 'beyond'>;
  return [tenants, separate, joined, internal, open, transit, routed, trusted, lost].every(
    ({ length }) => length === 0,
  );
}

/** Undefined of a selector that is not of addresses alone. */
function rangesIn(selector: Selector, policy: Policy, seen: Set<string>): readonly Range[] | undefined {
  switch (selector.kind) {
    case 'prefix': {
      const { family, value } = selector.prefix;
      const mask = maskOf(selector.prefix);
      return [{ family, value: value & mask, mask }];
    }
    case 'not':
      return rangesIn(selector.term, policy, seen);
    case 'and':
    case 'or': {
      const found = selector.terms.map((term) => rangesIn(term, policy, seen));
      return found.every((one) => one !== undefined) ? found.flat() : undefined;
    }
    case 'set': {
      if (seen.has(selector.name)) return [];
      seen.add(selector.name);
      const set = policy.sets.get(selector.name);
      return set && rangesIn(set.value, policy, seen);
    }
    default:
      return undefined;
  }
}
