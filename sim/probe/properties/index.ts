/** Every built-in property, in the order in which reports show them. */
import { dhcpAddress } from './dhcp-address.ts';
import { externalAccess } from './external-access.ts';
import { externalIngressBlocked } from './external-ingress-blocked.ts';
import { forgedSource } from './forged-source.ts';
import { gatewayAnswers } from './gateway-answers.ts';
import { gatewayTakeover } from './gateway-takeover.ts';
import { interNetworkAccess } from './inter-network-access.ts';
import { masquerade } from './masquerade.ts';
import { networkReachability } from './network-reachability.ts';
import type { Property } from './property.ts';
import { tenantIsolation } from './tenant-isolation.ts';

export const builtInProperties: readonly Property[] = [
  tenantIsolation,
  interNetworkAccess,
  externalIngressBlocked,
  forgedSource,
  gatewayTakeover,
  networkReachability,
  gatewayAnswers,
  dhcpAddress,
  externalAccess,
  masquerade,
];
