/**
 * Options of DHCP, of router advertisements and of controller events, by name:
 * what OVN knows of itself (lib/ovn-l7.h).  A southbound database brings its own
 * DHCP_Options and DHCPv6_Options tables.
 */
import type { DhcpOption } from '../ovsdb/southbound.ts';

type Row = readonly [name: string, code: number, type: string];

function options(rows: readonly Row[]): readonly DhcpOption[] {
  return rows.map(([name, code, type]) => ({ name, code, type }));
}

/** RFC 2132 and its successors; code 0, 253 and 254 are OVN's own. */
export const DHCP_OPTIONS = options([
  ['offerip', 0, 'ipv4'],
  ['netmask', 1, 'ipv4'],
  ['router', 3, 'ipv4'],
  ['dns_server', 6, 'ipv4'],
  ['log_server', 7, 'ipv4'],
  ['lpr_server', 9, 'ipv4'],
  ['hostname', 12, 'str'],
  ['domain_name', 15, 'str'],
  ['swap_server', 16, 'ipv4'],
  ['ip_forward_enable', 19, 'bool'],
  ['policy_filter', 21, 'ipv4'],
  ['default_ttl', 23, 'uint8'],
  ['mtu', 26, 'uint16'],
  ['broadcast_address', 28, 'ipv4'],
  ['router_discovery', 31, 'bool'],
  ['router_solicitation', 32, 'ipv4'],
  ['arp_cache_timeout', 35, 'uint32'],
  ['ethernet_encap', 36, 'bool'],
  ['tcp_ttl', 37, 'uint8'],
  ['tcp_keepalive_interval', 38, 'uint32'],
  ['nis_server', 41, 'ipv4'],
  ['ntp_server', 42, 'ipv4'],
  ['netbios_name_server', 44, 'ipv4'],
  ['netbios_node_type', 46, 'uint8'],
  ['lease_time', 51, 'uint32'],
  ['server_id', 54, 'ipv4'],
  ['T1', 58, 'uint32'],
  ['T2', 59, 'uint32'],
  ['tftp_server', 66, 'host_id'],
  ['bootfile_name', 67, 'str'],
  ['domain_search_list', 119, 'domains'],
  ['classless_static_route', 121, 'static_routes'],
  ['tftp_server_address', 150, 'ipv4'],
  ['path_prefix', 210, 'str'],
  ['ms_classless_static_route', 249, 'static_routes'],
  ['wpad', 252, 'str'],
  ['next_server', 253, 'ipv4'],
  ['bootfile_name_alt', 254, 'str'],
]);

/** RFC 8415; the last three came after OVN 23.03. */
export const DHCPV6_OPTIONS = options([
  ['server_id', 2, 'mac'],
  ['ia_addr', 5, 'ipv6'],
  ['dns_server', 23, 'ipv6'],
  ['domain_search', 24, 'str'],
  ['fqdn', 39, 'domain'],
  ['bootfile_name', 59, 'str'],
  ['bootfile_name_alt', 254, 'str'],
]);

/** RFC 4861, RFC 4191, RFC 8106; the first two are flags of the advertisement. */
export const ND_RA_OPTIONS = options([
  ['addr_mode', 0, 'str'],
  ['router_preference', 255, 'str'],
  ['slla', 1, 'mac'],
  ['prefix', 3, 'ipv6'],
  ['mtu', 5, 'uint32'],
  ['route_info', 24, 'str'],
  ['rdnss', 25, 'ipv6'],
  ['dnssl', 31, 'str'],
]);

/** Of the event `empty_lb_backends`. */
export const EMPTY_LB_BACKENDS_OPTIONS = options([
  ['vip', 1, 'str'],
  ['protocol', 2, 'str'],
  ['load_balancer', 3, 'str'],
]);
