/** The world outside opens no connection into a network, but to what was published. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import type { Looks } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import { networksOf, outsideOfNetwork } from './outside.ts';
import type { Check, Property } from './property.ts';
import { type Published, publishedIn } from './published.ts';
import { endText, judgeRefusals, whatText } from './refusal.ts';
import { networksMeant, settingsIn } from './told.ts';
import { from, isQuestion, portsOf, type TenantNetwork, type View } from './view.ts';

export const externalIngressBlocked: Property = {
  id: 'external-ingress-blocked',
  severity: 'error',
  promise: 'the world outside opens no connection into a network, but to what was published',
  *checks(view) {
    const open = networksMeant(view, settingsIn(view)?.open ?? []);
    for (const network of networksOf(view)) yield check(view, network, open.has(network));
  },
};

function check(view: View, network: TenantNetwork, isOpen: boolean): Check {
  const vacuous = isOpen ? 'a policy lets the outside reach it' : vacuity(view, network);
  return {
    subject: network.name,
    source: network.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => judge(view, network),
  };
}

function vacuity(view: View, network: TenantNetwork): string | undefined {
  if (network.hosts.length === 0) return 'it has no interface';
  const planned = network.plan?.network;
  if (planned) {
    const isRouted = planned.externallyRouted && !planned.masquerade;
    return isRouted ? 'it is routed without masquerade, and meant to be reached' : undefined;
  }
  const outside = outsideOfNetwork(view, network);
  if (outside.length === 0) return 'it is not joined with a port outside';
  const own = outside.find(({ datapath }) => datapath === network.datapath);
  return own && `its own port ${own.name} is on a wire outside`;
}

function judge(view: View, network: TenantNetwork) {
  const { space } = view.analysis;
  const published = publishedIn(view);
  return judgeRefusals(view, [
    {
      packets: from(view, outsideOfNetwork(view, network)),
      ports: portsOf([network]),
      bad: (one, certainty) =>
        one.connection === 'new' && !isQuestion(one) ? space.not(meant(view, published, one, certainty)) : space.empty,
      sentence: (one) => `${whatText(one)} from outside, of no connection, arrives at ${endText(view, one)}`,
    },
  ]);
}

/** The packets of a class that were sent to what is published, and arrive where it is. */
function meant(view: View, published: readonly Published[], one: Looks, bad: Certainty): PacketSet {
  const { space } = view.analysis;
  if (one.made !== undefined) return space.empty;
  const certainty = bad === 'may' ? 'must' : 'may';
  return space.orAll(
    published.map(({ sent, arriving }) =>
      space.and(matchSet(space, sent), matchSet(space, arriving, one.store, certainty)),
    ),
  );
}
