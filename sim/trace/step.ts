/** One action being executed: the packet, where it is, and where to say what happens. */
import type { Action } from '../../engine/lang/index.ts';
import type { TraceNode } from './nodes.ts';
import type { Packet } from './packet.ts';
import type { Place, Run } from './run.ts';

export interface Step {
  run: Run;
  place: Place;
  /** Changed in place. */
  packet: Packet;
  into: TraceNode[];
  /** What `push` left for `pop`, the last at the end. */
  stack: bigint[];
}

/** The actions of these types. */
export type ActionOf<T extends Action['type']> = Action & { readonly type: T };
