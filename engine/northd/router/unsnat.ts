/** lr_in_unsnat: replies to connections whose source was translated get their own destination back. */
import { stages } from '../stages.ts';
import type { NatRule } from './nat.ts';
import type { Router } from './router.ts';

const stage = stages.lr_in_unsnat;

export function buildUnsnat(router: Router): void {
  router.emit(stage, 0, '1', 'next;', 14244);
  for (const rule of router.nat.rules) if (rule.row.type !== 'dnat') unsnat(router, rule);
  forcedSnat(router);
}

function unsnat({ emit, isGateway }: Router, { row, family, stateless, gatewayPort, distributedMac }: NatRule): void {
  const match = `ip && ip${family}.dst == ${row.external_ip}`;
  if (isGateway) {
    emit(stage, 90, match, stateless ? 'next;' : 'ct_snat;', 13648, row);
    return;
  }
  if (!gatewayPort?.redirect) return;
  const centralized = distributedMac === undefined;
  const resident = centralized ? ` && is_chassis_resident(${gatewayPort.redirect.quoted})` : '';
  const fromOutside = `${match} && inport == ${gatewayPort.quoted} && flags.loopback == 0${resident}`;
  emit(stage, 100, fromOutside, stateless ? 'next;' : 'ct_snat_in_czone;', 13673, row);
  if (stateless) return;
  const loopedBack = `${match} && inport == ${gatewayPort.quoted} && flags.loopback == 1 && flags.use_snat_zone == 1${resident}`;
  emit(stage, 100, loopedBack, 'ct_snat;', 13691, row);
}

function forcedSnat({ dp, emit, isGateway, nat }: Router): void {
  if (isGateway) {
    for (const { ipv4, ipv6 } of [nat.dnatForceSnat, nat.lbForceSnat]) {
      if (ipv4.length > 0) emit(stage, 110, `ip4 && ip4.dst == ${ipv4[0].address}`, 'ct_snat;', 11351);
      if (ipv6.length > 0) emit(stage, 110, `ip6 && ip6.dst == ${ipv6[0].address}`, 'ct_snat;', 11351);
    }
  }
  if (!nat.lbForceSnatRouterIp) return;
  for (const { quoted, peer, networks } of dp.ports) {
    if (!peer) continue;
    const { ipv4, ipv6 } = networks;
    if (ipv4.length > 0) emit(stage, 110, `inport == ${quoted} && ip4.dst == ${ipv4[0].address}`, 'ct_snat;', 11383);
    // The last IPv6 address is the link-local one, to which nothing is translated.
    if (ipv6.length > 1) emit(stage, 110, `inport == ${quoted} && ip6.dst == ${ipv6[0].address}`, 'ct_snat;', 11415);
  }
}
