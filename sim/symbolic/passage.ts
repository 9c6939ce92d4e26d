/**
 * What is remembered of packets besides what they look like: states are one only
 * where it is the same.  Passages that are equal are the same object.
 */
import type { Commit, ConnectionState } from './types.ts';
import type { Value } from './value.ts';

/** A connection that packets opened, and the port whose zone it is in, on a switch. */
export interface TrackedCommit extends Commit {
  readonly port?: Value;
}

export interface Passage {
  /** Dense, from 0. */
  readonly id: number;
  readonly connection: ConnectionState;
  readonly exact: boolean;
  readonly made: string | undefined;
  readonly commits: readonly TrackedCommit[];
  readonly passed: readonly string[];
  /** How many of the fields `neighbor.N`, `choice.N` and bits of `chance` have been used. */
  readonly neighbors: number;
  readonly choices: number;
  readonly chances: number;
  /** A reply was translated back already, with the fields `opener.*`. */
  readonly restored: boolean;
}

export interface Passages {
  readonly known: Map<string, Passage>;
  readonly initial: Passage;
}

export function createPassages(): Passages {
  const initial: Passage = {
    id: 0,
    connection: 'new',
    exact: true,
    made: undefined,
    commits: [],
    passed: [],
    neighbors: 0,
    choices: 0,
    chances: 0,
    restored: false,
  };
  return { known: new Map([[keyOf(initial), initial]]), initial };
}

/** The passage with some of it changed. */
export function changed({ known }: Passages, passage: Passage, change: Partial<Omit<Passage, 'id'>>): Passage {
  const next = { ...passage, ...change, id: known.size };
  const key = keyOf(next);
  const same = known.get(key);
  if (same) return same;
  known.set(key, next);
  return next;
}

function keyOf(passage: Passage): string {
  const { connection, exact, made, commits, passed, neighbors, choices, chances, restored } = passage;
  const opened = commits.map(({ zone, port, before, after }) => `${zone} ${port?.id} ${before.id} ${after.id}`);
  return [connection, exact, made, opened.join('+'), passed.join('+'), neighbors, choices, chances, restored].join('|');
}
