/** From what the command line names to the databases that a command works on. */
import { computeSouthbound, formatWarning } from '../engine/northd/index.ts';
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import type { Southbound } from '../engine/ovsdb/southbound.ts';
import type { Resources } from '../engine/spec/resources.ts';
import { northboundOfPlan, planTopology, type VpcPlan } from '../engine/vpc/index.ts';
import { type InputOptions, loadTopology } from './input.ts';

export interface NorthboundTopology {
  resources: Resources;
  plans: VpcPlan[];
  northbound: Northbound;
}

export interface SouthboundTopology extends NorthboundTopology {
  southbound: Southbound;
}

/**
 * Reads manifests and computes the northbound database that they ask for.
 * Notes and warnings go to standard error; errors throw `InputError`.
 */
export async function loadNorthbound(inputs: string[], options: InputOptions = {}): Promise<NorthboundTopology> {
  const resources = await loadTopology(inputs, options);
  const plans = planTopology(resources);
  return { resources, plans, northbound: northboundOfPlan(plans) };
}

/** `loadNorthbound`, and the logical flows that ovn-northd makes of it. */
export async function loadSouthbound(inputs: string[], options: InputOptions = {}): Promise<SouthboundTopology> {
  const topology = await loadNorthbound(inputs, options);
  const { southbound, warnings } = computeSouthbound(topology.northbound);
  for (const warning of warnings) process.stderr.write(`${formatWarning(warning)}\n`);
  return { ...topology, southbound };
}
