/**
 * What ovn-controller needs to send router advertisements by itself, and to ask for
 * prefixes (Port_Binding options `ipv6_ra_...`, `ipv6_prefix...`, ovn-sb(5);
 * Logical_Router_Port ipv6_ra_configs and options, ovn-nb(5)).
 */
import { booleanOption, integerOption } from '../options.ts';
import { isLinkLocal } from '../router/networks.ts';
import type { RouterPort } from '../topology.ts';

const modes = ['slaac', 'dhcpv6_stateful', 'dhcpv6_stateless'];

/** Seconds between advertisements: RFC 4861, section 6.2.1. */
const longestInterval = 1800;
const usualInterval = 600;
const shortestInterval = 4;
const leastInterval = 3;

/** IPv6's minimum MTU (RFC 8200, section 5). */
const minimumMtu = 1280;

/** The options of a port that has a switch port for a peer; none for any other. */
export function ipv6Options(port: RouterPort): Record<string, string> {
  if (port.peer?.kind !== 'switch-port' || port.row.peer !== undefined) return {};
  return { ...delegationOptions(port), ...advertisementOptions(port) };
}

function delegationOptions({ row: { options, enabled } }: RouterPort): Record<string, string> {
  if (enabled === false) return {};
  return {
    ...(booleanOption(options, 'prefix_delegation', false) && { ipv6_prefix_delegation: 'true' }),
    ...(booleanOption(options, 'prefix', false) && { ipv6_prefix: 'true' }),
  };
}

function advertisementOptions({ row: { ipv6_ra_configs: config }, networks }: RouterPort): Record<string, string> {
  const { address_mode: mode, rdnss, dnssl, route_info: routes, router_preference: preference } = config;
  if (mode === undefined || !modes.includes(mode) || !booleanOption(config, 'send_periodic', false)) return {};
  const prefixes = networks.ipv6.filter((network) => !isLinkLocal(network));
  const own = networks.ipv6.find(isLinkLocal);
  const mtu = integerOption(config, 'mtu', 0);
  return {
    ipv6_ra_send_periodic: 'true',
    ipv6_ra_address_mode: mode,
    ...intervals(config),
    ...(mtu >= minimumMtu && { ipv6_ra_mtu: String(mtu) }),
    ...(own && { ipv6_ra_src_addr: own.address }),
    ipv6_ra_prefixes: prefixes.map(({ network, prefixLength }) => `${network}/${prefixLength}`).join(' '),
    ...(rdnss !== undefined && { ipv6_ra_rdnss: rdnss }),
    ...(dnssl !== undefined && { ipv6_ra_dnssl: dnssl }),
    ipv6_ra_src_eth: networks.mac,
    ipv6_ra_prf: preference === 'HIGH' || preference === 'LOW' ? preference : 'MEDIUM',
    ...(routes !== undefined && { ipv6_ra_route_info: routes }),
  };
}

function intervals(config: Readonly<Record<string, string>>): Record<string, string> {
  const asked = integerOption(config, 'max_interval', usualInterval);
  const max = Math.min(Math.max(asked, shortestInterval), longestInterval);
  const usual = max >= 9 ? Math.floor(max / 3) : Math.floor((max * 3) / 4);
  const min = Math.max(
    Math.min(integerOption(config, 'min_interval', usual), Math.floor((max * 3) / 4)),
    leastInterval,
  );
  return { ipv6_ra_max_interval: String(max), ipv6_ra_min_interval: String(min) };
}
