/** Nothing that one tenant sends arrives at a port of another, on any path: inside, or over a wire outside. */
import type { Check, Property } from './property.ts';
import { separated } from './separation.ts';
import { type Party, partyMeant, partyOfTenant, settingsIn } from './told.ts';
import type { View } from './view.ts';

export const tenantIsolation: Property = {
  id: 'tenant-isolation',
  severity: 'error',
  promise: 'nothing that one tenant sends arrives in another, whatever the path',
  *checks(view) {
    const told = settingsIn(view)?.tenants?.map((selector) => partyMeant(view, selector));
    const planned = view.tenants.filter(({ plan }) => plan).map((tenant) => partyOfTenant(view, tenant));
    if (told) yield* pairs(view, told);
    else if (planned.length > 0) yield* planned.map((party) => check(view, party, othersThan(party, planned)));
    else yield nobody(view);
  },
};

const othersThan = (party: Party, parties: readonly Party[]): Party[] => parties.filter((one) => one !== party);

/** Tenants that a policy names are few, and exceptions are for pairs of them. */
function* pairs(view: View, parties: readonly Party[]): Generator<Check, void> {
  for (const from of parties) for (const to of othersThan(from, parties)) yield check(view, from, [to]);
}

function check(view: View, party: Party, others: readonly Party[]): Check {
  const [first, ...more] = others;
  const vacuous =
    party.empty ??
    (others.every(({ empty }) => empty !== undefined) ? (first?.empty ?? 'there is no other tenant') : undefined);
  return {
    subject: `${party.name} → ${first && more.length === 0 ? first.name : 'others'}`,
    source: party.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => separated(view, party, others),
  };
}

/** A database does not say whose a switch is. */
const nobody = (view: View): Check => ({
  subject: view.tenants.map(({ name }) => name).join(', ') || 'the network',
  source: [],
  vacuous: 'a database does not say who its tenants are; a policy does, under builtin.tenant-isolation.tenants',
  judge: () => ({ verdict: 'holds' }),
});
