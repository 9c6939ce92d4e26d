/** options:gateway_mtu of a router port: flows that measure packets, and those that need not. */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { integerOption } from '../options.ts';
import { REGBIT_PKT_LARGER, type Stage } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import type { Router } from './router.ts';

const ethernetHeader = 14;
const vlanEthernetHeader = 18;

/** options:gateway_mtu in bytes of IP packet; 0 if the port has none. */
export function gatewayMtu(port: RouterPort): number {
  return Math.max(0, integerOption(port.row.options, 'gateway_mtu', 0));
}

/**
 * A flow of priority 50 which on a port with options:gateway_mtu measures the
 * packet first, and one of priority 55 for what options:gateway_mtu_bypass excuses.
 */
export function emitMeasured(
  router: Router,
  port: RouterPort,
  stage: Stage,
  match: string,
  actions: string,
  hint: NorthboundRow<'Logical_Router_Port'> | NorthboundRow<'NAT'>,
): void {
  const mtu = gatewayMtu(port);
  const measure = mtu > 0 ? `${REGBIT_PKT_LARGER} = check_pkt_larger(${mtu + headerSize(port)}); ` : '';
  router.emit(stage, 50, match, measure + actions, 11554, hint);
  const bypass = port.row.options.gateway_mtu_bypass;
  if (mtu > 0 && bypass !== undefined) router.emit(stage, 55, `${match} && (${bypass})`, actions, 11566, hint);
}

/** What check_pkt_larger counts before the IP header: a VLAN tag if the port's switch leaves by a tagged localnet port. */
function headerSize({ peer }: RouterPort): number {
  const tagged =
    peer?.kind === 'switch-port' &&
    peer.datapath.localnetPorts.some((localnet) => localnet.row.tag_request !== undefined);
  return tagged ? vlanEthernetHeader : ethernetHeader;
}
