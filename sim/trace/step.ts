/** One action being executed: the packet, where it is, and where to say what happens. */
import type { Action } from '../../engine/lang/index.ts';
import type { TraceNode } from './nodes.ts';
import { clonePacket, type Packet } from './packet.ts';
import type { Place, Run } from './run.ts';

export interface Step {
  run: Run;
  place: Place;
  /** Changed in place. */
  packet: Packet;
  /** Nobody needs the packet after this action. */
  last: boolean;
  into: TraceNode[];
  /** What `push` left for `pop`, the last at the end. */
  stack: bigint[];
}

/** The actions of these types. */
export type ActionOf<T extends Action['type']> = Action & { readonly type: T };

/** The packet for whoever goes on with it elsewhere: itself where nobody else needs it. */
export function passedOn({ packet, last }: Step): Packet {
  return last ? packet : clonePacket(packet);
}
