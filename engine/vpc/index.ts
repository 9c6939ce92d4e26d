/**
 * From manifests to the OVN northbound database that they ask for: ovn-nb(5).
 *
 * A DPUVirtualNetwork becomes a logical switch, a DPUVPC a distributed logical
 * router, and each node of a VPC that may go outside a gateway router.
 * names.ts lists their names, router.ts and gateway.ts what may pass.
 */

import { formatCidr, formatIpv4 } from '../address.ts';
import { emptyNorthbound, insertRow, type Northbound } from '../ovsdb/northbound.ts';
import type { Resources } from '../spec/resources.ts';
import { addGateway } from './gateway.ts';
import { vpcExternalSet } from './names.ts';
import { addNetwork } from './network.ts';
import { planTopology, type VpcPlan } from './plan.ts';
import { addJoinSwitch, addRouter } from './router.ts';

export { planTopology, type VpcPlan } from './plan.ts';

/**
 * The northbound database of a topology that validation has accepted.  Every
 * row carries the place in the manifests that caused it.
 */
export function northboundOf(resources: Resources): Northbound {
  return northboundOfPlan(planTopology(resources));
}

/** The northbound database of a plan. */
export function northboundOfPlan(plans: readonly VpcPlan[]): Northbound {
  const nb = emptyNorthbound();
  addGlobals(nb);
  addExternalSet(nb, plans);
  for (const plan of plans) {
    for (const network of plan.networks) addNetwork(nb, plan, network);
    addRouter(nb, plan);
    const ports = plan.gateways.map((gateway) => addGateway(nb, plan, gateway));
    if (ports.length > 0) addJoinSwitch(nb, plan, ports);
  }
  return nb;
}

/** northd makes up both addresses unless they are set. */
function addGlobals(nb: Northbound): void {
  insertRow(nb, 'NB_Global', '', { options: { mac_prefix: '06:00:00', svc_monitor_mac: '06:00:00:00:00:01' } });
}

/**
 * What lies outside and yet is a VPC's: nobody in a VPC may send there, or two
 * of them could meet by sending to each other at once.
 */
function addExternalSet(nb: Northbound, plans: readonly VpcPlan[]): void {
  const addresses = plans.flatMap(({ gateways, networks }) => [
    ...gateways.map(({ externalAddress }) => formatIpv4(externalAddress)),
    ...networks
      .filter(({ network }) => gateways.length > 0 && network.externallyRouted && !network.masquerade)
      .map(({ subnet }) => formatCidr(subnet)),
  ]);
  const unique = [...new Set(addresses)];
  if (unique.length > 0) insertRow(nb, 'Address_Set', vpcExternalSet, { name: vpcExternalSet, addresses: unique });
}
