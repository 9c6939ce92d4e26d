/** What routers translate: rules of the northbound database, and the packets whose addresses were changed. */

import type { Position } from '../../engine/origin.ts';
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { parsePrefix } from '../policy/prefix.ts';
import { at, type Commit, type NetworkDatapath, read, type TrafficClass } from '../symbolic/index.ts';
import type { View } from './view.ts';

/** A router's rule that translates destinations (`to`), sources, or both. */
export interface TranslationRule {
  readonly router: NetworkDatapath;
  /** `snat 10.0.0.0/24`, `web 192.168.6.10:80`. */
  readonly name: string;
  readonly row: NorthboundRow<'NAT'> | NorthboundRow<'Load_Balancer'>;
  readonly source: readonly Position[];
  readonly kind: 'snat' | 'dnat' | 'dnat_and_snat' | 'balancer';
  /** The published address, or what sources become. */
  readonly external: string;
  /** Of a load balancer's address, if it has one. */
  readonly port?: number;
  readonly protocol?: string;
  /** An address or a range inside; of a load balancer its backends, `IP` or `IP:PORT`. */
  readonly inside: readonly string[];
}

/** The rules of all routers, in the order of the rows; none without a northbound database. Of what is no address ovn-northd makes nothing. */
export function translationRules({ northbound, analysis }: View): TranslationRule[] {
  if (!northbound) return [];
  const byUuid = new Map(
    [...analysis.network.southbound.datapaths].map(({ uuid, northboundUuid }) => [northboundUuid, uuid]),
  );
  return [...northbound.Logical_Router.values()].flatMap((row) => {
    const router = analysis.network.datapaths.get(byUuid.get(row._uuid) ?? '');
    if (!router) return [];
    const nats = row.nat.flatMap((uuid) => northbound.NAT.get(uuid) ?? []).map((nat) => natRule(router, nat));
    return [...nats, ...balancersOf(northbound, row).flatMap((balancer) => balancerRules(router, balancer))].filter(
      isUnderstood,
    );
  });
}

function isUnderstood({ row, kind, external, port = 0, protocol = 'tcp', inside }: TranslationRule): boolean {
  const addresses = kind === 'balancer' ? [external] : [external, ...inside];
  const range = 'external_port_range' in row ? row.external_port_range : '';
  const ports = [...(range === '' ? [] : range.split('-')), String(port)];
  return (
    ports.length <= 3 &&
    ports.every((text) => /^\d+$/.test(text) && Number(text) <= 65535) &&
    isTransport(protocol) &&
    addresses.every((text) => parsePrefix(text) !== undefined)
  );
}

/** Whether it is a protocol with ports that there is. */
export const isTransport = (protocol: string): boolean => ['tcp', 'udp', 'sctp'].includes(protocol);

const sourceOf = ({ origin }: { origin?: Position }): Position[] =>
  origin ? [{ file: origin.file, line: origin.line, column: origin.column }] : [];

const natRule = (router: NetworkDatapath, row: NorthboundRow<'NAT'>): TranslationRule => ({
  router,
  name: `${row.type} ${row.type === 'snat' ? row.logical_ip : row.external_ip}`,
  row,
  source: sourceOf(row),
  kind: row.type === 'snat' || row.type === 'dnat' ? row.type : 'dnat_and_snat',
  external: row.external_ip,
  inside: [row.logical_ip],
});

function balancersOf(northbound: Northbound, row: NorthboundRow<'Logical_Router'>): NorthboundRow<'Load_Balancer'>[] {
  const grouped = row.load_balancer_group.flatMap(
    (uuid) => northbound.Load_Balancer_Group.get(uuid)?.load_balancer ?? [],
  );
  return [...new Set([...row.load_balancer, ...grouped])].flatMap((uuid) => northbound.Load_Balancer.get(uuid) ?? []);
}

const balancerRules = (router: NetworkDatapath, row: NorthboundRow<'Load_Balancer'>): TranslationRule[] =>
  Object.entries(row.vips).map(([vip, backends]) => {
    const { ip, port } = endpoint(vip);
    return {
      router,
      name: `${row.name} ${vip}`,
      row,
      source: sourceOf(row),
      kind: 'balancer',
      external: ip,
      ...(port !== undefined && { port, protocol: row.protocol ?? 'tcp' }),
      inside: backends.split(',').filter((text) => text !== ''),
    };
  });

/** `10.0.0.1:80`, `[fd00::1]:80`, or an address alone. */
export function endpoint(text: string): { ip: string; port?: number } {
  const found = /^\[?([0-9a-fA-F.:]+?)\]?(?::(\d+))?$/.exec(text);
  const bare = text.split(':').length > 2 && !text.startsWith('[');
  if (bare || !found) return { ip: text };
  return { ip: found[1] ?? text, ...(found[2] !== undefined && { port: Number(found[2]) }) };
}

/** A match for packets to what a rule publishes, as they are sent. */
export function matchOfRule({ external, port, protocol }: TranslationRule): string {
  const address = `${external.includes(':') ? 'ip6' : 'ip4'}.dst == ${external}`;
  return port === undefined ? address : `${address} && ${protocol}.dst == ${port}`;
}

/** A class of packets that a router translated, with the connections in which it did. */
export interface Translated {
  readonly class: TrafficClass;
  readonly packets: PacketSet;
  readonly commits: readonly Commit[];
}

const known = new WeakMap<View, Map<string, Translated[]>>();

/** New packets that a router translated and that came out at an edge port. */
export function translatedBy(view: View, { uuid }: NetworkDatapath): readonly Translated[] {
  let byRouter = known.get(view);
  if (!byRouter) {
    byRouter = new Map();
    for (const one of view.analysis.classes) {
      if (one.connection !== 'new' || one.made !== undefined || one.end.kind === 'drop' || one.end.kind === 'loop')
        continue;
      const routers = new Map<string, Commit[]>();
      for (const commit of one.commits) {
        if (!changes(commit)) continue;
        const router = commit.zone.split(' ')[0] ?? '';
        routers.set(router, [...(routers.get(router) ?? []), commit]);
      }
      for (const [router, commits] of routers) {
        const list = byRouter.get(router) ?? [];
        byRouter.set(router, list);
        list.push({ class: one, packets: one.packets, commits });
      }
    }
    known.set(view, byRouter);
  }
  return byRouter.get(uuid) ?? [];
}

const ends = [at.ip4Src, at.ip4Dst, at.ip6Src, at.ip6Dst];

const changes = ({ before, after }: Commit): boolean =>
  ends.some((place) => read(before, place) !== read(after, place));
