/** DHCP answers from the options of a port: ls_in_dhcp_options, ls_in_dhcp_response. */

import { formatIpv4, netmask } from '../../address.ts';
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import {
  type Ipv4Network,
  type Ipv6Network,
  ipv6Mask,
  linkLocal,
  type PortAddresses,
  parseIpv4Cidr,
  parseIpv6Cidr,
  parseMac,
} from '../addresses.ts';
import { coppMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import { booleanOption } from '../options.ts';
import { REGBIT_DHCP_OPTS_RESULT, stages } from '../stages.ts';
import type { SwitchDatapath, SwitchPort, Topology } from '../topology.ts';
import { warn } from '../warning.ts';

export function buildDhcp(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  emit(stages.ls_in_dhcp_options, 0, '1', 'next;', 8863);
  emit(stages.ls_in_dhcp_response, 0, '1', 'next;', 8864);
  const services: Services = { v4: new Map(), v6: new Map() };
  for (const port of dp.ports) if (takesDhcp(port)) buildPort(port, services, topology, emit);
}

/** The DHCPv4 server of a port, if its options say all that is needed. */
export function dhcpv4Server(
  row: NorthboundRow<'Logical_Switch_Port'>,
  topology: Topology,
): { options: NorthboundRow<'DHCP_Options'>; ip: string; mac: string } | undefined {
  const options = row.dhcpv4_options === undefined ? undefined : topology.nb.DHCP_Options.get(row.dhcpv4_options);
  if (!options) return undefined;
  const { server_id: ip, server_mac: mac, lease_time } = options.options;
  return ip !== undefined && mac !== undefined && lease_time !== undefined ? { options, ip, mac } : undefined;
}

/** The DHCPv6 server of a port, if its options say all that is needed. */
export function dhcpv6Server(
  row: NorthboundRow<'Logical_Switch_Port'>,
  topology: Topology,
): { options: NorthboundRow<'DHCP_Options'>; ip: string; mac: string } | undefined {
  const options = row.dhcpv6_options === undefined ? undefined : topology.nb.DHCP_Options.get(row.dhcpv6_options);
  const mac = options?.options.server_id;
  const canonical = mac === undefined ? undefined : parseMac(mac);
  if (!options || mac === undefined || canonical === undefined) return undefined;
  return { options, ip: linkLocal(canonical).address, mac };
}

function takesDhcp({ row, datapath }: SwitchPort): boolean {
  if (row.enabled === false || row.type === 'router') return false;
  return row.type !== 'external' || (datapath.localnetPorts.length > 0 && row.ha_chassis_group !== undefined);
}

/** What DHCP_Options rows mean, by their UUIDs: many ports share one. */
interface Services {
  v4: Map<string, Dhcpv4Service | undefined>;
  v6: Map<string, Dhcpv6Service | undefined>;
}

function buildPort(port: SwitchPort, services: Services, topology: Topology, emit: Emit): void {
  const { dhcpv4_options, dhcpv6_options, type } = port.row;
  if (dhcpv4_options === undefined && dhcpv6_options === undefined) return;
  const v4 = lookUp(services.v4, dhcpv4_options, () => dhcpv4Service(port, topology));
  const v6 = lookUp(services.v6, dhcpv6_options, () => dhcpv6Service(port, topology));
  const isExternal = type === 'external';
  const inports = isExternal ? port.datapath.localnetPorts : [port];
  for (const addresses of port.addresses) {
    for (const inport of inports) {
      const sender = `inport == ${inport.quoted} && eth.src == ${addresses.mac}`;
      const resident = isExternal ? ` && is_chassis_resident(${port.quoted})` : '';
      if (v4) buildDhcpv4(v4, port, addresses, sender, resident, emit);
      if (v6) buildDhcpv6(v6, addresses, sender, resident, emit);
    }
  }
}

function lookUp<T>(known: Map<string, T>, uuid: string | undefined, make: () => T): T | undefined {
  if (uuid === undefined) return undefined;
  if (!known.has(uuid)) known.set(uuid, make());
  return known.get(uuid);
}

/** A DHCPv4 server, as text for flows. */
interface Dhcpv4Service {
  readonly row: NorthboundRow<'DHCP_Options'>;
  readonly subnet: Ipv4Network;
  readonly options: Readonly<Record<string, string>>;
  /** The netmask of the subnet. */
  readonly subnetMask: string;
  /** `options` as the action lists them. */
  readonly optionList: string;
  readonly ip: string;
  readonly respond: string;
  readonly meter: string | undefined;
}

function dhcpv4Service({ name, row: port, datapath }: SwitchPort, topology: Topology): Dhcpv4Service | undefined {
  const row = topology.nb.DHCP_Options.get(port.dhcpv4_options ?? '');
  const subnet = row && parseIpv4Cidr(row.cidr);
  if (!row || !subnet) return undefined;
  const server = dhcpv4Server(port, topology);
  if (!server) {
    const message = `The DHCP options of port "${name}" lack server_id, server_mac or lease_time, so it gets no address`;
    warn(topology.warnings, row, 'dhcp-options-incomplete', message);
    return undefined;
  }
  const { server_mac: _, ...options } = row.options;
  const subnetMask = formatIpv4(netmask(subnet.prefixLength));
  const respond =
    `eth.dst = eth.src; eth.src = ${server.mac}; ip4.src = ${server.ip}; udp.src = 67; udp.dst = 68; ` +
    'outport = inport; flags.loopback = 1; output;';
  const meter = coppMeter(topology.nb, datapath.row.copp, 'dhcpv4-opts');
  return {
    row,
    subnet,
    options,
    subnetMask,
    optionList: listOptions(options, subnetMask),
    ip: server.ip,
    respond,
    meter,
  };
}

/** The first of the addresses that is in the server's subnet is what the port is offered. */
function buildDhcpv4(
  { row, subnet, options, subnetMask, optionList, ip, respond, meter }: Dhcpv4Service,
  port: SwitchPort,
  addresses: PortAddresses,
  sender: string,
  resident: string,
  emit: Emit,
): void {
  const mask = netmask(subnet.prefixLength);
  const offer = addresses.ipv4.find(({ bits }) => ((bits ^ subnet.bits) & mask) === 0)?.address;
  if (offer === undefined) return;
  const { hostname } = port.row.options;
  const list = hostname === undefined ? optionList : listOptions({ ...options, hostname }, subnetMask);
  const put = `${REGBIT_DHCP_OPTS_RESULT} = put_dhcp_opts(offerip = ${offer}, ${list}); next;`;
  const ports = 'udp.src == 68 && udp.dst == 67';
  const discover = `${sender} && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && ${ports}${resident}`;
  emit(stages.ls_in_dhcp_options, 100, discover, put, 8172, row, meter);
  const renewal = `${sender} && ip4.src == ${offer} && ip4.dst == {${ip}, 255.255.255.255} && ${ports}${resident}`;
  emit(stages.ls_in_dhcp_options, 100, renewal, put, 8200, row, meter);
  const answered = `${sender} && ip4 && ${ports} && ${REGBIT_DHCP_OPTS_RESULT}${resident}`;
  emit(stages.ls_in_dhcp_response, 100, answered, respond, 8224, row);
}

/** `NAME = VALUE, ...` in order of names. */
/** The options in order of their names; the subnet's netmask is there beside one that is given. */
function listOptions(options: Readonly<Record<string, string>>, subnetMask?: string): string {
  const entries = Object.entries(options);
  if (subnetMask !== undefined) entries.unshift(['netmask', subnetMask]);
  entries.sort(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1));
  return entries.map(([name, value]) => `${name} = ${value}`).join(', ');
}

/** A DHCPv6 server, as text for flows. */
interface Dhcpv6Service {
  readonly row: NorthboundRow<'DHCP_Options'>;
  readonly subnet: Ipv6Network;
  /** dhcpv6_stateless: other options are given, an address is not. */
  readonly isStateless: boolean;
  readonly optionList: string;
  readonly respond: string;
  readonly meter: string | undefined;
}

function dhcpv6Service({ name, row: port, datapath }: SwitchPort, topology: Topology): Dhcpv6Service | undefined {
  const row = topology.nb.DHCP_Options.get(port.dhcpv6_options ?? '');
  const subnet = row && parseIpv6Cidr(row.cidr);
  if (!row || !subnet) return undefined;
  const server = dhcpv6Server(port, topology);
  if (!server) {
    const message = `The DHCPv6 options of port "${name}" lack a server_id that is a MAC address, so it gets no address`;
    warn(topology.warnings, row, 'dhcp-options-incomplete', message);
    return undefined;
  }
  const { dhcpv6_stateless: _, ...given } = row.options;
  const respond =
    `eth.dst = eth.src; eth.src = ${server.mac}; ip6.dst = ip6.src; ip6.src = ${server.ip}; udp.src = 547; ` +
    'udp.dst = 546; outport = inport; flags.loopback = 1; output;';
  const isStateless = booleanOption(row.options, 'dhcpv6_stateless', false);
  const meter = coppMeter(topology.nb, datapath.row.copp, 'dhcpv6-opts');
  return { row, subnet, isStateless, optionList: listOptions(given), respond, meter };
}

function buildDhcpv6(
  { row, subnet, isStateless, optionList, respond, meter }: Dhcpv6Service,
  addresses: PortAddresses,
  sender: string,
  resident: string,
  emit: Emit,
): void {
  const mask = ipv6Mask(subnet.prefixLength);
  const offer = addresses.ipv6.find(({ bits }) => ((bits ^ subnet.bits) & mask) === 0n)?.address;
  if (offer === undefined) return;
  const address = isStateless ? '' : `ia_addr = ${offer}, `;
  const put = `${REGBIT_DHCP_OPTS_RESULT} = put_dhcpv6_opts(${address}${optionList}); next;`;
  const request = `${sender} && ip6.dst == ff02::1:2 && udp.src == 546 && udp.dst == 547${resident}`;
  emit(stages.ls_in_dhcp_options, 100, request, put, 8264, row, meter);
  emit(stages.ls_in_dhcp_response, 100, `${request} && ${REGBIT_DHCP_OPTS_RESULT}`, respond, 8277, row);
}
