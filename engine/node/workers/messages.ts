/** What main and workers say to each other besides frames. */
import type { MessagePort } from 'node:worker_threads';
import type { Southbound } from '../../ovsdb/southbound.ts';
import type { Placement } from '../../program/index.ts';
import type { LearnedState, NodeOptions, NodeStats } from '../node.ts';
import type { NodePort } from '../ports.ts';

export type Learned = Pick<LearnedState, 'macBindings' | 'fdb'>;

export interface Start {
  readonly options: NodeOptions;
  readonly control: SharedArrayBuffer;
  readonly input: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
  readonly messages: MessagePort;
}

export type Command =
  | { readonly type: 'start' }
  | { readonly type: 'advance'; readonly milliseconds: number }
  | { readonly type: 'update'; readonly southbound: Southbound; readonly placement?: Placement }
  | { readonly type: 'learn'; readonly learned: Learned }
  | { readonly type: 'forget' }
  | { readonly type: 'stats' };

/** Tells of what happened; `learned`: what is new since the last answer. */
export interface Answer {
  readonly ports?: readonly NodePort[];
  readonly problems?: readonly string[];
  readonly stats?: NodeStats;
  readonly learned?: Learned;
  readonly error?: string;
}

/** Names by which frames come and go, in the order of their numbers in batches. */
export function portNames(ports: readonly NodePort[]): string[] {
  return [...new Set([...ports.map(({ name }) => name), ...ports.flatMap(({ network }) => network ?? [])])];
}
