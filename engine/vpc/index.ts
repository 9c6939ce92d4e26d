/**
 * From manifests to the OVN northbound database that they ask for: ovn-nb(5).
 *
 * A DPUVirtualNetwork becomes a logical switch, a DPUVPC a distributed logical
 * router, and each node of a VPC that may go outside a gateway router.
 * names.ts lists their names, router.ts and gateway.ts what may pass.
 */

import type { Northbound } from '../ovsdb/northbound.ts';
import type { Resources } from '../spec/resources.ts';
import { northboundOfPlan } from './northbound.ts';
import { planTopology } from './plan.ts';

export { northboundOfPlan, openNorthboundMaker } from './northbound.ts';
export { planTopology, type VpcPlan } from './plan.ts';

/**
 * The northbound database of a topology that validation has accepted.  Every
 * row carries the place in the manifests that caused it.
 */
export function northboundOf(resources: Resources): Northbound {
  return northboundOfPlan(planTopology(resources));
}
