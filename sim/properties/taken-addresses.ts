/** Which IPv4 addresses of a database somebody has, or answers for: all that are written down anywhere. */
import { parseEthernet, parseIpv4 } from '../../engine/lang/addresses.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { isCentral, isGatewayPort, isWithin, type RouterSide } from './router-sides.ts';
import { rowUuidOf, type View } from './view.ts';

const known = new WeakMap<View, ReadonlySet<bigint>>();

/** Of ports, NAT rules, load balancers and what else has addresses. Worked out once for a view. */
export function takenAddresses(view: View): ReadonlySet<bigint> {
  const addresses = known.get(view) ?? addressesIn(view);
  known.set(view, addresses);
  return addresses;
}

function addressesIn({ analysis: { network }, northbound, southbound }: View): ReadonlySet<bigint> {
  const texts = [...network.ports.values()].map(({ binding }) => JSON.stringify([binding.mac, binding.options]));
  for (const { stage, match } of southbound.flows) if (stage.startsWith('lr_in_')) texts.push(match);
  for (const table of tables) for (const row of northbound?.[table].values() ?? []) texts.push(JSON.stringify(row));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/\d+(?:\.\d+){3}/g)].flatMap(([one]) => parseIpv4(one) ?? [])),
  );
}

const tables = [
  'Static_MAC_Binding',
  'Logical_Switch_Port',
  'Logical_Router_Port',
  'NAT',
  'Load_Balancer',
  'Forwarding_Group',
] as const;

/** Whether somebody on a switch may answer for addresses that are not known: nothing is, without a northbound database. */
export function answersForNobody(view: View, { place }: RouterSide): boolean {
  const { northbound } = view;
  if (!northbound) return true;
  const row = northbound.Logical_Switch.get(rowUuidOf(view, place) ?? '');
  if (!row || row.forwarding_groups.length > 0) return true;
  return row.ports.some((uuid) => northbound.Logical_Switch_Port.get(uuid)?.options.arp_proxy !== undefined);
}

/** Addresses of a network that a router answers for, since its NAT rules have them, and with which MAC address. */
export function natAddresses(
  view: View,
  side: RouterSide,
  network: bigint,
  prefixLength: number,
): { address: bigint; mac: bigint }[] {
  const { gateway, router } = side;
  const isAtGateway = isGatewayPort(view, gateway.routerPort);
  const { northbound } = view;
  if (!northbound || !isCentral(router) || (!isAtGateway && router.ports.some(isRedirect))) return [];
  const found = new Map<bigint, bigint | undefined>();
  const own = rowUuidOf(view, router);
  for (const row of natRows(northbound, own)) {
    const address = parseIpv4(row.external_ip);
    if (address === undefined || !isWithin(address, network, 4, prefixLength)) continue;
    const mac = row.gateway_port === undefined ? macOf(view, row, isAtGateway, gateway.mac) : undefined;
    found.set(address, found.has(address) && found.get(address) !== mac ? undefined : mac);
  }
  return [...found].flatMap(([address, mac]) =>
    mac === undefined || isElsewhere(northbound, own, address) ? [] : { address, mac },
  );
}

const isRedirect = ({ binding: { type } }: RouterSide['router']['ports'][number]): boolean =>
  type === 'chassisredirect';

const natRows = (northbound: Northbound, router: string | undefined) =>
  (northbound.Logical_Router.get(router ?? '')?.nat ?? []).flatMap((uuid) => northbound.NAT.get(uuid) ?? []);

type NatRow = ReturnType<typeof natRows>[number];

/** What a rule is answered for with: its own MAC address where it is done on each chassis, ovn-nb(5). */
function macOf({ analysis: { network } }: View, row: NatRow, isAtGateway: boolean, own: bigint): bigint | undefined {
  if (row.external_mac === undefined && row.logical_port === undefined) return own;
  if (!isAtGateway || row.external_mac === undefined || row.logical_port === undefined) return undefined;
  return network.ports.has(row.logical_port) ? parseEthernet(row.external_mac) : undefined;
}

/** Whether somebody else has the address, too: who is to answer for it is not known. */
function isElsewhere(northbound: Northbound, router: string | undefined, address: bigint): boolean {
  const others = [...northbound.Logical_Router.values()].filter(({ _uuid }) => _uuid !== router);
  const rules = others.flatMap(({ nat }) => nat.flatMap((uuid) => northbound.NAT.get(uuid)?.external_ip ?? []));
  const ports = [...northbound.Logical_Router_Port.values()].flatMap(({ networks }) => networks);
  const balanced = [...northbound.Load_Balancer.values()].flatMap(({ vips }) => Object.keys(vips));
  const texts = [
    ...rules,
    ...ports.map((text) => text.split('/')[0] ?? ''),
    ...balanced.map((vip) => vip.split(':')[0] ?? ''),
  ];
  return texts.some((text) => parseIpv4(text) === address);
}
