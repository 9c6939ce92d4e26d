/** What there is to be said of a part, without a packet followed: what properties speak of in it, and how many are there. */
import type { Policy } from '../policy/index.ts';
import { addressesOnWires } from '../properties/address-unique.ts';
import type { Check, Property } from '../properties/property.ts';
import { type Kind, keyOf, kindOf } from './kinds.ts';
import { asideOf, type Common } from './part-job.ts';
import type { Part } from './parts.ts';

/** A check of a property, without what decides it. */
export interface Listed extends Omit<Check, 'judge'> {
  readonly property: string;
  readonly kind: Kind;
  /** What the check is known by in the whole network. */
  readonly name: string;
}

export interface Listing {
  readonly checks: readonly Listed[];
  /** Of those that rows alone decide, whether each that speaks of anything holds. */
  readonly rowsHold: boolean;
  /** The networks of the part, and whether anybody is in them. */
  readonly networks: readonly { readonly name: string; readonly isEmpty: boolean }[];
  readonly hosts: number;
  readonly nodes: ReadonlySet<string>;
  /** The addresses on wires, with the names of these: nobody else may have them. */
  readonly addresses: ReadonlySet<string>;
}

const known = new WeakMap<Part, { readonly common: Common; readonly listing: Listing }>();

/** Lists what properties speak of in a part; those that follow the whole network, or find what they speak of, are left out. */
export function listingOf(
  part: Part,
  common: Common,
  { properties, policy }: { readonly properties: readonly Property[]; readonly policy?: Policy },
): Listing {
  const before = known.get(part);
  if (before?.common === common) return before.listing;
  const { view } = asideOf(part, common, new Set());
  const checks: Listed[] = [];
  let rowsHold = true;
  for (const property of properties) {
    const kind = kindOf(property, policy);
    if (kind === 'together' || kind === 'found') continue;
    for (const { judge, ...check } of property.checks(view)) {
      checks.push({ ...check, property: property.id, kind, name: keyOf(property, check) });
      if (kind === 'rows' && check.vacuous === undefined && judge().verdict !== 'holds') rowsHold = false;
    }
  }
  const networks = view.tenants.flatMap((tenant) => tenant.networks);
  const hosts = networks.flatMap((network) => network.hosts);
  const listing: Listing = {
    checks,
    rowsHold,
    networks: networks.map(({ name, hosts: own }) => ({ name, isEmpty: own.length === 0 })),
    hosts: hosts.length,
    nodes: new Set(hosts.flatMap(({ node }) => node ?? [])),
    addresses: new Set(addressesOnWires(view).map(({ name }) => name)),
  };
  known.set(part, { common, listing });
  return listing;
}
