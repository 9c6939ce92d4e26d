/** lr_out_snat: the source of what leaves is translated; a longer prefix wins. */
import { REGBIT_DST_NAT_IP_LOCAL, stages } from '../stages.ts';
import { externalPeers } from './external-peers.ts';
import { type NatRule, natArguments } from './nat.ts';
import type { Router } from './router.ts';

const stage = stages.lr_out_snat;

export function buildSnat(router: Router): void {
  router.emit(stage, 0, '1', 'next;', 14247);
  // ovn-controller sends solicitations of its own, which must not be tracked.
  router.emit(stage, 120, 'nd_ns', 'next;', 14335);
  for (const rule of router.nat.rules) {
    if (rule.row.type === 'dnat') continue;
    if (router.isGateway) snatOnGateway(router, rule);
    else snatOnGatewayPort(router, rule);
  }
  forcedSnat(router);
}

function snatOnGateway(router: Router, rule: NatRule): void {
  const { row, family, logicalBits, stateless } = rule;
  const match = `ip && ip${family}.src == ${row.logical_ip}`;
  const peers = externalPeers(router, rule, 'dst');
  if (peers.exemption !== '') router.emit(stage, logicalBits + 3, match + peers.exemption, 'next;', 11068, row);
  const [tracked, actions] = stateless
    ? ['', `ip${family}.src=${row.external_ip}; next;`]
    : [' && (!ct.trk || !ct.rpl)', `ct_snat(${natArguments(row, row.external_ip)});`];
  router.emit(stage, logicalBits + 1, match + peers.condition + tracked, actions, 13906, row);
}

function snatOnGatewayPort(router: Router, rule: NatRule): void {
  const { emit } = router;
  const { row, family, logicalBits, stateless, gatewayPort, distributedMac } = rule;
  if (!gatewayPort?.redirect) return;
  const where = distributedMac === undefined ? gatewayPort.redirect.quoted : `"${row.logical_port}"`;
  const match = `ip && ip${family}.src == ${row.logical_ip} && outport == ${gatewayPort.quoted} && is_chassis_resident(${where})`;
  const peers = externalPeers(router, rule, 'dst');
  const priority = logicalBits + 1 + 128;
  if (peers.exemption !== '') emit(stage, priority + 2, match + peers.exemption, 'next;', 11068, row);
  const setSource = distributedMac === undefined ? '' : `eth.src = ${distributedMac}; `;
  const translate = stateless
    ? `ip${family}.src=${row.external_ip}; next;`
    : `ct_snat_in_czone(${natArguments(row, row.external_ip)});`;
  emit(stage, priority, match + peers.condition, setSource + translate, 13958, row);
  if (stateless) return;
  // The destination was translated here too: then the source needs a zone of its own.
  const local = `${match}${peers.condition} && ${REGBIT_DST_NAT_IP_LOCAL} == 1`;
  const actions = `${setSource}${REGBIT_DST_NAT_IP_LOCAL} = 0; ct_snat(${natArguments(row, row.external_ip)});`;
  emit(stage, priority + 1, local, actions, 13975, row);
}

function forcedSnat({ dp, emit, isGateway, nat }: Router): void {
  const force = (reason: 'dnat' | 'lb', priority: number, rest: string, address: string, line: number) =>
    emit(stage, priority, `flags.force_snat_for_${reason} == 1 && ${rest}`, `ct_snat(${address});`, line);
  if (isGateway) {
    for (const [reason, { ipv4, ipv6 }] of [
      ['dnat', nat.dnatForceSnat],
      ['lb', nat.lbForceSnat],
    ] as const) {
      if (ipv4.length > 0) force(reason, 100, 'ip4', ipv4[0].address, 11361);
      if (ipv6.length > 0) force(reason, 100, 'ip6', ipv6[0].address, 11361);
    }
  }
  if (!nat.lbForceSnatRouterIp) return;
  for (const { quoted, peer, networks } of dp.ports) {
    if (!peer) continue;
    const { ipv4, ipv6 } = networks;
    if (ipv4.length > 0) force('lb', 110, `ip4 && outport == ${quoted}`, ipv4[0].address, 11395);
    if (ipv6.length > 1) force('lb', 110, `ip6 && outport == ${quoted}`, ipv6[0].address, 11427);
  }
}
