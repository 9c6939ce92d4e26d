/** The flows of one logical router, stage family by stage family in pipeline order. */
import type { Emit } from '../emit.ts';
import type { RouterDatapath, Topology } from '../topology.ts';

/** Emits every flow of router `dp`. */
export function buildRouterFlows(_dp: RouterDatapath, _topology: Topology, _emit: Emit): void {}
