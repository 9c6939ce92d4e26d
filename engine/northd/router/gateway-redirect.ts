/** lr_in_gw_redirect: packets for a distributed gateway port go to the chassis that owns it. */
import { REG_SRC_IPV4, REG_SRC_IPV6, stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import type { NatRule } from './nat.ts';
import { isCentralized } from './networks.ts';
import type { Router } from './router.ts';

const stage = stages.lr_in_gw_redirect;

export function buildGatewayRedirect(router: Router): void {
  router.emit(stage, 0, '1', 'next;', 12872);
  for (const port of router.dp.gatewayPorts) redirect(router, port);
  for (const rule of router.nat.rules) leaveHere(router, rule);
}

function redirect({ drop, emit, nat, topology }: Router, port: RouterPort): void {
  if (!port.redirect || !isCentralized(port)) return;
  const match = `outport == ${port.quoted}`;
  const actions = `outport = ${port.redirect.quoted}; next;`;
  emit(stage, 50, match, actions, 12830, port.row);
  let otherPeersDropped = false;
  for (const { family, row } of nat.external) {
    if (row.type !== 'dnat_and_snat' || row.options.stateless !== 'true') continue;
    const set = row.allowed_ext_ips ?? row.exempted_ext_ips;
    const name = set === undefined ? undefined : topology.nb.Address_Set.get(set)?.name;
    if (name === undefined) continue;
    const fromPeers = `${match} && ip${family}.src == $${name}`;
    if (row.allowed_ext_ips === undefined) emit(stage, 75, fromPeers, drop, 12862, port.row);
    else {
      emit(stage, 75, fromPeers, actions, 12849, port.row);
      if (!otherPeersDropped) emit(stage, 70, `ip && ip${family}.dst == ${row.external_ip}`, drop, 12857);
      otherPeersDropped = true;
    }
  }
}

/** What a distributed NAT rule translates leaves from the chassis where its logical port is. */
function leaveHere({ drop, emit, topology }: Router, { row, family, gatewayPort, distributedMac }: NatRule): void {
  if (!gatewayPort || distributedMac === undefined || row.logical_port === undefined) return;
  const match = `ip${family}.src == ${row.logical_ip} && outport == ${gatewayPort.quoted}`;
  const port = topology.ports.get(row.logical_port);
  if (port?.kind === 'switch-port' && port.row.type === 'virtual') emit(stage, 80, match, drop, 14476, row);
  const source = family === '4' ? REG_SRC_IPV4 : REG_SRC_IPV6;
  const resident = ` && is_chassis_resident("${row.logical_port}")`;
  const actions = `eth.src = ${row.external_mac}; ${source} = ${row.external_ip}; next;`;
  emit(stage, 100, match + resident, actions, 14486, row);
}
