/** What is found of a part, told of another one that differs by the names of constants. */

import { isSame } from '../../../engine/same.ts';
import type { Rewrite } from '../../../engine/sets/index.ts';
import { type Backstage, openAnswers } from '../../answers/index.ts';
import type { View } from '../../properties/view.ts';
import { packetFields } from '../../symbolic/index.ts';
import type { Matrix } from '../../verdict.ts';
import { judged } from '../findings.ts';
import { matrixGroups } from '../matrix.ts';
import { asideOf, type Common, type Offer, offersOf, type PartResult } from '../part-job.ts';
import type { Part } from '../parts.ts';
import type { WireSummary } from '../wires.ts';
import { fieldsOf, placeOfField } from './addresses.ts';
import type { Kin } from './crowds.ts';
import type { Form } from './form.ts';
import { type Exchange, exchangedIn } from './renamed-sets.ts';
import { type Renaming, renamedText } from './renaming.ts';
import { isShown, shownIn } from './shown.ts';

/**
 * Properties that are judged anew: all that they know of packets is which flows some packet meets. All others are carried
 * where all of their checks hold.
 */
const judgedAnew: ReadonlySet<string> = new Set(['dead-flows']);

/** A part that was verified, and how it may be told of others. */
export interface Verified {
  readonly part: Part;
  readonly form: Form;
  readonly result: PartResult;
  readonly kin: Kin;
}

/**
 * Whether what was found of a part can be told of parts like it: it holds, or is shown by a packet, and its checks are known from
 * rows alone.
 */
export function isCarriable({ part, form, result }: Verified, common: Common): boolean {
  const { offers, outside, met } = result;
  if (!met || outside === 'unknown' || isLarge(outside) || (common.matrix && !result.matrix)) return false;
  const isTold = ({ property, finding }: Offer): boolean =>
    finding.verdict === 'holds' || isShown(finding) || (judgedAnew.has(property) && finding.verdict !== 'unknown');
  if (!offers.every(isTold)) return false;
  const { view } = asideOf(part, common, new Set());
  const listed = offersOf(part, common, view, holding);
  const isListed =
    listed.length === offers.length &&
    listed.every(({ property, key }, index) => {
      const offer = offers[index];
      return offer?.property === property && offer.key === key;
    });
  return isListed && twinsAreMetAlike(part, form, new Set(met));
}

/** Sums of wires with more nodes than this are not renamed. */
const mostNodes = 2 ** 18;

const isLarge = (summary: WireSummary | undefined): boolean => (summary?.sets.nodes.length ?? 0) > 3 * mostNodes;

const holding: Parameters<typeof offersOf>[3] = ({ id, severity }, check) => ({
  id,
  subject: check.subject,
  severity: check.severity ?? severity,
  verdict: 'holds',
  method: 'proof',
  source: [...check.source],
});

/** Of flows that are the same in all but the row that caused them, none is known from another in a form. */
function twinsAreMetAlike({ southbound: { flows } }: Part, { order }: Form, met: ReadonlySet<number>): boolean {
  return order.every((position, index) => {
    const [one, other] = [flows[order[index - 1] ?? -1], flows[position]];
    if (!one || !other || one.match !== other.match || one.actions !== other.actions) return true;
    const isTwin = one.datapath === other.datapath && one.stage === other.stage && one.priority === other.priority;
    return !isTwin || met.has(order[index - 1] ?? -1) === met.has(position);
  });
}

/** What is found of a part without following its packets, and what it has in common with the one it is told by. */
export interface Told {
  readonly result: PartResult;
  readonly kin: Kin;
}

/** What is found of a part, from one that can be carried and is renamed to it; undefined where something cannot be told. */
export function carriedOver(
  { form: before, result, kin }: Verified,
  part: Part,
  form: Form,
  renaming: Renaming,
  common: Common,
  backstage: Backstage,
): Told | undefined {
  const rank = new Map(before.order.map((position, index) => [position, index]));
  const met = (result.met ?? []).map((position) => form.order[rank.get(position) ?? -1] ?? -1).sort((a, b) => a - b);
  const { view, northbound } = asideOf(part, common, new Set(met));
  const answers = openAnswers(view.analysis, northbound ? { northbound } : {});
  const listed = offersOf(part, common, view, (property, check) =>
    judgedAnew.has(property.id) ? judged(property, check, answers) : holding(property, check),
  );
  const wires = kin.summary();
  const matrix = result.matrix && renamedMatrix(result.matrix, renaming, view);
  const isTold =
    isAsMany(listed, result.offers) &&
    !matrix === !result.matrix &&
    (wires ? areWiresAlike(wires, renaming, view) : view.wires.length === 0);
  if (!isTold) return undefined;
  const isBroken = result.offers.some(({ property, finding }) => !judgedAnew.has(property) && isShown(finding));
  const offers = isBroken ? shownIn(part, common, listed, result.offers, renaming, backstage) : listed;
  if (!offers) return undefined;
  let summary: WireSummary | undefined;
  let outline: WireSummary | undefined;
  const told: Kin = {
    source: kin.source,
    form,
    summary() {
      summary ??= wires && renamedSummary(wires, renaming);
      return summary;
    },
    outline() {
      if (!outline) {
        const other = kin.outline();
        outline = other && renamedSummary(other, renaming);
      }
      return outline;
    },
  };
  return { result: { offers, met, ...(matrix && { matrix }) }, kin: told };
}

/** Whether each property has as many checks. */
function isAsMany(a: readonly Offer[], b: readonly Offer[]): boolean {
  return a.length === b.length && a.every(({ property }, index) => property === b[index]?.property);
}

/**
 * The exchanges of addresses, one after the other: of IPv6 addresses first their first 32 and last 24 bits, of all that
 * there are, then those that are not what they should be by that.
 */
function exchangesOf({ macs, ip4, ip6, tails }: Renaming): Exchange[][] {
  const rest = new Map<bigint, bigint>();
  for (const [one, other] of ip6) {
    const there = (one & ~0xffffffn) | (tails.get(one & 0xffffffn) ?? one & 0xffffffn);
    if (there === other) continue;
    rest.set(there, other);
    rest.set(other, there);
  }
  return [
    [
      ...fieldsOf.macs.map((field) => ({ ...placeOfField(field), values: macs })),
      ...fieldsOf.ip4.map((field) => ({ ...placeOfField(field), values: ip4 })),
      ...fieldsOf.ip6.map(placeOfField).flatMap(({ first, bits }) => [
        { first, bits: 32, values: ip4 },
        { first: first + bits - 24, bits: 24, values: tails },
      ]),
    ],
    fieldsOf.ip6.map((field) => ({ ...placeOfField(field), values: rest })),
  ];
}

/** What a part is on its wires, by what another one is; undefined where that cannot be told. */
function renamedSummary({ wires, reactions, sets }: WireSummary, renaming: Renaming): WireSummary | undefined {
  const renamed = exchangesOf(renaming).reduce<WireSummary['sets'] | undefined>(
    (saved, exchanges) => saved && exchangedIn(saved, exchanges),
    sets,
  );
  const made = reactions.map((one) => ({
    ...one,
    rewrites: one.rewrites.flatMap((each) => renamedRewrite(each, renaming) ?? []),
  }));
  return renamed && { wires, reactions: made, sets: renamed };
}

/** By their names wires are known everywhere, so they have to be the same; and what reactions write has to have a name. */
function areWiresAlike({ wires, reactions }: WireSummary, renaming: Renaming, view: View): boolean {
  const own = view.wires.map(({ name, physical, vlan }) => ({ name, physical, vlan }));
  return (
    isSame(own, wires) &&
    reactions.every(({ rewrites }) => rewrites.every((each) => renamedRewrite(each, renaming) !== undefined))
  );
}

/** Undefined of constants that are parts of addresses, but for the beginning of those of groups. */
function renamedRewrite(rewrite: Rewrite, { macs, ip4, ip6 }: Renaming): Rewrite | undefined {
  if (rewrite.kind !== 'constant') return rewrite;
  const { field, ofs, n, value } = rewrite;
  const kind = (['macs', 'ip4', 'ip6'] as const).find((one) => fieldsOf[one].includes(field));
  const map = kind && { macs, ip4, ip6 }[kind];
  if (!map) return rewrite;
  if (n === packetFields[field]?.width) return { ...rewrite, value: map.get(value) ?? value };
  return map === macs && ofs === 24 && n === 24 && value === 0x3333ffn ? rewrite : undefined;
}

function renamedMatrix({ names, cells }: Matrix, renaming: Renaming, view: View): Matrix | undefined {
  const renamed = names.map((name) => renamedText(name, renaming));
  const own = matrixGroups(view).map(({ name }) => name);
  const isListed =
    new Set(renamed).size === renamed.length && [...own].sort().join('\n') === [...renamed].sort().join('\n');
  return isListed ? { names: renamed, cells } : undefined;
}
