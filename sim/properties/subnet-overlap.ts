/** Networks that a router joins have ranges of their own. */
import { contains, overlap, parseCidr } from '../../engine/address.ts';
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import { type Check, holds, type Judgement, type Property, violated } from './property.ts';

export const subnetOverlap: Property = {
  id: 'subnet-overlap',
  severity: 'error',
  promise: 'networks that a router joins have ranges of their own',
  *checks(view) {
    const { northbound } = view;
    for (const router of northbound?.Logical_Router.values() ?? []) yield check(northbound as Northbound, router);
  },
};

function check(northbound: Northbound, router: NorthboundRow<'Logical_Router'>): Check {
  return {
    subject: router.name,
    source: [],
    ...(router.ports.length < 2 && { vacuous: 'it joins no two networks' }),
    judge: () => judge(northbound, router),
  };
}

function judge(northbound: Northbound, { ports }: NorthboundRow<'Logical_Router'>): Judgement {
  const networks = ports.flatMap((uuid) => {
    const port = northbound.Logical_Router_Port.get(uuid);
    return port ? port.networks.map((text) => ({ port, text, cidr: parseCidr(text) })) : [];
  });
  for (const [index, a] of networks.entries()) {
    for (const b of networks.slice(index + 1)) {
      if (a.port === b.port || !a.cidr || !b.cidr || !overlap(a.cidr, b.cidr)) continue;
      const inside = contains(a.cidr, b.cidr.address) ? `${b.text} is in ${a.text}` : `${a.text} is in ${b.text}`;
      return violated({
        kind: 'written',
        sentence: `${inside}, and the router has both: packets for what is in both go one way, whichever was meant`,
        rows: [a, b].map(({ port }) => `Logical_Router_Port ${port.name}`),
        source: [a, b].flatMap(({ port: { origin } }) => (origin ? [origin] : [])),
      });
    }
  }
  return holds;
}
