/** lr_in_nd_ra_options and lr_in_nd_ra_response: router advertisements (RFC 4861) on request. */
import { linkLocal } from '../addresses.ts';
import { REGBIT_ND_RA_OPTS_RESULT, stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { warn } from '../warning.ts';
import { isLinkLocal } from './networks.ts';
import type { Router } from './router.ts';

const modes = ['slaac', 'dhcpv6_stateful', 'dhcpv6_stateless'];

/** IPv6's minimum MTU (RFC 8200, section 5). */
const minimumMtu = 1280;

export function buildRouterAdvertisements(router: Router): void {
  router.emit(stages.lr_in_nd_ra_options, 0, '1', 'next;', 11956);
  router.emit(stages.lr_in_nd_ra_response, 0, '1', 'next;', 11957);
  for (const port of router.dp.ports) if (port.peer && port.row.peer === undefined) advertise(router, port);
}

function advertise({ emit, meter, topology }: Router, port: RouterPort): void {
  const { address_mode: mode } = port.row.ipv6_ra_configs;
  if (mode === undefined) return;
  if (!modes.includes(mode)) {
    const message = `ipv6_ra_configs:address_mode "${mode}" of router port "${port.name}" is none of ${modes.join(', ')}`;
    warn(topology.warnings, port.row, 'bad-address-mode', message);
    return;
  }
  const prefixes = port.networks.ipv6.filter((network) => !isLinkLocal(network));
  if (prefixes.length === 0) return;
  const { mac } = port.networks;
  const from = `inport == ${port.quoted} && ip6.dst == ff02::2`;
  const advertisement = [
    ...options(port, mode),
    ...prefixes.map(({ network, prefixLength }) => `prefix = ${network}/${prefixLength}`),
  ].join(', ');
  const make = `${REGBIT_ND_RA_OPTS_RESULT} = put_nd_ra_opts(${advertisement}); next;`;
  emit(stages.lr_in_nd_ra_options, 50, `${from} && nd_rs`, make, 11922, port.row, meter('nd-ra-opts'));
  const send = `eth.dst = eth.src; eth.src = ${mac}; ip6.dst = ip6.src; ip6.src = ${linkLocal(mac).address}; outport = inport; flags.loopback = 1; output;`;
  emit(stages.lr_in_nd_ra_response, 50, `${from} && nd_ra && ${REGBIT_ND_RA_OPTS_RESULT}`, send, 11943, port.row);
}

function options({ row, networks }: RouterPort, mode: string): string[] {
  const { mtu, router_preference: preference, rdnss, dnssl, route_info: routes } = row.ipv6_ra_configs;
  const result = [`addr_mode = "${mode}"`, `slla = ${networks.mac}`];
  const bytes = Number.parseInt(mtu ?? '', 10);
  if (bytes >= minimumMtu) result.push(`mtu = ${bytes}`);
  if (preference !== undefined && preference !== 'MEDIUM') result.push(`router_preference = "${preference}"`);
  if (rdnss !== undefined) result.push(`rdnss = ${rdnss}`);
  if (dnssl !== undefined) result.push(`dnssl = "${dnssl}"`);
  if (routes !== undefined) result.push(`route_info = "${routes}"`);
  return result;
}
