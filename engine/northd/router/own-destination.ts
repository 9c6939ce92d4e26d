/** Packets to the router's own addresses that nothing has answered are dropped. */
import type { Stage } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { braces } from './networks.ts';
import type { Router } from './router.ts';

/**
 * Drops what is sent to `port`'s addresses.  An address that is also a source
 * NAT address or a load balancer's is kept back (`except-translated`) until
 * translation had its chance, and dropped after that (`only-translated`).
 */
export function dropOwnDestination(
  { dp, drop, emit, nat }: Router,
  port: RouterPort,
  stage: Stage,
  priority: number,
  which: 'except-translated' | 'only-translated',
): void {
  const isTranslated = (address: string) => nat.snatAddresses.has(address) || dp.virtualAddresses.all.has(address);
  for (const [family, networks, line] of [
    ['4', port.networks.ipv4, 11304],
    ['6', port.networks.ipv6, 11333],
  ] as const) {
    const addresses = networks
      .map(({ address }) => address)
      .filter((address) => isTranslated(address) === (which === 'only-translated'));
    if (addresses.length === 0) continue;
    emit(stage, priority, `ip${family}.dst == ${braces(addresses)}`, drop, line, port.row);
  }
}
