/**
 * Load balancers, parsed: virtual addresses with their backends, and what the
 * options say.  ovn-nb(5), Load_Balancer.
 *
 * Whatever cannot be read costs the virtual address it belongs to and nothing
 * else, and is a warning.
 */
import type { Northbound, NorthboundRow } from '../ovsdb/northbound.ts';
import { type Family, formatIpv6, parseExactIpv4, parseExactIpv6 } from './addresses.ts';
import { hashOrder } from './hash-order.ts';
import { booleanOption, sortedSet } from './options.ts';
import type { Port, SwitchPort } from './topology.ts';
import { type NorthdWarning, warn } from './warning.ts';
import { checkKey, nothingWritten, type Written } from './written.ts';

type Row = NorthboundRow<'Load_Balancer'>;

export interface LoadBalancer {
  readonly row: Row;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly vips: readonly Vip[];
  /** The packet's fields that choose the backend, separated by commas; '' for the connection's five. */
  readonly hashFields: string;
  /** options:event: ovn-controller tells of packets to a virtual address without backends. */
  readonly tellsEmpty: boolean;
  /** options:reject: packets to a virtual address without backends are refused rather than dropped. */
  readonly rejects: boolean;
  /** options:skip_snat: what it balances keeps its source, whatever the router's lb_force_snat_ip. */
  readonly skipsSnat: boolean;
  /** options:add_route: other routers may route to its virtual addresses. */
  readonly isRoutable: boolean;
  /** options:neighbor_responder: for which of its virtual addresses routers answer ARP and ND. */
  readonly answersFor: 'reachable' | 'all' | 'none';
  /** options:affinity_timeout: for how many seconds a client keeps its backend; 0 for not at all. */
  readonly affinityTimeout: number;
}

/** A virtual address, perhaps with a port. */
export interface Vip {
  readonly family: Family;
  /** As flows write it: an address, or with options:template a variable. */
  readonly address: string;
  /** What `address` means; undefined for a variable. */
  readonly ip: Ip | undefined;
  /** A number, or with options:template perhaps a variable. */
  readonly port: string | undefined;
  readonly backends: readonly Backend[];
  /** The backends as the row has them. */
  readonly backendText: string;
  /** Only backends whose health is watched are used. */
  readonly isWatched: boolean;
}

export interface Backend {
  readonly address: string;
  readonly port: string | undefined;
  /** The same as a number; 0 for none and for those of a template. */
  readonly portNumber: number;
  /** The port behind which it is, and where its health checks come from: ip_port_mappings. */
  readonly place: { readonly port: SwitchPort; readonly source: string } | undefined;
  /** It does not answer its health checks: Service_Monitor. */
  readonly hasFailed: boolean;
}

/** An address of either family. */
export interface Ip {
  readonly family: Family;
  readonly bits: bigint;
  /** In canonical form. */
  readonly text: string;
}

/** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; port 0 for none, undefined if it cannot be read. */
export function parseEndpoint(text: string): { ip: Ip; port: number } | undefined {
  const open = text.replace(/\[[^\]]*(\]|$)/g, (inside) => '-'.repeat(inside.length));
  const colon = open.indexOf(':');
  const several = colon !== open.lastIndexOf(':');
  const host = several || colon < 0 ? text : text.slice(0, colon);
  const portText = several || colon < 0 ? '' : text.slice(colon + 1);
  const ip = parseIp(host.startsWith('[') ? host.slice(1).replace(/\]$/, '') : host);
  if (!ip || (portText !== '' && !/^\s*\+?\d+$/.test(portText))) return undefined;
  const port = Number(portText);
  return port <= 65535 ? { ip, port } : undefined;
}

/** An address alone, perhaps in brackets. */
function parseHost(text: string): Ip | undefined {
  return parseIp(/^\[(.*)\]$/.exec(text)?.[1] ?? text);
}

function parseIp(text: string): Ip | undefined {
  if (text.includes(':')) {
    const bits = parseExactIpv6(text);
    return bits === undefined ? undefined : { family: '6', bits, text: formatIpv6(bits) };
  }
  const bits = parseExactIpv4(text);
  return bits === undefined ? undefined : { family: '4', bits: BigInt(bits), text };
}

/** Every load balancer by the UUID of its row, in order of the UUIDs; `ports` are those that ip_port_mappings may name. */
export function loadBalancers(
  nb: Northbound,
  ports: ReadonlyMap<string, Port>,
  warnings: NorthdWarning[],
  written: Written = nothingWritten,
): Map<string, LoadBalancer> {
  const rows = [...nb.Load_Balancer].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(rows.map(([uuid, row]) => [uuid, loadBalancer(nb, row, ports, warnings, written)]));
}

function loadBalancer(
  nb: Northbound,
  row: Row,
  ports: ReadonlyMap<string, Port>,
  warnings: NorthdWarning[],
  written: Written,
): LoadBalancer {
  const { options } = row;
  const protocol = row.protocol === 'udp' || row.protocol === 'sctp' ? row.protocol : 'tcp';
  const isTemplate = booleanOption(options, 'template', false);
  return {
    row,
    protocol,
    vips: isTemplate ? templateVips(row, warnings) : explicitVips(nb, row, ports, warnings, written),
    hashFields: sortedSet(row.selection_fields)
      .map((field) => (row.protocol ? field.replace(/^tp_(?=src$|dst$)/, `${row.protocol}_`) : field))
      .join(','),
    tellsEmpty: booleanOption(options, 'event', false),
    rejects: booleanOption(options, 'reject', false),
    skipsSnat: booleanOption(options, 'skip_snat', false),
    isRoutable: !isTemplate && booleanOption(options, 'add_route', false),
    answersFor: responder(row, isTemplate, warnings),
    affinityTimeout: affinityTimeout(options.affinity_timeout),
  };
}

/** The column `vips` in the order in which ovn-northd walks it. */
function vipsOf(row: Row): [string, string][] {
  return hashOrder(Object.keys(row.vips).sort()).map((key) => [key, row.vips[key]]);
}

function affinityTimeout(text: string | undefined): number {
  const seconds = text !== undefined && /^\s*\+?\d+$/.test(text) ? Number(text) : 0;
  return seconds < 2 ** 32 ? Math.min(seconds, 65535) : 0;
}

function responder(row: Row, isTemplate: boolean, warnings: NorthdWarning[]): LoadBalancer['answersFor'] {
  const fallback = isTemplate ? 'none' : 'reachable';
  const mode = row.options.neighbor_responder;
  if (mode === undefined) return fallback;
  if (mode === 'all' || mode === 'none' || (mode === 'reachable' && !isTemplate)) return mode;
  const message = `options:neighbor_responder "${mode}" of load balancer "${row.name}" is taken for "${fallback}"`;
  warn(warnings, row, 'bad-load-balancer', message);
  return fallback;
}

function explicitVips(
  nb: Northbound,
  row: Row,
  ports: ReadonlyMap<string, Port>,
  warnings: NorthdWarning[],
  { failed }: Written,
): Vip[] {
  const watched = watchedVips(nb, row, warnings);
  return vipsOf(row).flatMap(([key, value]) => {
    const endpoint = parseEndpoint(key);
    if (!endpoint) {
      refuse(row, key, 'it should be an IP address, or an IP address and a port number as in 10.0.0.1:80', warnings);
      return [];
    }
    const { ip } = endpoint;
    const port = endpoint.port === 0 ? undefined : String(endpoint.port);
    const backends = explicitBackends(value, ip.family, port !== undefined);
    if (typeof backends === 'string') {
      refuse(row, key, backends, warnings);
      return [];
    }
    const vip: Vip = {
      family: ip.family,
      address: ip.text,
      ip,
      port,
      backends: backends.map((backend) => {
        const place = placeOf(row, backend.address, ip.family, ports);
        const check = checkKey(place?.port.name ?? '', backend.address, backend.portNumber, row.protocol ?? 'tcp');
        return { ...backend, place, hasFailed: failed.has(check) };
      }),
      backendText: value,
      isWatched: watched.has(key),
    };
    if (vip.isWatched) warnOfUnwatched(row, key, vip, warnings);
    return [vip];
  });
}

/** Tells of backends that are never used, because nobody knows where to watch them from. */
function warnOfUnwatched(row: Row, key: string, vip: Vip, warnings: NorthdWarning[]): void {
  for (const { address, place } of vip.backends) {
    if (place) continue;
    const why = 'its health is to be watched, but ip_port_mappings does not say PORT:SOURCE_IP of it';
    const message = `Backend ${address} of "${key}" of load balancer "${row.name}" is never used: ${why}`;
    warn(warnings, row, 'unwatched-backend', message);
  }
}

const unwatched = { place: undefined, hasFailed: false };

/** The backends, or what is wrong with the first bad one. */
function explicitBackends(text: string, family: Family, withPort: boolean): Backend[] | string {
  const backends: Backend[] = [];
  for (const word of text.split(',').filter((part) => part !== '')) {
    const endpoint = parseEndpoint(word);
    if (!endpoint) return `its backend "${word}" should be an IP address${withPort ? ' and a port number' : ''}`;
    const { ip, port } = endpoint;
    if (ip.family !== family) return `its backend "${word}" is of the other IP version`;
    if (withPort && port === 0) return `its backend "${word}" has no port number`;
    if (!withPort && port !== 0) return `its backend "${word}" has a port number, though the virtual address has none`;
    backends.push({ address: ip.text, port: withPort ? String(port) : undefined, portNumber: port, ...unwatched });
  }
  return backends;
}

/** `^VARIABLE[:^VARIABLE|:PORT]`; backends likewise, or written out. */
function templateVips(row: Row, warnings: NorthdWarning[]): Vip[] {
  const family: Family = (row.options['address-family'] ?? 'ipv4') === 'ipv4' ? '4' : '6';
  return vipsOf(row).flatMap(([key, value]) => {
    const vip = templateWords(key);
    if (!vip) {
      refuse(row, key, 'it should be a template as in ^vip, ^vip:80 or ^vip:^port', warnings);
      return [];
    }
    const [address, port] = vip;
    const backends = templateBackends(value) ?? explicitBackends(value, family, port !== undefined);
    if (typeof backends === 'string') {
      refuse(row, key, backends, warnings);
      return [];
    }
    return [{ family, address, ip: undefined, port, backends, backendText: value, isWatched: false }];
  });
}

function templateWords(text: string): [string, string | undefined] | undefined {
  const words = text.split(':').filter((word) => word !== '');
  return words.length === 1 || words.length === 2 ? [words[0], words[1]] : undefined;
}

function templateBackends(text: string): Backend[] | undefined {
  const backends: Backend[] = [];
  for (const part of text.split(',').filter((word) => word !== '')) {
    const words = templateWords(part);
    if (!words) return undefined;
    backends.push({ address: words[0], port: words[1], portNumber: 0, ...unwatched });
  }
  return backends;
}

function refuse(row: Row, key: string, why: string, warnings: NorthdWarning[]): void {
  warn(warnings, row, 'bad-load-balancer', `"${key}" of load balancer "${row.name}" is left out: ${why}`);
}

/** The keys of `vips` that have a Load_Balancer_Health_Check. */
function watchedVips(nb: Northbound, row: Row, warnings: NorthdWarning[]): ReadonlySet<string> {
  if (row.health_check.length > 0 && row.protocol === 'sctp') {
    const message = `Load balancer "${row.name}" is of protocol sctp, for which there are no health checks`;
    warn(warnings, row, 'bad-load-balancer', message);
    return new Set();
  }
  return new Set(row.health_check.flatMap((uuid) => nb.Load_Balancer_Health_Check.get(uuid)?.vip ?? []));
}

/** Where ip_port_mappings says that the backend is: `PORT:SOURCE_IP`. */
function placeOf(row: Row, address: string, family: Family, ports: ReadonlyMap<string, Port>): Backend['place'] {
  const mapping = row.ip_port_mappings[family === '4' ? address : `[${address}]`];
  const colon = mapping?.indexOf(':') ?? -1;
  if (mapping === undefined || colon < 0) return undefined;
  const port = ports.get(mapping.slice(0, colon));
  const source = parseHost(mapping.slice(colon + 1));
  return port?.kind === 'switch-port' && source ? { port, source: source.text } : undefined;
}

/** Whether the backend may be chosen: one that is watched has a port that is enabled, and has not failed. */
export function isUsable({ isWatched }: Vip, { place, hasFailed }: Backend): boolean {
  return !isWatched || (place !== undefined && place.port.row.enabled !== false && !hasFailed);
}

/** A backend whose health is watched from an address on its switch. */
export interface WatchedBackend {
  readonly balancer: Row;
  readonly family: Family;
  readonly port: SwitchPort;
  /** The address that the checks come from. */
  readonly source: string;
}

export function watchedBackends({ row, vips }: LoadBalancer): WatchedBackend[] {
  return vips
    .filter(({ isWatched }) => isWatched)
    .flatMap(({ backends, family }) =>
      backends.flatMap(({ place }) => (place ? [{ balancer: row, family, ...place }] : [])),
    );
}
