/**
 * Wires between very many parts that are alike.
 *
 * Whatever any of them may do to another, a few can do to each other: a way over wires meets no more than `mostMet`
 * parts, and exchanging two that are alike changes nothing for the others. So as many of each kind are laid side by
 * side, and what is so of the first one is so of all.
 */

import { isSame } from '../../../engine/same.ts';
import type { Space } from '../../../engine/sets/index.ts';
import { packetSpace } from '../../symbolic/index.ts';
import { isSameOutline, outlineOf } from '../outline.ts';
import type { PartResult } from '../part-job.ts';
import { type Outside, outsideOf, type WireSummary } from '../wires.ts';
import { addressesOf, type Kind, placesOfAddresses } from './addresses.ts';
import type { Form } from './form.ts';
import { ascending, isBlindTo, namedIn, type Place } from './renamed-sets.ts';

/** Where the findings of a part come from: those of one `source` are all the same but for the names of constants. */
export interface Kin {
  readonly source: PartResult;
  readonly form: Form;
  /** What the part is on its wires, and the outline of that: worked out when they are asked for. */
  summary(): WireSummary | undefined;
  outline(): WireSummary | undefined;
}

/**
 * What is sent, what answers to it, what follows each of the six times that answers of routers may cross wires
 * (sim/jobs/wires.ts), and where all of it comes: so many parts at most.
 */
const mostMet = 9;

/** What a part is on its wires, by itself or like others. */
export interface OnWires {
  readonly summary: WireSummary | undefined;
  readonly kin?: Kin;
}

/** What parts do to each other by their outlines: so it is, as long as the outlines are the same. */
export interface Outlined {
  readonly outlines: readonly OnWires[];
  readonly outside: Outside;
}

/** `outsideOfAll` by the outlines of what parts are on their wires; undefined where what one is cannot be told. */
export function openOutlined(parts: readonly OnWires[], before?: Outlined): Outlined | undefined {
  const outlines = parts.map(
    ({ summary, kin }): OnWires => ({
      summary: summary && outlineOf(summary),
      ...(kin && { kin: { ...kin, summary: kin.outline } }),
    }),
  );
  const isBefore =
    before?.outlines.length === outlines.length &&
    before.outlines.every((one, part) => isAsBefore(one, outlines[part] as OnWires));
  if (isBefore) return before;
  const outside = outsideOfAll(packetSpace(), outlines);
  return outside && { outlines, outside };
}

function isAsBefore(before: OnWires, now: OnWires): boolean {
  const isLikeBefore = before.kin?.source === now.kin?.source && before.summary === now.summary;
  if (isLikeBefore && isSame(before.kin?.form.constants, now.kin?.form.constants)) return true;
  const [one, other] = [summaryOf(before), summaryOf(now)];
  if (one && other) return isSameOutline(one, other);
  return !one && !other && !before.kin?.source.outside && !now.kin?.source.outside;
}

/**
 * What parts do to each other: by their outlines, and by all that they are only where these leave something open;
 * undefined where what one is cannot be told.
 */
export function openOutside(parts: readonly OnWires[], outlined = openOutlined(parts)): Outside | undefined {
  if (!outlined) return outsideOfAll(packetSpace(), parts);
  const { outside: outline } = outlined;
  let exact: Outside | 'untold' | undefined;
  const exactly = (ask: (outside: Outside) => boolean): boolean => {
    exact ??= outsideOfAll(packetSpace(), parts) ?? 'untold';
    return exact === 'untold' || ask(exact);
  };
  return {
    isEntangled: (part) => outline.isEntangled(part) && exactly((all) => all.isEntangled(part)),
    isAnsweredBesides: (part, address) =>
      outline.isAnsweredBesides(part, address) && exactly((all) => all.isAnsweredBesides(part, address)),
  };
}

/**
 * `outsideOf` for all parts, with those that are alike told by one, and `most` of them laid side by side; undefined where
 * what one is on its wires cannot be told.
 */
export function outsideOfAll(space: Space, parts: readonly OnWires[], most = mostMet): Outside | undefined {
  const crowds = crowdsOf(parts);
  const first = new Map(crowds.flatMap((crowd) => crowd.map((part) => [part, crowd[0] as number] as const)));
  const spared = new Set(crowds.flatMap((crowd) => crowd.slice(most)));
  const chosen = parts.flatMap((_, part) => (spared.has(part) ? [] : [part]));
  const places = new Map(chosen.map((part, place) => [part, place]));
  const summaries = chosen.map((part) => summaryOf(parts[part]));
  if (summaries.some((summary, index) => !summary && parts[chosen[index] as number]?.kin?.source.outside))
    return undefined;
  const outside = outsideOf(space, summaries);
  const entangled = new Map<number, boolean>();
  const answered = new Map<string, boolean>();
  const isAnswered = (place: number, address: string): boolean => {
    const name = `${place} ${address}`;
    const known = answered.get(name) ?? outside.isAnsweredBesides(place, address);
    answered.set(name, known);
    return known;
  };
  return {
    isEntangled(part) {
      const leader = first.get(part) ?? part;
      const known = entangled.get(leader) ?? outside.isEntangled(places.get(leader) ?? -1);
      entangled.set(leader, known);
      return known;
    },
    isAnsweredBesides(part, address) {
      const leader = first.get(part);
      if (leader === undefined) return isAnswered(places.get(part) ?? -1, address);
      const there = renamed(address, parts[part]?.kin, parts[leader]?.kin);
      // Of an address that is not the part's own, one of those that are not laid side by side may know more.
      return there === undefined || isAnswered(places.get(leader) ?? -1, there);
    },
  };
}

const summaryOf = (part: OnWires | undefined): WireSummary | undefined => part?.kin?.summary() ?? part?.summary;

/** Parts of one source, if exchanging any two of them leaves all others as they are. */
function crowdsOf(parts: readonly OnWires[]): number[][] {
  const bySource = new Map<PartResult, number[]>();
  for (const [part, { kin }] of parts.entries()) {
    if (!kin?.source.outside) continue;
    const known = bySource.get(kin.source);
    if (known) known.push(part);
    else bySource.set(kin.source, [part]);
  }
  const crowds = [...bySource.values()].filter((crowd) => crowd.length > 1);
  const strangers = parts.flatMap(({ summary, kin }) =>
    summary && !(kin && bySource.get(kin.source)) ? [summary] : [],
  );
  const leaders = [...bySource.values()].map(([part]) => part as number);
  return crowds.filter((crowd) => {
    const forms = crowd.flatMap((part) => parts[part]?.kin?.form ?? []);
    const others = leaders.flatMap((part) => (part === crowd[0] ? [] : (parts[part]?.kin?.summary() ?? [])));
    const own = summaryOf(parts[crowd[0] as number]);
    // Of the first one the others have to be alike; by exchange, that is then so of each.
    return own && isBlind(own, forms, 1) && [...others, ...strangers].every((other) => isBlind(other, forms, 0));
  });
}

/** Whether nothing in a summary tells the constants of parts from each other, from this part on. */
function isBlind({ sets, reactions }: WireSummary, forms: readonly Form[], from: number): boolean {
  const lists = addressLists(forms, from);
  const written = new Set(
    reactions.flatMap(({ rewrites }) => rewrites.flatMap((one) => (one.kind === 'constant' ? [one.value] : []))),
  );
  const isQuiet = (place: Place, { lists: varied, sorted }: Varied): boolean => {
    const named = namedIn(sets, place, sorted);
    return (
      named.size === 0 ||
      isBlindTo(
        sets,
        place,
        varied.filter((values) => values.some((value) => named.has(value))),
      )
    );
  };
  return (
    [lists.macs, lists.ip4, lists.ip6].every(({ sorted }) => !sorted.some((value) => written.has(value))) &&
    placesOfAddresses().every(({ kind, place }) => isQuiet(place, lists[kind])) &&
    placesOfAddresses().every(
      ({ kind, place: { first, bits } }) =>
        kind !== 'ip6' ||
        (isQuiet({ first, bits: 32 }, lists.ip4) && isQuiet({ first: first + bits - 24, bits: 24 }, lists.tails)),
    )
  );
}

/** Constants that differ: a list of values for each, and all of the values in ascending order. */
interface Varied {
  readonly lists: readonly (readonly bigint[])[];
  readonly sorted: readonly bigint[];
}

const variedOf = (lists: readonly (readonly bigint[])[]): Varied => ({ lists, sorted: ascending(lists.flat()) });

type Lists = Readonly<Record<Kind | 'tails', Varied>>;

const listed = new WeakMap<Form, { readonly forms: readonly Form[]; readonly from: number; readonly lists: Lists }>();

/** `variedLists`, which many summaries are asked about. */
function addressLists(forms: readonly Form[], from: number): Lists {
  const [first] = forms as [Form];
  const known = listed.get(first);
  if (known?.from === from && isSameList(known.forms, forms)) return known.lists;
  const lists = variedLists(forms, from);
  listed.set(first, { forms, from, lists });
  return lists;
}

const isSameList = (a: readonly Form[], b: readonly Form[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index]);

/** What each constant is in the parts from this one on, of those that are not the same in all. */
function variedLists(forms: readonly Form[], from: number): Lists {
  const all = forms.map(({ constants }) => addressesOf(constants));
  const varied = (kind: Kind): bigint[][] => {
    const lists = (all[0]?.[kind] ?? []).map((_, index) => all.map((one) => one[kind][index] as bigint));
    return lists.filter((values) => new Set(values).size > 1).map((values) => values.slice(from));
  };
  const [macs, ip4, ip6] = [varied('macs'), varied('ip4'), varied('ip6')];
  const tails = [...macs, ...ip6].map((values) => values.map((value) => value & 0xffffffn));
  return { macs: variedOf(macs), ip4: variedOf(ip4), ip6: variedOf(ip6), tails: variedOf(tails) };
}

/** An address of one part, as it is called in the other; undefined if it is none. */
function renamed(address: string, from: Kin | undefined, to: Kin | undefined): string | undefined {
  if (!from || !to) return undefined;
  const { ip4, ip6 } = to.form.constants;
  const place = placesOf(from.form).get(address);
  return place && (place.family === 4 ? ip4 : ip6)[place.index];
}

interface AddressPlace {
  readonly family: 4 | 6;
  readonly index: number;
}

const placesOfForms = new WeakMap<Form, ReadonlyMap<string, AddressPlace>>();

/** Where addresses are among the constants of a form. */
function placesOf(form: Form): ReadonlyMap<string, AddressPlace> {
  const before = placesOfForms.get(form);
  if (before) return before;
  const places = new Map<string, AddressPlace>();
  for (const [index, address] of form.constants.ip6.entries()) places.set(address, { family: 6, index });
  for (const [index, address] of form.constants.ip4.entries()) places.set(address, { family: 4, index });
  placesOfForms.set(form, places);
  return places;
}
