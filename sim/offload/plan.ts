/**
 * A plan for the hardware of one node, made of its logical flows.
 *
 *     const plan = planOffload({ southbound, placement, node: 'worker1', device, capabilities });
 */
import type { DevicePorts } from '../../engine/offload/actions.ts';
import type { Capabilities } from '../../engine/offload/capabilities/types.ts';
import type { NodeTraffic } from '../../engine/offload/classes.ts';
import { protocolless } from '../../engine/offload/families.ts';
import type { Describe } from '../../engine/offload/ledger.ts';
import type { OffloadPlan } from '../../engine/offload/plan.ts';
import { planRules } from '../../engine/offload/planner.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Placement } from '../../engine/program/placement.ts';
import { microflowOf } from '../answers/microflow.ts';
import { witnessOf } from '../answers/witness.ts';
import { trafficWords } from '../answers/words.ts';
import type { Network } from '../symbolic/types.ts';
import { followNode } from './classes.ts';

export interface PlanInput {
  readonly southbound: Southbound;
  readonly placement?: Placement;
  /** Name of the chassis. */
  readonly node: string;
  /** The device's ports and the ends of tunnels, that of the node among them. */
  readonly device: DevicePorts;
  readonly capabilities: Capabilities;
  readonly mostRules?: number;
  /** Told what is being done. */
  readonly onProgress?: (what: string) => void;
}

/** Plans the rules of a node.  Throws `SpaceFull` where its sets of packets need more memory than there may be. */
export function planOffload(input: PlanInput): OffloadPlan {
  const { southbound, placement, node, device, capabilities, mostRules, onProgress } = input;
  onProgress?.('following all packets of the node');
  const peers = [...device.tunnels.keys()].filter((name) => name !== node);
  const { traffic, network } = followNode({ southbound, chassis: node, peers, ...(placement && { placement }) });
  onProgress?.('planning rules');
  return planRules(traffic, {
    capabilities,
    device,
    describe: describing(network, traffic),
    ...(mostRules !== undefined && { mostRules }),
  });
}

/** Words for people, and a packet that they believe. */
function describing(network: Network, { space, possible }: NodeTraffic): Describe {
  // Packets of IP without a protocol are nobody's: they are told where there are no others.
  const nobody = protocolless(space);
  const usual = space.diff(possible, nobody);
  return (packets) => {
    const some = space.intersects(packets, usual) ? space.diff(packets, nobody) : packets;
    const words = trafficWords(space, some, { among: some === packets ? possible : usual });
    const witness = witnessOf(network, space, packets);
    return { words, ...(witness && { sample: microflowOf(witness.packet, witness.port.name) }) };
  };
}
