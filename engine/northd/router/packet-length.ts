/** lr_in_chk_pkt_len and lr_in_larger_pkts: packets too long for a port with options:gateway_mtu. */
import { REGBIT_EGRESS_LOOPBACK, REGBIT_PKT_LARGER, type Stage, stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { emitMeasured, gatewayMtu } from './gateway-mtu.ts';
import type { NatRule } from './nat.ts';
import type { Router } from './router.ts';

export function buildPacketLength(router: Router): void {
  const { dp, emit, nat } = router;
  emit(stages.lr_in_chk_pkt_len, 0, '1', 'next;', 12776);
  emit(stages.lr_in_larger_pkts, 0, '1', 'next;', 12778);
  for (const port of dp.ports) {
    const mtu = gatewayMtu(port);
    if (mtu === 0) continue;
    emitMeasured(router, port, stages.lr_in_chk_pkt_len, `outport == ${port.quoted}`, 'next;', port.row);
    tooBig(router, port, mtu, stages.lr_in_ip_input, '');
    for (const from of dp.ports) {
      if (from !== port) tooBig(router, from, mtu, stages.lr_in_larger_pkts, `outport == ${port.quoted} && `);
    }
  }
  for (const rule of nat.rules) tooBigForNat(router, rule);
}

const marked = `${REGBIT_PKT_LARGER} && ${REGBIT_EGRESS_LOOPBACK} == 0`;
const unmark = `${REGBIT_EGRESS_LOOPBACK} = 1; ${REGBIT_PKT_LARGER} = 0; `;

/** Tells the sender of a packet that came in by `port` what size would pass (RFC 1191, RFC 8201). */
function tooBig({ emit, meter }: Router, port: RouterPort, mtu: number, stage: Stage, outport: string): void {
  const { mac, ipv4, ipv6 } = port.networks;
  const restart = `next(pipeline=ingress, table=${stages.lr_in_admission.table}); };`;
  if (ipv4.length > 0) {
    const match = `inport == ${port.quoted} && ${outport}ip4 && ${marked}`;
    const addresses = `eth.dst = ${mac}; ip4.dst = ip4.src; ip4.src = ${ipv4[0].address}; ip.ttl = 255; `;
    emit(
      stage,
      150,
      match,
      `icmp4_error {${unmark}${addresses}${fragmentationNeeded(mtu)}${restart}`,
      12669,
      port.row,
      meter('icmp4-error'),
    );
  }
  if (ipv6.length > 0) {
    const match = `inport == ${port.quoted} && ${outport}ip6 && ${marked}`;
    const addresses = `eth.dst = ${mac}; ip6.dst = ip6.src; ip6.src = ${ipv6[0].address}; ip.ttl = 255; `;
    emit(
      stage,
      150,
      match,
      `icmp6_error {${unmark}${addresses}${packetTooBig(mtu)}${restart}`,
      12702,
      port.row,
      meter('icmp6-error'),
    );
  }
}

/** The same for what the outside sends to a distributed NAT address. */
function tooBigForNat({ emit, meter }: Router, { row, family, gatewayPort, distributedMac }: NatRule): void {
  if (!gatewayPort || distributedMac === undefined) return;
  const mtu = gatewayMtu(gatewayPort);
  if (mtu === 0) return;
  const match = `inport == ${gatewayPort.quoted} && ${marked} && ip${family} && ip${family}.dst == ${row.external_ip}`;
  const addresses = `eth.dst = eth.src; eth.src = ${row.external_mac}; ip${family}.dst = ip${family}.src; ip${family}.src = ${row.external_ip}; ip.ttl = 254; `;
  const error = family === '4' ? fragmentationNeeded(mtu) : packetTooBig(mtu);
  const actions = `icmp${family}_error {${unmark}${addresses}${error}outport = ${gatewayPort.quoted}; flags.loopback = 1; output; };`;
  emit(stages.lr_in_ip_input, 160, match, actions, family === '4' ? 14015 : 14042, row, meter(`icmp${family}-error`));
}

function fragmentationNeeded(mtu: number): string {
  return `icmp4.type = 3; /* Destination Unreachable. */ icmp4.code = 4; /* Frag Needed and DF was Set. */ icmp4.frag_mtu = ${mtu}; `;
}

function packetTooBig(mtu: number): string {
  return `icmp6.type = 2; /* Packet Too Big. */ icmp6.code = 0; icmp6.frag_mtu = ${mtu}; `;
}
