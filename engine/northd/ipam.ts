/** ovn-northd's own address management: `dynamic` in a switch port's addresses. */
import type { Topology } from './topology.ts';

/** Fills in the addresses of the ports that ask for dynamic ones. */
export function assignDynamicAddresses(_topology: Topology): void {}
