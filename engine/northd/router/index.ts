/** The logical router's pipeline: ovn-northd(8), "Logical Router Datapaths". */
import type { Emit } from '../emit.ts';
import type { RouterDatapath, Topology } from '../topology.ts';
import { buildAdmission } from './admission.ts';
import { buildArpRequest } from './arp-request.ts';
import { buildArpResolve } from './arp-resolve.ts';
import { buildCheckDnatLocal } from './check-dnat-local.ts';
import { buildDelivery } from './delivery.ts';
import { buildDnat } from './dnat.ts';
import { buildEgressLoopback } from './egress-loopback.ts';
import { buildGatewayRedirect } from './gateway-redirect.ts';
import { buildIpInput } from './ip-input.ts';
import { buildLoadBalancer } from './load-balancer.ts';
import { buildRouterAdvertisements } from './nd-ra.ts';
import { buildNeighborLearning, buildNeighborLookup } from './neighbor-lookup.ts';
import { buildPacketLength } from './packet-length.ts';
import { buildPolicy } from './policy.ts';
import { type Router, routerView } from './router.ts';
import { buildRouting } from './routing.ts';
import { buildSnat } from './snat.ts';
import { buildPostUndnat, buildUndnat } from './undnat.ts';
import { buildUnsnat } from './unsnat.ts';

/** The stage families in pipeline order; some also write a flow or two for an earlier or a later stage. */
const families: readonly ((router: Router) => void)[] = [
  buildAdmission,
  buildNeighborLookup,
  buildNeighborLearning,
  buildIpInput,
  buildUnsnat,
  buildLoadBalancer,
  buildDnat,
  buildRouterAdvertisements,
  buildRouting,
  buildPolicy,
  buildArpResolve,
  buildPacketLength,
  buildGatewayRedirect,
  buildArpRequest,
  buildCheckDnatLocal,
  buildUndnat,
  buildPostUndnat,
  buildSnat,
  buildEgressLoopback,
  buildDelivery,
];

/** Emits all flows of `dp`; what ovn-northd would complain about goes to the topology's warnings. */
export function buildRouterFlows(dp: RouterDatapath, topology: Topology, emit: Emit): void {
  const router = routerView(dp, topology, emit);
  for (const family of families) family(router);
}
