/** A network that is to stay inside has no way outside, in neither direction. */
import { outsideOfNetwork } from './outside.ts';
import type { Check, Property } from './property.ts';
import { endText, judgeRefusals, whatText } from './refusal.ts';
import { type Party, partyMeant, partyOfNetwork, settingsIn } from './told.ts';
import { from, type View } from './view.ts';

export const externalEgressOff: Property = {
  id: 'external-egress-off',
  severity: 'error',
  promise: 'a network that is not externally routed has no way outside, in neither direction',
  *checks(view) {
    const planned = view.tenants.flatMap(({ networks }) => networks.filter(({ plan }) => plan));
    for (const network of planned) {
      const isOff = network.plan?.network.externallyRouted === false;
      yield check(view, partyOfNetwork(view, network), isOff ? undefined : 'it is externally routed');
    }
    const told = settingsIn(view)?.internal ?? [];
    for (const selector of told) yield check(view, partyMeant(view, selector));
    if (planned.length === 0 && told.length === 0) {
      const why =
        'a database does not say which networks are to stay inside; a policy does, under builtin.external-egress-off.internal';
      for (const network of view.tenants.flatMap(({ networks }) => networks)) {
        yield check(view, partyOfNetwork(view, network), why);
      }
    }
  },
};

function check(view: View, party: Party, why?: string): Check {
  const vacuous = party.empty ?? why;
  return {
    subject: party.name,
    source: party.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => judge(view, party),
  };
}

function judge(view: View, { name, ports }: Party) {
  const networks = new Set(ports.flatMap((port) => view.hostOf.get(port)?.network ?? []));
  const outside = [...new Set([...networks].flatMap((network) => outsideOfNetwork(view, network)))];
  return judgeRefusals(view, [
    {
      packets: from(view, ports),
      ports: outside,
      sentence: (one) => `${whatText(one)} of ${name} leaves by ${endText(view, one)}`,
    },
    {
      packets: from(view, outside),
      ports,
      sentence: (one) => `${whatText(one)} from outside arrives at ${endText(view, one)}`,
    },
  ]);
}
