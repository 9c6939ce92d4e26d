/**
 * What is remembered of packets besides what they look like: only states of one
 * passage are joined.  Passages that are equal are the same object.
 */
import type { Commit } from './types.ts';
import type { Value } from './value.ts';

/** A connection that packets opened, and the port whose zone it is in, on a switch. */
export interface TrackedCommit extends Commit {
  readonly port?: Value;
  /** What its packets are marked with from then on. */
  readonly mark: Value;
  readonly label: Value;
}

export interface Passage {
  /** Dense, from 0. */
  readonly id: number;
  readonly commits: readonly TrackedCommit[];
  /** In a careful run: connections that others opened, which the packets were found to belong to as those of the opener. */
  readonly joined: readonly TrackedCommit[];
  readonly passed: readonly string[];
  /** In a careful run: the packets are ICMP errors about ICMP errors, or were made of such, and conntrack calls them invalid. */
  readonly isAboutError?: true | undefined;
  /** What conntrack said of the packets last, until that is cleared: the zone of a router, and what it found. */
  readonly tracked?: Tracked | undefined;
}

export interface Tracked {
  readonly zone: string;
  readonly kind: 'new' | 'invalid' | 'original' | 'reply';
}

export interface Passages {
  readonly known: Map<string, Passage>;
  readonly initial: Passage;
}

export function createPassages(): Passages {
  const initial: Passage = { id: 0, commits: [], joined: [], passed: [] };
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

function keyOf({ commits, joined, passed, isAboutError, tracked }: Passage): string {
  const texts = (list: readonly TrackedCommit[]): string =>
    list
      .map(
        ({ zone, port, before, after, mark, label }) =>
          `${zone} ${port?.id} ${before.id} ${after.id} ${mark.id} ${label.id}`,
      )
      .join('+');
  const known = tracked ? `${tracked.zone} ${tracked.kind}` : '';
  return `${texts(commits)}|${texts(joined)}|${passed.join('+')}|${isAboutError ? 'error' : ''}|${known}`;
}
