/** Every built-in property, in the order in which reports show them: docs/properties/README.md. */
import { aclEffective } from './acl-effective.ts';
import { addressUnique } from './address-unique.ts';
import { ambiguousFlows } from './ambiguous-flows.ts';
import { deadFlows } from './dead-flows.ts';
import { externalEgressOff } from './external-egress-off.ts';
import { externalIngressBlocked } from './external-ingress-blocked.ts';
import { infrastructureUnreachable } from './infrastructure-unreachable.ts';
import { interNetworkAccess } from './inter-network-access.ts';
import { mtuFits } from './mtu-fits.ts';
import { nextHopValid } from './next-hop-valid.ts';
import { noTransit } from './no-transit.ts';
import type { Property } from './property.ts';
import { sourceGuarded } from './source-guarded.ts';
import { subnetOverlap } from './subnet-overlap.ts';
import { tenantIsolation } from './tenant-isolation.ts';

export const builtInProperties: readonly Property[] = [
  tenantIsolation,
  interNetworkAccess,
  externalIngressBlocked,
  externalEgressOff,
  noTransit,
  infrastructureUnreachable,
  sourceGuarded,
  aclEffective,
  addressUnique,
  ambiguousFlows,
  deadFlows,
  mtuFits,
  nextHopValid,
  subnetOverlap,
];
