/** A router's NAT rows, parsed and validated. */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import {
  type Family,
  type PortAddresses,
  parseIpAddresses,
  parseIpv4,
  parseIpv4Cidr,
  parseIpv6,
  parseIpv6Cidr,
  parseMac,
} from '../addresses.ts';
import type { RouterDatapath, RouterPort, Topology } from '../topology.ts';
import { warn } from '../warning.ts';
import { addressFacing } from './networks.ts';
import { gatewayPortsByUuid, rowsByUuid } from './order.ts';

/** A NAT row that can be applied. */
export interface NatRule {
  readonly row: NorthboundRow<'NAT'>;
  /** `4` or `6`: what to put after `ip`. */
  readonly family: Family;
  /** Leading one bits of logical_ip's mask. */
  readonly logicalBits: number;
  /** Of type dnat_and_snat with options:stateless: addresses are replaced without conntrack. */
  readonly stateless: boolean;
  /** The distributed gateway port where it applies; undefined on a router that has none. */
  readonly gatewayPort?: RouterPort;
  /** It can be done where logical_port is, with this MAC address, instead of on the gateway chassis. */
  readonly distributedMac?: string;
}

/** An address by which the outside reaches the router because of a NAT row. */
export interface ExternalAddress {
  readonly row: NorthboundRow<'NAT'>;
  readonly family: Family;
  readonly address: string;
  /** Solicited-node address of an IPv6 one. */
  readonly solicitedNode: string;
}

export interface RouterNat {
  readonly rows: readonly NorthboundRow<'NAT'>[];
  /** The rows that can be applied; none unless the router is a gateway router or has gateway ports. */
  readonly rules: readonly NatRule[];
  /** Addresses that are answered for in ARP and ND: those of dnat rows, then one row for each of snat. */
  readonly external: readonly ExternalAddress[];
  /** Addresses that the router translates sources to, force_snat options included. */
  readonly snatAddresses: ReadonlySet<string>;
  /** options:dnat_force_snat_ip. */
  readonly dnatForceSnat: PortAddresses;
  /** options:lb_force_snat_ip, where it is a list of addresses. */
  readonly lbForceSnat: PortAddresses;
  /** options:lb_force_snat_ip is `router_ip` on a gateway router. */
  readonly lbForceSnatRouterIp: boolean;
}

/** What `dp`'s NAT rows and options say; rows that cannot be used become warnings. */
export function routerNat(dp: RouterDatapath, topology: Topology): RouterNat {
  const rows = rowsByUuid(topology, 'NAT', dp.row.nat);
  const gatewayPorts = gatewayPortsByUuid(dp);
  const lbForceSnatRouterIp = dp.row.options.lb_force_snat_ip === 'router_ip' && dp.gatewayChassis !== undefined;
  const dnatForceSnat = forceSnat(dp, topology, 'dnat_force_snat_ip');
  const lbForceSnat = lbForceSnatRouterIp ? noAddresses : forceSnat(dp, topology, 'lb_force_snat_ip');
  const { external, snat } = externalAddresses(rows);
  const forced = [dnatForceSnat, lbForceSnat].flatMap(({ ipv4, ipv6 }) => [...ipv4.slice(0, 1), ...ipv6.slice(0, 1)]);
  return {
    rows,
    rules: rows.flatMap((row) => natRule(dp, gatewayPorts, topology, row) ?? []),
    external,
    snatAddresses: new Set([...snat, ...forced.map((network) => network.address)]),
    dnatForceSnat,
    lbForceSnat,
    lbForceSnatRouterIp,
  };
}

/** Whether the traffic of `row` passes through `port`, one of its router's distributed gateway ports. */
export function appliesAt(row: NorthboundRow<'NAT'>, port: RouterPort): boolean {
  if (port.datapath.gatewayPorts.length < 2) return true;
  if (row.gateway_port !== undefined) return row.gateway_port === port.row._uuid;
  return addressFacing(port, row.external_ip) !== undefined;
}

const noAddresses: PortAddresses = { mac: '', ipv4: [], ipv6: [] };

function forceSnat(dp: RouterDatapath, topology: Topology, option: string): PortAddresses {
  const text = dp.row.options[option];
  if (text === undefined) return noAddresses;
  const addresses = parseIpAddresses(text);
  if (addresses && isOneOfEach(addresses)) return addresses;
  const message = `options:${option} "${text}" of router "${dp.name}" should be an IPv4 address, an IPv6 address, or one of each`;
  warn(topology.warnings, dp.row, 'bad-address', message);
  return noAddresses;
}

/** Whether these are an IPv4 address, an IPv6 address, or one of each, and no networks. */
function isOneOfEach({ ipv4, ipv6 }: PortAddresses): boolean {
  if (ipv4.length > 1 || ipv6.length > 1 || ipv4.length + ipv6.length === 0) return false;
  return (
    ipv4.every(({ prefixLength }) => prefixLength === 32) && ipv6.every(({ prefixLength }) => prefixLength === 128)
  );
}

function externalAddresses(rows: readonly NorthboundRow<'NAT'>[]) {
  const dnat: ExternalAddress[] = [];
  const snat = new Map<string, ExternalAddress>();
  for (const row of rows) {
    const external = externalAddress(row);
    if (!external) continue;
    if (row.type !== 'snat') dnat.push(external);
    else if (!snat.has(external.address)) snat.set(external.address, external);
  }
  return { external: [...dnat, ...snat.values()], snat: snat.keys() };
}

function externalAddress(row: NorthboundRow<'NAT'>): ExternalAddress | undefined {
  const { ipv4, ipv6 } = parseIpAddresses(row.external_ip) ?? noAddresses;
  if (ipv4.length + ipv6.length !== 1) return undefined;
  if (ipv4.length === 1) return { row, family: '4', address: ipv4[0].address, solicitedNode: '' };
  return { row, family: '6', address: ipv6[0].address, solicitedNode: ipv6[0].solicitedNode };
}

function natRule(
  dp: RouterDatapath,
  gatewayPorts: readonly RouterPort[],
  topology: Topology,
  row: NorthboundRow<'NAT'>,
): NatRule | undefined {
  const refuse = (why: string): undefined => {
    const message = `NAT rule ${row.type} ${row.external_ip} ${row.logical_ip} of router "${dp.name}" is not applied`;
    warn(topology.warnings, row, 'bad-nat', `${message}: ${why}`);
  };
  if (dp.gatewayChassis === undefined && dp.gatewayPorts.length === 0) {
    return refuse('the router has neither options:chassis nor a distributed gateway port');
  }
  if (row.allowed_ext_ips !== undefined && row.exempted_ext_ips !== undefined) {
    return refuse('it has both allowed_ext_ips and exempted_ext_ips');
  }
  const family = hostFamily(row.external_ip);
  if (family === undefined) return refuse('its external_ip is not an IP address');
  const gatewayPort = gatewayPortOf(gatewayPorts, row);
  if (gatewayPort === 'none') return refuse('it applies at none of the distributed gateway ports');
  const logicalBits = maskBits(family, row.logical_ip);
  if (logicalBits === undefined) return refuse(`its logical_ip is not an IPv${family} address or network`);
  if (row.type !== 'snat' && hostFamily(row.logical_ip) !== family) {
    return refuse(`logical_ip of type ${row.type} must be one address`);
  }
  const isDistributed =
    dp.gatewayPorts.length > 0 &&
    row.type === 'dnat_and_snat' &&
    row.logical_port !== undefined &&
    row.external_mac !== undefined;
  const distributedMac = isDistributed ? parseMac(row.external_mac ?? '') : undefined;
  if (isDistributed && distributedMac === undefined) return refuse('its external_mac is not a MAC address');
  return {
    row,
    family,
    logicalBits,
    stateless: row.type === 'dnat_and_snat' && row.options.stateless === 'true',
    gatewayPort,
    distributedMac,
  };
}

/** The length of the mask of `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK`; of one with holes, as OVN counts it. */
function maskBits(family: Family, text: string): number | undefined {
  const network = family === '4' ? parseIpv4Cidr(text) : parseIpv6Cidr(text);
  if (network) return network.prefixLength;
  const [address, mask, ...rest] = text.split('/');
  if (mask === undefined || rest.length > 0) return undefined;
  if (family === '4') {
    const bits = parseIpv4(mask);
    return bits === undefined || parseIpv4(address) === undefined ? undefined : 32 - trailingZeros(bits);
  }
  const bits = parseIpv6(mask);
  if (bits === undefined || parseIpv6(address) === undefined) return undefined;
  return bits.toString(2).padStart(128, '0').indexOf('0');
}

/** Of a number other than 0. */
function trailingZeros(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function hostFamily(ip: string): Family | undefined {
  if (parseIpv4Cidr(ip)?.prefixLength === 32) return '4';
  return parseIpv6Cidr(ip)?.prefixLength === 128 ? '6' : undefined;
}

function gatewayPortOf(ports: readonly RouterPort[], row: NorthboundRow<'NAT'>): RouterPort | undefined | 'none' {
  if (row.gateway_port !== undefined) {
    return ports.find((port) => port.row._uuid === row.gateway_port) ?? 'none';
  }
  if (ports.length < 2) return ports[0];
  return ports.find((port) => addressFacing(port, row.external_ip) !== undefined) ?? 'none';
}

/** What stands between the parentheses of ct_snat and ct_dnat. */
export function natArguments(row: NorthboundRow<'NAT'>, ip: string): string {
  return row.external_port_range === '' ? ip : `${ip},${row.external_port_range}`;
}
