/**
 * Following one packet through the logical flows, as ovn-trace(8) does.
 *
 *     const topology = prepare(southbound);
 *     const { datapath, packet } = parsePacket(topology, 'inport == "a" && ip4.dst == 10.0.0.2');
 *     const result = traceFlow(topology, datapath, packet);
 *     traceText(packet, result, ['detailed']);
 *
 * `prepare` once, trace many times: what a flow says is parsed when a packet
 * first meets it.
 */
export { trackingConntrack } from './conntrack.ts';
export { type Assumptions, assumedConntrack, type Backend, type Conntrack, parseCtState } from './ct.ts';
export { MicroflowError } from './errors.ts';
export { traceFlow } from './execute.ts';
export { formatFlow } from './flow-format.ts';
export { type JsonFlow, type JsonNode, type JsonTrace, traceJson } from './json.ts';
export { findDatapath, type ParsedPacket, parsePacket } from './microflow.ts';
export { detailedText, minimalText, summaryText, type TraceNode, type TraceNodeType } from './nodes.ts';
export { clonePacket, emptyPacket, fields, type Packet, readBits, writeBits } from './packet.ts';
export type { SecuredNetworks } from './port-security.ts';
export { refusingPortZero } from './port-zero.ts';
export type { Delivery, LastHop, Overlap, TraceOptions, TraceResult } from './run.ts';
export { type Form, traceText } from './text.ts';
export {
  type PrepareOptions,
  prepare,
  type TraceDatapath,
  type TracePort,
  type TraceTopology,
} from './topology.ts';
