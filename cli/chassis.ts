/** The chassis that a command is about, and its ports. */
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import type { PortBinding, Southbound } from '../engine/ovsdb/southbound.ts';
import { NO_PLACEMENT, type Placement, placementOf } from '../engine/program/placement.ts';
import { UsageError } from './command.ts';
import type { InputOptions } from './input.ts';
import { loadFlows } from './topology.ts';

/** The network with a chassis of it. */
export interface ChassisTopology {
  southbound: Southbound;
  /** Where the input was not a southbound database. */
  northbound?: Northbound;
  placement: Placement;
  chassis: string;
}

/**
 * What the inputs say of a chassis; without a name that of the only one.  Fails
 * as `loadFlows` does, and with `UsageError` if there is no such chassis.
 */
export async function loadChassis(
  inputs: string[],
  options: InputOptions & { node?: string },
): Promise<ChassisTopology> {
  const { southbound, northbound } = await loadFlows(inputs, options);
  const placement = northbound ? placementOf(northbound) : NO_PLACEMENT;
  const chassis = chosen(chassisNames(southbound, placement), options.node);
  return { southbound, placement, chassis, ...(northbound && { northbound }) };
}

function chosen(names: readonly string[], wanted: string | undefined): string {
  const [first] = names;
  if (wanted !== undefined && names.includes(wanted)) return wanted;
  if (wanted !== undefined) throw new UsageError(`there is no node "${wanted}"; ${existing('node', names)}`);
  if (first === undefined) throw new UsageError(`no port of this network is on any node; ${existing('node', names)}`);
  if (names.length > 1) throw new UsageError(`say which node with --node: ${existing('node', names)}`);
  return first;
}

/** Every chassis that the databases name, in the order of their names. */
export function chassisNames({ ports, chassis = [] }: Southbound, placement: Placement): string[] {
  const names = new Set(chassis.map(({ name }) => name));
  for (const port of ports) for (const name of namedBy(port)) names.add(name);
  for (const each of placement.ports.values()) for (const name of each.chassis ?? []) names.add(name);
  return [...names].sort();
}

const chassisOptions = ['requested-chassis', 'l3gateway-chassis', 'l2gateway-chassis'];

function namedBy({ chassis, options }: PortBinding): string[] {
  const asked = chassisOptions.flatMap((option) => options[option]?.split(',') ?? []);
  return [chassis ?? '', ...asked].filter((name) => name !== '');
}

/** How many names are told to somebody who mistyped one. */
const shown = 12;

/** The first few names there are: `the ports are "a", "b" and 3 more`. */
export function existing(what: string, names: readonly string[]): string {
  if (names.length === 0) return `there are no ${what}s at all`;
  const few = names.slice(0, shown).map((name) => `"${name}"`);
  const rest = names.length > shown ? ` and ${names.length - shown} more` : '';
  return names.length === 1 ? `the only ${what} is ${few[0]}` : `the ${what}s are ${few.join(', ')}${rest}`;
}
