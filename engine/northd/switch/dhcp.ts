/** DHCP answers from the options of a port: ls_in_dhcp_options, ls_in_dhcp_response. */

import { formatIpv4, netmask } from '../../address.ts';
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import {
  formatIpv6,
  type Ipv4Network,
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
  for (const port of dp.ports) if (takesDhcp(port)) buildPort(port, topology, emit);
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

function buildPort(port: SwitchPort, topology: Topology, emit: Emit): void {
  const external = port.row.type === 'external';
  const inports = external ? port.datapath.localnetPorts : [port];
  for (const addresses of port.addresses) {
    for (const inport of inports) {
      const sender = `inport == ${inport.quoted} && eth.src == ${addresses.mac}`;
      const resident = external ? ` && is_chassis_resident(${port.quoted})` : '';
      buildDhcpv4(port, addresses, sender, resident, topology, emit);
      buildDhcpv6(port, addresses, sender, resident, topology, emit);
    }
  }
}

function buildDhcpv4(
  port: SwitchPort,
  addresses: PortAddresses,
  sender: string,
  resident: string,
  topology: Topology,
  emit: Emit,
): void {
  const options =
    port.row.dhcpv4_options === undefined ? undefined : topology.nb.DHCP_Options.get(port.row.dhcpv4_options);
  const subnet = options && parseIpv4Cidr(options.cidr);
  if (!options || !subnet) return;
  const mask = netmask(subnet.prefixLength);
  const offer = addresses.ipv4.find(({ bits }) => ((bits ^ subnet.bits) & mask) === 0);
  if (!offer) return;
  const server = dhcpv4Server(port.row, topology);
  if (!server) {
    const message = `The DHCP options of port "${port.name}" lack server_id, server_mac or lease_time, so it gets no address`;
    warn(topology.warnings, options, 'dhcp-options-incomplete', message);
    return;
  }
  const meter = coppMeter(topology.nb, port.datapath.row.copp, 'dhcpv4-opts');
  const put = putDhcpv4(port, options, offer, formatIpv4(mask));
  const ports = 'udp.src == 68 && udp.dst == 67';
  const discover = `${sender} && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && ${ports}${resident}`;
  emit(stages.ls_in_dhcp_options, 100, discover, put, 8172, options, meter);
  const renewal = `ip4.src == ${offer.address} && ip4.dst == {${server.ip}, 255.255.255.255}`;
  emit(stages.ls_in_dhcp_options, 100, `${sender} && ${renewal} && ${ports}${resident}`, put, 8200, options, meter);
  const answered = `${sender} && ip4 && ${ports} && ${REGBIT_DHCP_OPTS_RESULT}${resident}`;
  const respond =
    `eth.dst = eth.src; eth.src = ${server.mac}; ip4.src = ${server.ip}; udp.src = 67; udp.dst = 68; ` +
    'outport = inport; flags.loopback = 1; output;';
  emit(stages.ls_in_dhcp_response, 100, answered, respond, 8224, options);
}

function putDhcpv4(
  port: SwitchPort,
  { options }: NorthboundRow<'DHCP_Options'>,
  offer: Ipv4Network,
  netmask: string,
): string {
  const { hostname } = port.row.options;
  const { server_mac: _, ...given } = options;
  const all: Record<string, string> = { ...given, netmask, ...(hostname !== undefined && { hostname }) };
  const list = [`offerip = ${offer.address}`, ...sortedOptions(all)].join(', ');
  return `${REGBIT_DHCP_OPTS_RESULT} = put_dhcp_opts(${list}); next;`;
}

function sortedOptions(options: Readonly<Record<string, string>>): string[] {
  return Object.keys(options)
    .sort()
    .map((name) => `${name} = ${options[name]}`);
}

function buildDhcpv6(
  port: SwitchPort,
  addresses: PortAddresses,
  sender: string,
  resident: string,
  topology: Topology,
  emit: Emit,
): void {
  const options =
    port.row.dhcpv6_options === undefined ? undefined : topology.nb.DHCP_Options.get(port.row.dhcpv6_options);
  const subnet = options && parseIpv6Cidr(options.cidr);
  if (!options || !subnet) return;
  const mask = ipv6Mask(subnet.prefixLength);
  const offer = addresses.ipv6.find(({ bits }) => ((bits ^ subnet.bits) & mask) === 0n);
  if (!offer) return;
  const server = dhcpv6Server(port.row, topology);
  if (!server) {
    const message = `The DHCPv6 options of port "${port.name}" lack a server_id that is a MAC address, so it gets no address`;
    warn(topology.warnings, options, 'dhcp-options-incomplete', message);
    return;
  }
  const { dhcpv6_stateless: _, ...given } = options.options;
  const stateless = booleanOption(options.options, 'dhcpv6_stateless', false);
  const list = [...(stateless ? [] : [`ia_addr = ${formatIpv6(offer.bits)}`]), ...sortedOptions(given)].join(', ');
  const put = `${REGBIT_DHCP_OPTS_RESULT} = put_dhcpv6_opts(${list}); next;`;
  const request = `${sender} && ip6.dst == ff02::1:2 && udp.src == 546 && udp.dst == 547${resident}`;
  const meter = coppMeter(topology.nb, port.datapath.row.copp, 'dhcpv6-opts');
  emit(stages.ls_in_dhcp_options, 100, request, put, 8264, options, meter);
  const respond =
    `eth.dst = eth.src; eth.src = ${server.mac}; ip6.dst = ip6.src; ip6.src = ${server.ip}; udp.src = 547; ` +
    'udp.dst = 546; outport = inport; flags.loopback = 1; output;';
  emit(stages.ls_in_dhcp_response, 100, `${request} && ${REGBIT_DHCP_OPTS_RESULT}`, respond, 8277, options);
}
