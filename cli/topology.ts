/** From what the command line names to the databases that a command works on. */
import { computeSouthbound, computeTables, formatWarning, type NorthdWarning } from '../engine/northd/index.ts';
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import type { Southbound } from '../engine/ovsdb/southbound.ts';
import { readSouthboundRows } from '../engine/ovsdb/southbound-rows.ts';
import type { SouthboundRows } from '../engine/ovsdb/southbound-schema.ts';
import type { Resources } from '../engine/spec/resources.ts';
import { northboundOfPlan, planTopology, type VpcPlan } from '../engine/vpc/index.ts';
import { UsageError } from './command.ts';
import { openDatabase } from './database.ts';
import { type InputOptions, loadTopology, readSources, resourcesOf, type Sources } from './input.ts';

export interface SouthboundTopology {
  resources: Resources;
  plans: VpcPlan[];
  northbound: Northbound;
  southbound: Southbound;
}

/**
 * The northbound database: the one given, or the one that the manifests ask for.
 * Notes and warnings go to standard error; errors throw `InputError`, and a
 * southbound database, which leads to no northbound one, `UsageError`.
 */
export async function loadNorthbound(
  inputs: string[],
  options: InputOptions = {},
): Promise<{ northbound: Northbound }> {
  const sources = await readSources(inputs);
  const opened = openDatabase(sources);
  if (!opened) return { northbound: planned(resourcesOf(sources, options)).northbound };
  if (opened.kind === 'northbound') return opened;
  const hint = 'its flows are what "lflow flows" prints; give the northbound database of that OVN';
  throw new UsageError(`${opened.file} is a southbound database, and this is about a northbound one; ${hint}`);
}

/**
 * The logical flows: a southbound database is taken as it is, a northbound one
 * and manifests go through northd and are given, too.  Fails as `loadNorthbound` does.
 */
export async function loadFlows(
  inputs: string[],
  options: InputOptions = {},
): Promise<{ southbound: Southbound; northbound?: Northbound }> {
  const sources = await readSources(inputs);
  const opened = openDatabase(sources);
  if (opened?.kind === 'southbound') return opened;
  const northbound = opened?.northbound ?? planned(resourcesOf(sources, options)).northbound;
  return { southbound: computed(northbound), northbound };
}

/**
 * Every row of the southbound database: of one that is given, then with its
 * file's name, or of what northd makes of a northbound one or of manifests.  Fails as
 * `loadFlows` does.
 */
export async function loadTables(
  inputs: string[],
  options: InputOptions = {},
): Promise<{ tables: SouthboundRows; file?: string }> {
  const sources = await readSources(inputs);
  const opened = openDatabase(sources);
  if (opened?.kind === 'southbound') return { tables: readSouthboundRows(opened.database), file: opened.file };
  const { tables, warnings } = computeTables(opened?.northbound ?? planned(resourcesOf(sources, options)).northbound);
  tell(warnings);
  return { tables };
}

/**
 * What the manifests ask for, with the plans that stand behind it.  Fails as
 * `loadTopology` does, which takes no database.
 */
export async function loadSouthbound(inputs: string[], options: InputOptions = {}): Promise<SouthboundTopology> {
  const resources = await loadTopology(inputs, options);
  const { plans, northbound } = planned(resources);
  return { resources, plans, northbound, southbound: computed(northbound) };
}

/** What is verified: a network with all that is known of where it comes from. */
export interface LoadedNetwork {
  readonly southbound: Southbound;
  readonly northbound?: Northbound;
  readonly plans: VpcPlan[];
}

/** The network that the inputs are.  Fails as `loadFlows` does. */
export async function loadNetwork(inputs: string[], options: InputOptions = {}): Promise<LoadedNetwork> {
  const found = networkIn(await readSources(inputs), options);
  return 'southbound' in found ? found : { southbound: computed(found.northbound), ...found };
}

/** What sources are by themselves: flows, or what flows are computed of, which `make` makes of plans.  Fails as `loadFlows` does. */
export function networkIn(
  sources: Sources,
  options: InputOptions,
  make = northboundOfPlan,
): Pick<LoadedNetwork, 'southbound' | 'plans'> | Required<Pick<LoadedNetwork, 'northbound' | 'plans'>> {
  const opened = openDatabase(sources);
  if (opened?.kind === 'southbound') return { southbound: opened.southbound, plans: [] };
  if (opened) return { northbound: opened.northbound, plans: [] };
  return planned(resourcesOf(sources, options), make);
}

function planned(resources: Resources, make = northboundOfPlan): { plans: VpcPlan[]; northbound: Northbound } {
  const plans = planTopology(resources);
  return { plans, northbound: make(plans) };
}

function computed(northbound: Northbound): Southbound {
  const { southbound, warnings } = computeSouthbound(northbound);
  tell(warnings);
  return southbound;
}

/** Prints what northd warns of, on standard error. */
export function tell(warnings: readonly NorthdWarning[]): void {
  for (const warning of warnings) process.stderr.write(`${formatWarning(warning)}\n`);
}
