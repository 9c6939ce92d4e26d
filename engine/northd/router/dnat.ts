/** lr_in_dnat: the destination of what the outside sends to an external address is translated. */
import { stages } from '../stages.ts';
import { externalPeers } from './external-peers.ts';
import { type NatRule, natArguments } from './nat.ts';
import type { Router } from './router.ts';

const stage = stages.lr_in_dnat;

export function buildDnat(router: Router): void {
  router.emit(stage, 0, '1', 'next;', 14248);
  for (const rule of router.nat.rules) if (rule.row.type !== 'snat') dnat(router, rule);
}

function dnat(router: Router, rule: NatRule): void {
  const { emit, isGateway, nat } = router;
  const { row, family, stateless, gatewayPort, distributedMac } = rule;
  let match = `ip && ip${family}.dst == ${row.external_ip}`;
  if (gatewayPort?.redirect) {
    match += ` && inport == ${gatewayPort.quoted}`;
    if (distributedMac === undefined) match += ` && is_chassis_resident(${gatewayPort.redirect.quoted})`;
  }
  const peers = externalPeers(router, rule, 'src');
  if (peers.exemption !== '') emit(stage, 102, match + peers.exemption, 'next;', 11068, row);
  const replace = `ip${family}.dst=${row.logical_ip}; next;`;
  if (isGateway) {
    const { ipv4, ipv6 } = nat.dnatForceSnat;
    const force = ipv4.length + ipv6.length > 0 ? 'flags.force_snat_for_dnat = 1; ' : '';
    const translate = stateless ? replace : `ct_dnat(${natArguments(row, row.logical_ip)});`;
    emit(stage, 100, match + peers.condition, `${force}flags.loopback = 1; ${translate}`, 13745, row);
  } else {
    const translate = stateless ? replace : `ct_dnat_in_czone(${natArguments(row, row.logical_ip)});`;
    emit(stage, 100, match + peers.condition, translate, 13779, row);
  }
}
