/** BFD: sessions of router ports (RFC 5880), ovn-sb(5). */
import type { Northbound, NorthboundRow } from '../../ovsdb/northbound.ts';
import { addSouthboundRow, type SouthboundRows, southboundRowUuid } from '../../ovsdb/southbound-schema.ts';
import { parseIpv4Cidr, parseIpv6Cidr } from '../addresses.ts';
import { addressFacing } from '../router/networks.ts';
import { type RouterDatapath, rowsOf, type Topology } from '../topology.ts';

/** RFC 5881, section 4: source ports are from 49152. */
const firstSourcePort = 49152;
const lastSourcePort = 65535;

/** Milliseconds between packets, and how many may be lost, where the northbound row does not say. */
const defaultInterval = 1000;
const defaultMultiplier = 5;

/**
 * A row for each northbound one.  Source ports and discriminators, which
 * ovn-northd gives by order of a hash table and at random, follow from port and
 * destination.  A session that no route waits for is `admin_down`.
 */
export function addBfd(topology: Topology, rows: SouthboundRows): void {
  if (topology.nb.BFD.size === 0) return;
  const watched = new Set(topology.routers.flatMap((dp) => watchedSessions(topology.nb, dp)));
  const sessions = [...topology.nb.BFD.values()]
    .map((row) => ({ row, key: `${row.logical_port}\0${row.dst_ip}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const [at, { row, key }] of sessions.entries()) {
    if (firstSourcePort + at > lastSourcePort) return;
    const isDown = row.status === undefined || row.status === 'admin_down';
    addSouthboundRow(rows, 'BFD', key, {
      logical_port: row.logical_port,
      dst_ip: row.dst_ip,
      src_port: firstSourcePort + at,
      disc: discriminator(key),
      min_tx: row.min_tx ?? defaultInterval,
      min_rx: row.min_rx ?? defaultInterval,
      detect_mult: row.detect_mult ?? defaultMultiplier,
      status: watched.has(row._uuid) ? (isDown ? 'down' : row.status) : 'admin_down',
    });
  }
}

/** The sessions with the next hops of the router's routes that have a way out. */
function watchedSessions(nb: Northbound, dp: RouterDatapath): string[] {
  return rowsOf(nb, 'Logical_Router_Static_Route', dp.row.static_routes).flatMap((route) => {
    const session = nb.BFD.get(route.bfd ?? '');
    return session?.dst_ip === route.nexthop && leads(dp, route) ? [session._uuid] : [];
  });
}

/** Whether the route can be read and leaves the router by some port. */
function leads(
  dp: RouterDatapath,
  { ip_prefix, nexthop, output_port }: NorthboundRow<'Logical_Router_Static_Route'>,
): boolean {
  const prefix = parseIpv4Cidr(ip_prefix) ?? parseIpv6Cidr(ip_prefix);
  if (!prefix) return false;
  if (nexthop === 'discard') return true;
  const isIpv4 = typeof prefix.bits === 'number';
  const hop = parseIpv4Cidr(nexthop) ?? parseIpv6Cidr(nexthop);
  // A route may name the port alone.
  if (nexthop === '' && output_port !== undefined) return hasNetwork(dp, output_port, isIpv4);
  if (!hop || hop.prefixLength !== (isIpv4 ? 32 : 128) || isIpv4 !== (typeof hop.bits === 'number')) return false;
  if (output_port === undefined) return dp.ports.some((port) => addressFacing(port, nexthop) !== undefined);
  return hasNetwork(dp, output_port, isIpv4);
}

function hasNetwork(dp: RouterDatapath, output: string, isIpv4: boolean): boolean {
  const port = dp.ports.find(({ name }) => name === output);
  return port !== undefined && (isIpv4 ? port.networks.ipv4 : port.networks.ipv6).length > 0;
}

/** Digits of the row's UUID: never 0, which RFC 5880 forbids. */
function discriminator(key: string): number {
  return Number.parseInt(southboundRowUuid('BFD', key).slice(0, 8), 16) || 1;
}
