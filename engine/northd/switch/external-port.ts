/** Ports outside OVN, reached through a physical network, on chassis that do not serve them: ls_in_external_port. */
import type { Emit } from '../emit.ts';
import { stages } from '../stages.ts';
import type { SwitchDatapath, SwitchPort, Topology } from '../topology.ts';

export function buildExternalPorts(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  emit(stages.ls_in_external_port, 0, '1', 'next;', 8867);
  for (const port of dp.ports) {
    if (port.row.type !== 'external') continue;
    for (const localnet of dp.localnetPorts) dropRequestsToRouters(port, localnet, topology, emit);
  }
}

/** The router's answers must come from the one chassis that the external port is bound to. */
function dropRequestsToRouters(port: SwitchPort, localnet: SwitchPort, topology: Topology, emit: Emit): void {
  const routers = port.datapath.routerPorts.flatMap(({ addresses }) => addresses);
  const drop = (match: string, line: number) =>
    emit(stages.ls_in_external_port, 100, match, topology.drop.drop, line, port.row);
  for (const { mac } of port.addresses) {
    const sender = `inport == ${localnet.quoted} && eth.src == ${mac}`;
    const elsewhere = `!is_chassis_resident(${port.quoted})`;
    for (const router of routers) {
      for (const { address } of router.ipv4) {
        drop(`${sender} && ${elsewhere} && arp.tpa == ${address} && arp.op == 1`, 8309);
      }
      for (const { address, solicitedNode } of router.ipv6) {
        const target = `nd_ns && ip6.dst == {${address}, ${solicitedNode}} && nd.target == ${address}`;
        drop(`${sender} && ${elsewhere} && ${target}`, 8325);
      }
      drop(`${sender} && eth.dst == ${router.mac} && ${elsewhere}`, 8339);
    }
  }
}
