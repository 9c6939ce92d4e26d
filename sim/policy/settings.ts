/** What a policy tells built-in properties that databases do not say: `builtin.ID` (docs/properties). */
import { quote } from '../../engine/spec/complain.ts';
import { formatPath, type Segment } from '../../engine/spec/paths.ts';
import type {
  AllowedDocument,
  BeyondDocument,
  BuiltInDocument,
  PairDocument,
  Reading,
  SelectorDocument,
} from './document.ts';
import { type Beyond, type Pair, type Prefix, parts, type Selector, type Settings, type Worded } from './policy.ts';
import { isSingle } from './prefix.ts';
import { readPrefixes, readSelector } from './selectors.ts';
import { readTraffic } from './traffic.ts';

/** Reads the settings of all properties; complains about addresses and traffic that are none. */
export function readSettings(document: BuiltInDocument, path: readonly Segment[], reading: Reading): Settings {
  const at = (id: string, key: string): Segment[] => [...path, id, key];
  const selectors = (list: readonly SelectorDocument[] | undefined, place: Segment[]): Worded<Selector>[] =>
    (list ?? []).map((each, index) => readSelector(each, [...place, index], reading));
  const groups = (list: readonly (readonly SelectorDocument[])[] | undefined, place: Segment[]) =>
    (list ?? []).map((group, index) => selectors(group, [...place, index]));
  const pairs = (list: readonly PairDocument[] | undefined, place: Segment[]): Pair[] =>
    (list ?? []).map(({ from, to }, index) => ({
      from: readSelector(from, [...place, index, 'from'], reading),
      to: readSelector(to, [...place, index, 'to'], reading),
    }));
  const ranges = (id: 'external-egress' | 'nat-hairpin', key: string, names: AllowedDocument['cidr']) => {
    const place = at(id, key);
    const value = readPrefixes(names, place, reading);
    return { value, text: `cidr ${JSON.stringify(names)}`, at: reading.at(place), path: formatPath(place) };
  };
  const {
    'tenant-isolation': tenants,
    'inter-network-access': networks,
    'external-egress': egress,
    'external-egress-off': internal,
    'external-ingress-blocked': ingress,
    'no-transit': transit,
    'infrastructure-unreachable': infrastructure,
    'masquerade-applied': masquerade,
    'nat-hairpin': hairpin,
    'source-guarded': guarded,
    'no-blackhole': blackhole,
    'next-hop-valid': nextHop,
    'subnet-overlap': overlap,
    'mtu-fits': mtu,
    'dead-flows': dead,
  } = document;
  return {
    ...(tenants?.tenants && { tenants: selectors(tenants.tenants, at('tenant-isolation', 'tenants')) }),
    separate: groups(networks?.separate, at('inter-network-access', 'separate')),
    joined: groups(networks?.joined, at('inter-network-access', 'joined')),
    ...(egress?.to !== undefined && { outside: ranges('external-egress', 'to', egress.to) }),
    internal: [
      ...selectors(egress?.not, at('external-egress', 'not')),
      ...selectors(internal?.internal, at('external-egress-off', 'internal')),
    ],
    open: selectors(ingress?.open, at('external-ingress-blocked', 'open')),
    transit: pairs(transit?.allow, at('no-transit', 'allow')),
    infrastructure: selectors(infrastructure?.infrastructure, at('infrastructure-unreachable', 'infrastructure')),
    reachable: (infrastructure?.allow ?? []).map(({ cidr, traffic }, index) => {
      const place = [...at('infrastructure-unreachable', 'allow'), index];
      return {
        cidr: readSelector({ cidr }, place, reading),
        ...(traffic !== undefined && { traffic: readTraffic(traffic, [...place, 'traffic'], reading) }),
      };
    }),
    routed: selectors(masquerade?.routed, at('masquerade-applied', 'routed')),
    ...(hairpin?.except !== undefined && { outsideOnly: ranges('nat-hairpin', 'except', hairpin.except) }),
    trusted: selectors(guarded?.trusted, at('source-guarded', 'trusted')),
    lost: pairs(blackhole?.except, at('no-blackhole', 'except')),
    equalPaths: nextHop?.['equal-paths'] ?? [],
    beyond: (nextHop?.beyond ?? []).map((each, index) =>
      beyondOf(each, [...at('next-hop-valid', 'beyond'), index], reading),
    ),
    ranges: selectors(overlap?.ranges, at('subnet-overlap', 'ranges')),
    ...(mtu && { underlay: { mtu: mtu.underlay, encap: mtu.encap ?? 'geneve', ip: mtu['underlay-ip'] ?? 4 } }),
    deadPorts: dead?.ports ?? 'existing',
  };
}

function beyondOf({ cidr, by }: BeyondDocument, place: Segment[], reading: Reading): Beyond {
  const hops = [by].flat();
  const networks = prefixesIn(readPrefixes(cidr, [...place, 'cidr'], reading));
  const neighbors = prefixesIn(readPrefixes(hops, [...place, 'by'], reading));
  for (const [index, one] of neighbors.entries()) {
    if (isSingle(one)) continue;
    const message = `${quote(one.text)} is a range of addresses, and no neighbour's`;
    const where = [...place, 'by', ...(Array.isArray(by) ? [index] : [])];
    reading.complain(where, { id: 'cidr-invalid', message, hint: 'write a single address' });
  }
  return { networks, by: neighbors, at: reading.at(place) };
}

/** The ranges that are listed. */
const prefixesIn = (selector: Selector): Prefix[] =>
  [...parts(selector)].flatMap((part) => (part.kind === 'prefix' ? part.prefix : []));

/** All selectors in settings. */
export const selectorsIn = (settings: Settings): Worded<Selector>[] => [
  ...(settings.tenants ?? []),
  ...settings.separate.flat(),
  ...settings.joined.flat(),
  ...settings.internal,
  ...settings.open,
  ...settings.infrastructure,
  ...settings.routed,
  ...settings.trusted,
  ...settings.ranges,
  ...[...settings.transit, ...settings.lost].flatMap(({ from, to }) => [from, to]),
];
