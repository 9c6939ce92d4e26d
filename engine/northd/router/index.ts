/** The logical router's pipeline: ovn-northd(8), "Logical Router Datapaths". */
import type { Emit } from '../emit.ts';
import { stages } from '../stages.ts';
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
  buildPassThrough,
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

/** Stages in which only load balancers and routes with symmetric replies have more to say. */
function buildPassThrough({ emit }: Router): void {
  emit(stages.lr_in_defrag, 0, '1', 'next;', 14243);
  emit(stages.lr_in_lb_aff_check, 0, '1', 'next;', 7490);
  emit(stages.lr_in_lb_aff_learn, 0, '1', 'next;', 7491);
  emit(stages.lr_in_ecmp_stateful, 0, '1', 'next;', 14253);
}
