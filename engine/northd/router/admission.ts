/** lr_in_admission: a router takes only frames that are addressed to it. */
import { REG_INPORT_ETH_ADDR, stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { emitMeasured } from './gateway-mtu.ts';
import type { NatRule } from './nat.ts';
import { isCentralized, onGatewayChassis } from './networks.ts';
import type { Router } from './router.ts';

const stage = stages.lr_in_admission;

export function buildAdmission(router: Router): void {
  const { dp, drop, emit, nat } = router;
  emit(stage, 100, 'vlan.present || eth.src[40]', drop, 11501);
  emit(stage, 0, '1', drop, 11505);
  for (const port of dp.ports) if (port.row.enabled !== false) admitPort(router, port);
  for (const rule of nat.rules) admitDistributedNat(router, rule);
}

function admitPort(router: Router, port: RouterPort): void {
  const { mac } = port.networks;
  const actions = admit(mac);
  emitMeasured(router, port, stage, `eth.mcast && inport == ${port.quoted}`, actions, port.row);
  const resident = isCentralized(port) ? onGatewayChassis(port) : '';
  emitMeasured(router, port, stage, `eth.dst == ${mac} && inport == ${port.quoted}${resident}`, actions, port.row);
}

/** A distributed NAT address is the rule's own MAC address, where its logical port is. */
function admitDistributedNat(router: Router, { row, gatewayPort, distributedMac }: NatRule): void {
  if (!gatewayPort || distributedMac === undefined) return;
  const match = `eth.dst == ${distributedMac} && inport == ${gatewayPort.quoted} && is_chassis_resident("${row.logical_port}")`;
  emitMeasured(router, gatewayPort, stage, match, admit(gatewayPort.networks.mac), row);
}

function admit(mac: string): string {
  return `${REG_INPORT_ETH_ADDR} = ${mac}; next;`;
}
