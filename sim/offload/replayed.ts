/** A packet that a proof shows, sent once more: what the tracer makes of it, which knows nothing of sets of packets. */
import { parseFrame } from '../../engine/frame.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { componentsOf } from '../answers/played.ts';
import { packetOfFields } from '../answers/story.ts';
import { summaryOf } from '../answers/summary.ts';
import { createTracer } from '../answers/traced.ts';
import { networkOf } from '../symbolic/index.ts';
import { bytesOfHex } from './geneve.ts';
import type { SentToDevice } from './prove.ts';

/** Where the tracer brings a packet: ports, and what it looks like there. */
export interface Replay {
  readonly deliveries: readonly { readonly port: string; readonly summary: string }[];
}

/** What the tracer does with the packet; undefined where it begins at no logical port: of tunnels, and of what software sends. */
export function replayed(southbound: Southbound, packet: SentToDevice): Replay | undefined {
  const network = networkOf(southbound);
  const port = network.ports.get(packet.inport);
  if (!port?.edge || packet.bySoftware || packet.summary.endsWith('in a tunnel')) return undefined;
  const values = packetOfFields(parseFrame(Uint8Array.from(bytesOfHex(packet.frame))).fields);
  const tracer = createTracer(componentsOf(network, new Set([port.datapath.component])));
  const { legs } = tracer.tell({ sends: [{ kind: 'packet', packet: values, port, expected: { kind: 'lost' } }] });
  const deliveries = (legs[0]?.deliveries ?? []).map((one) => ({ port: one.port, summary: summaryOf(one.packet) }));
  return { deliveries };
}

/** A replay in words that follow `the tracer`. */
export function replayWords({ deliveries }: Replay): string {
  if (deliveries.length === 0) return 'drops it';
  return deliveries.map(({ port, summary }) => `sends it to "${port}" as ${summary}`).join(', and ');
}
