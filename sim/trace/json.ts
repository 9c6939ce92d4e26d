/**
 * A trace as data for programs.  As in detailed output, what a packet does last
 * is not nested: a list of sections and tables in the order in which they are
 * met; only true branches (copies of the packet) are lists of their own.
 */
import type { Origin } from '../../engine/origin.ts';
import type { Pipeline } from '../../engine/ovsdb/southbound.ts';
import { formatFlow } from './flow-format.ts';
import type { TraceNode, TraceNodeType } from './nodes.ts';
import type { Packet } from './packet.ts';
import type { TraceResult } from './run.ts';
import type { TraceTopology } from './topology.ts';

/** A logical flow that was met, and the place in the manifests that caused it where one is known. */
export interface JsonFlow {
  uuid: string;
  /** The datapath's name. */
  datapath: string;
  pipeline: Pipeline;
  table: number;
  stage: string;
  priority: number;
  match: string;
  actions: string;
  source: string;
  hint?: string;
  origin?: Origin;
}

export interface JsonNode {
  type: TraceNodeType;
  text: string;
  flow?: JsonFlow;
  /** Of a table: its actions and what came of them. Of anything else: the branch that starts here. */
  steps?: JsonNode[];
}

export interface JsonTrace {
  /** The packet in OpenFlow syntax. */
  packet: string;
  trace: JsonNode[];
  /** The ports that the packet left by, and what it was then. */
  deliveries: { datapath: string; port: string; type: string; packet: string }[];
  /** Why the trace may not be the whole truth: sentences; empty if it is. */
  gaps: string[];
}

/** The trace of `packet` as plain data. */
export function traceJson(topology: TraceTopology, packet: Packet, result: TraceResult): JsonTrace {
  return {
    packet: formatFlow(packet),
    trace: flatten(topology, result.nodes),
    deliveries: result.deliveries.map(({ datapath, port, packet: delivered }) => ({
      datapath: datapath.binding.name,
      port: port.binding.logicalPort,
      type: port.binding.type,
      packet: formatFlow(delivered),
    })),
    gaps: result.gaps,
  };
}

/** The nodes, and behind the last one, in the same list, all that follows from it. */
function flatten(topology: TraceTopology, nodes: readonly TraceNode[]): JsonNode[] {
  const list: JsonNode[] = [];
  for (let rest: readonly TraceNode[] = nodes; rest.length > 0; ) {
    for (const node of rest.slice(0, -1)) list.push(branch(topology, node));
    const last = rest.at(-1) as TraceNode;
    if (last.type === 'table') {
      const tail = last.subs.at(-1);
      const goesOn = tail !== undefined && tail.subs.length > 0;
      const steps = (goesOn ? last.subs.slice(0, -1) : last.subs).map((node) => branch(topology, node));
      list.push({ ...header(topology, last), steps });
      rest = goesOn ? [tail] : [];
    } else {
      list.push(header(topology, last));
      rest = last.subs;
    }
  }
  return list;
}

/** A node with all that follows from it. */
function branch(topology: TraceTopology, node: TraceNode): JsonNode {
  const start = header(topology, node);
  return node.subs.length === 0 ? start : { ...start, steps: flatten(topology, node.subs) };
}

function header({ southbound, datapaths }: TraceTopology, { type, text, flow }: TraceNode): JsonNode {
  if (!flow) return { type, text };
  const { uuid, pipeline, table, stage, priority, match, actions, source, hint } = flow;
  const datapath = datapaths.get(flow.datapath)?.binding.name ?? flow.datapath;
  const origin = hint === undefined ? undefined : southbound.origins.get(hint);
  const met = { uuid, datapath, pipeline, table, stage, priority, match, actions, source };
  return { type, text, flow: { ...met, ...(hint !== undefined && { hint }), ...(origin && { origin }) } };
}
