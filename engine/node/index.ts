/**
 * A chassis of OVN in a library: frames go in by its ports and come out of them.
 *
 *     const node = createNode({ southbound, chassis: 'node1' });
 *     node.send('vm1', frame);
 *     for (const { port, frame } of node.received()) ...
 *     node.advance(1000);
 *
 * Nothing happens by itself: frames are processed when they are sent, and time is what
 * `advance` says.
 */
export type { ChassisMacs } from '../program/index.ts';
export { createFleet, type Fleet, type FleetMember, type FleetOptions } from './fleet.ts';
export {
  createNode,
  type FlowCounters,
  type LearnedState,
  type Node,
  type NodeEvent,
  type NodeOptions,
  type NodeStats,
  type Received,
  UNDERLAY,
} from './node.ts';
export { type CacheCounters, Plane, type PlaneOptions, type PortCounters } from './plane.ts';
export type { NodePort } from './ports.ts';
