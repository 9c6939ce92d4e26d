/** One trace while it runs: what the walk, the actions and the outputs share, and what comes out. */
import type { LogicalFlow, Pipeline } from '../../engine/ovsdb/southbound.ts';
import type { Conntrack } from './ct.ts';
import type { TraceNode } from './nodes.ts';
import type { Operation } from './operations.ts';
import type { Packet } from './packet.ts';
import type { SecuredNetworks } from './port-security.ts';
import type { TraceDatapath, TracePort, TraceTopology } from './topology.ts';

/** How a packet without another hop left fares: it goes on to its end, or ends at once. */
export type LastHop = 'goes-on' | 'ends';

export interface TraceOptions {
  /** What conntrack actions find; default what ovn-trace assumes. */
  conntrack?: Conntrack;
  /** How port security reads `10.0.0.0/16`; default as ovn-trace, as the one address. */
  securedNetworks?: SecuredNetworks;
  /** What `ip.ttl--` does with the last hop: ovn-trace goes on, the default; on a chassis the packet ends there: ovn-sb(5). */
  lastHop?: LastHop;
  /** `--select-id`: the member that a `select` action chooses, if it has it. */
  selectId?: number;
  /**
   * Set where forwarding groups send to one of their ports, and what is made for neighbour discovery is what leaves a chassis:
   * ovn-trace goes nowhere with the former, and leaves the rest of the packet as it is in the latter.
   */
  onChassis?: boolean;
  /** Set where `dns_lookup` finds the name that is asked for: ovn-trace never does. */
  isNameKnown?: boolean;
  /** The port that `get_fdb` says a MAC address was learned on, by its key; what the database says unless given. */
  learnedPort?: (datapath: TraceDatapath, mac: bigint) => number | undefined;
  /** Look for other flows of the same priority that the packet matches too; takes longer. */
  findOverlaps?: boolean;
}

/** Two flows of one table and priority that a packet matches: which of them OVN takes is left to chance. */
export interface Overlap {
  taken: LogicalFlow;
  other: LogicalFlow;
}

/** A packet that reached a port with nothing of the logical network behind it: a VIF, a localnet port. */
export interface Delivery {
  datapath: TraceDatapath;
  port: TracePort;
  /** As it leaves. */
  packet: Packet;
}

export interface TraceResult {
  nodes: TraceNode[];
  deliveries: Delivery[];
  /** Every flow that a packet met, in order; those that traces leave out too. */
  flows: LogicalFlow[];
  /**
   * Why the result may not be the whole truth: a flow that is not understood, an
   * action that is not modelled, a walk that was cut short.  Sentences; empty
   * where the trace is complete.
   */
  gaps: string[];
  /** Empty unless they were asked for. */
  overlaps: Overlap[];
}

/** Where a packet is. */
export interface Place {
  datapath: TraceDatapath;
  pipeline: Pipeline;
  table: number;
  /** How many pipelines it has passed. */
  passed: number;
}

/**
 * How a packet goes on after an action.  Where nothing is left to be done after
 * it, the walk goes on in a loop instead of a call: a packet that loops between
 * routers makes as many hops as its TTL allows.
 */
export interface Continuation {
  place: Place;
  packet: Packet;
  /** Somebody needs the packet again: what goes on elsewhere is a copy of it. */
  shared: boolean;
  into: TraceNode[];
}

export interface Run {
  topology: TraceTopology;
  conntrack: Conntrack;
  securedNetworks: SecuredNetworks;
  lastHop: LastHop;
  selectId?: number;
  onChassis: boolean;
  isNameKnown?: boolean;
  learnedPort?: TraceOptions['learnedPort'];
  findOverlaps: boolean;
  result: TraceResult;
  /** How many walks are under way, one inside the other. */
  depth: number;
  /** How many more tables may be looked into. */
  tablesLeft: number;
  /** Follows a packet from a table on until it ends; changes the packet. */
  walk(start: Continuation): void;
  /** Runs actions on a packet; changes it. */
  perform(start: Continuation, operations: readonly Operation[]): Continuation | undefined;
}

/** Notes why the result may not be the whole truth. */
export function addGap(run: Run, reason: string): void {
  if (!run.result.gaps.includes(reason)) run.result.gaps.push(reason);
}

/** The name to show for a tunnel key. */
export function nameOfKey(datapath: TraceDatapath, key: number): string {
  return datapath.portsByKey.get(key)?.friendlyName ?? (key === 0 ? '' : '(unnamed)');
}
