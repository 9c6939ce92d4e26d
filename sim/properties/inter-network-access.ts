/** Networks of one VPC reach each other where that is asked for, and not at all where it is not. */
import type { Check, Judgement, Property } from './property.ts';
import { judgeReaching } from './reaching.ts';
import { separated } from './separation.ts';
import { type Party, partyMeant, partyOfNetwork, settingsIn } from './told.ts';
import type { Tenant, View } from './view.ts';

export const interNetworkAccess: Property = {
  id: 'inter-network-access',
  severity: 'error',
  promise: 'networks of one VPC reach each other where interNetworkAccess is true, and not at all where it is false',
  *checks(view) {
    const { separate = [], joined = [] } = settingsIn(view) ?? {};
    const parties = (list: (typeof separate)[number]) => list.map((selector) => partyMeant(view, selector));
    for (const list of separate) yield* pairs(view, parties(list), false);
    for (const list of joined) yield* pairs(view, parties(list), true);
    const planned = view.tenants.filter(({ plan }) => plan);
    for (const tenant of planned) yield* ofTenant(view, tenant);
    if (planned.length === 0 && separate.length + joined.length === 0) {
      const why =
        'a database does not say which networks are to reach each other; a policy does, under builtin.inter-network-access';
      for (const tenant of view.tenants) yield nothing(tenant, why);
    }
  },
};

function* ofTenant(view: View, tenant: Tenant): Generator<Check, void> {
  if (tenant.networks.length < 2) {
    yield nothing(tenant, 'it has no two networks');
    return;
  }
  const parties = tenant.networks.map((network) => partyOfNetwork(view, network));
  yield* pairs(view, parties, tenant.plan?.vpc.interNetworkAccess === true, tenant.source);
}

const nothing = ({ name, source }: Tenant, vacuous: string): Check => ({
  subject: name,
  source,
  vacuous,
  judge: () => ({ verdict: 'holds' }),
});

function* pairs(
  view: View,
  parties: readonly Party[],
  areJoined: boolean,
  source?: Party['source'],
): Generator<Check, void> {
  for (const from of parties) {
    for (const to of parties) {
      if (from === to) continue;
      const vacuous = from.empty ?? to.empty;
      yield {
        subject: `${from.name} → ${to.name}`,
        source: source ?? from.source,
        ...(vacuous !== undefined && { vacuous }),
        judge: () => (areJoined ? joined(view, from, to) : separated(view, from, [to])),
      };
    }
  }
}

const joined = (view: View, from: Party, to: Party): Judgement => judgeReaching(view, from, to);
