/**
 * The findings of a network that differs by little from one before: those that were, but for those of the parts that
 * changed, where these speak of the same things as before.
 */

import { isSame } from '../../engine/same.ts';
import { overallVerdict } from '../answers/findings.ts';
import type { Property } from '../properties/property.ts';
import type { Finding } from '../verdict.ts';
import type { Kin } from './alike/crowds.ts';
import { kindOf } from './kinds.ts';
import { type Listed, type Listing, listingOf } from './listing.ts';
import type { Offer, PartResult } from './part-job.ts';
import type { Part } from './parts.ts';
import {
  type Concluded,
  type FindingsOrigin,
  foundBy,
  nameOf,
  offersIn,
  type Plan,
  toldOf,
  type WireMemory,
  wiresOf,
} from './plan.ts';

/** What was concluded of the network before. */
export interface Before {
  readonly concluded: Concluded;
  readonly parts: readonly { readonly part: Part; readonly result?: PartResult }[];
}

/** As `conclude`; undefined where the parts that changed speak of something else, or may concern others. */
export function concludeNext(
  plan: Plan,
  { concluded, parts: before }: Before,
  now: readonly { readonly part: Part; readonly result?: PartResult; readonly kin?: Kin }[],
  changed: readonly number[],
  memory: WireMemory,
): Concluded | undefined {
  const { origin, found } = concluded;
  const results = now.flatMap(({ result }) => result ?? []);
  if (!origin || results.length !== now.length) return undefined;
  const lists = new Map<number, Finding[]>();
  let { interfaces } = found.topology;
  const listings: { number: number; old: Listing; fresh: Listing }[] = [];
  for (const number of changed) {
    const [old, fresh] = [before[number], now[number]];
    if (!old?.result || !fresh?.result) return undefined;
    const [was, is] = [old.part, fresh.part].map((part) => listingOf(part, plan.common, plan.options));
    if (!was || !is || !speakAlike(was, is)) return undefined;
    listings.push({ number, old: was, fresh: is });
    interfaces += is.hosts - was.hosts;
    const isPut =
      putOffers(plan, origin, lists, number, [old.result, fresh.result], [was, is]) &&
      putRows(plan, origin, lists, was, is);
    if (!isPut) return undefined;
  }
  if (!listings.every(({ number, fresh }) => isAlone(origin.addresses, number, fresh))) return undefined;
  const wires = wiresOf(
    results,
    memory,
    now.map(({ kin }) => kin),
  );
  if (wires.isUnclear || wires.entangled.size > 0) return undefined;
  if (origin.owned.some(({ part, address }) => wires.outside.isAnsweredBesides(part, address))) return undefined;
  const findings = origin.lists.map((list, index) => {
    const property = plan.options.properties[index] as Property;
    if (kindOf(property, plan.options.policy) === 'found') return foundBy(property, results);
    return lists.get(index) ?? list;
  });
  const properties = toldOf(plan, findings);
  for (const { number, old, fresh } of listings) moveAddresses(origin.addresses, number, old, fresh);
  return {
    found: {
      verdict: overallVerdict(properties),
      topology: { ...found.topology, interfaces, logicalFlows: plan.subject.southbound.flows.length },
      properties,
    },
    origin: { ...origin, lists: findings },
  };
}

/** Whether two states of a part speak of the same things, though rows with names of their own may have other words. */
function speakAlike(was: Listing, is: Listing): boolean {
  return (
    is.rowsHold &&
    isSame(was.networks, is.networks) &&
    isSame(was.nodes, is.nodes) &&
    was.checks.length === is.checks.length &&
    was.checks.every((one, index) => isAlike(one, is.checks[index] as Listed))
  );
}

function isAlike(one: Listed, other: Listed): boolean {
  if (isSame(one, other)) return true;
  const { subject: _, name: __, source: ___, ...rest } = one;
  const { subject: ____, name: _____, source: ______, ...others } = other;
  const isNamed = one.key !== undefined && one.vacuous === undefined && one.kind === 'part';
  return isNamed && isSame(rest, others);
}

/** The list of a property's findings, to be changed. */
function listOf({ options }: Plan, { lists }: FindingsOrigin, own: Map<number, Finding[]>, property: string) {
  const index = options.properties.findIndex(({ id }) => id === property);
  const list = own.get(index) ?? [...(lists[index] ?? [])];
  own.set(index, list);
  return list;
}

/** Puts what a part offers in the place of what it offered before. */
function putOffers(
  plan: Plan,
  origin: FindingsOrigin,
  own: Map<number, Finding[]>,
  number: number,
  [old, fresh]: readonly [PartResult, PartResult],
  [was, is]: readonly [Listing, Listing],
): boolean {
  const [before, now] = [offersIn(old).decided, offersIn(fresh).decided];
  if (before.length !== now.length) return false;
  const renamed = new Map<string, string>();
  for (const [index, one] of was.checks.entries()) {
    const other = is.checks[index] as Listed;
    if (one.name !== other.name) renamed.set(nameOf(one.property, one.name), other.name);
  }
  return now.every(({ property, key, finding }, index) => {
    const offer = before[index] as Offer;
    const place = origin.places[number]?.[index] ?? -1;
    const wanted = renamed.get(nameOf(property, offer.key)) ?? offer.key;
    if (offer.property !== property || wanted !== key) return false;
    if (place < 0) return true;
    const list = listOf(plan, origin, own, property);
    const { subject } = list[place] as Finding;
    if (wanted !== offer.key && subject !== offer.finding.subject) return false;
    list[place] = wanted === offer.key ? { ...finding, subject } : finding;
    return true;
  });
}

/** All that rows say of a part holds: so it is said, of what was said of before. */
function putRows(
  plan: Plan,
  { rows, ...origin }: FindingsOrigin,
  own: Map<number, Finding[]>,
  was: Listing,
  is: Listing,
): boolean {
  const counts = new Map<string, number>();
  const asked = is.checks.filter(({ kind, vacuous }) => kind === 'rows' && vacuous === undefined);
  for (const { property, name } of asked) {
    const full = nameOf(property, name);
    counts.set(full, (counts.get(full) ?? 0) + 1);
  }
  for (const { property, name, subject, source } of asked) {
    const places = rows.get(nameOf(property, name));
    // On a wire others have addresses, too: that they are other ones is known by `isAlone`.
    if (!places && property === 'address-unique') {
      const all = listOf(plan, { rows, ...origin }, own, property).filter((one) => speaksOf(one, subject));
      if (all.length === 0 || all.some(({ verdict }) => verdict !== 'holds')) return false;
      continue;
    }
    if (places?.length !== counts.get(nameOf(property, name))) return false;
    for (const place of places ?? []) {
      const list = listOf(plan, { rows, ...origin }, own, property);
      const before = list[place] as Finding;
      if (before.subject !== subject) return false;
      if (before.verdict !== 'holds') {
        const { id, severity } = before;
        list[place] = { id, subject, severity, verdict: 'holds', method: 'proof', source: [...source] };
      }
    }
  }
  return was.checks.length === is.checks.length;
}

/** Whether a finding is about the first of the switches, too, that a check of a part is about. */
const speaksOf = (finding: Finding, subject: string): boolean =>
  finding.subject.split(', ').includes(subject.split(', ')[0] ?? '');

/** Whether no other part has an address of this one on a wire. */
const isAlone = (known: ReadonlyMap<string, ReadonlySet<number>>, part: number, { addresses }: Listing): boolean =>
  [...addresses].every((name) => [...(known.get(name) ?? [])].every((other) => other === part));

function moveAddresses(known: Map<string, Set<number>>, part: number, old: Listing, fresh: Listing): void {
  for (const name of old.addresses) known.get(name)?.delete(part);
  for (const name of fresh.addresses) known.set(name, (known.get(name) ?? new Set()).add(part));
}
