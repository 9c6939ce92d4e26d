/** lr_in_arp_request: asks for the MAC address of a next hop that is not known, and sends all else. */
import { macFromNumber, parseIpv6Cidr } from '../addresses.ts';
import { REG_NEXT_HOP_IPV4, REG_NEXT_HOP_IPV6, REG_SRC_IPV4, stages } from '../stages.ts';
import { rowsByUuid } from './order.ts';
import type { Router } from './router.ts';

const unknown = 'eth.dst == 00:00:00:00:00:00';

export function buildArpRequest({ dp, emit, meter, topology }: Router): void {
  const stage = stages.lr_in_arp_request;
  for (const route of rowsByUuid(topology, 'Logical_Router_Static_Route', dp.row.static_routes)) {
    const nexthop = parseIpv6Cidr(route.nexthop);
    if (nexthop?.prefixLength !== 128) continue;
    const match = `${unknown} && ip6 && ${REG_NEXT_HOP_IPV6} == ${route.nexthop}`;
    const mac = multicastMac(nexthop.bits);
    const actions = `nd_ns { eth.dst = ${mac}; ip6.dst = ${nexthop.solicitedNode}; nd.target = ${route.nexthop}; output; };`;
    emit(stage, 200, match, actions, 12921, route, meter('nd-ns-resolve'));
  }
  const askArp = `arp { eth.dst = ff:ff:ff:ff:ff:ff; arp.spa = ${REG_SRC_IPV4}; arp.tpa = ${REG_NEXT_HOP_IPV4}; arp.op = 1; output; };`;
  emit(stage, 100, `${unknown} && ip4`, askArp, 12929, undefined, meter('arp-resolve'));
  emit(
    stage,
    100,
    `${unknown} && ip6`,
    `nd_ns { nd.target = ${REG_NEXT_HOP_IPV6}; output; };`,
    12940,
    undefined,
    meter('nd-ns-resolve'),
  );
  emit(stage, 0, '1', 'output;', 12948);
}

/** The Ethernet address of a solicited-node address (RFC 2464, section 7). */
function multicastMac(bits: bigint): string {
  return macFromNumber(0x3333ff000000 + Number(bits & 0xffffffn));
}
