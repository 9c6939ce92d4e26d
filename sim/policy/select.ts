/**
 * Which ports and addresses of a network a selector means.
 *
 * At a port, what a selector says of names is either true or false; what is left
 * is a condition on addresses (`Condition`).
 */
import { didYouMean, quote } from '../../engine/spec/complain.ts';
import { nearest } from '../../engine/spec/nearest.ts';
import type { EdgePlace, Inventory, Place } from './inventory.ts';
import type { NameKey, Policy, Prefix, Selector, Worded } from './policy.ts';
import { contains, formatPrefix } from './prefix.ts';

/** What has to be true of the address: `true`, `false`, or a combination of ranges; those of one extent are equal if they are alike. */
export type Condition =
  | boolean
  | { readonly kind: 'prefix'; readonly prefix: Prefix }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Condition[] }
  | { readonly kind: 'not'; readonly term: Condition };

/** Ports that a selector means under the same condition. */
export interface Group {
  readonly condition: Exclude<Condition, false>;
  readonly edges: readonly EdgePlace[];
}

/** What a selector means in a network. */
export interface Extent {
  /** The selector in words. */
  readonly text: string;
  readonly groups: readonly Group[];
  /** Names that nothing has: sentences. */
  readonly unknown: readonly string[];
}

/** Namespaced names may be written without their namespace. */
const namespaced: ReadonlySet<NameKey> = new Set(['vpc', 'network', 'interface']);

const isNamed = (key: NameKey, wanted: string, name: string): boolean =>
  name === wanted || (namespaced.has(key) && !wanted.includes('/') && name.endsWith(`/${wanted}`));

/** Which edge ports a selector means; all, unless there is one. */
export function extentOf(selector: Worded<Selector> | undefined, policy: Policy, inventory: Inventory): Extent {
  const all = [{ condition: true, edges: inventory.edges } as const];
  if (!selector) return { text: 'anybody', groups: inventory.edges.length > 0 ? all : [], unknown: [] };
  const groups = new Map<Condition, { condition: Exclude<Condition, false>; edges: EdgePlace[] }>();
  const conditionAt = evaluator(policy);
  for (const edge of inventory.edges) {
    const condition = conditionAt(selector.value, edge);
    if (condition === false) continue;
    const group = groups.get(condition);
    if (group) group.edges.push(edge);
    else groups.set(condition, { condition, edges: [edge] });
  }
  return {
    text: selector.text,
    groups: [...groups.values()],
    unknown: unknownNames(selector.value, policy, inventory),
  };
}

/** The names, for `AnalyseOptions.watch`, of the ports, switches and routers that a selector means. */
export function waysOf(selector: Selector, policy: Policy, { ways }: Inventory): string[] {
  const conditionAt = evaluator(policy);
  return [...new Set(ways.flatMap((way) => (conditionAt(selector, way) === false ? [] : [way.name])))];
}

/** Whether a selector means a place, whatever its addresses. */
export function isMeant(selector: Selector, place: Place, policy: Policy): boolean {
  return evaluator(policy)(selector, place) !== false;
}

/** What a selector says at a place. Named sets are looked at once a place. */
function evaluator({ sets }: Policy): (selector: Selector, place: Place) => Condition {
  let at: Place | undefined;
  const ofSets = new Map<string, Condition>();
  const { prefix, inverse, combine } = conditions();
  const evaluate = (selector: Selector, place: Place): Condition => {
    switch (selector.kind) {
      case 'external':
        return place.external;
      case 'name': {
        const { key, name } = selector;
        return (place.names[key] ?? []).some((each) => isNamed(key, name, each));
      }
      case 'label':
        return Object.hasOwn(place.labels, selector.key) && place.labels[selector.key] === selector.value;
      case 'prefix':
        return prefix(selector.prefix);
      case 'not':
        return inverse(evaluate(selector.term, place));
      case 'set': {
        const known = ofSets.get(selector.name);
        if (known !== undefined) return known;
        const set = sets.get(selector.name);
        const condition = set ? evaluate(set.value, place) : false;
        ofSets.set(selector.name, condition);
        return condition;
      }
      default:
        return combine(
          selector.kind,
          selector.terms.map((term) => evaluate(term, place)),
        );
    }
  };
  return (selector, place) => {
    if (place !== at) ofSets.clear();
    at = place;
    return evaluate(selector, place);
  };
}

/** Makes conditions: one object for those that are alike, however large they are. */
function conditions() {
  const known = new Map<string, Condition>();
  const ids = new Map<Condition, number>();
  const intern = (key: string, condition: Condition): Condition => {
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, condition);
    ids.set(condition, ids.size);
    return condition;
  };
  const combine = (kind: 'and' | 'or', terms: readonly Condition[]): Condition => {
    const absorbing = kind === 'or';
    if (terms.includes(absorbing)) return absorbing;
    const rest = [...new Set(terms.filter((term) => typeof term !== 'boolean'))];
    if (rest.length < 2) return rest[0] ?? !absorbing;
    return intern(`${kind} ${rest.map((term) => ids.get(term)).join(' ')}`, { kind, terms: rest });
  };
  return {
    combine,
    prefix: (prefix: Prefix): Condition => intern(formatPrefix(prefix), { kind: 'prefix', prefix }),
    inverse: (term: Condition): Condition =>
      typeof term === 'boolean' ? !term : intern(`not ${ids.get(term)}`, { kind: 'not', term }),
  };
}

/** Whether an address meets a condition. */
export function meets(address: Prefix, condition: Condition): boolean {
  if (typeof condition === 'boolean') return condition;
  switch (condition.kind) {
    case 'prefix':
      return contains(condition.prefix, address);
    case 'not':
      return !meets(address, condition.term);
    case 'and':
      return condition.terms.every((term) => meets(address, term));
    case 'or':
      return condition.terms.some((term) => meets(address, term));
  }
}

/**
 * Whether the host behind a port meets a condition, by any address of its own; undefined where its addresses are not
 * known, or where there are many hosts, outside: then it is for each packet to tell.
 */
export function isMember({ port, hosts }: EdgePlace, condition: Condition): boolean | undefined {
  if (typeof condition === 'boolean') return condition;
  if (port.edge === 'outside' || hosts.length === 0) return undefined;
  const known = new Map<Condition, boolean>();
  const evaluate = (each: Condition): boolean => {
    if (typeof each === 'boolean') return each;
    const found = known.get(each) ?? decide(each);
    known.set(each, found);
    return found;
  };
  const decide = (each: Exclude<Condition, boolean>): boolean => {
    switch (each.kind) {
      case 'prefix':
        return hosts.some(({ ip }) => contains(each.prefix, ip));
      case 'not':
        return !evaluate(each.term);
      case 'and':
        return each.terms.every(evaluate);
      case 'or':
        return each.terms.some(evaluate);
    }
  };
  return evaluate(condition);
}

/** The ranges in a condition. */
export function prefixesOf(condition: Condition): Prefix[] {
  const found: Prefix[] = [];
  const seen = new Set<Condition>();
  const visit = (each: Condition): void => {
    if (typeof each === 'boolean' || seen.has(each)) return;
    seen.add(each);
    if (each.kind === 'prefix') found.push(each.prefix);
    else if (each.kind === 'not') visit(each.term);
    else each.terms.forEach(visit);
  };
  visit(condition);
  return found;
}

/** What a selector and the sets that it refers to name, and nothing is called. */
export function unknownNames(selector: Selector, policy: Policy, inventory: Inventory): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (each: Selector): void => {
    switch (each.kind) {
      case 'and':
      case 'or':
        each.terms.forEach(visit);
        break;
      case 'not':
        visit(each.term);
        break;
      case 'set': {
        if (seen.has(each.name)) break;
        seen.add(each.name);
        const set = policy.sets.get(each.name);
        if (set) visit(set.value);
        break;
      }
      case 'name':
        found.push(...unknownName(each.key, each.name, inventory));
        break;
    }
  };
  visit(selector);
  return [...new Set(found)];
}

const fromManifests: readonly NameKey[] = ['tenant', 'vpc', 'network', 'interface', 'node'];

function unknownName(key: NameKey, name: string, { known, planned }: Inventory): string[] {
  const names = known.get(key) ?? new Set();
  for (const each of names) if (isNamed(key, name, each)) return [];
  if (!planned && fromManifests.includes(key)) {
    return [`a database knows no ${key}, and so not ${quote(name)}; select by switch, router or port`];
  }
  const short = [...names].map((each) => (name.includes('/') ? each : each.slice(each.lastIndexOf('/') + 1)));
  const meant = didYouMean(nearest(name, [...names, ...short]));
  return [`there is no ${key} ${quote(name)}${meant ? `; ${meant}` : ''}`];
}
