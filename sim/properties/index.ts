/** Every built-in property, in the order in which reports show them: docs/properties/README.md. */
import { aclEffective } from './acl-effective.ts';
import { addressUnique } from './address-unique.ts';
import { ambiguousFlows } from './ambiguous-flows.ts';
import { deadFlows } from './dead-flows.ts';
import { dhcpServed } from './dhcp-served.ts';
import { externalEgress } from './external-egress.ts';
import { externalEgressOff } from './external-egress-off.ts';
import { externalIngressBlocked } from './external-ingress-blocked.ts';
import { gatewayAnswers } from './gateway-answers.ts';
import { gatewayNotSpoofable } from './gateway-not-spoofable.ts';
import { infrastructureUnreachable } from './infrastructure-unreachable.ts';
import { interNetworkAccess } from './inter-network-access.ts';
import { masqueradeApplied } from './masquerade-applied.ts';
import { mtuFits } from './mtu-fits.ts';
import { natHairpin } from './nat-hairpin.ts';
import { natReversed } from './nat-reversed.ts';
import { natScope } from './nat-scope.ts';
import { natUnique } from './nat-unique.ts';
import { networkReachability } from './network-reachability.ts';
import { nextHopValid } from './next-hop-valid.ts';
import { noBlackhole } from './no-blackhole.ts';
import { noLoop } from './no-loop.ts';
import { noTransit } from './no-transit.ts';
import type { Property } from './property.ts';
import { sameGatewayBothWays } from './same-gateway-both-ways.ts';
import { sourceGuarded } from './source-guarded.ts';
import { subnetOverlap } from './subnet-overlap.ts';
import { tenantIsolation } from './tenant-isolation.ts';

export const builtInProperties: readonly Property[] = [
  tenantIsolation,
  interNetworkAccess,
  externalIngressBlocked,
  externalEgress,
  externalEgressOff,
  noTransit,
  infrastructureUnreachable,
  masqueradeApplied,
  natReversed,
  natUnique,
  natScope,
  natHairpin,
  gatewayAnswers,
  gatewayNotSpoofable,
  dhcpServed,
  networkReachability,
  sourceGuarded,
  noLoop,
  noBlackhole,
  sameGatewayBothWays,
  nextHopValid,
  aclEffective,
  ambiguousFlows,
  deadFlows,
  addressUnique,
  subnetOverlap,
  mtuFits,
];
