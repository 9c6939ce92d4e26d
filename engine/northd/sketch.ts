/**
 * A part of a network drawn with few of its hosts.
 *
 * What a host adds to the flows of its switch and of the routers beside it does not depend on the other hosts, but
 * for whether there are any, and whether any has unknown addresses.  So the flows that come and go with a small change
 * are those that come and go in a sketch: the part with the hosts that change, and one or two that stand for the rest.
 */
import type { Northbound, NorthboundRow } from '../ovsdb/northbound.ts';
import type { LogicalFlow } from '../ovsdb/southbound.ts';
import { type Component, type Partition, partialNorthbound } from './components.ts';
import { datapathFlows } from './index.ts';
import { followsConnections } from './switch/acl.ts';
import { buildTopology, type Datapath } from './topology.ts';
import type { NorthdWarning } from './warning.ts';

type Switch = NorthboundRow<'Logical_Switch'>;
type SwitchPort = NorthboundRow<'Logical_Switch_Port'>;

/** What is known of a switch's ports without going through them each time. */
export interface Frame {
  /** Those that are more than a host, in the row's order. */
  readonly fixed: Set<string>;
  /** Hosts whose frames the switch does not know by their addresses. */
  readonly unknown: Set<string>;
}

/** A port of a machine, which only its switch and the routers beside that look at; one that is to get all multicast is more. */
export function isHost({ type, options }: SwitchPort): boolean {
  return type === '' && options.mcast_flood === undefined;
}

const isUnknown = ({ addresses, enabled }: SwitchPort): boolean => addresses.includes('unknown') && enabled !== false;

/** Goes through the ports of a switch. */
export function frameOf(nb: Northbound, { ports }: Switch, { anchors }: Partition): Frame {
  const fixed = new Set<string>();
  const unknown = new Set<string>();
  for (const uuid of ports) {
    const row = nb.Logical_Switch_Port.get(uuid);
    if (!row) continue;
    if (!isHost(row) || anchors.has(row.name)) fixed.add(uuid);
    else if (isUnknown(row)) unknown.add(uuid);
  }
  return { fixed, unknown };
}

/** Keeps a frame up to date where a host came, went or is another. */
export function noteHost({ unknown }: Frame, uuid: string, row: SwitchPort | undefined): void {
  if (row && isUnknown(row)) unknown.add(uuid);
  else unknown.delete(uuid);
}

/** What is to be drawn. */
export interface Subject {
  readonly component: Component;
  readonly keys: ReadonlyMap<string, number>;
  /** UUIDs of the hosts that change, by the UUID of their switch's row: of all switches whose flows are wanted. */
  readonly hosts: ReadonlyMap<string, ReadonlySet<string>>;
  frame(row: Switch): Frame;
  /** Whether the flows of a datapath are wanted. */
  isWanted(dp: Datapath): boolean;
}

/** The flows of a datapath in a sketch. */
export interface SketchedFlows {
  readonly flows: readonly LogicalFlow[];
  readonly repeated: ReadonlySet<string>;
  readonly warnings: readonly NorthdWarning[];
  /** A switch that follows connections does other things with its hosts. */
  readonly follows: boolean;
}

/** The flows of the datapaths that are wanted, by UUID. */
export function sketchedFlows(nb: Northbound, subject: Subject): Map<string, SketchedFlows> {
  const { component, keys } = subject;
  const part = partialNorthbound(nb, component);
  const drawn = new Map([...part.Logical_Switch].map(([uuid, row]) => [uuid, drawnSwitch(nb, row, subject)]));
  const topology = buildTopology({ ...part, Logical_Switch: drawn });
  const datapaths = [...topology.switches, ...topology.routers];
  for (const dp of datapaths) dp.tunnelKey = keys.get(dp.row._uuid) ?? 0;
  return new Map(
    datapaths.filter(subject.isWanted).map((dp) => {
      const complaints = topology.warnings.length;
      const repeated = new Set<string>();
      const flows = datapathFlows(dp, topology, repeated);
      const follows = dp.kind === 'switch' && followsConnections(dp, topology);
      return [dp.uuid, { flows, repeated, warnings: topology.warnings.slice(complaints), follows }];
    }),
  );
}

/** The switch with what is fixed, the hosts that change, and those that stand for the others. */
function drawnSwitch(nb: Northbound, row: Switch, { hosts, frame }: Subject): Switch {
  const { fixed, unknown } = frame(row);
  const changing = hosts.get(row._uuid);
  if (!changing) return { ...row, ports: [...fixed] };
  const isRest = (uuid: string): boolean => !changing.has(uuid) && !fixed.has(uuid);
  const one = row.ports.find(isRest);
  const oneUnknown = [...unknown].find(isRest);
  const present = [...changing].filter((uuid) => nb.Logical_Switch_Port.has(uuid) && isListed(row, uuid));
  const rest = [one, oneUnknown].filter((uuid) => uuid !== undefined);
  return { ...row, ports: [...new Set([...fixed, ...rest, ...present])] };
}

/** Whether the port is one of the switch's; those that came last are looked at first. */
function isListed({ ports }: Switch, uuid: string): boolean {
  return ports.lastIndexOf(uuid) >= 0;
}
