/** The flows of one logical switch, stage family by stage family in pipeline order. */
import type { Emit } from '../emit.ts';
import type { SwitchDatapath, Topology } from '../topology.ts';

/** Emits every flow of switch `dp`. */
export function buildSwitchFlows(_dp: SwitchDatapath, _topology: Topology, _emit: Emit): void {}
