/** Hosts of databases that no router on their switch takes for neighbours: their addresses are of another network. */
import { formatIpv4 } from '../../engine/lang/addresses.ts';
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import { parsePrefix } from '../policy/prefix.ts';
import { networksOf } from './outside.ts';
import { type Check, violated } from './property.ts';
import { isEnabled, isWithin } from './router-sides.ts';
import { type Host, rowUuidOf, type TenantNetwork, type View } from './view.ts';

type Route = NorthboundRow<'Logical_Router_Static_Route'>;

/** A warning for each switch with such hosts; none of networks of manifests. */
export function* strayChecks(view: View): Generator<Check, void> {
  const { northbound } = view;
  if (!northbound) return;
  for (const network of networksOf(view)) {
    const strays = network.plan ? [] : straysIn(view, northbound, network);
    const [first] = strays;
    if (!first) continue;
    const names = strays.map(({ port }) => port.name).join(', ');
    const [ip = 0n] = first.ip4;
    const sentence = `${first.port.name} has ${formatIpv4(ip)}, which is in no network of a router of ${network.name}: no router sends it anything`;
    yield {
      subject: `${network.name}: ${names}`,
      source: network.source,
      severity: 'warning',
      judge: () =>
        violated({ kind: 'written', sentence, rows: strays.map(({ port }) => `Logical_Switch_Port ${port.name}`) }),
    };
  }
}

/**
 * Ordinary ports with IPv4 addresses, none of which is in a network of a router there, nor in a route of such a router that leads
 * to the switch, or nowhere. Where somebody outside is on the switch, the router may be there.
 */
function straysIn(view: View, northbound: Northbound, { datapath, gateways, hosts }: TenantNetwork): Host[] {
  const near = gateways.flatMap(({ addresses }) => addresses.filter(({ address }) => address.family === 4));
  if (near.length === 0 || datapath.ports.some(({ edge }) => edge === 'outside')) return [];
  const ports = new Set(gateways.map(({ routerPort }) => routerPort.name));
  const rows = gateways.flatMap(
    ({ routerPort }) => northbound.Logical_Router.get(rowUuidOf(view, routerPort.datapath) ?? '') ?? [],
  );
  const leadsHere = ({ nexthop, output_port: port }: Route): boolean => {
    const hop = parsePrefix(nexthop);
    if (port !== undefined || !hop) return ports.has(port ?? '') || nexthop === 'discard';
    return near.some(({ address, prefixLength }) => isWithin(hop.value, address.value, 4, prefixLength));
  };
  const routed = rows
    .flatMap((row) => row.static_routes.flatMap((uuid) => northbound.Logical_Router_Static_Route.get(uuid) ?? []))
    .filter(leadsHere)
    .flatMap(({ ip_prefix: text }) => parsePrefix(text) ?? [])
    .filter(({ length }) => length > 0);
  const isKnown = (ip: bigint): boolean =>
    near.some(({ address, prefixLength }) => isWithin(ip, address.value, 4, prefixLength)) ||
    routed.some(({ family, value, length }) => family === 4 && isWithin(ip, value, 4, length));
  return hosts.filter(
    ({ port, ip4 }) => port.binding.type === '' && isEnabled(view, port) && ip4.length > 0 && !ip4.some(isKnown),
  );
}
