/** What main and workers say to each other besides frames. */
import type { MessagePort } from 'node:worker_threads';
import type { Southbound } from '../../ovsdb/southbound.ts';
import type { Placement } from '../../program/index.ts';
import type { LearnedState, NodeOptions, NodeStats } from '../node.ts';
import type { NodePort } from '../ports.ts';

export type Learned = Omit<LearnedState, 'version'>;

export interface Start {
  readonly options: NodeOptions;
  /** Number of the worker, and how many there are. */
  readonly worker: number;
  readonly workers: number;
  /** The worker's own words, CONTROL_WORDS of them. */
  readonly control: SharedArrayBuffer;
  /** One word of all workers': grows whenever one of them has got on. */
  readonly signal: SharedArrayBuffer;
  /** Rings (ring.ts). */
  readonly input: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
  /** Which worker answers belong to (answers.ts). */
  readonly answers: SharedArrayBuffer;
  readonly messages: MessagePort;
}

/** Grows whenever there is something for the worker to do. */
export const WAKE = 0;
/** Commands that it has carried out. */
export const OBEYED = 1;
/** Messages that it has sent. */
export const SENT = 2;
/** 1: it waits for room for outputs. */
export const BLOCKED = 3;
export const CONTROL_WORDS = 4;

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
  /** Why the thread failed: the last thing that it says. */
  readonly error?: string;
}

/** Names by which frames come and go, in the order of their numbers in batches. */
export function portNames(ports: readonly NodePort[]): string[] {
  return [...new Set([...ports.map(({ name }) => name), ...ports.flatMap(({ network }) => network ?? [])])];
}
